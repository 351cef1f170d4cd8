//! A service as the platform sees it.

use std::path::PathBuf;

use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use hanse_events::Subscription;
use hanse_http::{Home, Routes, Verifier};
use hanse_jobs::Worker;
use hanse_outbound::Outbound;
use hanse_store::Schema;
use hanse_telemetry::metrics::Metrics;

use crate::secrets::Secrets;

/// Any failure to build a service.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// What a service is built from.
#[derive(Clone)]
pub struct Resources {
    /// Store, sealer and progress: the kernel's part of the service's state.
    pub home: Home,
    /// Verifies access tokens in this process.
    pub verifier: Verifier,
    /// Derives keys.
    pub secrets: Secrets,
    /// Counts.
    pub metrics: Metrics,
    /// Sends requests to systems that are not ours.
    pub outbound: Outbound,
    /// A folder for what can be rebuilt, such as an index. Not backed up.
    pub cache_folder: PathBuf,
}

type Build = Box<dyn FnOnce(Resources) -> BoxFuture<'static, Result<Built, BoxError>> + Send>;

/// A service that has not been built yet.
pub struct Service {
    pub(crate) name: &'static str,
    pub(crate) schema: Schema,
    pub(crate) background: bool,
    pub(crate) build: Build,
}

impl Service {
    /// A service, its schema, and how to build it.
    pub fn new<F, Fut>(name: &'static str, schema: Schema, build: F) -> Self
    where
        F: FnOnce(Resources) -> Fut + Send + 'static,
        Fut: Future<Output = Result<Built, BoxError>> + Send + 'static,
    {
        Self { name, schema, background: false, build: Box::new(move |r| build(r).boxed()) }
    }

    /// Its store holds projections of other services' events: it gives way when the machine is busy.
    #[must_use]
    pub fn in_background(mut self) -> Self {
        self.background = true;
        self
    }

    /// Its name.
    #[must_use]
    pub fn name(&self) -> &'static str {
        self.name
    }

    /// The schemas of its store: the kernel's and its own.
    #[must_use]
    pub fn schemas(&self) -> [Schema; 4] {
        [hanse_events::SCHEMA, hanse_jobs::SCHEMA, hanse_http::SCHEMA, self.schema]
    }
}

pub(crate) type Task = Box<dyn Fn() -> BoxFuture<'static, ()> + Send + Sync>;

/// A service that was built.
pub struct Built {
    pub(crate) routes: Routes,
    pub(crate) subscriptions: Vec<Subscription>,
    pub(crate) worker: Worker,
    pub(crate) tasks: Vec<(&'static str, Task)>,
}

impl Built {
    /// A service with these operations.
    #[must_use]
    pub fn new(routes: Routes) -> Self {
        Self { routes, subscriptions: Vec::new(), worker: Worker::new(), tasks: Vec::new() }
    }

    /// Subscribes to other services' events.
    #[must_use]
    pub fn subscribe(mut self, subscription: Subscription) -> Self {
        self.subscriptions.push(subscription);
        self
    }

    /// Performs these jobs.
    #[must_use]
    pub fn jobs(mut self, worker: Worker) -> Self {
        self.worker = worker;
        self
    }

    /// Runs this for as long as the process lives; it is started again when it ends or panics.
    #[must_use]
    pub fn task<F, Fut>(mut self, name: &'static str, run: F) -> Self
    where
        F: Fn() -> Fut + Send + Sync + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        self.tasks.push((name, Box::new(move || run().boxed())));
        self
    }
}
