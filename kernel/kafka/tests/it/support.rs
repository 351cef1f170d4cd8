//! The story over Kafka, stepped by hand.

use hanse_events::Progress;
use hanse_runtime::{BoxError, Built, Resources, Service};

pub(crate) use crate::story::*;

pub(crate) fn services() -> Vec<Service> {
    // Whoever plays the consumer follows over Kafka (see `stage.rs`), so nothing subscribes here.
    let consumer = Service::new("consumer", SCHEMA, async |_: Resources| {
        Ok::<_, BoxError>(Built::new(hanse_http::Routes::new("consumer")))
    });
    vec![testkit::TestEvent::source("producer"), consumer]
}

pub(crate) async fn step(t: &Stage) -> Progress {
    t.step().await
}
