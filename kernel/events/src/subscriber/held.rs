//! Events that were set aside: held back, tried again, and given up.

use std::collections::BTreeSet;

use hanse_store::{Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};

use super::Subscriber;
use super::apply::Failure;
use crate::erase::{erased_among, marks, padded};
use crate::event::Recorded;
use crate::subscription::BoxError;

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
    /// Tries again the events at the head of each held subject whose time has come.
    pub(super) async fn retry_due(&self) -> Result<bool> {
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
}

#[derive(Clone, Copy)]
pub(super) struct Held<'a> {
    pub(super) attempts: i64,
    pub(super) next_at: Timestamp,
    pub(super) dead: bool,
    pub(super) cause: &'a str,
}

pub(super) async fn hold(
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
pub(super) async fn held_subjects(
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

pub(super) fn cause(error: &BoxError) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text = format!("{text}: {error}");
        source = error.source();
    }
    text.chars().take(CAUSE).collect()
}

pub(super) fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}

#[cfg(test)]
mod tests {
    use hanse_store::{Clock, Db, Ids, StoreConfig};

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
