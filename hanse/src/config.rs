//! The configuration of the whole platform: one section per part, each defined by that part.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;

use hanse_runtime::config::{self, Config as _, ConfigError, Mistake, Sources};
use hanse_telemetry::LogConfig;
use hanse_tls::{DoorTls, PeerTls};
use hanse_upstream::{UpstreamConfig, Written};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::Common;
use crate::serve::ServeArgs;

/// The configuration of Hanse.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// Addresses and folders.
    pub server: ServerConfig,
    /// Where data lives.
    pub store: StoreSection,
    /// What processes of a cluster share to be faster: budgets and cached values.
    pub redis: hanse_redis::RedisConfig,
    /// The master key.
    pub secrets: SecretsSection,
    /// Logs and traces.
    pub log: LogConfig,
    /// Request budgets.
    pub limits: hanse_gateway::LimitsConfig,
    /// The public door.
    pub gateway: hanse_gateway::GatewayConfig,
    /// Services of other processes.
    pub peers: PeersConfig,
    /// Requests to systems that are not ours: webhooks, push services, identity providers.
    pub outbound: hanse_outbound::OutboundConfig,
    /// The event log between processes.
    pub kafka: hanse_kafka::KafkaConfig,
    /// Accounts, passwords and tokens.
    pub identity: hanse_identity::IdentityConfig,
    /// The search index.
    pub search: hanse_search::SearchConfig,
    /// Telling people: lists, letters, devices.
    pub notifications: hanse_notifications::NotificationsConfig,
    /// E-mail.
    pub mail: hanse_mail::MailConfig,
    /// Counters and rollups.
    pub analytics: hanse_analytics::AnalyticsConfig,
}

/// Addresses and folders.
#[derive(Debug, Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct ServerConfig {
    /// Folder of the data.
    pub data: PathBuf,
    /// Public address.
    pub listen: SocketAddr,
    /// Certificate of the public door. It is read again when it changes, and on SIGHUP.
    pub tls: DoorTls,
    /// Address of the operations listener (health, metrics, traces). It answers without
    /// authentication: keep it on loopback or a private network.
    pub ops: SocketAddr,
    /// The address that clients use; it is the issuer of tokens. Links are made from it and never
    /// from a request.
    pub public_url: String,
    /// Services of this process; all when empty.
    pub only: Vec<String>,
    /// Connections at the same time, as far as the system allows enough open files; more wait in the
    /// kernel's queue.
    pub connections: usize,
    /// Connections of one client address at the same time; more are closed at once. Does not apply to
    /// `gateway.trusted_proxies`. An IPv6 network of 64 bits counts as one address.
    pub connections_per_address: usize,
    /// Seconds between saying "not ready" and refusing connections when stopping, so that load
    /// balancers can look away first.
    pub drain_delay_seconds: u32,
    /// Seconds that requests under way have to finish when stopping.
    pub drain_seconds: u32,
}

impl Default for ServerConfig {
    fn default() -> Self {
        Self {
            data: "data".into(),
            listen: SocketAddr::from(([127, 0, 0, 1], 3000)),
            tls: DoorTls::default(),
            ops: SocketAddr::from(([127, 0, 0, 1], 3099)),
            public_url: "http://127.0.0.1:3000".into(),
            only: Vec::new(),
            connections: 10_000,
            connections_per_address: 2_000,
            drain_delay_seconds: 0,
            drain_seconds: 25,
        }
    }
}

/// Services of other processes.
#[derive(Debug, Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct PeersConfig {
    /// Where each is: addresses or names with a port, such as
    /// `thoughts = ["thoughts.default.svc:3012"]`. Names are looked up again every five seconds.
    pub endpoints: BTreeMap<String, Vec<String>>,
    /// Where the others reach this process, such as `10.0.0.5:3012`, or a name that its certificate is
    /// for. When set, it announces itself at this address by Redis, and finds the services that have no
    /// endpoints above by what they announce.
    pub address: String,
    /// Mutual TLS between the processes. Read again when it changes, and on SIGHUP.
    pub tls: PeerTls,
    /// How they are spoken to.
    pub settings: UpstreamConfig,
}

