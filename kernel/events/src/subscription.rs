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

type Erased =
    dyn for<'a> Fn(&'a mut Tx, &[&Recorded]) -> BoxFuture<'a, HandlerResult> + Send + Sync;

type Observer = dyn for<'a> Fn(&'a mut Tx, Recorded) -> BoxFuture<'a, HandlerResult> + Send + Sync;

/// An async function of a transaction and of what has happened: one event, or a run of them.
///
/// Implemented for every `async fn(&mut Tx, Event<T>) -> HandlerResult`, and for the same with a
/// `Vec<Event<T>>`.
pub trait Handler<'a, E>: Send + Sync + 'static {
    /// What it returns.
    type Future: Future<Output = HandlerResult> + Send + 'a;
    /// Applies what has happened.
    fn call(&self, tx: &'a mut Tx, happened: E) -> Self::Future;
}

impl<'a, E, F, Fut> Handler<'a, E> for F
where
    F: Fn(&'a mut Tx, E) -> Fut + Send + Sync + 'static,
    Fut: Future<Output = HandlerResult> + Send + 'a,
{
    type Future = Fut;
    fn call(&self, tx: &'a mut Tx, happened: E) -> Fut {
        self(tx, happened)
    }
}

/// A named reader of one or more logs. Its name is its identity: positions are kept under it.
#[derive(Clone)]
pub struct Subscription {
    name: &'static str,
    handlers: BTreeMap<&'static str, Arc<Erased>>,
    observers: BTreeMap<&'static str, Arc<Observer>>,
    reset: &'static [&'static str],
}

impl Subscription {
    /// A subscription without handlers.
    #[must_use]
    pub fn new(name: &'static str) -> Self {
        Self { name, handlers: BTreeMap::new(), observers: BTreeMap::new(), reset: &[] }
    }

