//! Jobs beside the deliveries: pieces of sendings, gathered letters, and what is dropped once a day.

use std::sync::Arc;

use hanse_jobs::{BoxError, Job, Outcome, Schedule as _, Worker};
use hanse_store::{Db, Result, StoreError, Tx};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::delivering::Postman;
use crate::desk::DIGEST;
use crate::{deliveries, list, sendings};

const TIDY: &str = "tidy";
/// Rows per transaction.
const AT_ONCE: u32 = 2_000;
/// Days that a hidden notification tells devices that it is gone.
const HIDDEN_DAYS: i64 = 7;

/// Makes sure that the daily job is there.
pub(crate) async fn start(db: &Db) -> Result<()> {
    db.write::<_, StoreError, _>(async |tx: &mut Tx| {
        tx.schedule(Job::new(TIDY, ()).key("daily")).await.map(drop)
    })
    .await
}

/// The worker with these jobs too.
pub(crate) fn worker(worker: Worker, postman: &Arc<Postman>, keep_days: u16) -> Worker {
    let (sender, revoker) = (Arc::clone(postman), Arc::clone(postman));
    let (gatherer, tidier) = (Arc::clone(postman), Arc::clone(postman));
    worker
        .on::<Uuid, _, _>(sendings::SEND, move |run| {
            let postman = Arc::clone(&sender);
            async move { Ok(sendings::send_pieces(&postman.db, &postman.desk, run.payload).await?) }
        })
        .on::<Uuid, _, _>(sendings::REVOKE, move |run| {
            let postman = Arc::clone(&revoker);
            async move {
                while sendings::revoke_piece(&postman.db, run.payload).await? {}
                Ok(Outcome::Done)
            }
        })
        .on(DIGEST, move |run| {
            let postman = Arc::clone(&gatherer);
            async move { postman.gather(run).await }
        })
        .on::<(), _, _>(TIDY, move |_| {
            let postman = Arc::clone(&tidier);
            async move { tidy(&postman.db, keep_days).await }
        })
}

async fn tidy(db: &Db, keep_days: u16) -> Result<Outcome, BoxError> {
    let now = db.clock().now();
    let before =
        |days: i64| now.saturating_sub(SignedDuration::from_hours(24 * days)).unwrap_or(now);
    let (hidden, old): (Timestamp, Timestamp) = (before(HIDDEN_DAYS), before(keep_days.into()));
    loop {
        let gone = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let gone = list::purge(tx, hidden, old, AT_ONCE).await?;
                Ok(gone + deliveries::purge(tx, old, AT_ONCE).await?)
            })
            .await?;
        if gone < u64::from(AT_ONCE) {
            return Ok(Outcome::Again(now.saturating_add(SignedDuration::from_hours(24))?));
        }
    }
}