/// Where data lives.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// PostgreSQL server, as `postgres://user:password@host:port/postgres`, by TLS with
    /// `?sslmode=require` behind it; empty for the embedded store in the data folder. Each service has
    /// a database of its own.
    pub url: String,
    /// File that holds the url instead.
    pub url_file: String,
    /// PEM file of the authorities that PostgreSQL's certificate may come from, with
    /// `sslmode=require` in the url; those that the system knows when empty.
    pub ca_file: String,
    /// As `url`, of a server that follows the first one: it answers reads that may be a little behind,
    /// such as those of analytics. Empty for none.
    pub replica_url: String,
    /// File that holds that url instead.
    pub replica_url_file: String,
    /// Prefix of the database names.
    pub prefix: String,
    /// Connections per service.
    pub pool: usize,
    /// Is there a pooler before the server that lends a connection for a transaction only, such as
    /// PgBouncer with `pool_mode = transaction`? It must pass on any database name.
    pub pooled: bool,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self {
            url: String::new(),
            url_file: String::new(),
            ca_file: String::new(),
            replica_url: String::new(),
            replica_url_file: String::new(),
            prefix: "hanse_".into(),
            pool: 16,
            pooled: false,
        }
    }
}

impl std::fmt::Debug for StoreSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("StoreSection").field("prefix", &self.prefix).finish_non_exhaustive()
    }
}

/// The master key.
#[derive(Clone, Default, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields, default)]
pub struct SecretsSection {
    /// 32 random bytes in base64. When empty, the file is used.
    pub master_key: String,
    /// File that holds the master key; `<data>/master.key` when empty, made on the first start.
    pub master_key_file: String,
    /// Command that prints the master key, as a list of program and arguments, for key services: run
    /// once at every start, without a shell, for at most half a minute.
    pub master_command: Vec<String>,
}

impl SecretsSection {
    fn mistakes(&self) -> Vec<(String, String)> {
        let Self { master_key, master_key_file, master_command } = self;
        let ways =
            [!master_key.is_empty(), !master_key_file.is_empty(), !master_command.is_empty()];
        if ways.into_iter().filter(|way| *way).count() < 2 {
            return Vec::new();
        }
        let what = "the master key comes from one place: a setting, a file or a command";
        vec![("secrets".to_owned(), what.to_owned())]
    }
}

impl std::fmt::Debug for SecretsSection {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("SecretsSection(…)")
    }
}

impl StoreSection {
    fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if self.pool == 0 {
            found.push(("store.pool".into(), "must be at least 1".into()));
        }
        if !self.url.is_empty() && !self.url.starts_with("postgres") {
            found.push(("store.url".into(), "must begin with postgres://".into()));
        }
        if !self.replica_url.is_empty() && self.url.is_empty() {
            let what = "a replica follows a server, so store.url must be set".to_owned();
            found.push(("store.replica_url".into(), what));
        } else if !self.replica_url.is_empty() && !self.replica_url.starts_with("postgres") {
            found.push(("store.replica_url".into(), "must begin with postgres://".into()));
        }
        found
    }
}

impl PeersConfig {
    fn mistakes(&self, redis: bool) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for (name, endpoints) in &self.endpoints {
            let key = format!("peers.endpoints.{name}");
            if !crate::compose::NAMES.contains(&name.as_str()) {
                found.push((key.clone(), "there is no such service".into()));
            }
            for text in endpoints {
                match Written::parse(text) {
                    Ok(written) if written.secure() && !self.tls.enabled() => {
                        let what = "peers speak TLS by peers.tls, which is not set".to_owned();
                        found.push((key.clone(), what));
                    }
                    Ok(_) => {}
                    Err(what) => found.push((key.clone(), what)),
                }
            }
        }
        if !self.address.is_empty() {
            let mistake = match Written::parse(&self.address) {
                Err(what) => Some(what),
                Ok(_) if self.address.contains(['/', '*']) => {
                    Some("write it like 10.0.0.5:3012".to_owned())
                }
                Ok(_) if !redis => {
                    Some("it is announced by Redis, so redis.url must be set".to_owned())
                }
                Ok(_) => None,
            };
            found.extend(mistake.map(|what| ("peers.address".to_owned(), what)));
        }
        if !self.settings.ca_file.is_empty() {
            let what = "peers are known by peers.tls.ca_file".to_owned();
            found.push(("peers.settings.ca_file".to_owned(), what));
        }
        found.extend(self.tls.mistakes("peers.tls"));
        found.extend(self.settings.mistakes("peers.settings"));
        found
    }
}

impl config::Config for Config {
    const SECRETS: &[&str] = &[
        "store.url",
        "store.replica_url",
        "redis.url",
        "secrets.master_key",
        "mail.password",
        "notifications.sms_token",
        "notifications.feedback_secret",
    ];

    fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for name in &self.server.only {
            if !crate::compose::NAMES.contains(&name.as_str()) {
                let what =
                    format!("{name} is no service; there are {}", crate::compose::NAMES.join(", "));
                found.push(("server.only".to_owned(), what));
            }
        }
        let url = &self.server.public_url;
        if !(url.starts_with("https://") || url.starts_with("http://")) || url.ends_with('/') {
            found.push((
                "server.public_url".into(),
                "write it like https://hanse.example.com".into(),
            ));
        }
        if self.server.connections == 0 {
            found.push(("server.connections".into(), "must be at least 1".into()));
        }
        if self.server.connections_per_address == 0 {
            found.push(("server.connections_per_address".into(), "must be at least 1".into()));
        }
        found.extend(self.store.mistakes());
        found.extend(
            self.log.validate().into_iter().map(|error| ("log".to_owned(), error.to_string())),
        );
        found.extend(self.peers.mistakes(self.redis.enabled()));
        found.extend(self.secrets.mistakes());
        found.extend(self.server.tls.mistakes("server.tls"));
        found.extend(
            self.kafka.mistakes().into_iter().map(|(key, what)| (format!("kafka.{key}"), what)),
        );
        found.extend(self.redis.mistakes());
        found.extend(self.outbound.mistakes());
        found.extend(self.limits.mistakes());
        found.extend(self.gateway.mistakes());
        found.extend(self.identity.mistakes());
        found.extend(self.search.mistakes());
        found.extend(self.analytics.mistakes());
        found.extend(self.notifications.mistakes());
        found.extend(self.mail.mistakes());
        found
    }
}

impl Config {
    /// Does this process serve this service, or the gateway?
    pub fn serves(&self, name: &str) -> bool {
        self.server.only.is_empty() || self.server.only.iter().any(|only| only == name)
    }

    /// The configuration with secrets replaced by dots, to be shown.
    pub fn redacted(&self) -> Self {
        let mut shown = self.clone();
        for secret in [
            &mut shown.store.url,
            &mut shown.store.replica_url,
            &mut shown.redis.url,
            &mut shown.secrets.master_key,
            &mut shown.mail.password,
            &mut shown.notifications.sms_token,
            &mut shown.notifications.feedback_secret,
        ] {
            if !secret.is_empty() {
                "…".clone_into(secret);
            }
        }
        shown
    }
}

/// A configuration that was read.
pub struct Loaded {
    /// The values.
    pub config: Config,
    common: Common,
    serve: Option<ServeArgs>,
}

impl Loaded {
    /// Reads the same sources again.
    pub fn again(&self) -> Result<Self, ConfigError> {
        Self::read(&self.common, self.serve.as_ref())
    }

    /// Reads file, environment and flags.
    pub fn read(common: &Common, serve: Option<&ServeArgs>) -> Result<Self, ConfigError> {
        #[expect(clippy::disallowed_methods, reason = "the one place that reads the environment")]
        let from_environment = std::env::var("HANSE_CONFIG").ok().map(PathBuf::from);
        let file = common.config.clone().or(from_environment);
        let mut sets = common.set.clone();
        if let Some(data) = &common.data {
            sets.push(format!("server.data={}", toml_text(&data.display().to_string())));
        }
        if let Some(args) = serve {
            sets.extend(args.sets());
        }
        let environment = std::env::vars().collect();
        let sources = Sources { file: file.as_deref(), environment, sets: &sets };
        let mut config: Config = config::load(&sources)?;
        let (store, redis) = (&mut config.store, &mut config.redis);
        read_secret("store.url_file", &store.url_file, &mut store.url)?;
        read_secret("store.replica_url_file", &store.replica_url_file, &mut store.replica_url)?;
        read_secret("redis.url_file", &redis.url_file, &mut redis.url)?;
        let mail = &mut config.mail;
        read_secret("mail.password_file", &mail.password_file, &mut mail.password)?;
        let mistakes = config.mistakes();
        if mistakes.is_empty() {
            return Ok(Self { config, common: common.clone(), serve: serve.cloned() });
        }
        let whence = || "value".to_owned();
        Err(ConfigError(
            mistakes
                .into_iter()
                .map(|(key, what)| Mistake { key, whence: whence(), what })
                .collect(),
        ))
    }
}

/// Reads a secret from its file, where it has one.
fn read_secret(key: &str, path: &str, secret: &mut String) -> Result<(), ConfigError> {
    if path.is_empty() {
        return Ok(());
    }
    let text = std::fs::read_to_string(path).map_err(|error| {
        let (key, whence) = (key.to_owned(), path.to_owned());
        ConfigError(vec![Mistake { key, whence, what: error.to_string() }])
    })?;
    text.trim().clone_into(secret);
    Ok(())
}

/// A text as a TOML value.
pub fn toml_text(text: &str) -> String {
    serde_json::Value::from(text).to_string()
}
