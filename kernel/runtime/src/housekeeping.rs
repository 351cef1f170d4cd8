//! What every service cleans up by itself, once an hour.

use hanse_jobs::{BoxError, Job, Outcome, Schedule as _, Worker};
use hanse_store::{Db, Result, StoreError, Tx};
use jiff::SignedDuration;

/// The kind of the job.
const KIND: &str = "kernel.housekeeping";
/// How often it runs.
const EVERY: SignedDuration = SignedDuration::from_hours(1);

/// Adds the kernel's housekeeping to a service's worker, as a timer that survives restarts: stored
/// answers of idempotent requests are dropped after a day.
///
/// # Errors
/// Whatever the store says when the timer is set.
pub(crate) async fn housekeeping(db: &Db, worker: Worker) -> Result<Worker> {
    db.write(async |tx: &mut Tx| tx.schedule(Job::new(KIND, ()).key("")).await.map(drop)).await?;
    let db = db.clone();
    Ok(worker.on::<(), _, _>(KIND, move |_| {
        let db = db.clone();
        async move {
            let now = db.clock().now();
            db.write::<_, StoreError, _>(async |tx: &mut Tx| {
                hanse_http::purge_idempotency(tx).await.map(drop)
            })
            .await
            .map_err(BoxError::from)?;
            Ok(Outcome::Again(now.saturating_add(EVERY).unwrap_or(now)))
        }
    }))
}
