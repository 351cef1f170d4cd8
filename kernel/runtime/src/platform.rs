//! Build, wire, start, drain.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use hanse_events::{
    Applied, EmbeddedLog, Following, Log, RetryPolicy, Subscriber, Subscription, Transport,
};
use hanse_http::{Home, Routes, Sealer, Verifier};
use hanse_jobs::Worker;
use hanse_outbound::Outbound;
use hanse_store::{Db, Ids, StoreConfig, StoreError};
use hanse_telemetry::metrics::Metrics;
use serde::Serialize;
use tokio::runtime::Handle;

use crate::secrets::Secrets;
use crate::service::{BoxError, Resources, Service, Task};
use crate::supervisor::Supervisor;

/// What the platform itself needs to know.
#[derive(Clone)]
pub struct PlatformConfig {
    /// Where data lives.
    pub store: StoreConfig,
    /// Where what can be rebuilt lives.
    pub cache_folder: PathBuf,
    /// Time, ids and randomness.
    pub ids: Ids,
    /// Derives keys.
    pub secrets: Secrets,
    /// Verifies access tokens.
    pub verifier: Verifier,
    /// Counts.
    pub metrics: Metrics,
    /// Sends requests to systems that are not ours.
    pub outbound: Outbound,
    /// How failing events are tried again.
    pub retry: RetryPolicy,
    /// Carries the logs between processes. Services of this process follow each other by it too, so
    /// that positions are the same whichever process serves what; without it, all services that follow
    /// each other must be here.
    pub transport: Option<Arc<dyn Transport>>,
}

/// Why a platform does not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A store cannot be opened or migrated.
    #[error("the data of {service} cannot be used")]
    Store {
        /// Whose.
        service: &'static str,
        /// Why.
        #[source]
        source: StoreError,
    },
    /// A service cannot be built.
    #[error("{service} cannot start")]
    Service {
        /// Which.
        service: &'static str,
        /// Why.
        #[source]
        source: BoxError,
    },
    /// A subscription reads a service that is not here and has no address.
    #[error("{service} follows {missing}, which is not served here and has no address")]
    MissingPeer {
        /// Who follows.
        service: &'static str,
        /// Whom.
        missing: &'static str,
    },
}

/// A built service in its place.
pub struct Cell {
    /// Its name.
    pub name: &'static str,
    /// Its store.
    pub db: Db,
    /// Its operations.
    pub routes: Routes,
    /// What it subscribes to.
    pub subscriptions: Vec<Subscription>,
    /// How far its projections have come.
    pub applied: Applied,
    subscribers: Vec<Arc<Subscriber>>,
    followings: Vec<Arc<Following>>,
    worker: Worker,
    tasks: Vec<(&'static str, Arc<Task>)>,
}

/// All services of this process.
pub struct Platform {
    cells: Vec<Cell>,
    metrics: Metrics,
    transport: Option<Arc<dyn Transport>>,
}

/// Health of one thing the process depends on.
#[derive(Clone, Debug, Serialize)]
pub struct Dependency {
    /// What it is.
    pub name: String,
    /// Can it be used?
    pub ready: bool,
    /// Is the process unready without it? Losing one that is not required costs speed only.
    pub required: bool,
    /// Why not, in words for an operator.
    pub cause: Option<String>,
}

impl Platform {
    /// Opens stores, applies migrations, builds the services and wires their subscriptions.
    ///
    /// # Errors
    /// [`StartError`], naming the service.
    pub async fn build(config: PlatformConfig, services: Vec<Service>) -> Result<Self, StartError> {
        let mut cells = Vec::new();
        for service in services {
            cells.push(build_cell(&config, service).await?);
        }
        let logs: BTreeMap<_, Arc<dyn Log>> = cells
            .iter()
            .filter(|_| config.transport.is_none())
            .map(|cell| (cell.name, Arc::new(EmbeddedLog::new(cell.db.clone())) as Arc<dyn Log>))
            .collect();
        let cells = cells
            .into_iter()
            .map(|mut cell| {
                for subscription in &cell.subscriptions {
                    for source in subscription.sources() {
                        let Some(log) = logs.get(source) else {
                            // A scene may run one service alone; a real process checks its peers
                            // before (see `missing_peers`).
                            let Some(transport) = &config.transport else { continue };
                            let following = Following::new(
                                cell.db.clone(),
                                Arc::clone(transport),
                                source,
                                cell.name,
                                subscription.clone(),
                                config.retry,
                            );
                            following.register(&cell.applied);
                            cell.followings.push(Arc::new(following));
                            continue;
                        };
                        let subscriber = Subscriber::new(
                            cell.db.clone(),
                            Arc::clone(log),
                            subscription.clone(),
                            config.retry,
                        );
                        cell.applied.register(source, subscriber.position());
                        cell.subscribers.push(Arc::new(subscriber));
                    }
                }
                cell
            })
            .collect();
        Ok(Self { cells, metrics: config.metrics, transport: config.transport })
    }

