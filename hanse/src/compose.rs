//! Putting services together.

use std::fs::{self, DirBuilder, File};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Context as _, bail};
use hanse_cache::rate::RateKeys;
use hanse_events::{RetryPolicy, Transport};
use hanse_gateway::Together;
use hanse_http::{Edge, Info, Outline, PeerKey, Verifier};
use hanse_kafka::Kafka;
use hanse_outbound::Outbound;
use hanse_redis::{Budgets, Redis};
use hanse_runtime::{Platform, PlatformConfig, Secrets, Service};
use hanse_store::{Clock, Db, Ids, Server, StoreConfig};
use hanse_telemetry::Spans;
use hanse_telemetry::metrics::Metrics;
use hanse_upstream::{Discovery, Names, Upstream, Written};
use tokio::runtime::Handle;

use crate::config::{Config, Loaded};
use crate::encryption::Encryption;
use crate::registry::Peers;

/// Every service, in the order in which they are built.
pub const NAMES: [&str; 6] =
    ["gateway", "identity", "thoughts", "search", "analytics", "notifications"];

/// How often the names of peers are looked up.
const LOOK_UP: Duration = Duration::from_secs(5);

/// The services that are to run here.
pub fn services(config: &Config) -> Vec<Service> {
    all_services(config).into_iter().filter(|service| config.serves(service.name())).collect()
}

fn all_services(config: &Config) -> Vec<Service> {
    vec![
        hanse_identity::service(config.identity.clone()),
        hanse_thoughts::service(),
        hanse_search::service(config.search.clone()),
        hanse_analytics::service(config.analytics.clone()),
        hanse_notifications::service(config.notifications.clone(), config.mail.clone()),
    ]
}

