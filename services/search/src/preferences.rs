//! How a person wants to search.

use hanse_store::{Json, Result, Tx, params};
use uuid::Uuid;

/// A person's choices. Version 0 is what holds for those who never chose.
#[derive(Clone, Debug)]
pub(crate) struct Preferences {
    pub(crate) record_history: bool,
    pub(crate) default_types: Vec<String>,
    pub(crate) version: i64,
}

const FIND: &str =
    "SELECT record_history, default_types, version FROM search_preferences WHERE owner = $1";
const SAVE: &str = "INSERT INTO search_preferences
    (owner, record_history, default_types, version, updated_at) VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (owner) DO UPDATE SET record_history = excluded.record_history,
        default_types = excluded.default_types, version = excluded.version,
        updated_at = excluded.updated_at";

pub(crate) async fn of(tx: &mut Tx, owner: Uuid) -> Result<Preferences> {
    Ok(match tx.optional(FIND, params![owner]).await? {
        Some(row) => Preferences {
            record_history: row.at(0)?,
            default_types: row.at::<Json<Vec<String>>>(1)?.0,
            version: row.at(2)?,
        },
        None => Preferences { record_history: true, default_types: Vec::new(), version: 0 },
    })
}

/// Saves choices; a person who has been erased has none.
pub(crate) async fn save(tx: &mut Tx, owner: Uuid, chosen: &Preferences) -> Result<()> {
    hanse_events::hold_owner(tx, owner).await?;
    let types = Json(&chosen.default_types);
    let params = params![owner, chosen.record_history, types, chosen.version, tx.now()];
    tx.execute(SAVE, params).await.map(drop)
}

pub(crate) async fn erase(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute("DELETE FROM search_preferences WHERE owner = $1", params![owner]).await.map(drop)
}
