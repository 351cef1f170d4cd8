//! What a service wants to hear of, and what it does then.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use futures_util::future::BoxFuture;
use hanse_store::{StoreError, Tx};

use crate::event::{DomainEvent, Event, Recorded};

/// Any failure of a handler.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;
/// What a handler returns.
pub type HandlerResult = Result<(), BoxError>;

type Erased = dyn for<'a> Fn(&'a mut Tx, &Recorded) -> BoxFuture<'a, HandlerResult> + Send + Sync;

/// An async function of a transaction and an event.
///
/// Implemented for every `async fn(&mut Tx, Event<T>) -> HandlerResult`.
pub trait Handler<'a, T>: Send + Sync + 'static {
    /// What it returns.
    type Future: Future<Output = HandlerResult> + Send + 'a;
    /// Applies the event.
    fn call(&self, tx: &'a mut Tx, event: Event<T>) -> Self::Future;
}

impl<'a, T, F, Fut> Handler<'a, T> for F
where
    F: Fn(&'a mut Tx, Event<T>) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = HandlerResult> + Send + 'a,
{
    type Future = Fut;
    fn call(&self, tx: &'a mut Tx, event: Event<T>) -> Fut {
        self(tx, event)
    }
}

/// A named reader of one or more logs. Its name is its identity: positions are kept under it.
#[derive(Clone)]
pub struct Subscription {
    name: &'static str,
    handlers: BTreeMap<&'static str, Arc<Erased>>,
    reset: &'static [&'static str],
}

impl Subscription {
    /// A subscription without handlers.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, handlers: BTreeMap::new(), reset: &[] }
    }

    /// Applies `handler` to every event of type `T`, in the transaction that moves the position. It
    /// must have no effect outside its transaction: it may run again if that does not commit.
    #[must_use]
    pub fn on<T: DomainEvent>(mut self, handler: impl for<'a> Handler<'a, T>) -> Self {
        let handler = Arc::new(handler);
        let erased: Arc<Erased> = Arc::new(move |tx, record| match decode::<T>(record) {
            Ok(event) => {
                let handler = Arc::clone(&handler);
                Box::pin(async move { handler.call(tx, event).await })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        });
        self.handlers.insert(T::TYPE, erased);
        self
    }

    /// Says how to empty what the handlers have built, so that it can be rebuilt from the logs.
    #[must_use]
    pub fn emptied_by(mut self, statements: &'static [&'static str]) -> Self {
        self.reset = statements;
        self
    }

    /// Empties what the handlers have built and starts over from the first event, in this
    /// transaction. A subscription that is no projection cannot be replayed.
    ///
    /// # Errors
    /// [`StoreError::Refused`] when it is no projection.
    pub async fn replay(&self, tx: &mut Tx) -> hanse_store::Result<()> {
        if self.reset.is_empty() {
            return Err(StoreError::Refused(
                "this subscription is no projection; it cannot be replayed",
            ));
        }
        for statement in self.reset {
            tx.execute(*statement, &[]).await?;
        }
        crate::admin::rewind(tx, self.name).await.map(drop)
    }

    /// The subscription's name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The services whose logs it reads.
    #[must_use]
    pub fn sources(&self) -> BTreeSet<&'static str> {
        self.handlers
            .keys()
            .filter_map(|kind| kind.split_once('.'))
            .map(|(source, _)| source)
            .collect()
    }

    pub(crate) fn wants(&self, record: &Recorded) -> bool {
        // Erased events have nothing left to say.
        record.data.is_some() && self.handlers.contains_key(record.kind.as_str())
    }

    pub(crate) fn handle<'a>(
        &self,
        tx: &'a mut Tx,
        record: &Recorded,
    ) -> BoxFuture<'a, HandlerResult> {
        match self.handlers.get(record.kind.as_str()) {
            Some(handler) => handler(tx, record),
            None => Box::pin(std::future::ready(Ok(()))),
        }
    }
}

fn decode<T: DomainEvent>(record: &Recorded) -> Result<Event<T>, BoxError> {
    if record.version > T::VERSION {
        return Err(format!(
            "{} has version {}, newer than version {} that this release knows",
            record.kind,
            record.version,
            T::VERSION
        )
        .into());
    }
    let data = serde_json::from_str(record.data.as_deref().unwrap_or("null"))?;
    Ok(Event {
        seq: record.seq,
        id: record.id,
        subject: record.subject.clone(),
        subject_version: record.subject_version,
        actor: record.actor,
        time: record.time,
        data,
    })
}
