//! Asking for work inside a transaction.

use hanse_store::{Json, Result, Tx, params};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// Work to be done after the commit.
#[derive(Clone, Debug)]
pub struct Job<P> {
    kind: &'static str,
    payload: P,
    key: Option<String>,
    owner: Option<Uuid>,
    run_at: Option<Timestamp>,
    deadline: Option<Timestamp>,
}

impl<P: Serialize> Job<P> {
    /// A job of this kind, due at once.
    #[must_use]
    pub fn new(kind: &'static str, payload: P) -> Self {
        Self { kind, payload, key: None, owner: None, run_at: None, deadline: None }
    }

    /// Makes it the only job of its kind with this key. A second one is not added, but wakes the
    /// first from the dead and brings it forward: a timer that gave up, or was set while a clock
    /// ran ahead, lives again at the next start.
    #[must_use]
    pub fn key(mut self, key: impl Into<String>) -> Self {
        self.key = Some(key.into());
        self
    }

    /// Whose personal data the payload carries; the job is dropped when they are erased.
    #[must_use]
    pub fn owner(mut self, owner: Uuid) -> Self {
        self.owner = Some(owner);
        self
    }

    /// Not before this time.
    #[must_use]
    pub fn at(mut self, time: Timestamp) -> Self {
        self.run_at = Some(time);
        self
    }

    /// Not tried after this time.
    #[must_use]
    pub fn deadline(mut self, time: Timestamp) -> Self {
        self.deadline = Some(time);
        self
    }
}

const INSERT: &str = "INSERT INTO jobs
    (id, kind, key, payload, owner, run_at, deadline, attempts, dead, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, 0, FALSE, $8)
    ON CONFLICT (kind, key) DO UPDATE SET dead = FALSE, attempts = 0, run_at = excluded.run_at
    WHERE jobs.dead OR jobs.run_at > excluded.run_at";

/// Adds `tx.schedule(job)`.
pub trait Schedule {
    /// Writes the job in this transaction. False when one with the same key waits already, and not
    /// for longer.
    ///
    /// # Errors
    /// Whatever the store says.
    fn schedule<P: Serialize + Send>(
        &mut self,
        job: Job<P>,
    ) -> impl Future<Output = Result<bool>> + Send;
}

impl Schedule for Tx {
    async fn schedule<P: Serialize + Send>(&mut self, job: Job<P>) -> Result<bool> {
        let now = self.now();
        let params = params![
            self.new_id(),
            job.kind,
            job.key,
            Json(job.payload),
            job.owner,
            job.run_at.unwrap_or(now),
            job.deadline,
            now,
        ];
        let added = self.execute(INSERT, params).await? == 1;
        if added {
            self.note_job();
        }
        Ok(added)
    }
}

/// Drops the jobs whose payload carries this owner's data.
///
/// # Errors
/// Whatever the store says.
pub async fn erase_owner(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute("DELETE FROM jobs WHERE owner = $1", params![owner]).await.map(drop)
}
