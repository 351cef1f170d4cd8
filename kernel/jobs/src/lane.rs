//! Taking jobs from the table and putting the result of a try back.

use std::time::Duration;

use hanse_store::{Db, Result, Row, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// A job that has not ended by then is given up and taken again.
const LEASE: Duration = Duration::from_secs(60);

/// A job that this process may try until its lease ends.
#[derive(Clone, Debug)]
pub(crate) struct Leased {
    pub(crate) id: Uuid,
    pub(crate) payload: String,
    pub(crate) attempt: i64,
    pub(crate) deadline: Option<Timestamp>,
    pub(crate) lease: Uuid,
}

/// What becomes of a job after a try.
#[derive(Debug)]
pub(crate) enum Verdict {
    End,
    Again(Timestamp),
    Retry(String),
    Bury(String),
}

const DUE: &str = "SELECT 1 AS due FROM jobs WHERE kind = $2 AND dead = FALSE AND run_at <= $1
    AND (lease_until IS NULL OR lease_until <= $1) LIMIT 1";
const LEASE_SQLITE: &str = "UPDATE jobs SET lease = $1, lease_until = $2, attempts = attempts + 1
    WHERE id IN (SELECT id FROM jobs WHERE kind = $5 AND dead = FALSE AND run_at <= $3
                 AND (lease_until IS NULL OR lease_until <= $3) ORDER BY run_at LIMIT $4)
    RETURNING id, payload, attempts, deadline, lease";
// Replicas that lease at the same time must not take the same rows.
const LEASE_POSTGRES: &str = "UPDATE jobs SET lease = $1, lease_until = $2, attempts = attempts + 1
    WHERE id IN (SELECT id FROM jobs WHERE kind = $5 AND dead = FALSE AND run_at <= $3
                 AND (lease_until IS NULL OR lease_until <= $3) ORDER BY run_at LIMIT $4
                 FOR UPDATE SKIP LOCKED)
    RETURNING id, payload, attempts, deadline, lease";
const END: &str = "DELETE FROM jobs WHERE id = $1 AND lease = $2";
const AGAIN: &str = "UPDATE jobs SET run_at = $3, attempts = 0, lease = NULL, lease_until = NULL
    WHERE id = $1 AND lease = $2";
const RETRY: &str = "UPDATE jobs SET run_at = $3, cause = $4, lease = NULL, lease_until = NULL
    WHERE id = $1 AND lease = $2";
const BURY: &str = "UPDATE jobs SET dead = TRUE, cause = $3, lease = NULL, lease_until = NULL
    WHERE id = $1 AND lease = $2";

/// Takes up to `most` jobs of this kind that are due.
pub(crate) async fn lease(db: &Db, kind: &'static str, most: usize) -> Result<Vec<Leased>> {
    let now = db.clock().now();
    let due = async move |tx: &mut Tx| tx.optional(DUE, params![now, kind]).await;
    if db.read::<_, StoreError, _>(due).await?.is_none() {
        return Ok(Vec::new());
    }
    let rows = db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let until = later(now, SignedDuration::try_from(LEASE).unwrap_or_default());
            let params = params![tx.new_id(), until, now, most, kind];
            tx.all(tx.pick((LEASE_SQLITE, LEASE_POSTGRES)), params).await
        })
        .await?;
    rows.iter().map(leased).collect()
}

fn leased(row: &Row) -> Result<Leased> {
    Ok(Leased {
        id: row.at(0)?,
        payload: row.at(1)?,
        attempt: row.at(2)?,
        deadline: row.at(3)?,
        lease: row.at(4)?,
    })
}

/// Puts back what became of these jobs, all in one transaction. Whoever's lease has ended meanwhile
/// changes nothing.
pub(crate) async fn settle(db: &Db, verdicts: Vec<(Leased, Verdict)>) -> Result<()> {
    db.write(async move |tx: &mut Tx| {
        for (job, verdict) in verdicts {
            let (id, lease) = (job.id, job.lease);
            match verdict {
                Verdict::End => tx.execute(END, params![id, lease]).await?,
                Verdict::Again(at) => tx.execute(AGAIN, params![id, lease, at]).await?,
                Verdict::Retry(cause) => {
                    let at = later(tx.now(), pause(&job));
                    tx.execute(RETRY, params![id, lease, at, cause]).await?
                }
                Verdict::Bury(cause) => tx.execute(BURY, params![id, lease, cause]).await?,
            };
        }
        Ok(())
    })
    .await
}

/// The pause after a failed try: it doubles, and is up to a quarter longer by the job, so that those
/// that failed together are not tried together.
fn pause(job: &Leased) -> SignedDuration {
    let millis = 1000i64 << job.attempt.clamp(0, 15);
    let share = i64::from(job.id.as_bytes().last().copied().unwrap_or(0));
    SignedDuration::from_millis(millis + millis * share / 1024)
}

fn later(now: Timestamp, by: SignedDuration) -> Timestamp {
    now.saturating_add(by).unwrap_or(now)
}
