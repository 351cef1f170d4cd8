//! Performing jobs.
//!
//! Every kind of job is a lane of its own: it takes its own jobs, so many at a time, and waits for none
//! of the others. A lane performs jobs one by one ([`Worker::on`]), or, where that is cheaper, many in
//! one go ([`Worker::on_many`]). A job whose kind this process does not know waits: a newer release may
//! have left it.

use std::collections::BTreeMap;
use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, join_all};
use hanse_store::{Db, Result, Topic};
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use tokio::sync::watch;
use uuid::Uuid;

use crate::lane::{Leased, Verdict, lease, settle};

/// Jobs of one kind that run at the same time, when the service does not say.
const PARALLEL: usize = 4;
/// A job is stopped before its lease ends, so that two never run at once.
const PATIENCE: Duration = Duration::from_secs(50);
/// Tries before a job becomes a dead letter, when the service does not say.
const TRIES: i64 = 8;
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
    /// True when it becomes a dead letter if this try fails.
    pub last: bool,
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

/// How a try ended.
pub type Tried = Result<Outcome, BoxError>;

/// Performs leased jobs, each with its last try's number; the results are in the order of the jobs.
type Perform = dyn Fn(Vec<Leased>, i64) -> BoxFuture<'static, Vec<Tried>> + Send + Sync;

#[derive(Clone)]
struct Lane {
    at_once: usize,
    side_by_side: usize,
    tries: i64,
    perform: Arc<Perform>,
}

/// The kinds of jobs that a service can perform.
#[derive(Clone, Default)]
pub struct Worker {
    lanes: BTreeMap<&'static str, Lane>,
}

impl Worker {
    /// A worker that knows nothing yet.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// Performs jobs of `kind` with `handler`, four at a time.
    #[must_use]
    pub fn on<P, F, Fut>(self, kind: &'static str, handler: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(Run<P>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Tried> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let one = move |job: Leased, tries: i64| -> BoxFuture<'static, Tried> {
            let handler = Arc::clone(&handler);
            match run(&job, tries) {
                Ok(run) => {
                    Box::pin(async move { guarded(handler(run)).await.and_then(|tried| tried) })
                }
                Err(error) => Box::pin(std::future::ready(Err(error))),
            }
        };
        let perform = move |jobs: Vec<Leased>, tries: i64| -> BoxFuture<'static, Vec<Tried>> {
            Box::pin(join_all(jobs.into_iter().map(|job| one(job, tries))))
        };
        self.with(kind, PARALLEL, Arc::new(perform))
    }

    /// Performs jobs of `kind` up to `at_once` together: `handler` gets them all and gives as many
    /// results, in the same order. A job without one is tried again.
    #[must_use]
    pub fn on_many<P, F, Fut>(self, kind: &'static str, at_once: usize, handler: F) -> Self
    where
        P: DeserializeOwned + Send + 'static,
        F: Fn(Vec<Run<P>>) -> Fut + Send + Sync + 'static,
        Fut: Future<Output = Vec<Tried>> + Send + 'static,
    {
        let handler = Arc::new(handler);
        let perform = move |jobs: Vec<Leased>, tries: i64| -> BoxFuture<'static, Vec<Tried>> {
            let runs: Vec<_> = jobs.iter().map(|job| run(job, tries)).collect();
            let handler = Arc::clone(&handler);
            Box::pin(async move {
                let readable: Vec<bool> = runs.iter().map(Result::is_ok).collect();
                let mut failed = Vec::new();
                let mut given = Vec::new();
                for run in runs {
                    match run {
                        Ok(run) => given.push(run),
                        Err(error) => failed.push(error),
                    }
                }
                let tried = match given.is_empty() {
                    true => Ok(Vec::new()),
                    false => guarded(handler(given)).await,
                };
                let cause = tried.as_ref().err().map(ToString::to_string);
                let cause = cause.unwrap_or_else(|| "it gave no result".into());
                let mut tried = tried.unwrap_or_default().into_iter();
                let mut failed = failed.into_iter().map(Err);
                let result = |readable| if readable { tried.next() } else { failed.next() };
                let results = readable.into_iter().map(result);
                results.map(|result| result.unwrap_or_else(|| Err(cause.clone().into()))).collect()
            })
        };
        self.with(kind, at_once.max(1), Arc::new(perform))
    }

    /// Tries jobs of `kind`, which is known already, so many times. The pauses double up to nine hours:
    /// 17 tries take more than a day.
    #[must_use]
    pub fn tries(mut self, kind: &'static str, tries: u32) -> Self {
        if let Some(lane) = self.lanes.get_mut(kind) {
            lane.tries = tries.into();
        }
        self
    }

    /// Performs so many batches of `kind`, which is known already, side by side: while one waits for a
    /// receiver that does not answer, the others go on.
    #[must_use]
    pub fn side_by_side(mut self, kind: &'static str, batches: usize) -> Self {
        if let Some(lane) = self.lanes.get_mut(kind) {
            lane.side_by_side = batches.max(1);
        }
        self
    }

    fn with(mut self, kind: &'static str, at_once: usize, perform: Arc<Perform>) -> Self {
        self.lanes.insert(kind, Lane { at_once, side_by_side: 1, tries: TRIES, perform });
        self
    }

    /// True when there is nothing that it could do.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.lanes.is_empty()
    }

    /// Runs until the future is dropped; jobs under way are then dropped too, and taken again when
    /// their lease ends.
    pub async fn run(&self, db: &Db) {
        let lanes = self.lanes.iter().flat_map(|(kind, lane)| {
            (0..lane.side_by_side).map(move |_| lane.run(db, kind, db.changes(Topic::Jobs)))
        });
        join_all(lanes).await;
    }

    /// Takes what is due of every kind once, performs it, and returns how many jobs were tried.
    ///
    /// # Errors
    /// A failure of the store.
    pub async fn step(&self, db: &Db) -> Result<usize> {
        let steps = self.lanes.iter().map(|(kind, lane)| lane.step(db, kind));
        let mut count = 0;
        for tried in join_all(steps).await {
            count += tried?;
        }
        Ok(count)
    }
}

