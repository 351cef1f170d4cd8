//! Carries events from one log into one service's database, exactly once.
//!
//! A batch is first tried whole: all handlers and the new position in one transaction. If a handler
//! fails, nothing of the batch happened, and it is done again event by event, so that only the
//! failing one is set aside. Setting aside ([`held_events`](crate::SCHEMA)) also moves the position,
//! so the log flows on; later events of the same subject are set aside behind it, untried, and are
//! applied in order once it succeeds, is discarded, or is redriven by an operator.
//!
//! A failure of the store itself (full, stopped, unreachable) is nobody's fault: nothing is set
//! aside, the batch is tried again later.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hanse_store::{Db, Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use tokio::sync::watch;

use crate::erase::{erased_among, marks, padded};
use crate::event::Recorded;
use crate::log::Log;
use crate::subscription::{BoxError, Subscription};

/// Events a batch holds at most.
const BATCH: u32 = 500;
/// How long to sleep when nothing wakes us, so that other processes' commits are seen too.
const IDLE: Duration = Duration::from_secs(1);
/// How soon to look again at a part of the log that is still being written.
const UNSETTLED: Duration = Duration::from_millis(5);
/// Causes are cut to this many characters.
const CAUSE: usize = 500;

/// How often and how patiently a failing event is tried again.
#[derive(Clone, Copy, Debug)]
pub struct RetryPolicy {
    /// Tries before it becomes a dead letter.
    pub attempts: i64,
    /// Delay after the first failure; doubled each time.
    pub first_delay: SignedDuration,
    /// The longest delay.
    pub longest_delay: SignedDuration,
}

impl Default for RetryPolicy {
    fn default() -> Self {
        Self {
            attempts: 5,
            first_delay: SignedDuration::from_secs(1),
            longest_delay: SignedDuration::from_mins(5),
        }
    }
}

impl RetryPolicy {
    /// Delay after the given number of failed tries.
    #[must_use]
    pub fn delay(&self, attempts: i64) -> SignedDuration {
        let doublings = u32::try_from(attempts - 1).unwrap_or(0).min(20);
        self.first_delay
            .checked_mul(1 << doublings)
            .map_or(self.longest_delay, |delay| delay.min(self.longest_delay))
    }
}

/// What one step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Progress {
    /// Events were taken in; there may be more.
    Moved,
    /// Nothing to do.
    Idle,
    /// Something is there but not yet deliverable.
    Unsettled,
}

/// The reader of one source for one subscription.
pub struct Subscriber {
    db: Db,
    log: Arc<dyn Log>,
    subscription: Subscription,
    retry: RetryPolicy,
    position: watch::Sender<i64>,
    /// May there be events of this source that were set aside?
    held: AtomicBool,
}

const POSITION: &str = "SELECT seq FROM positions WHERE subscription = $1 AND source = $2";
const START: &str = "INSERT INTO positions (subscription, source, seq, updated_at)
    VALUES ($1, $2, 0, $3) ON CONFLICT (subscription, source) DO NOTHING";
const MOVE: &str = "UPDATE positions SET seq = $3, updated_at = $4
    WHERE subscription = $1 AND source = $2 AND seq = $5";
const ANY_HELD: &str = "SELECT EXISTS
    (SELECT 1 FROM held_events WHERE subscription = $1 AND source = $2) AS held";
const HOLD: &str = "INSERT INTO held_events
    (subscription, source, seq, subject, type, owner, attempts, next_at, dead, cause, held_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)";
const DUE: &str = "SELECT seq, attempts FROM held_events AS h
    WHERE subscription = $1 AND source = $2 AND NOT dead AND next_at <= $3
      AND NOT EXISTS (SELECT 1 FROM held_events AS e WHERE e.subscription = h.subscription
                      AND e.source = h.source AND e.subject = h.subject AND e.seq < h.seq)
    ORDER BY seq LIMIT 100";
const TAKE: &str = "DELETE FROM held_events WHERE subscription = $1 AND source = $2 AND seq = $3
    AND NOT dead";
const FAILED: &str = "UPDATE held_events SET attempts = $4, next_at = $5, dead = $6, cause = $7
    WHERE subscription = $1 AND source = $2 AND seq = $3";

impl Subscriber {
    /// A reader of `log` for `subscription`, with effects in `db`.
    #[must_use]
    pub fn new(db: Db, log: Arc<dyn Log>, subscription: Subscription, retry: RetryPolicy) -> Self {
        Self {
            db,
            log,
            subscription,
            retry,
            position: watch::Sender::new(-1),
            held: AtomicBool::new(true),
        }
    }

