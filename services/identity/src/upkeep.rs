//! What has to be done from time to time: key rotation, and forgetting what is over.

use std::sync::Arc;

use hanse_jobs::{Job, Outcome, Run, Schedule as _, Worker};
use hanse_store::{Db, Result, StoreError, Tx, params};
use jiff::SignedDuration;
use serde::{Deserialize, Serialize};

use crate::errands::{self, ERRAND, Errand};
use crate::service::Identity;
use crate::session::after;
use crate::{attempts, challenges, machines, oidc, setup};

/// The kind of the job.
const UPKEEP: &str = "identity.upkeep";
/// How often it runs.
const EVERY: SignedDuration = SignedDuration::from_hours(1);
/// How long an ended session is kept, for its owner to wonder about.
const SESSIONS_KEPT: SignedDuration = SignedDuration::from_hours(30 * 24);

const FORGET_SESSIONS: &str = "DELETE FROM sessions WHERE expires_at < $1 OR revoked_at < $1";

/// The job needs to be told nothing.
#[derive(Debug, Serialize, Deserialize)]
struct Nothing {}

/// Makes sure that the job exists.
pub async fn schedule(db: &Db) -> Result<()> {
    db.write(async |tx: &mut Tx| {
        tx.schedule(Job::new(UPKEEP, Nothing {}).key("hourly")).await.map(drop)
    })
    .await
}

/// Performs the job.
pub fn worker(app: &Arc<Identity>) -> Worker {
    let (app, errands) = (Arc::clone(app), Arc::clone(app));
    let worker = Worker::new().on(ERRAND, move |run: Run<Errand>| {
        let app = Arc::clone(&errands);
        async move {
            let errand = run.payload;
            let db = app.home.db.clone();
            db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
                errands::run(tx, &app, &errand).await
            })
            .await?;
            Ok(Outcome::Done)
        }
    });
    worker.on(UPKEEP, move |_: Run<Nothing>| {
        let app = Arc::clone(&app);
        async move {
            let db = &app.home.db;
            app.keys.rotate(db).await?;
            db.write(async |tx: &mut Tx| forget(tx).await).await?;
            Ok(Outcome::Again(after(db.clock().now(), EVERY)))
        }
    })
}

async fn forget(tx: &mut Tx) -> Result<(), StoreError> {
    let oldest = after(tx.now(), -SESSIONS_KEPT);
    tx.execute(FORGET_SESSIONS, params![oldest]).await?;
    attempts::forget_old(tx).await?;
    setup::forget_expired(tx).await?;
    oidc::forget_old(tx).await?;
    challenges::forget_expired(tx).await?;
    machines::keys::forget_old(tx, oldest).await?;
    Ok(())
}
