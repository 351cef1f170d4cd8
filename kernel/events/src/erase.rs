//! Erasure of a person: nothing they caused stays readable, and nothing of theirs comes back.
//!
//! A transaction that saw "not erased" must not add anything after the erasure has looked for what
//! there is. SQLite has one writer. On PostgreSQL both take a lock on the owner, which ends with their
//! transaction: whoever adds something shares it with others who do, and an erasure has it alone. Each
//! looks only in a statement after the one that got the lock, because a statement that had to wait
//! still sees what was there before.

use std::collections::BTreeSet;

use hanse_store::{Result, StoreError, Tx, Value, params};
use jiff::Timestamp;
use uuid::Uuid;

const LOCK_ALONE: &str =
    "SELECT CAST(pg_advisory_xact_lock(5134, hashtext(CAST(CAST($1 AS UUID) AS TEXT))) AS TEXT)";
const REMEMBER: &str =
    "INSERT INTO erased_owners (owner, erased_at) VALUES ($1, $2) ON CONFLICT (owner) DO NOTHING";
// The index of owners begins anew with every stretch of 512 events (see 0002_owners.sql).
const BLANK: &str = "WITH RECURSIVE stretches (stretch) AS (
        SELECT min(seq) / 512 FROM events
        UNION ALL
        SELECT stretch + 1 FROM stretches WHERE stretch < (SELECT max(seq) / 512 FROM events))
    UPDATE events SET data = NULL WHERE data IS NOT NULL AND seq IN (
        SELECT owned.seq FROM stretches CROSS JOIN events AS owned
        WHERE owned.seq / 512 = stretch AND owned.owner = $1)";
const FORGET_SNAPSHOTS: &str = "DELETE FROM snapshots WHERE owner = $1";
const FORGET_HELD: &str = "DELETE FROM held_events WHERE owner = $1";

/// Blanks the data of every event that `owner` owns in this database, and remembers the owner's id
/// so that events about them which are still under way are skipped rather than applied, and a request
/// that was already running cannot add new ones.
///
/// # Errors
/// Whatever the store says; nothing is erased then.
pub async fn erase_owner(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.ahead_on_postgres(LOCK_ALONE, params![owner]);
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

/// Was this owner erased? Their id is never anybody else's.
///
/// # Errors
/// Whatever the store says.
pub async fn is_erased(tx: &mut Tx, owner: Uuid) -> Result<bool> {
    let sql = "SELECT 1 AS found FROM erased_owners WHERE owner = $1";
    Ok(tx.optional(sql, params![owner]).await?.is_some())
}

/// Makes sure that an owner is still there, and stays until this transaction ends. For what keeps
/// something of theirs without telling an event, which does the same by itself.
///
/// # Errors
/// [`StoreError::Erased`] when they were erased.
pub async fn hold_owner(tx: &mut Tx, owner: Uuid) -> Result<()> {
    let erased = erased_among(tx, std::iter::once(owner)).await?;
    if erased.is_empty() { Ok(()) } else { Err(StoreError::Erased) }
}

/// Which of these owners were erased; the others stay until this transaction ends.
///
/// # Errors
/// Whatever the store says.
pub async fn erased_among(
    tx: &mut Tx,
    owners: impl Iterator<Item = Uuid>,
) -> Result<BTreeSet<Uuid>> {
    let owners: BTreeSet<Uuid> = owners.collect();
    let values = padded(owners);
    if values.is_empty() {
        return Ok(BTreeSet::new());
    }
    if tx.pick((false, true)) {
        let rows = marks(&values, 1, |mark| format!("(CAST({mark} AS UUID))"));
        let sql = format!(
            "SELECT CAST(pg_advisory_xact_lock_shared(5134, hashtext(CAST(owner AS TEXT))) AS TEXT)
             FROM (VALUES {rows}) AS owners (owner)"
        );
        tx.ahead_on_postgres(sql, &values);
    }
    let marks = marks(&values, 1, |mark| mark);
    let sql = format!("SELECT owner FROM erased_owners WHERE owner IN ({marks})");
    tx.all(sql, &values).await?.iter().map(|row| row.at(0)).collect()
}

/// A power of two of parameters, the first of them repeated, so that only a handful of statements get
/// prepared.
pub(crate) fn padded<T: Into<Value>>(values: impl IntoIterator<Item = T>) -> Vec<Value> {
    let mut values: Vec<Value> = values.into_iter().map(Into::into).collect();
    if let Some(first) = values.first().cloned() {
        values.resize(values.len().next_power_of_two(), first);
    }
    values
}

/// The names of these parameters, counted from `first`, with commas between.
pub(crate) fn marks(values: &[Value], first: usize, form: impl Fn(String) -> String) -> String {
    let marks = (first..first + values.len()).map(|n| form(format!("${n}")));
    marks.collect::<Vec<_>>().join(",")
}