    /// Applies `handler` to every event of type `T`, in the transaction that moves the position. It
    /// must have no effect outside its transaction: it may run again if that does not commit.
    #[must_use]
    pub fn on<T: DomainEvent>(mut self, handler: impl for<'a> Handler<'a, Event<T>>) -> Self {
        let handler = Arc::new(handler);
        let erased: Arc<Erased> = Arc::new(move |tx, run| match decode_all::<T>(run) {
            Ok(events) => {
                let handler = Arc::clone(&handler);
                Box::pin(async move {
                    for event in events {
                        handler.call(&mut *tx, event).await?;
                    }
                    Ok(())
                })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        });
        self.handlers.insert(T::TYPE, erased);
        self
    }

    /// As [`Subscription::on`], for events that come in numbers: `handler` gets runs, which are
    /// neighbours of type `T` in the log (but for events that do not concern this subscription),
    /// oldest first, and can write what they amount to in a few statements. One event alone is a run
    /// too, and if a run fails each of its events is tried alone.
    #[must_use]
    pub fn on_run<T: DomainEvent>(
        mut self,
        handler: impl for<'a> Handler<'a, Vec<Event<T>>>,
    ) -> Self {
        let handler = Arc::new(handler);
        let erased: Arc<Erased> = Arc::new(move |tx, run| match decode_all::<T>(run) {
            Ok(events) => {
                let handler = Arc::clone(&handler);
                Box::pin(async move { handler.call(tx, events).await })
            }
            Err(error) => Box::pin(std::future::ready(Err(error))),
        });
        self.handlers.insert(T::TYPE, erased);
        self
    }

    /// Also applies `observer` to every event of these types, as it stands in the log, after the handler
    /// of its type if there is one. For those who do not know beforehand which types matter.
    #[must_use]
    pub fn on_each<F>(mut self, kinds: impl IntoIterator<Item = &'static str>, observer: F) -> Self
    where
        F: for<'a> Fn(&'a mut Tx, Recorded) -> BoxFuture<'a, HandlerResult>,
        F: Send + Sync + 'static,
    {
        let observer: Arc<Observer> = Arc::new(observer);
        self.observers.extend(kinds.into_iter().map(|kind| (kind, Arc::clone(&observer))));
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
        let kinds = self.handlers.keys().chain(self.observers.keys());
        kinds.filter_map(|kind| kind.split_once('.')).map(|(source, _)| source).collect()
    }

    pub(crate) fn wants(&self, record: &Recorded) -> bool {
        // Erased events have nothing left to say.
        let kind = record.kind.as_str();
        record.data.is_some()
            && (self.handlers.contains_key(kind) || self.observers.contains_key(kind))
    }

    /// Applies wanted events in order.
    pub(crate) async fn handle(&self, tx: &mut Tx, events: &[&Recorded]) -> HandlerResult {
        for run in events.chunk_by(|one, next| one.kind == next.kind) {
            let Some(kind) = run.first().map(|event| event.kind.as_str()) else { continue };
            if let Some(handler) = self.handlers.get(kind) {
                handler(&mut *tx, run).await?;
            }
            if let Some(observer) = self.observers.get(kind) {
                for record in run {
                    observer(&mut *tx, (*record).clone()).await?;
                }
            }
        }
        Ok(())
    }
}

fn decode_all<T: DomainEvent>(run: &[&Recorded]) -> Result<Vec<Event<T>>, BoxError> {
    run.iter().map(|record| decode(record)).collect()
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

#[cfg(test)]
mod tests {
    use hanse_store::{Clock, Db, Ids, StoreConfig, params};
    use schemars::JsonSchema;
    use serde::{Deserialize, Serialize};

    use super::*;

    macro_rules! event {
        ($name:ident) => {
            #[derive(Serialize, Deserialize, JsonSchema)]
            struct $name {}
            impl DomainEvent for $name {
                const TYPE: &'static str = concat!("producer.", stringify!($name));
                fn subject(&self) -> String {
                    String::new()
                }
                fn owner(&self) -> Option<uuid::Uuid> {
                    None
                }
            }
        };
    }
    event!(Told);
    event!(Asked);

    fn record(seq: i64, kind: &str) -> Recorded {
        Recorded {
            seq,
            id: uuid::Uuid::nil(),
            kind: kind.into(),
            version: 1,
            subject: "s".into(),
            subject_version: seq,
            owner: None,
            actor: None,
            trace: None,
            time: jiff::Timestamp::UNIX_EPOCH,
            data: Some("{}".into()),
        }
    }

    async fn note(tx: &mut Tx, what: String) -> HandlerResult {
        Ok(tx.execute("INSERT INTO calls (what) VALUES ($1)", params![what]).await.map(drop)?)
    }

    async fn told(tx: &mut Tx, run: Vec<Event<Told>>) -> HandlerResult {
        note(tx, format!("told {:?}", run.iter().map(|event| event.seq).collect::<Vec<_>>())).await
    }

    async fn asked(tx: &mut Tx, event: Event<Asked>) -> HandlerResult {
        note(tx, format!("asked {}", event.seq)).await
    }

    /// Neighbours of one type come together where that is wished, all in the order of the log.
    #[tokio::test]
    async fn runs_keep_the_order_of_the_log() -> hanse_store::Result<()> {
        let folder = std::env::temp_dir().join(format!("hanse-runs-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok();
        let config = StoreConfig::Sqlite { folder: folder.clone() };
        let db = Db::open(&config, "consumer", Ids::system(Clock::system()), false).await?;
        let subscription = Subscription::new("runs").on_run(told).on(asked);
        let calls = db
            .write::<_, StoreError, _>(async move |tx: &mut Tx| {
                tx.execute("CREATE TABLE calls (what TEXT NOT NULL)", &[]).await?;
                let kinds = [Told::TYPE, Told::TYPE, Asked::TYPE, Asked::TYPE, "x.Y", Told::TYPE];
                let records: Vec<Recorded> =
                    (1..).zip(kinds).map(|(seq, kind)| record(seq, kind)).collect();
                let wanted: Vec<&Recorded> =
                    records.iter().filter(|record| subscription.wants(record)).collect();
                let handled = subscription.handle(tx, &wanted).await;
                handled.map_err(|_| StoreError::Refused("handlers fail only with the store"))?;
                let rows = tx.all("SELECT what FROM calls ORDER BY rowid", &[]).await?;
                rows.iter().map(|row| row.at::<String>(0)).collect::<Result<Vec<_>, _>>()
            })
            .await?;
        drop(db);
        std::fs::remove_dir_all(folder).ok();
        assert_eq!(calls, ["told [1, 2]", "asked 3", "asked 4", "told [6]"]);
        Ok(())
    }
}