    /// The subscription's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.subscription.name()
    }

    /// The service whose log is read.
    #[must_use]
    pub fn source(&self) -> &str {
        self.log.source()
    }

    /// The position up to which effects are durable; -1 before the first step.
    #[must_use]
    pub fn position(&self) -> watch::Receiver<i64> {
        self.position.subscribe()
    }

    /// Runs until the future is dropped.
    pub async fn run(&self) {
        let mut changes = self.log.changes();
        let mut failures = 0u32;
        loop {
            changes.mark_unchanged();
            let wait = match self.step().await {
                Ok(Progress::Moved) => {
                    failures = 0;
                    continue;
                }
                Ok(Progress::Idle) => IDLE,
                Ok(Progress::Unsettled) => UNSETTLED,
                Err(StoreError::Contention(cause)) => {
                    // Another replica is on the same log, as when the parts are dealt out anew.
                    tracing::debug!(
                        subscription = self.name(),
                        source = self.source(),
                        cause = %cause,
                        "another replica was faster"
                    );
                    IDLE
                }
                Err(error) => {
                    failures += 1;
                    tracing::warn!(
                        subscription = self.name(),
                        source = self.source(),
                        error = &error as &dyn std::error::Error,
                        "events could not be taken in; trying again"
                    );
                    tokio::time::sleep(IDLE * failures.min(30)).await;
                    continue;
                }
            };
            failures = 0;
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(wait) => {}
            }
        }
    }

    /// Takes in one batch, and tries again what is due.
    ///
    /// A busy reader goes by what it knows: that somebody else has moved the position shows when it
    /// moves it itself. An idle one asks.
    ///
    /// # Errors
    /// A failure of the store; nothing of the batch happened.
    pub async fn step(&self) -> Result<Progress> {
        let known = *self.position.borrow();
        let position = if known < 0 { self.load().await? } else { known };
        let mut retried = false;
        if self.held.load(Ordering::Relaxed) {
            retried = self.retry_due().await?;
        }
        let batch = self.log.read(position, BATCH).await?;
        let Some(last) = batch.events.last().map(|event| event.seq) else {
            if self.was_moved(position).await? {
                return Ok(Progress::Moved);
            }
            return Ok(match (batch.unsettled, retried) {
                (true, _) => Progress::Unsettled,
                (false, true) => Progress::Moved,
                (false, false) => Progress::Idle,
            });
        };
        let events: Arc<[Recorded]> = batch.events.into();
        match self.apply(position, last, Arc::clone(&events)).await {
            Ok(()) => {}
            Err(Failure::Store(error)) => {
                self.position.send_replace(-1);
                return Err(error);
            }
            Err(Failure::Handler(_)) => self.apply_singly(position, &events).await?,
        }
        Ok(Progress::Moved)
    }

    /// Where the database says we are, after a start or when somebody else has moved the position.
    async fn load(&self) -> Result<i64> {
        let (name, source) = self.key();
        let seq = self
            .db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let now = tx.now();
                tx.execute(START, params![name, &source, now]).await?;
                tx.one(POSITION, params![name, source]).await?.at::<i64>(0)
            })
            .await?;
        self.held.store(true, Ordering::Relaxed);
        self.position.send_replace(seq);
        Ok(seq)
    }

    /// Has somebody else moved the position, such as a replay?
    async fn was_moved(&self, known: i64) -> Result<bool> {
        let (name, source) = self.key();
        let row = self
            .db
            .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                tx.optional(POSITION, params![name, source]).await
            })
            .await?;
        let moved = row.map(|row| row.at::<i64>(0)).transpose()?.is_some_and(|seq| seq != known);
        if moved {
            self.position.send_replace(-1);
        }
        Ok(moved)
    }

    /// Applies a stretch of the log and moves the position, in one transaction.
    async fn apply(&self, from: i64, to: i64, events: Arc<[Recorded]>) -> Result<(), Failure> {
        let (name, source) = self.key();
        let subscription = self.subscription.clone();
        let waits = self
            .db
            .write::<_, Failure, _>(async move |tx: &mut Tx| {
                let now = tx.now();
                let moved = tx.execute(MOVE, params![name, &source, to, now, from]).await?;
                if moved != 1 {
                    // Another replica took the batch; start over from where it is.
                    return Err(StoreError::Contention("the position has moved".into()).into());
                }
                let waits = tx.one(ANY_HELD, params![name, &source]).await?.at::<bool>(0)?;
                let held = if waits {
                    held_subjects(tx, name, &source, &events).await?
                } else {
                    BTreeSet::new()
                };
                let erased =
                    erased_among(tx, events.iter().filter_map(|event| event.owner)).await?;
                let mut ready = Vec::with_capacity(events.len());
                for event in &*events {
                    if event.owner.is_some_and(|owner| erased.contains(&owner))
                        || !subscription.wants(event)
                    {
                        continue;
                    }
                    if held.contains(&event.subject) {
                        let cause = "waits behind an earlier event of the same subject";
                        hold(
                            tx,
                            name,
                            &source,
                            event,
                            Held { attempts: 0, next_at: now, dead: false, cause },
                        )
                        .await?;
                        continue;
                    }
                    ready.push(event);
                }
                subscription.handle(tx, &ready).await.map_err(Failure::of)?;
                Ok(waits)
            })
            .await?;
        self.held.store(waits, Ordering::Relaxed);
        self.position.send_replace(to);
        Ok(())
    }

    /// Applies events one transaction each; a failing one is set aside.
    async fn apply_singly(&self, from: i64, events: &[Recorded]) -> Result<()> {
        let mut position = from;
        for event in events {
            let single: Arc<[Recorded]> = Arc::new([event.clone()]);
            match self.apply(position, event.seq, single).await {
                Ok(()) => {}
                Err(Failure::Store(error)) => {
                    self.position.send_replace(-1);
                    return Err(error);
                }
                Err(Failure::Handler(error)) => self.set_aside(position, event, &error).await?,
            }
            position = event.seq;
        }
        Ok(())
    }

    async fn set_aside(&self, from: i64, event: &Recorded, error: &BoxError) -> Result<()> {
        let (name, source) = self.key();
        let (event, retry, cause) = (event.clone(), self.retry, cause(error));
        tracing::warn!(
            subscription = name,
            source,
            seq = event.seq,
            kind = event.kind,
            cause,
            "an event failed and was set aside"
        );
        let to = event.seq;
        self.db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let now = tx.now();
                if tx.execute(MOVE, params![name, &source, event.seq, now, from]).await? != 1 {
                    return Err(StoreError::Contention("the position has moved".into()));
                }
                let held = Held {
                    attempts: 1,
                    next_at: later(now, retry.delay(1)),
                    dead: retry.attempts <= 1,
                    cause: &cause,
                };
                hold(tx, name, &source, &event, held).await
            })
            .await?;
        self.held.store(true, Ordering::Relaxed);
        self.position.send_replace(to);
        Ok(())
    }

    /// Tries again the events at the head of each held subject whose time has come.
    async fn retry_due(&self) -> Result<bool> {
        let (name, source) = self.key();
        let now = self.db.clock().now();
        let due = {
            let source = source.clone();
            self.db
                .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                    tx.all(DUE, params![name, source, now]).await
                })
                .await?
        };
        let mut moved = false;
        for row in due {
            let (seq, attempts) = (row.at::<i64>(0)?, row.at::<i64>(1)?);
            match self.retry_one(seq).await {
                Ok(Ok(())) => {}
                Ok(Err(error)) => self.failed_again(seq, attempts + 1, &error).await?,
                // What was set aside can wait for the log; what follows it in the log need not.
                Err(StoreError::Log(cause)) => {
                    tracing::debug!(subscription = name, seq, cause = %cause, "not looked up");
                    return Ok(moved);
                }
                Err(error) => return Err(error),
            }
            moved = true;
        }
        Ok(moved)
    }

    async fn retry_one(&self, seq: i64) -> Result<Result<(), BoxError>> {
        let Some(event) = self.log.get(seq).await? else {
            // To drop it would be to skip it: it stays, and an operator decides.
            return Ok(Err(format!("the log of {} no longer holds it", self.source()).into()));
        };
        let (name, source) = self.key();
        let subscription = self.subscription.clone();
        let outcome = self
            .db
            .write::<_, Failure, _>(async move |tx: &mut Tx| {
                // An erasure takes away what waits: either it has, or it comes after this.
                erased_among(tx, event.owner.into_iter()).await?;
                if tx.execute(TAKE, params![name, source, seq]).await? == 1
                    && subscription.wants(&event)
                {
                    subscription.handle(tx, &[&event]).await.map_err(Failure::of)?;
                }
                Ok(())
            })
            .await;
        match outcome {
            Ok(()) => Ok(Ok(())),
            Err(Failure::Handler(error)) => Ok(Err(error)),
            Err(Failure::Store(error)) => Err(error),
        }
    }

    async fn failed_again(&self, seq: i64, attempts: i64, error: &BoxError) -> Result<()> {
        let (name, source) = self.key();
        let (retry, cause) = (self.retry, cause(error));
        let dead = attempts >= retry.attempts;
        if dead {
            tracing::error!(
                subscription = name,
                source,
                seq,
                cause,
                "an event became a dead letter"
            );
        }
        self.db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let next_at = later(tx.now(), retry.delay(attempts));
                let params = params![name, source, seq, attempts, next_at, dead, cause];
                tx.execute(FAILED, params).await.map(drop)
            })
            .await
    }

    fn key(&self) -> (&'static str, String) {
        (self.subscription.name(), self.log.source().to_owned())
    }
}

