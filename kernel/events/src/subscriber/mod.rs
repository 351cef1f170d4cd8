//! Carries events from a log into one service's database, exactly once.
//!
//! What there is to take in is first tried whole: all handlers and the new positions in one
//! transaction, for all parts of the log together where it comes in parts (`apply.rs`). If a handler
//! fails, nothing of it happened, and it is done again event by event, so that only the failing one is
//! set aside. Setting aside ([`held_events`](crate::SCHEMA)) also moves the position, so the log flows
//! on; later events of the same subject are set aside behind it, untried, and are applied in order once
//! it succeeds, is discarded, or is redriven by an operator (`held.rs`).
//!
//! A failure of the store itself (full, stopped, unreachable) is nobody's fault: nothing is set
//! aside, the batch is tried again later.

mod apply;
mod held;
mod position;
mod turn;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hanse_store::{Db, Result, StoreError, Tx};
use tokio::sync::watch;

pub use held::RetryPolicy;
pub(crate) use turn::run_together;

use crate::log::Log;
use crate::subscription::Subscription;
use apply::Stretch;

/// Events a batch holds at most.
const BATCH: u32 = 500;

/// What one step has done.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Progress {
    /// Nothing to do.
    Idle,
    /// Something is there but not yet deliverable.
    Unsettled,
    /// Events were taken in; there may be more.
    Moved,
}

/// The reader of one log, or one part of a log, for one subscription.
pub struct Subscriber {
    db: Db,
    log: Arc<dyn Log>,
    subscription: Subscription,
    retry: RetryPolicy,
    /// Into how many parts the log is cut, if it is one of them.
    parts: Option<u32>,
    position: watch::Sender<i64>,
    /// May there be events of this source that were set aside?
    held: AtomicBool,
}

/// What a look at the log has shown.
enum Look {
    Events(Stretch),
    Nothing(Progress),
}

impl Subscriber {
    /// A reader of `log` for `subscription`, with effects in `db`.
    #[must_use]
    pub fn new(db: Db, log: Arc<dyn Log>, subscription: Subscription, retry: RetryPolicy) -> Self {
        Self {
            db,
            log,
            subscription,
            retry,
            parts: None,
            position: watch::Sender::new(-1),
            held: AtomicBool::new(true),
        }
    }

    /// Says that the log is one of so many parts of its producer's.
    #[must_use]
    pub fn one_of(self, parts: u32) -> Self {
        Self { parts: Some(parts), ..self }
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
        run_together(std::slice::from_ref(&self), || {}).await;
    }

    /// Takes in one batch, and tries again what is due.
    ///
    /// # Errors
    /// A failure of the store; nothing of the batch happened.
    pub async fn step(&self) -> Result<Progress> {
        match self.look(BATCH, true).await? {
            Look::Events(stretch) => {
                let mut taken = Ok(());
                apply::take_in(&[(self, stretch)], |_, one| taken = one).await;
                taken.map(|()| Progress::Moved)
            }
            Look::Nothing(progress) => Ok(progress),
        }
    }

    /// Tries again what is due, and looks for up to `limit` events.
    ///
    /// A reader goes by the position that it knows: that somebody else has moved it shows when it moves
    /// it itself. One that finds nothing has to ask now and then.
    async fn look(&self, limit: u32, ask: bool) -> Result<Look> {
        let known = *self.position.borrow();
        let position = if known < 0 { self.load().await? } else { known };
        let retried = self.held.load(Ordering::Relaxed) && self.retry_due().await?;
        let batch = self.log.read(position, limit).await?;
        if let Some(last) = batch.events.last() {
            let to = last.seq;
            return Ok(Look::Events(Stretch { from: position, to, events: batch.events.into() }));
        }
        let moved = retried || ask && self.was_moved(position).await?;
        Ok(Look::Nothing(match (moved, batch.unsettled) {
            (_, true) => Progress::Unsettled,
            (true, false) => Progress::Moved,
            (false, false) => Progress::Idle,
        }))
    }

    /// Where the database says we are, after a start or when somebody else has moved the position.
    async fn load(&self) -> Result<i64> {
        let ((name, source), parts) = (self.key(), self.parts);
        let seq = self
            .db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                position::begin(tx, name, &source, parts).await
            })
            .await?;
        self.held.store(true, Ordering::Relaxed);
        self.position.send_replace(seq);
        Ok(seq)
    }

    /// Has somebody else moved the position, such as a replay?
    async fn was_moved(&self, known: i64) -> Result<bool> {
        let (name, source) = self.key();
        let stored = self
            .db
            .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                position::stored(tx, name, &source).await
            })
            .await?;
        let moved = stored.is_some_and(|seq| seq != known);
        if moved {
            self.forget();
        }
        Ok(moved)
    }

    /// Somebody else may have moved the position, or what waits.
    fn forget(&self) {
        self.position.send_replace(-1);
    }

    /// Effects up to here are durable; `waits` when something of this log was set aside.
    fn reached(&self, seq: i64, waits: bool) {
        self.held.store(waits, Ordering::Relaxed);
        self.position.send_replace(seq);
    }

    fn key(&self) -> (&'static str, String) {
        (self.subscription.name(), self.log.source().to_owned())
    }
}
