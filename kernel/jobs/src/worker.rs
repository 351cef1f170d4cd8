//! Leasing and performing jobs.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::BoxFuture;
use hanse_store::{Db, Result, Row, StoreError, Topic, Tx, params};
use jiff::{SignedDuration, Timestamp};
use serde::de::DeserializeOwned;
use tokio::task::JoinSet;
use uuid::Uuid;

/// Jobs of one service that run at the same time.
const PARALLEL: usize = 4;
/// A job that has not ended by then is given up and taken again.
const LEASE: Duration = Duration::from_secs(60);
/// A job is stopped before its lease ends, so that two never run at once.
const PATIENCE: Duration = Duration::from_secs(50);
/// Tries before a job becomes a dead letter.
const ATTEMPTS: i64 = 8;
/// How long to sleep when nothing wakes us; also the precision of timers.
const IDLE: Duration = Duration::from_millis(500);

/// Any failure of a job.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// One try of a job.
#[derive(Debug)]
pub struct Run<P> {
    /// What was asked for.
    pub payload: P,
    /// Counts tries from 1.
    pub attempt: i64,
    /// The same over all tries: hand it to whoever receives the effect.
    pub idempotency_key: Uuid,
}

/// How a try ended well.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Outcome {
    /// Finished.
    Done,
    /// To be run again at this time, with fresh tries: a recurring timer.
    Again(Timestamp),
}

type Erased = dyn Fn(Leased) -> BoxFuture<'static, Result<Outcome, BoxError>> + Send + Sync;

/// The kinds of jobs that a service can perform.
#[derive(Clone, Default)]
pub struct Worker {
    handlers: BTreeMap<&'static str, Arc<Erased>>,
}

#[derive(Debug)]
struct Leased {
    id: Uuid,
    kind: String,
    payload: String,
    attempt: i64,
    deadline: Option<Timestamp>,
    lease: Uuid,
}

impl Worker {
    /// A worker that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Performs jobs of `kind` with `handler`.
    #[must_use]
    pub fn on<P, F, Fut>(mut self, kind: &'static str, handler: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(Run<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Result<Outcome, BoxError>> + Send + 'static,
    {
        let erased: Arc<Erased> =
            Arc::new(move |job: Leased| match serde_json::from_str(&job.payload) {
                Ok(payload) => Box::pin(handler(Run {
                    payload,
                    attempt: job.attempt,
                    idempotency_key: job.id,
                })),
                Err(error) => Box::pin(std::future::ready(Err(BoxError::from(error)))),
            });
        self.handlers.insert(kind, erased);
        self
    }

    /// True when there is nothing that it could do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.handlers.is_empty()
    }

    /// Runs until the future is dropped; jobs under way are then dropped too, and taken again when
    /// their lease ends.
    pub async fn run(&self, db: &Db) {
        let mut changes = db.changes(Topic::Jobs);
        loop {
            changes.mark_unchanged();
            match self.step(db).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    tracing::warn!(
                        service = db.service(),
                        error = &error as &dyn std::error::Error,
                        "no jobs could be taken"
                    );
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }

    /// Takes what is due, performs it, and returns how many jobs were tried.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn step(&self, db: &Db) -> Result<usize> {
        let jobs = self.lease(db).await?;
        let count = jobs.len();
        let mut running = JoinSet::new();
        for job in jobs {
            let (this, db) = (self.clone(), db.clone());
            running.spawn(async move { this.perform(&db, job).await });
        }
        while let Some(ended) = running.join_next().await {
            if let Ok(Err(error)) = ended {
                return Err(error);
            }
        }
        Ok(count)
    }