/// Why a batch failed: the store, or a handler.
enum Failure {
    Store(StoreError),
    Handler(BoxError),
}

impl Failure {
    /// A handler that failed because the store did is not to blame.
    fn of(error: BoxError) -> Self {
        match error.downcast::<StoreError>() {
            Ok(error) if error.is_temporary() => Self::Store(*error),
            Ok(error) => Self::Handler(error),
            Err(error) => Self::Handler(error),
        }
    }
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        match error {
            // Only a handler can panic or await something foreign.
            StoreError::Panicked | StoreError::AwaitedInTransaction => Self::Handler(error.into()),
            error => Self::Store(error),
        }
    }
}

struct Held<'a> {
    attempts: i64,
    next_at: Timestamp,
    dead: bool,
    cause: &'a str,
}

async fn hold(
    tx: &mut Tx,
    name: &str,
    source: &str,
    event: &Recorded,
    held: Held<'_>,
) -> Result<()> {
    let now = tx.now();
    tx.execute(
        HOLD,
        params![
            name,
            source,
            event.seq,
            &event.subject,
            &event.kind,
            event.owner,
            held.attempts,
            held.next_at,
            held.dead,
            held.cause,
            now,
        ],
    )
    .await
    .map(drop)
}

/// Which subjects of these events have an earlier event that was set aside.
async fn held_subjects(
    tx: &mut Tx,
    name: &str,
    source: &str,
    events: &[Recorded],
) -> Result<BTreeSet<String>> {
    let subjects: BTreeSet<&str> = events.iter().map(|event| event.subject.as_str()).collect();
    let subjects = padded(subjects);
    let marks = marks(&subjects, 3, |mark| mark);
    let sql = format!(
        "SELECT DISTINCT subject FROM held_events
         WHERE subscription = $1 AND source = $2 AND subject IN ({marks})"
    );
    let values = [params![name, source], &subjects].concat();
    tx.all(sql, &values).await?.iter().map(|row| row.at(0)).collect()
}

