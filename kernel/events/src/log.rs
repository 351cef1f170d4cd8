//! Reading a service's log in commit order.

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
pub struct EmbeddedLog {
    db: Db,
    gap: Mutex<Option<Gap>>,
}

/// A missing sequence number, and the snapshot in which it was first missed.
#[derive(Clone, Copy, Debug)]
struct Gap {
    seq: i64,
    seen_at: i64,
}

impl EmbeddedLog {
    /// The log of the service that owns `db`.
    #[must_use]
    pub fn new(db: Db) -> Self {
        Self { db, gap: Mutex::new(None) }
    }

    /// On PostgreSQL a transaction may commit after one with a higher sequence number. So a reader
    /// stops at a missing number until it is certain that nobody holds it any more: when a later
    /// snapshot's oldest running transaction is younger than everything that ran when the gap was
    /// first seen. (Every writer takes its transaction id before its sequence number.) SQLite has
    /// one writer, whose numbers have no gaps in flight.
    fn settled(&self, after: i64, rows: Vec<Recorded>, oldest: i64, newest: i64) -> Batch {
        let mut known = self.gap.lock().unwrap_or_else(PoisonError::into_inner);
        let mut expected = after + 1;
        let mut events = Vec::with_capacity(rows.len());
        for row in rows {
            if row.seq != expected {
                let gap = known.filter(|gap| gap.seq == expected);
                let dead = oldest >= gap.map_or(newest, |gap| gap.seen_at);
                if !dead {
                    *known = gap.or(Some(Gap { seq: expected, seen_at: newest }));
                    return Batch { events, unsettled: true };
                }
            }
            expected = row.seq + 1;
            events.push(row);
        }
        Batch { events, unsettled: false }
    }
}

const RUNNING: &str = "SELECT CAST(CAST(pg_snapshot_xmin(pg_current_snapshot()) AS TEXT) AS BIGINT) AS oldest,
    CAST(CAST(pg_snapshot_xmax(pg_current_snapshot()) AS TEXT) AS BIGINT) AS newest";

impl Log for EmbeddedLog {
    fn source(&self) -> &str {
        self.db.service()
    }

    fn read(&self, after: i64, limit: u32) -> BoxFuture<'_, Result<Batch>> {
        async move {
            let concurrent = self.db.engine() == Engine::Postgres;
            let sql = format!("SELECT {COLUMNS} FROM events WHERE seq > $1 ORDER BY seq LIMIT $2");
            let (rows, running) = self
                .db
                .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                    let running = if concurrent {
                        let row = tx.one(RUNNING, &[]).await?;
                        Some((row.at::<i64>(0)?, row.at::<i64>(1)?))
                    } else {
                        None
                    };
                    let rows = tx.all(sql, params![after, limit]).await?;
                    Ok((rows, running))
                })
                .await?;
            let rows = rows.iter().map(Recorded::from_row).collect::<Result<Vec<_>>>()?;
            Ok(match running {
                Some((oldest, newest)) => self.settled(after, rows, oldest, newest),
                None => Batch { events: rows, unsettled: false },
            })
        }
        .boxed()
    }

    fn get(&self, seq: i64) -> BoxFuture<'_, Result<Option<Recorded>>> {
        async move {
            let sql = format!("SELECT {COLUMNS} FROM events WHERE seq = $1");
            let row = self
                .db
                .read::<_, StoreError, _>(async move |tx: &mut Tx| tx.optional(sql, params![seq]).await)
                .await?;
            row.as_ref().map(Recorded::from_row).transpose()
        }
        .boxed()
    }

    fn changes(&self) -> watch::Receiver<i64> {
        self.db.changes(Topic::Events)
    }
}
