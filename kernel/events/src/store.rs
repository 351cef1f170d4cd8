//! The log as an event store (M-114…M-116): streams by subject, and snapshots.

use hanse_store::{Json, Result, Tx, params};
use serde::Serialize;
use serde::de::DeserializeOwned;
use uuid::Uuid;

use crate::event::{COLUMNS, Recorded};

/// Most events one call returns.
const PAGE: u32 = 1000;

/// The events of `subject` from `from_version` on, oldest first, at most 1,000.
///
/// # Errors
/// Whatever the store says.
pub async fn get_events(tx: &mut Tx, subject: &str, from_version: i64) -> Result<Vec<Recorded>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM events WHERE subject = $1 AND subject_version >= $2
         ORDER BY subject_version LIMIT $3"
    );
    tx.all(sql, params![subject, from_version, PAGE])
        .await?
        .iter()
        .map(Recorded::from_row)
        .collect()
}

const SAVE: &str = "INSERT INTO snapshots (subject, subject_version, owner, time, data)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (subject, subject_version) DO UPDATE SET data = excluded.data, time = excluded.time";

/// Keeps the state of `subject` as of `version`, so that later reads need not start from the first
/// event.
///
/// # Errors
/// Whatever the store says.
pub async fn create_snapshot<T: Serialize>(
    tx: &mut Tx,
    subject: &str,
    version: i64,
    owner: Option<Uuid>,
    state: &T,
) -> Result<()> {
    let now = tx.now();
    tx.execute(SAVE, params![subject, version, owner, now, Json(state)]).await.map(drop)
}

/// The newest snapshot of `subject` and the version it stands for.
///
/// # Errors
/// Whatever the store says, or that the snapshot has another shape.
pub async fn latest_snapshot<T: DeserializeOwned>(
    tx: &mut Tx,
    subject: &str,
) -> Result<Option<(i64, T)>> {
    let row = tx
        .optional(
            "SELECT subject_version, data FROM snapshots WHERE subject = $1
             ORDER BY subject_version DESC LIMIT 1",
            params![subject],
        )
        .await?;
    row.map(|row| Ok((row.at(0)?, row.at::<Json<T>>(1)?.0))).transpose()
}