fn cause(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.chars().take(CAUSE).collect()
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use hanse_store::{Clock, Ids, StoreConfig};

    use super::*;

    const SOME: &str = "INSERT INTO held_events
        (subscription, source, seq, subject, type, attempts, next_at, dead, cause, held_at)
        VALUES ('copy', 'producer', $1, $2, '', 5, $3, TRUE, '', $3)";

    fn about(subject: &str) -> Recorded {
        Recorded {
            seq: 1,
            id: uuid::Uuid::nil(),
            kind: "producer.Told".into(),
            version: 1,
            subject: subject.into(),
            subject_version: 1,
            owner: None,
            actor: None,
            trace: None,
            time: Timestamp::UNIX_EPOCH,
            data: None,
        }
    }

    /// However many subjects wait, a batch learns only of its own.
    #[tokio::test]
    async fn a_batch_asks_about_its_own_subjects() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("hanse-held-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok();
        let config = StoreConfig::Sqlite { folder: folder.clone() };
        let db = Db::open(&config, "consumer", Ids::system(Clock::system()), false).await?;
        db.migrate(&[crate::SCHEMA]).await?;
        let found = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                let now = tx.now();
                for n in 0..10_000_i64 {
                    tx.execute(SOME, params![n, format!("s{n}"), now]).await?;
                }
                let events = [about("free"), about("s7"), about("s7"), about("s9999")];
                let none = held_subjects(tx, "other", "producer", &events).await?;
                Ok((none, held_subjects(tx, "copy", "producer", &events).await?))
            })
            .await?;
        drop(db);
        std::fs::remove_dir_all(folder).ok();
        assert!(found.0.is_empty());
        assert_eq!(found.1, BTreeSet::from(["s7".to_owned(), "s9999".to_owned()]));
        Ok(())
    }
}