impl Lane {
    async fn run(&self, db: &Db, kind: &'static str, mut changes: watch::Receiver<i64>) {
        loop {
            changes.mark_unchanged();
            match self.step(db, kind).await {
                Ok(0) => {}
                Ok(_) => continue,
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(service = db.service(), kind, error, "no jobs could be taken");
                }
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(IDLE) => {}
            }
        }
    }

    async fn step(&self, db: &Db, kind: &'static str) -> Result<usize> {
        let leased = lease(db, kind, self.at_once).await?;
        let count = leased.len();
        if count == 0 {
            return Ok(0);
        }
        let now = db.clock().now();
        let (expired, jobs): (Vec<_>, Vec<_>) = leased
            .into_iter()
            .partition(|job| job.deadline.is_some_and(|deadline| deadline <= now));
        let bury = |job| (job, Verdict::Bury("its deadline has passed".to_owned()));
        let mut verdicts: Vec<_> = expired.into_iter().map(bury).collect();
        let results = (self.perform)(jobs.clone(), self.tries).await;
        verdicts.extend(jobs.into_iter().zip(results).map(|(job, tried)| {
            let verdict = self.judge(db, kind, &job, tried);
            (job, verdict)
        }));
        settle(db, verdicts).await?;
        Ok(count)
    }

    fn judge(&self, db: &Db, kind: &str, job: &Leased, tried: Tried) -> Verdict {
        let (service, attempt) = (db.service(), job.attempt);
        match tried {
            Ok(Outcome::Done) => Verdict::End,
            Ok(Outcome::Again(at)) => Verdict::Again(at),
            Err(error) if attempt >= self.tries => {
                tracing::error!(service, kind, error = %error, "a job became a dead letter");
                Verdict::Bury(error.to_string())
            }
            Err(error) => {
                tracing::warn!(service, kind, attempt, error = %error, "a job failed");
                Verdict::Retry(error.to_string())
            }
        }
    }
}

fn run<P: DeserializeOwned>(job: &Leased, tries: i64) -> Result<Run<P>, BoxError> {
    Ok(Run {
        payload: serde_json::from_str(&job.payload)?,
        attempt: job.attempt,
        last: job.attempt >= tries,
        idempotency_key: job.id,
    })
}

/// Bounds a try in time and turns a panic into a failure.
async fn guarded<T>(work: impl Future<Output = T>) -> Result<T, BoxError> {
    match tokio::time::timeout(PATIENCE, AssertUnwindSafe(work).catch_unwind()).await {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(_)) => Err("it panicked".into()),
        Err(_) => Err("it took too long".into()),
    }
}