    async fn lease(&self, db: &Db) -> Result<Vec<Leased>> {
        let now = db.clock().now();
        if !db.read(async move |tx: &mut Tx| due(tx, now).await).await? {
            return Ok(Vec::new());
        }
        let rows = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let until = later(now, SignedDuration::try_from(LEASE).unwrap_or_default());
                let params = params![tx.new_id(), until, now, PARALLEL];
                tx.all(tx.pick((LEASE_SQLITE, LEASE_POSTGRES)), params).await
            })
            .await?;
        rows.iter().map(leased).collect()
    }

    async fn perform(&self, db: &Db, job: Leased) -> Result<()> {
        let (id, lease, attempt, kind) = (job.id, job.lease, job.attempt, job.kind.clone());
        let expired = job.deadline.is_some_and(|deadline| deadline <= db.clock().now());
        let result = if expired {
            return bury(db, id, lease, "its deadline has passed".to_owned()).await;
        } else if let Some(handler) = self.handlers.get(job.kind.as_str()) {
            let run = AssertUnwindSafe(handler(job)).catch_unwind();
            match tokio::time::timeout(PATIENCE, run).await {
                Ok(Ok(result)) => result,
                Ok(Err(_)) => Err("it panicked".into()),
                Err(_) => Err("it took too long".into()),
            }
        } else {
            Err("no handler for this kind of job".into())
        };
        match result {
            Ok(Outcome::Done) => end(db, id, lease).await,
            Ok(Outcome::Again(at)) => again(db, id, lease, at).await,
            Err(error) if attempt >= ATTEMPTS => {
                tracing::error!(service = db.service(), kind, error = %error, "a job became a dead letter");
                bury(db, id, lease, error.to_string()).await
            }
            Err(error) => {
                tracing::warn!(service = db.service(), kind, attempt, error = %error, "a job failed");
                retry(db, id, lease, attempt, error.to_string()).await
            }
        }
    }
}

const DUE: &str = "SELECT 1 AS due FROM jobs WHERE dead = FALSE AND run_at <= $1
    AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
const LEASE_SQLITE: &str = "UPDATE jobs SET lease = $1, lease_until = $2, attempts = attempts + 1
    WHERE id IN (SELECT id FROM jobs WHERE dead = FALSE AND run_at <= $3
                 AND (lease_until IS NULL OR lease_until <= $3) ORDER BY run_at LIMIT $4)
    RETURNING id, kind, payload, attempts, deadline, lease";
// Replicas that lease at the same time must not take the same rows.
const LEASE_POSTGRES: &str = "UPDATE jobs SET lease = $1, lease_until = $2, attempts = attempts + 1
    WHERE id IN (SELECT id FROM jobs WHERE dead = FALSE AND run_at <= $3
                 AND (lease_until IS NULL OR lease_until <= $3) ORDER BY run_at LIMIT $4
                 FOR UPDATE SKIP LOCKED)
    RETURNING id, kind, payload, attempts, deadline, lease";

async fn due(tx: &mut Tx, now: Timestamp) -> Result<bool> {
    Ok(tx.optional(DUE, params![now]).await?.is_some())
}

fn leased(row: &Row) -> Result<Leased> {
    Ok(Leased {
        id: row.at(0)?,
        kind: row.at(1)?,
        payload: row.at(2)?,
        attempt: row.at(3)?,
        deadline: row.at(4)?,
        lease: row.at(5)?,
    })
}

async fn end(db: &Db, id: Uuid, lease: Uuid) -> Result<()> {
    let sql = "DELETE FROM jobs WHERE id = $1 AND lease = $2";
    db.write(async move |tx: &mut Tx| tx.execute(sql, params![id, lease]).await.map(drop)).await
}

async fn again(db: &Db, id: Uuid, lease: Uuid, at: Timestamp) -> Result<()> {
    let sql = "UPDATE jobs SET run_at = $3, attempts = 0, lease = NULL, lease_until = NULL
        WHERE id = $1 AND lease = $2";
    db.write(async move |tx: &mut Tx| tx.execute(sql, params![id, lease, at]).await.map(drop)).await
}

async fn retry(db: &Db, id: Uuid, lease: Uuid, attempt: i64, cause: String) -> Result<()> {
    let sql = "UPDATE jobs SET run_at = $3, cause = $4, lease = NULL, lease_until = NULL
        WHERE id = $1 AND lease = $2";
    db.write(async move |tx: &mut Tx| {
        let seconds = 1i64 << attempt.clamp(0, 12);
        let at = later(tx.now(), SignedDuration::from_secs(seconds));
        tx.execute(sql, params![id, lease, at, cause]).await.map(drop)
    })
    .await
}

async fn bury(db: &Db, id: Uuid, lease: Uuid, cause: String) -> Result<()> {
    let sql = "UPDATE jobs SET dead = TRUE, cause = $3, lease = NULL, lease_until = NULL
        WHERE id = $1 AND lease = $2";
    db.write(async move |tx: &mut Tx| tx.execute(sql, params![id, lease, cause]).await.map(drop))
        .await
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}
