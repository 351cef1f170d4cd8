//! Drops what has been in the activity log for long enough, once a day.

use hanse_jobs::{Job, Outcome, Schedule as _, Worker};
use hanse_store::{Db, Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};

const KIND: &str = "purge_activity";
/// Rows per transaction, so that a large purge never holds up the projections for long.
const AT_ONCE: u32 = 2000;
const PURGE: &str = "DELETE FROM activity WHERE at < $1 AND (owner, id) IN
    (SELECT owner, id FROM activity WHERE at < $1 ORDER BY at LIMIT $2)";

/// The oldest time the log shows, seen from `now`.
pub(crate) fn horizon(now: Timestamp, log_days: u16) -> Timestamp {
    now.saturating_sub(SignedDuration::from_hours(24 * i64::from(log_days))).unwrap_or(now)
}

/// Makes sure that the daily job is there.
pub(crate) async fn start(db: &Db) -> Result<()> {
    db.write::<_, StoreError, _>(async |tx: &mut Tx| {
        tx.schedule(Job::new(KIND, ()).key("daily")).await.map(drop)
    })
    .await
}

pub(crate) fn worker(db: Db, log_days: u16) -> Worker {
    Worker::new().on::<(), _, _>(KIND, move |_| {
        let db = db.clone();
        async move {
            let now = db.clock().now();
            let before = horizon(now, log_days);
            loop {
                let gone = db
                    .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                        tx.execute(PURGE, params![before, AT_ONCE]).await
                    })
                    .await?;
                if gone < u64::from(AT_ONCE) {
                    break;
                }
            }
            Ok(Outcome::Again(now.saturating_add(SignedDuration::from_hours(24)).unwrap_or(now)))
        }
    })
}