    /// The services that somebody here follows but whose log nothing brings here.
    #[must_use]
    pub fn missing_peers(&self) -> Vec<StartError> {
        let here = |name: &str| {
            self.transport.is_some() || self.cells.iter().any(|cell| cell.name == name)
        };
        self.cells
            .iter()
            .flat_map(|cell| {
                cell.subscriptions.iter().flat_map(Subscription::sources).map(|s| (cell.name, s))
            })
            .filter(|(_, source)| !here(source))
            .map(|(service, missing)| StartError::MissingPeer { service, missing })
            .collect()
    }

    /// The services.
    #[must_use]
    pub fn cells(&self) -> &[Cell] {
        &self.cells
    }

    /// The service of this name.
    #[must_use]
    pub fn cell(&self, name: &str) -> Option<&Cell> {
        self.cells.iter().find(|cell| cell.name == name)
    }

    /// Starts subscriptions, jobs and tasks on the runtime `background`.
    #[must_use]
    pub fn start(&self, background: Handle) -> Supervisor {
        let mut supervisor = self.start_tasks(background);
        self.start_links(&mut supervisor);
        for cell in &self.cells {
            for subscriber in &cell.subscribers {
                let subscriber = Arc::clone(subscriber);
                supervisor.run("subscription", move || {
                    let subscriber = Arc::clone(&subscriber);
                    async move { subscriber.run().await }
                });
            }
            if !cell.worker.is_empty() {
                let (worker, db) = (cell.worker.clone(), cell.db.clone());
                supervisor.run("jobs", move || {
                    let (worker, db) = (worker.clone(), db.clone());
                    async move { worker.run(&db).await }
                });
            }
        }
        supervisor
    }

    /// Starts what goes by the transport: each log is published, and logs of elsewhere are followed.
    pub fn start_links(&self, supervisor: &mut Supervisor) {
        for cell in &self.cells {
            for following in &cell.followings {
                let following = Arc::clone(following);
                supervisor.run("subscription", move || {
                    let following = Arc::clone(&following);
                    async move { following.run().await }
                });
            }
            if let Some(transport) = &self.transport {
                let (transport, name, db) = (Arc::clone(transport), cell.name, cell.db.clone());
                supervisor.run("relay", move || transport.publish(name, db.clone()));
            }
        }
    }

    /// Starts the services' own tasks only; tests step subscriptions and jobs by hand.
    #[must_use]
    pub fn start_tasks(&self, background: Handle) -> Supervisor {
        let mut supervisor = Supervisor::new(self.metrics.clone(), background);
        for (name, task) in self.cells.iter().flat_map(|cell| &cell.tasks) {
            let task = Arc::clone(task);
            supervisor.run(name, move || task());
        }
        supervisor
    }

    /// Asks every store whether it can be used.
    pub async fn dependencies(&self) -> Vec<Dependency> {
        let mut found = Vec::new();
        for cell in &self.cells {
            let cause = cell.db.check().await.err().map(|error| error.to_string());
            found.push(Dependency {
                name: cell.name.to_owned(),
                ready: cause.is_none(),
                required: true,
                cause,
            });
        }
        found
    }
}

impl Cell {
    /// The subscribers, for tests that step them by hand.
    #[must_use]
    pub fn subscribers(&self) -> &[Arc<Subscriber>] {
        &self.subscribers
    }

    /// The worker, for tests that step it by hand.
    #[must_use]
    pub fn worker(&self) -> &Worker {
        &self.worker
    }
}

async fn build_cell(config: &PlatformConfig, service: Service) -> Result<Cell, StartError> {
    let schemas = service.schemas();
    let Service { name, background, build, .. } = service;
    let failed = |source| StartError::Store { service: name, source };
    let db = Db::open(&config.store, name, config.ids.clone(), background).await.map_err(failed)?;
    let mut schemas = schemas.to_vec();
    schemas.extend(config.transport.as_ref().map(|transport| transport.schema()));
    for applied in db.migrate(&schemas).await.map_err(failed)? {
        tracing::debug!(service = name, migration = applied, "a migration was applied");
    }
    let applied = Applied::default();
    let home = Home {
        db: db.clone(),
        sealer: Sealer::new(config.secrets.derive("seal"), config.ids.clone()),
        applied: applied.clone(),
    };
    let resources = Resources {
        home,
        verifier: config.verifier.clone(),
        secrets: config.secrets.clone(),
        metrics: config.metrics.clone(),
        outbound: config.outbound.clone(),
        cache_folder: config.cache_folder.join(name),
    };
    let built =
        build(resources).await.map_err(|source| StartError::Service { service: name, source })?;
    let worker = crate::housekeeping::housekeeping(&db, built.worker).await.map_err(failed)?;
    Ok(Cell {
        name,
        db,
        applied,
        routes: built.routes,
        subscriptions: built.subscriptions,
        subscribers: Vec::new(),
        followings: Vec::new(),
        worker,
        tasks: built.tasks.into_iter().map(|(name, task)| (name, Arc::new(task))).collect(),
    })
}