/// The operations of every service, whether it runs here or not.
pub fn outlines() -> Vec<Outline> {
    vec![
        hanse_identity::outline(),
        hanse_thoughts::outline(),
        hanse_search::outline(),
        hanse_analytics::outline(),
        hanse_notifications::outline(),
    ]
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

/// Names a service that is needed here, is not served here, and cannot be reached.
pub fn complete(
    config: &Config,
    platform: &Platform,
    peers: &[(Outline, Upstream)],
) -> anyhow::Result<()> {
    if let Some(error) = platform.missing_peers().into_iter().next() {
        return Err(anyhow::Error::new(error)
            .context("services that follow each other need kafka.brokers to be in two processes"));
    }
    let reached = |name: &str| {
        platform.cell(name).is_some() || peers.iter().any(|(outline, _)| outline.service() == name)
    };
    let needed =
        NAMES.iter().skip(1).filter(|name| config.serves("gateway") || **name == "identity");
    for name in needed {
        if !reached(name) {
            bail!(
                "{name} is not served here and has no address: set peers.endpoints.{name}, or \
                 peers.address to find it by Redis"
            );
        }
    }
    Ok(())
}

/// The services that are not here but have an address or announce one, each with the pool that reaches
/// it.
pub fn elsewhere(
    config: &Config,
    platform: &Platform,
    shared: &Shared,
    encryption: &Encryption,
    announced: Option<&Peers>,
) -> Vec<(Outline, Upstream)> {
    outlines()
        .into_iter()
        .filter(|outline| platform.cell(outline.service()).is_none())
        .filter_map(|outline| {
            let (name, metrics) = (outline.service(), &shared.metrics);
            let discovery: Arc<dyn Discovery> = match config.peers.endpoints.get(name) {
                Some(written) => {
                    let written = written.iter().filter_map(|text| Written::parse(text).ok());
                    Arc::new(Names::new(written.collect(), LOOK_UP))
                }
                None => announced?.discovery(name),
            };
            let settings = config.peers.settings.clone();
            let upstream = match encryption.peers() {
                Some(tls) => Upstream::encrypted(name, settings, discovery, tls.clone(), metrics),
                None => Upstream::new(name, settings, discovery, metrics),
            };
            Some((outline, upstream))
        })
        .collect()
}

/// Everything that services share in a process.
pub struct Shared {
    pub ids: Ids,
    pub verifier: Verifier,
    pub metrics: Metrics,
    pub secrets: Secrets,
    pub spans: Spans,
}

impl Shared {
    /// Reads or makes the master key and the rest.
    pub fn new(loaded: &Loaded) -> anyhow::Result<Self> {
        let config = &loaded.config;
        make_folder(&config.server.data)?;
        let ids = Ids::system(Clock::system());
        let secrets = match master_key(config) {
            Some(path) => Secrets::load_or_create(&path, &ids)?,
            None if !config.secrets.master_command.is_empty() => {
                Secrets::fetch(&config.secrets.master_command)?
            }
            None => Secrets::parse(&config.secrets.master_key, "secrets.master_key")?,
        };
        let verifier = Verifier::new(&config.server.public_url, "hanse", ids.clock().clone());
        Ok(Self { ids, verifier, metrics: Metrics::default(), secrets, spans: Spans::default() })
    }

    /// What the processes of this installation know each other by.
    pub fn peer_key(&self) -> PeerKey {
        PeerKey::new(&self.secrets.derive("peers"))
    }

    /// The door of a listener.
    pub fn edge(&self, config: &Config) -> Edge {
        Edge {
            ids: self.ids.clone(),
            verifier: self.verifier.clone(),
            metrics: self.metrics.clone(),
            recent: Arc::default(),
            spans: self.spans.clone(),
            peers: self.peer_key(),
            trusted_proxies: config.gateway.trusted_proxies.clone().into(),
            origins: origins(config),
        }
    }
}

/// Whose pages may open WebSockets: our own, and those that may call the API.
fn origins(config: &Config) -> Arc<[String]> {
    let own = std::iter::once(config.server.public_url.clone());
    own.chain(config.gateway.cors_origins.iter().cloned()).collect()
}

/// The file of the master key, unless the configuration holds the key itself or a command fetches it.
pub fn master_key(config: &Config) -> Option<PathBuf> {
    if !config.secrets.master_key.is_empty() || !config.secrets.master_command.is_empty() {
        return None;
    }
    Some(match config.secrets.master_key_file.as_str() {
        "" => config.server.data.join("master.key"),
        path => path.into(),
    })
}

/// What carries events between processes, when something does.
pub fn kafka(config: &Config, shared: &Shared, background: Handle) -> Option<Kafka> {
    let start = || Kafka::new(config.kafka.clone(), shared.metrics.clone(), background);
    config.kafka.enabled().then(start)
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

/// Where data lives.
pub fn store(config: &Config) -> StoreConfig {
    if config.store.url.is_empty() {
        StoreConfig::Sqlite { folder: config.server.data.clone() }
    } else {
        StoreConfig::Postgres(Server {
            url: config.store.url.clone(),
            prefix: config.store.prefix.clone(),
            pool: config.store.pool,
            ca_file: config.store.ca_file.clone(),
            replica_url: config.store.replica_url.clone(),
            pooled: config.store.pooled,
        })
    }
}

/// Builds the platform. The caller holds the data folder.
pub async fn platform(
    config: &Config,
    shared: &Shared,
    kafka: Option<&Kafka>,
) -> anyhow::Result<Platform> {
    let platform = PlatformConfig {
        store: store(config),
        cache_folder: config.server.data.join("cache"),
        ids: shared.ids.clone(),
        secrets: shared.secrets.clone(),
        verifier: shared.verifier.clone(),
        metrics: shared.metrics.clone(),
        outbound: Outbound::new(&config.outbound)?,
        retry: RetryPolicy::default(),
        transport: kafka.map(|kafka| Arc::new(kafka.clone()) as Arc<dyn Transport>),
    };
    Ok(Platform::build(platform, services(config)).await?)
}

/// Opens one service's store without building the service, beside a running platform if need be.
pub async fn open_db(loaded: &Loaded, service: &str) -> anyhow::Result<Db> {
    let known = with_data(loaded, service)?;
    // Looked at first: opening for writing already touches the data of another release.
    check(loaded, &known).await?;
    let ids = Ids::system(Clock::system());
    Ok(Db::open(&store(&loaded.config), service, ids, false).await?)
}

/// As [`open_db`], but changes and makes nothing.
pub async fn look_at_db(loaded: &Loaded, service: &str) -> anyhow::Result<Db> {
    check(loaded, &with_data(loaded, service)?).await
}

async fn check(loaded: &Loaded, service: &Service) -> anyhow::Result<Db> {
    let ids = Ids::system(Clock::system());
    let db = Db::open_read_only(&store(&loaded.config), service.name(), ids)?;
    db.check_schema(&service.schemas()).await?;
    Ok(db)
}

/// The service of this name, if it has data here.
fn with_data(loaded: &Loaded, name: &str) -> anyhow::Result<Service> {
    let config = &loaded.config;
    let Some(service) = all_services(config).into_iter().find(|service| service.name() == name)
    else {
        bail!(
            "{name} is no service with data; there are {}",
            NAMES.get(1..).unwrap_or_default().join(", ")
        );
    };
    if config.store.url.is_empty() && !config.server.data.join(format!("{name}.db")).exists() {
        bail!("there is no data of {name} in {}", config.server.data.display());
    }
    Ok(service)
}

/// The OpenAPI document of some services.
pub fn openapi<'a>(outlines: impl IntoIterator<Item = &'a Outline>) -> serde_json::Value {
    let info = Info {
        title: "Hanse",
        version: env!("CARGO_PKG_VERSION"),
        description: "Identity, thoughts, search, analytics and notifications behind one door. Sign in with \
                      POST /api/v1/auth/login and send the access token as Bearer. The prefix /api/v1 may be \
                      shortened to /api or left out.",
    };
    hanse_http::document(&info, outlines)
}
