//! Putting services together.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, bail};
use hanse_cache::rate::RateKeys;
use hanse_events::RetryPolicy;
use hanse_gateway::Together;
use hanse_http::{Edge, Info, Routes, Verifier};
use hanse_redis::{Budgets, Redis};
use hanse_runtime::{Dependency, Platform, PlatformConfig, Secrets, Service, SoftDependency};
use hanse_store::{Clock, Db, Ids, StoreConfig};
use hanse_telemetry::metrics::Metrics;

use crate::config::{Config, Loaded};

/// Every service, in the order in which they are built.
pub const NAMES: [&str; 5] = ["gateway", "identity", "thoughts", "search", "analytics"];

/// The services that are to run here.
pub fn services(config: &Config) -> Vec<Service> {
    let wanted =
        |name: &str| config.server.only.is_empty() || config.server.only.iter().any(|n| n == name);
    [
        hanse_identity::service(config.identity.clone()),
        hanse_thoughts::service(),
        hanse_search::service(config.search.clone()),
        hanse_analytics::service(config.analytics.clone()),
    ]
    .into_iter()
    .filter(|service| wanted(service.name()))
    .collect()
}

/// Holds the data folder for this process alone.
pub struct DataFolder {
    _lock: Option<File>,
}

impl DataFolder {
    /// Makes the folder when it does not exist and takes it for this process.
    pub fn take(config: &Config) -> anyhow::Result<Self> {
        let folder = &config.server.data;
        make_folder(folder)?;
        let path = folder.join("hanse.lock");
        let lock = File::create(&path)
            .with_context(|| format!("the data folder {} is not writable", folder.display()))?;
        match lock.try_lock() {
            Ok(()) => Ok(Self { _lock: Some(lock) }),
            Err(fs::TryLockError::WouldBlock) => bail!(
                "the data folder {} is in use by another hanse; stop it, or choose another folder with --data",
                folder.display()
            ),
            Err(fs::TryLockError::Error(error)) => {
                Err(error).with_context(|| format!("{} cannot be locked", path.display()))
            }
        }
    }
}

fn make_folder(folder: &Path) -> anyhow::Result<()> {
    DirBuilder::new()
        .recursive(true)
        .mode(0o700)
        .create(folder)
        .with_context(|| format!("the data folder {} cannot be made", folder.display()))
}

/// Everything that services share in a process.
pub struct Shared {
    pub ids: Ids,
    pub verifier: Verifier,
    pub metrics: Metrics,
    pub secrets: Secrets,
}

impl Shared {
    /// Reads or makes the master key and the rest.
    pub fn new(loaded: &Loaded) -> anyhow::Result<Self> {
        let config = &loaded.config;
        make_folder(&config.server.data)?;
        let ids = Ids::system(Clock::system());
        let secrets = if config.secrets.master_key.is_empty() {
            let path = match config.secrets.master_key_file.as_str() {
                "" => config.server.data.join("master.key"),
                path => path.into(),
            };
            Secrets::load_or_create(&path, &ids)?
        } else {
            Secrets::parse(&config.secrets.master_key, "secrets.master_key")?
        };
        let verifier = Verifier::new(&config.server.public_url, "hanse", ids.clock().clone());
        Ok(Self { ids, verifier, metrics: Metrics::default(), secrets })
    }

    /// The door of a listener.
    pub fn edge(&self, config: &Config) -> Edge {
        Edge {
            ids: self.ids.clone(),
            verifier: self.verifier.clone(),
            metrics: self.metrics.clone(),
            recent: Arc::default(),
            trusted_proxies: config.gateway.trusted_proxies.clone().into(),
        }
    }
}

/// The connection to Redis, when there is to be one. It is made in the background.
pub fn redis(config: &Config, shared: &Shared) -> anyhow::Result<Option<Redis>> {
    let start = || Redis::start(&config.redis, &shared.metrics);
    config.redis.enabled().then(start).transpose().context("redis.url cannot be used")
}

/// Where the gateways of the cluster count together.
pub fn together(redis: &Redis, shared: &Shared) -> Together {
    let keys = RateKeys::shared(&shared.secrets.derive("rate"));
    Together { budgets: Arc::new(Budgets::new(redis.clone())), keys }
}

/// How things stand with Redis, for the operations listener.
pub fn redis_health(redis: Redis) -> SoftDependency {
    Box::new(move || {
        let health = redis.health();
        Dependency {
            name: "redis".to_owned(),
            ready: health.connected,
            required: false,
            cause: health.cause,
        }
    })
}

/// Where data lives.
pub fn store(config: &Config) -> StoreConfig {
    if config.store.url.is_empty() {
        StoreConfig::Sqlite { folder: config.server.data.clone() }
    } else {
        StoreConfig::Postgres {
            url: config.store.url.clone(),
            prefix: config.store.prefix.clone(),
            pool: config.store.pool,
        }
    }
}

/// Builds the platform. The caller holds the data folder.
pub async fn platform(config: &Config, shared: &Shared) -> anyhow::Result<Platform> {
    let platform = PlatformConfig {
        store: store(config),
        cache_folder: config.server.data.join("cache"),
        ids: shared.ids.clone(),
        secrets: shared.secrets.clone(),
        verifier: shared.verifier.clone(),
        metrics: shared.metrics.clone(),
        retry: RetryPolicy::default(),
    };
    Ok(Platform::build(platform, services(config)).await?)
}

/// Opens one service's store without building the service, beside a running platform if need be.
pub async fn open_db(loaded: &Loaded, service: &str) -> anyhow::Result<Db> {
    let config = &loaded.config;
    if service == "gateway" || !NAMES.contains(&service) {
        bail!(
            "{service} is no service with data; there are {}",
            NAMES.get(1..).unwrap_or_default().join(", ")
        );
    }
    if config.store.url.is_empty() && !config.server.data.join(format!("{service}.db")).exists() {
        bail!("there is no data of {service} in {}", config.server.data.display());
    }
    let ids = Ids::system(Clock::system());
    Ok(Db::open(&store(config), service, ids, false).await?)
}

/// The OpenAPI document of some services.
pub fn openapi<'a>(routes: impl IntoIterator<Item = &'a Routes>) -> serde_json::Value {
    let info = Info {
        title: "Hanse",
        version: env!("CARGO_PKG_VERSION"),
        description: "Identity, thoughts, search and analytics behind one door. Sign in with \
                      POST /api/v1/auth/login and send the access token as Bearer. The prefix /api/v1 may be \
                      shortened to /api or left out.",
    };
    hanse_http::document(&info, routes)
}
