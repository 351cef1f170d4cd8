//! Erasure of a person: nothing they caused stays readable, and nothing of theirs comes back.

use hanse_store::{Result, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

const REMEMBER: &str =
    "INSERT INTO erased_owners (owner, erased_at) VALUES ($1, $2) ON CONFLICT (owner) DO NOTHING";
const BLANK: &str = "UPDATE events SET data = NULL WHERE owner = $1 AND data IS NOT NULL";
const FORGET_SNAPSHOTS: &str = "DELETE FROM snapshots WHERE owner = $1";
const FORGET_HELD: &str = "DELETE FROM held_events WHERE owner = $1";

/// Blanks the data of every event that `owner` owns in this database, and remembers the owner's id
/// so that events about them which are still under way are skipped rather than applied, and a request
/// that was already running cannot add new ones.
///
/// # Errors
/// Whatever the store says; nothing is erased then.
pub async fn erase_owner(tx: &mut Tx, owner: Uuid) -> Result<()> {
    let now = tx.now();
    tx.execute(REMEMBER, params![owner, now]).await?;
    tx.execute(BLANK, params![owner]).await?;
    tx.execute(FORGET_SNAPSHOTS, params![owner]).await?;
    tx.execute(FORGET_HELD, params![owner]).await?;
    tx.purge_after_commit();
    Ok(())
}

/// Owners erased after `since`, and when: their access tokens may still be about.
///
/// # Errors
/// Whatever the store says.
pub async fn erased_since(tx: &mut Tx, since: Timestamp) -> Result<Vec<(Uuid, Timestamp)>> {
    let sql = "SELECT owner, erased_at FROM erased_owners WHERE erased_at > $1";
    let rows = tx.all(sql, params![since]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}
