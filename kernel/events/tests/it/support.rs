//! The story over the embedded transport.

use hanse_events::{Progress, Subscriber};
use hanse_http::Routes;
use hanse_runtime::{BoxError, Built, Resources, Service};
use hanse_testkit::TestEvent;
use std::sync::Arc;

pub(crate) use crate::story::*;

pub(crate) fn services() -> Vec<Service> {
    let consumer = Service::new("consumer", SCHEMA, async |_: Resources| {
        Ok::<_, BoxError>(Built::new(Routes::new("consumer")).subscribe(subscription()))
    });
    vec![TestEvent::source("producer"), consumer]
}

pub(crate) fn subscriber(t: &Stage) -> Arc<Subscriber> {
    Arc::clone(&t.platform.cell("consumer").unwrap().subscribers()[0])
}

pub(crate) async fn step(t: &Stage) -> Progress {
    subscriber(t).step().await.unwrap()
}
