//! Playing another service: a scene of one service can append the events that it follows.

use hanse_events::DomainEvent;
use hanse_runtime::{BoxError, Built, Resources, Service};
use hanse_store::{Schema, StoreError, Tx};

use crate::stage::Stage;

/// Stands in for a service that is not part of the scene: it has a log and nothing else.
pub struct TestEvent;

impl TestEvent {
    /// A stand-in for the service `name`; add it to the scene's services.
    #[must_use]
    pub fn source(name: &'static str) -> Service {
        let schema = Schema { owner: "stand-in", migrations: &[] };
        Service::new(name, schema, move |_: Resources| async move {
            Ok::<_, BoxError>(Built::new(hanse_http::Routes::new(name)))
        })
    }
}

impl Stage {
    /// Appends an event to the log of the service it belongs to, as that service would.
    pub async fn emit<T: DomainEvent>(&self, event: T) {
        use hanse_events::Emit as _;
        let source = T::TYPE.split_once('.').expect("a type with a service").0;
        self.db(source)
            .write::<_, StoreError, _>(async move |tx: &mut Tx| tx.emit(&event).await)
            .await
            .expect("the event is appended");
    }
}

impl Stage {
    /// Everything in a service's log, at most 1,000 events.
    pub async fn log(&self, service: &str) -> Vec<hanse_events::Recorded> {
        self.db(service)
            .read::<_, StoreError, _>(async |tx: &mut Tx| {
                hanse_events::admin::list(tx, 0, 1000).await
            })
            .await
            .expect("the log can be read")
    }
}
