//! What an operator does with events: look, redrive, discard, replay.

use hanse_store::{Result, Tx, params};
use jiff::Timestamp;
use serde::Serialize;

use crate::event::{COLUMNS, Recorded};

/// A subscription's place in a log.
#[derive(Debug, Serialize)]
pub struct Position {
    /// The subscription.
    pub subscription: String,
    /// The service whose log it reads.
    pub source: String,
    /// The last event whose effect is durable.
    pub seq: i64,
    /// When it moved last.
    pub updated_at: Timestamp,
}

/// An event that was set aside.
#[derive(Debug, Serialize)]
pub struct HeldEvent {
    /// The subscription that holds it.
    pub subscription: String,
    /// The service it came from.
    pub source: String,
    /// Its position in that log.
    pub seq: i64,
    /// The aggregate whose later events wait.
    pub subject: String,
    /// Its type.
    pub r#type: String,
    /// How often it was tried; 0 when it only waits.
    pub attempts: i64,
    /// When it is tried again.
    pub next_at: Timestamp,
    /// True when it is not tried any more.
    pub dead: bool,
    /// Why.
    pub cause: String,
}

/// All positions of this service's subscriptions.
///
/// # Errors
/// Whatever the store says.
pub async fn positions(tx: &mut Tx) -> Result<Vec<Position>> {
    let sql = "SELECT subscription, source, seq, updated_at FROM positions ORDER BY 1, 2";
    let rows = tx.all(sql, &[]).await?;
    rows.iter()
        .map(|row| {
            Ok(Position {
                subscription: row.at(0)?,
                source: row.at(1)?,
                seq: row.at(2)?,
                updated_at: row.at(3)?,
            })
        })
        .collect()
}

/// Up to 1,000 events of this service's log after `after`.
///
/// # Errors
/// Whatever the store says.
pub async fn list(tx: &mut Tx, after: i64, limit: u32) -> Result<Vec<Recorded>> {
    let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > $1 ORDER BY seq LIMIT $2");
    tx.all(sql, params![after, limit.min(1000)]).await?.iter().map(Recorded::from_row).collect()
}

/// Events that were set aside, dead ones first.
///
/// # Errors
/// Whatever the store says.
pub async fn held(tx: &mut Tx, limit: u32) -> Result<Vec<HeldEvent>> {
    let sql = "SELECT subscription, source, seq, subject, type, attempts, next_at, dead, cause
        FROM held_events ORDER BY dead DESC, held_at, seq LIMIT $1";
    let rows = tx.all(sql, params![limit.min(1000)]).await?;
    rows.iter()
        .map(|row| {
            Ok(HeldEvent {
                subscription: row.at(0)?,
                source: row.at(1)?,
                seq: row.at(2)?,
                subject: row.at(3)?,
                r#type: row.at(4)?,
                attempts: row.at(5)?,
                next_at: row.at(6)?,
                dead: row.at(7)?,
                cause: row.at(8)?,
            })
        })
        .collect()
}

/// Gives every dead letter of a subscription (or one, by `seq`) a new set of tries, now. Returns how
/// many.
///
/// # Errors
/// Whatever the store says.
pub async fn redrive(tx: &mut Tx, subscription: &str, seq: Option<i64>) -> Result<u64> {
    let now = tx.now();
    tx.execute(
        "UPDATE held_events SET dead = FALSE, attempts = 0, next_at = $2
         WHERE subscription = $1 AND dead AND (CAST($3 AS BIGINT) = 0 OR seq = $3)",
        params![subscription, now, seq.unwrap_or(0)],
    )
    .await
}

/// Drops one dead letter for good; the events behind it flow on. Returns how many were dropped.
///
/// # Errors
/// Whatever the store says.
pub async fn discard(tx: &mut Tx, subscription: &str, seq: i64) -> Result<u64> {
    tx.execute(
        "DELETE FROM held_events WHERE subscription = $1 AND seq = $2 AND dead",
        params![subscription, seq],
    )
    .await
}

/// Sets a subscription back to the beginning of every log. The caller empties the projection in the
/// same transaction.
///
/// # Errors
/// Whatever the store says.
pub async fn rewind(tx: &mut Tx, subscription: &str) -> Result<u64> {
    let now = tx.now();
    tx.execute("DELETE FROM held_events WHERE subscription = $1", params![subscription]).await?;
    tx.execute(
        "UPDATE positions SET seq = 0, updated_at = $2 WHERE subscription = $1",
        params![subscription, now],
    )
    .await
}
