//! What a person prefers, as the programs they use wrote it down: one JSON object, not looked into.

use hanse_store::{Json, Result, StoreError, Tx, params};
use serde_json::{Map, Value};
use uuid::Uuid;

const FIND: &str = "SELECT preferences FROM user_preferences WHERE user_id = $1";
const SAVE: &str = "INSERT INTO user_preferences (user_id, preferences, updated_at)
    VALUES ($1, $2, $3) ON CONFLICT (user_id) DO UPDATE
    SET preferences = excluded.preferences, updated_at = excluded.updated_at";

/// Of this account; nothing when it never wrote any.
pub(crate) async fn find(tx: &mut Tx, user: Uuid) -> Result<Map<String, Value>> {
    let Some(row) = tx.optional(FIND, params![user]).await? else { return Ok(Map::new()) };
    let text: String = row.at(0)?;
    let wrong = |_| StoreError::Decode { column: "preferences".into(), wanted: "a JSON object" };
    serde_json::from_str(&text).map_err(wrong)
}

/// Replaces them.
pub(crate) async fn save(tx: &mut Tx, user: Uuid, preferences: &Map<String, Value>) -> Result<()> {
    let now = tx.now();
    tx.execute(SAVE, params![user, Json(preferences), now]).await.map(drop)
}

/// Removes them.
pub(crate) async fn delete(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM user_preferences WHERE user_id = $1", params![user]).await.map(drop)
}
