//! Reading a service's log in commit order.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hanse_store::{Db, Engine, Result, StoreError, Topic, Tx, params};
use tokio::sync::watch;

use crate::event::{COLUMNS, Recorded};

/// A stretch of a log.
#[derive(Debug, Default)]
pub struct Batch {
    /// Events in order.
    pub events: Vec<Recorded>,
    /// True when there may be more that cannot be delivered yet: ask again soon.
    pub unsettled: bool,
}

/// A service's log as a subscriber sees it, whatever carries it.
pub trait Log: Send + Sync {
    /// The service whose log it is.
    fn source(&self) -> &str;
    /// Up to `limit` events after position `after`, in an order that never changes.
    fn read(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Batch>>;
    /// One event by its position.
    fn get(&self, seq: i64) -> BoxFuture<'_, Result<Option<Recorded>>>;
    /// Wakes when there may be something new.
    fn changes(&self) -> watch::Receiver<i64>;
}

/// The log read straight from the producer's table.
///
/// On PostgreSQL a transaction may commit after one with a higher sequence number, so a reader stops
/// at a missing number until it is certain that nobody holds it any more. Every writer takes its
/// transaction id before its sequence number. So whoever holds a number that is missing below a
/// visible one has an id smaller than one taken now; and when a later snapshot shows that all ids up
/// to that one have ended, and the number is missing still, it was rolled back. (The upper end of a
/// snapshot will not do in place of a new id: it lies above the last id that has *ended*, and a
/// running writer may be beyond it.) SQLite has one writer, whose numbers have no gaps in flight.
pub struct EmbeddedLog {
    db: Db,
    horizons: Mutex<VecDeque<Horizon>>,
}

/// Every sequence number up to `upto` was taken by a transaction with an id below `id`.
#[derive(Clone, Copy, Debug)]
struct Horizon {
    upto: i64,
    id: i64,
}

/// Horizons that are remembered. A forgotten one is only taken anew.
const HORIZONS: usize = 16;
/// The oldest transaction that runs in this snapshot; all ids below it have ended.
const OLDEST: &str =
    "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS oldest";
const NEW_ID: &str = "SELECT CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT) AS id";

impl EmbeddedLog {
    /// The log of the service that owns `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, horizons: Mutex::default() }
    }

    /// The rows after `after` in one snapshot, and the oldest transaction running in it where
    /// several may write.
    async fn rows(&self, after: i64, limit: u32) -> Result<(Vec<Recorded>, Option<i64>)> {
        let concurrent = self.db.engine() == Engine::Postgres;
        let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > $1 ORDER BY seq LIMIT $2");
        let (rows, oldest) = self
            .db
            .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                let oldest =
                    if concurrent { Some(tx.one(OLDEST, &[]).await?.at::<i64>(0)?) } else { None };
                Ok((tx.all(sql, params![after, limit]).await?, oldest))
            })
            .await?;
        Ok((rows.iter().map(Recorded::from_row).collect::<Result<_>>()?, oldest))
    }

    /// The rows up to the first number that somebody may still hold, and whether a horizon is needed
    /// to decide about that number.
    fn settled(&self, after: i64, rows: Vec<Recorded>, oldest: i64) -> (Batch, bool) {
        let horizons = self.horizons.lock().unwrap_or_else(PoisonError::into_inner);
        let mut before = after;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            let missing = row.seq - 1;
            if missing > before {
                let mut around =
                    horizons.iter().filter(|horizon| horizon.upto >= missing).peekable();
                let unknown = around.peek().is_none();
                if !around.any(|horizon| horizon.id < oldest) {
                    return (Batch { events, unsettled: true }, unknown);
                }
            }
            before = row.seq;
            events.push(row);
        }
        (Batch { events, unsettled: false }, false)
    }

    async fn take_horizon(&self, upto: i64) -> Result<()> {
        let id = self
            .db
            .write::<_, StoreError, _>(async |tx: &mut Tx| tx.one(NEW_ID, &[]).await?.at(0))
            .await?;
        let mut horizons = self.horizons.lock().unwrap_or_else(PoisonError::into_inner);
        if horizons.len() >= HORIZONS {
            horizons.pop_front();
        }
        horizons.push_back(Horizon { upto, id });
        Ok(())
    }
}

impl Log for EmbeddedLog {
    fn source(&self) -> &str {
        self.db.service()
    }

    fn read(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Batch>> {
        async move {
            let (rows, oldest) = self.rows(after, limit).await?;
            let Some(oldest) = oldest else { return Ok(Batch { events: rows, unsettled: false }) };
            let newest = rows.last().map_or(after, |row| row.seq);
            let (batch, unknown) = self.settled(after, rows, oldest);
            if !unknown {
                return Ok(batch);
            }
            self.take_horizon(newest).await?;
            if !batch.events.is_empty() {
                return Ok(batch);
            }
            // Mostly the number was rolled back long ago; the next look tells.
            let (rows, oldest) = self.rows(after, limit).await?;
            Ok(self.settled(after, rows, oldest.unwrap_or(0)).0)
        }
        .boxed()
    }

    fn get(&self, seq: i64) -> BoxFuture<'_, Result<Option<Recorded>>> {
        async move {
            let sql = format!("SELECT {COLUMNS} FROM events WHERE seq = $1");
            let row = self
                .db
                .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                    tx.optional(sql, params![seq]).await
                })
                .await?;
            row.as_ref().map(Recorded::from_row).transpose()
        }
        .boxed()
    }

    fn changes(&self) -> watch::Receiver<i64> {
        self.db.changes(Topic::Events)
    }
}
