//! What brings other processes' logs here, and keeps a subscription on the parts it is given.
//!
//! In one process a subscriber reads its producer's table ([`EmbeddedLog`](crate::EmbeddedLog)). In
//! a split topology a [`Transport`] carries the logs, cut into parts; each part is a [`Log`] of its
//! own with a position of its own, and the replicas of a service share the parts among them. Two
//! replicas may follow the same part for a moment: the compare-and-set of the position decides.

use std::sync::Arc;

use futures_util::future::BoxFuture;
use hanse_store::{Db, Schema};
use tokio::sync::watch;

use crate::applied::Applied;
use crate::log::Log;
use crate::subscriber::{RetryPolicy, Subscriber, run_together};
use crate::subscription::Subscription;

/// Who follows a log: replicas with the same group share its parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Group {
    /// The subscribing service.
    pub service: &'static str,
    /// The name of its subscription.
    pub subscription: &'static str,
}

/// Carries logs between processes.
pub trait Transport: Send + Sync {
    /// The tables that it needs in the database of every service.
    fn schema(&self) -> Schema;

    /// Publishes the log of `service`, which owns `db`, until the future is dropped. Replicas may all
    /// do so: they agree who does.
    fn publish(&self, service: &'static str, db: Db) -> BoxFuture<'static, ()>;

    /// The parts of `source`'s log that this process is to follow for `group`; changes as replicas
    /// come and go. Following ends when the last receiver is dropped.
    fn follow(&self, source: &'static str, group: Group) -> watch::Receiver<Vec<Arc<dyn Log>>>;

    /// Into how many parts `source`'s log is cut. Part `n` of them is the [`Log`] with the source
    /// `<source>/<n>`, counted from 0.
    fn parts(&self, source: &str) -> u32;
}

/// One [`Subscriber`] for every part of a source that this process is to follow. What they find is
/// taken in together, so that many parts cost few transactions.
pub struct Following {
    db: Db,
    source: &'static str,
    service: &'static str,
    subscription: Subscription,
    retry: RetryPolicy,
    transport: Arc<dyn Transport>,
    moved: watch::Sender<u64>,
}

impl Following {
    /// Follows `source` for `subscription` of `service`, with effects in `db`.
    #[must_use]
    pub fn new(
        db: Db,
        transport: Arc<dyn Transport>,
        source: &'static str,
        service: &'static str,
        subscription: Subscription,
        retry: RetryPolicy,
    ) -> Self {
        let moved = watch::Sender::new(0);
        Self { db, source, service, subscription, retry, transport, moved }
    }

    /// Lets `applied` wait for this subscription: for all parts, whichever replica follows them.
    pub fn register(&self, applied: &Applied) {
        let moved = self.moved.subscribe();
        applied.register_parts(
            self.source,
            self.transport.parts(self.source),
            self.db.clone(),
            self.subscription.name(),
            moved,
        );
    }

    /// Runs until the future is dropped; takes parts on and gives them up as the assignment changes.
    pub async fn run(&self) {
        let group = Group { service: self.service, subscription: self.subscription.name() };
        let mut parts = self.transport.follow(self.source, group);
        let mut readers: Vec<(Arc<dyn Log>, Subscriber)> = Vec::new();
        loop {
            let wanted = parts.borrow_and_update().clone();
            readers.retain(|(log, _)| wanted.iter().any(|part| Arc::ptr_eq(part, log)));
            for part in wanted {
                if !readers.iter().any(|(log, _)| Arc::ptr_eq(log, &part)) {
                    let reader = self.reader(Arc::clone(&part));
                    readers.push((part, reader));
                }
            }
            let here: Vec<&Subscriber> = readers.iter().map(|(_, reader)| reader).collect();
            let moved = || self.moved.send_modify(|count| *count += 1);
            tokio::select! {
                changed = parts.changed() => if changed.is_err() { break },
                () = run_together(&here, moved) => {}
            }
        }
        // The transport has ended; so does whoever supervises this.
        drop(readers);
        std::future::pending::<()>().await;
    }

    fn reader(&self, part: Arc<dyn Log>) -> Subscriber {
        Subscriber::new(self.db.clone(), part, self.subscription.clone(), self.retry)
            .one_of(self.transport.parts(self.source))
    }
}
