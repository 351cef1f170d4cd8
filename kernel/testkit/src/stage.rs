//! Setting the stage, and clearing it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU32, Ordering};
use std::time::Duration;

use hanse_events::{EmbeddedLog, Log as _, Progress, RetryPolicy, Transport};
use hanse_http::{Claims, Edge, PeerKey, ServiceFront, Signer, Table, Verifier, server};
use hanse_kafka::{Kafka, KafkaConfig};
use hanse_outbound::{Outbound, OutboundConfig};
use hanse_runtime::{Platform, PlatformConfig, Secrets, Service, Supervisor};
use hanse_store::{Db, FakeClock, Ids, Server, StoreConfig, StoreError, Tx};
use hanse_telemetry::metrics::Metrics;
use jiff::{SignedDuration, Timestamp};
use tempfile::TempDir;
use tokio::net::TcpListener;
use uuid::Uuid;

use crate::actor::{Actor, Way};

/// Engines that a scene runs on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Engine {
    /// Embedded.
    Sqlite,
    /// The server that `HANSE_TEST_POSTGRES` names.
    Postgres,
}

/// How the services are reached.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topology {
    /// By direct calls.
    Local,
    /// Over HTTP, with every repeatable request sent twice.
    Loopback,
    /// As Loopback, and every service hears of every other by the broker that `HANSE_TEST_KAFKA` names.
    Split,
}

/// Runs one scene. `#[stage_test]` calls it.
pub fn run<F, Fut>(
    engine: Engine,
    topology: Topology,
    name: &'static str,
    services: Vec<Service>,
    scene: F,
) where
    F: FnOnce(Stage) -> Fut,
    Fut: Future<Output = ()>,
{
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .enable_all()
        .build()
        .expect("a runtime starts");
    runtime.block_on(async {
        let (stage, strike) = Stage::set(engine, topology, name, services).await;
        let set = stage.clone();
        scene(stage).await;
        set.expect_drained().await;
        set.expect_nothing_held().await;
        strike.clear(set).await;
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
}

/// Where a scene plays. Cheap to clone.
#[derive(Clone)]
pub struct Stage {
    /// The services.
    pub platform: Arc<Platform>,
    /// The scene's time.
    pub clock: FakeClock,
    /// Verifies the scene's tokens.
    pub verifier: Verifier,
    /// Makes the scene's ids.
    pub ids: Ids,
    /// The scene's own folder.
    pub folder: PathBuf,
    /// Where the services' data is: a process that is started anew finds it there.
    pub store: StoreConfig,
    signer: Signer,
    way: Way,
    topology: Topology,
    /// The scene is about events that handlers refuse.
    poisoned: Arc<AtomicBool>,
}

/// What has to be cleared away after the scene.
struct Strike {
    folder: TempDir,
    databases: Vec<String>,
    tasks: Supervisor,
    kafka: Option<Kafka>,
    server: Option<tokio::task::JoinHandle<()>>,
}

/// What the processes of a scene know each other by.
const PEER_KEY: [u8; 32] = [11; 32];

/// Longer than a broker takes to deal out the parts of a log and projections take to show them.
const PATIENCE: Duration = Duration::from_secs(60);

static SCENES: AtomicU32 = AtomicU32::new(0);

impl Stage {
    async fn set(
        engine: Engine,
        topology: Topology,
        name: &'static str,
        services: Vec<Service>,
    ) -> (Self, Strike) {
        let folder = TempDir::with_prefix("hanse-scene-").expect("a folder for the scene");
        let start: Timestamp = "2026-03-02T09:00:00Z".parse().expect("a valid time");
        let clock = FakeClock::at(start);
        let seed =
            name.bytes().fold(7, |seed: u64, byte| seed.wrapping_mul(31).wrapping_add(byte.into()));
        let ids = Ids::seeded(clock.clock(), seed);
        let prefix = format!("t{}_{}_", std::process::id(), SCENES.fetch_add(1, Ordering::Relaxed));
        let databases = match engine {
            Engine::Sqlite => Vec::new(),
            Engine::Postgres => services.iter().map(|s| format!("{prefix}{}", s.name())).collect(),
        };
        let metrics = Metrics::default();
        let kafka = (topology == Topology::Split).then(|| kafka(&prefix, &metrics));
        let store = match engine {
            Engine::Sqlite => StoreConfig::Sqlite { folder: folder.path().to_owned() },
            Engine::Postgres => StoreConfig::Postgres(Server::new(postgres(), prefix, 8)),
        };
        let signer = Signer::from_seed(&[7; 32]).expect("a valid seed");
        let verifier = Verifier::new("https://stage.test", "hanse", clock.clock());
        verifier.install([(signer.id().to_owned(), signer.public())]);
        let config = PlatformConfig {
            store: store.clone(),
            cache_folder: folder.path().join("cache"),
            ids: ids.clone(),
            secrets: Secrets::new(&[9; 32]),
            verifier: verifier.clone(),
            metrics: metrics.clone(),
            outbound: outbound(),
            retry: RetryPolicy::default(),
            transport: kafka.clone().map(|kafka| Arc::new(kafka) as Arc<dyn Transport>),
        };
        let platform = Platform::build(config, services).await.expect("the services are built");
        let platform = Arc::new(platform);
        let edge = edge(&ids, &verifier, &metrics);
        let table =
            Table::new(platform.cells().iter().map(|cell| &cell.routes)).expect("no collisions");
        let front = Arc::new(ServiceFront::new(edge, table));
        let (way, server) = reach(topology, front, metrics).await;
        let mut tasks = platform.start_tasks(tokio::runtime::Handle::current());
        platform.start_links(&mut tasks);
        let folder_path = folder.path().to_owned();
        let poisoned = Arc::default();
        let stage = Self {
            platform,
            clock,
            verifier,
            ids,
            folder: folder_path,
            store,
            signer,
            way,
            topology,
            poisoned,
        };
        (stage, Strike { folder, databases, tasks, kafka, server })
    }

    /// Somebody with an account and the role `user`. The same name is the same account.
    #[must_use]
    pub fn user(&self, name: &str) -> Actor {
        self.account(name, &["user"])
    }

    /// An administrator.
    #[must_use]
    pub fn admin(&self) -> Actor {
        self.account("admin", &["user", "operator", "admin"])
    }

    /// Two different users.
    #[must_use]
    pub fn users(&self) -> (Actor, Actor) {
        (self.user("anna"), self.user("ben"))
    }

    /// Somebody who is not signed in.
    #[must_use]
    pub fn guest(&self) -> Actor {
        Actor::new(self.way.clone(), Uuid::nil(), None)
    }

    /// Another process of the installation, as it shows itself at this moment.
    #[must_use]
    pub fn peer(&self) -> Actor {
        let credentials = PeerKey::new(&PEER_KEY).authorization(self.clock.clock().now());
        self.guest().with("authorization", credentials.to_str().expect("plain text"))
    }

    /// Somebody with this access token.
    #[must_use]
    pub fn bearer(&self, token: &str) -> Actor {
        Actor::new(self.way.clone(), Uuid::nil(), Some(token.to_owned()))
    }

    /// Somebody with these roles.
    #[must_use]
    pub fn account(&self, name: &str, roles: &[&str]) -> Actor {
        let id = account_id(name);
        let now = self.clock.clock().now().as_second();
        let claims = Claims {
            iss: "https://stage.test".into(),
            aud: "hanse".into(),
            sub: id,
            sid: account_id(&format!("session of {name}")),
            jti: self.ids.new_id(),
            roles: roles.iter().map(|role| (*role).to_owned()).collect(),
            iat: now,
            exp: now + 365 * 24 * 3600,
            ..Claims::default()
        };
        let token = self.signer.sign(&claims).expect("claims can be signed");
        Actor::new(self.way.clone(), id, Some(token))
    }

    /// Moves the clock.
    pub fn advance(&self, by: SignedDuration) {
        self.clock.advance(by);
    }

    /// The store of a service.
    #[must_use]
    pub fn db(&self, service: &str) -> Db {
        self.platform.cell(service).expect("a service of this scene").db.clone()
    }

    /// Delivers every event that can be delivered, and waits until projections show them.
    pub async fn drain_events(&self) {
        loop {
            let mut moved = false;
            for subscriber in
                self.platform.cells().iter().flat_map(hanse_runtime::Cell::subscribers)
            {
                let progress = subscriber.step().await.expect("events are taken in");
                moved |= progress != Progress::Idle;
            }
            if !moved {
                break;
            }
        }
        loop {
            let told = self.ends().await;
            for cell in self.platform.cells() {
                for (source, end) in &told {
                    let seen = cell.applied.wait(source, *end, PATIENCE).await;
                    assert!(seen, "{} does not show what {source} has told", cell.name);
                }
            }
            // What follows by itself may have told something in turn.
            if self.topology != Topology::Split || self.ends().await == told {
                break;
            }
        }
    }

    /// The last position of every service's log.
    async fn ends(&self) -> Vec<(&'static str, i64)> {
        let mut ends = Vec::new();
        for cell in self.platform.cells() {
            ends.push((cell.name, self.end_of(&cell.db).await));
        }
        ends
    }

    /// Says that this scene ends with events that were set aside; otherwise that fails it. A scene that
    /// says so and ends without any fails too.
    pub fn ends_with_held_events(&self) {
        self.poisoned.store(true, Ordering::Relaxed);
    }

    /// Runs every job that is due.
    pub async fn run_jobs(&self) {
        for cell in self.platform.cells() {
            while cell.worker().step(&cell.db).await.expect("jobs run") > 0 {}
        }
    }

    /// The last position of a service's log.
    async fn end_of(&self, db: &Db) -> i64 {
        let sql = "SELECT coalesce(max(seq), 0) AS seq FROM events";
        db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0))
            .await
            .expect("the log can be read")
    }

    async fn expect_drained(&self) {
        for cell in self.platform.cells() {
            for subscriber in cell.subscribers() {
                let Some(source) = self.platform.cell(subscriber.source()) else { continue };
                let log = EmbeddedLog::new(source.db.clone());
                let after = (*subscriber.position().borrow()).max(0);
                let left = log.read(after, 1).await.expect("the log can be read").events;
                if let Some(event) = left.first() {
                    panic!(
                        "the scene ended before {} heard of {} {}: call drain_events",
                        cell.name, event.kind, event.subject
                    );
                }
            }
        }
    }
}

impl Stage {
    /// A handler that fails is easily overlooked: the event is set aside and all others flow on.
    async fn expect_nothing_held(&self) {
        let mut any = false;
        for cell in self.platform.cells() {
            let held = async |tx: &mut Tx| hanse_events::admin::held(tx, 1).await;
            let held = cell.db.read::<_, StoreError, _>(held).await.expect("the store answers");
            let Some(event) = held.first() else { continue };
            any = true;
            assert!(
                self.poisoned.load(Ordering::Relaxed),
                "{} of {} could not apply {} {}: {}",
                event.subscription,
                cell.name,
                event.r#type,
                event.subject,
                event.cause
            );
        }
        assert!(
            any || !self.poisoned.load(Ordering::Relaxed),
            "the scene ended without an event that was set aside"
        );
    }
}

impl Strike {
    async fn clear(self, stage: Stage) {
        self.tasks.stop().await;
        if let Some(kafka) = self.kafka {
            kafka.stop().await;
        }
        if let Some(server) = self.server {
            server.abort();
        }
        drop(stage);
        if !self.databases.is_empty() {
            drop_databases(&self.databases).await;
        }
        drop(self.folder);
    }
}

/// The door of a scene's processes.
fn edge(ids: &Ids, verifier: &Verifier, metrics: &Metrics) -> Edge {
    Edge {
        ids: ids.clone(),
        verifier: verifier.clone(),
        metrics: metrics.clone(),
        recent: Arc::default(),
        spans: hanse_telemetry::Spans::default(),
        peers: PeerKey::new(&PEER_KEY),
        trusted_proxies: hanse_http::Networks::default(),
        origins: Arc::new(["https://stage.test".to_owned()]),
    }
}

/// The way to the services, and who serves it.
async fn reach(
    topology: Topology,
    front: Arc<ServiceFront>,
    metrics: Metrics,
) -> (Way, Option<tokio::task::JoinHandle<()>>) {
    match topology {
        Topology::Local => (Way::Call(front), None),
        Topology::Loopback | Topology::Split => {
            let listener = TcpListener::bind("127.0.0.1:0").await.expect("a free port");
            let address: SocketAddr = listener.local_addr().expect("an address");
            let serving = server::serve(
                listener,
                front,
                server::Limits::default(),
                metrics,
                std::future::pending(),
            );
            (Way::Http(address), Some(tokio::spawn(serving)))
        }
    }
}

/// Requests may go out to servers of the scene at 127.0.0.1, and to no other inner address.
#[must_use]
pub fn outbound() -> Outbound {
    let allow = vec!["127.0.0.1".to_owned()];
    let config = OutboundConfig { allow, time_ms: 3_000, ..OutboundConfig::default() };
    Outbound::new(&config).expect("a client")
}

fn account_id(name: &str) -> Uuid {
    let bytes = name.bytes().cycle().take(16).enumerate();
    let mut id = [0u8; 16];
    for ((index, byte), place) in bytes.zip(id.iter_mut()) {
        *place = byte.wrapping_add(u8::try_from(index).unwrap_or(0)).wrapping_add(name.len() as u8);
    }
    uuid::Builder::from_custom_bytes(id).into_uuid()
}

fn postgres() -> String {
    std::env::var("HANSE_TEST_POSTGRES")
        .expect("HANSE_TEST_POSTGRES is not set: run the tests with `cargo xtask test`")
}

/// A broker's topics of the scene's own.
fn kafka(prefix: &str, metrics: &Metrics) -> Kafka {
    let broker = std::env::var("HANSE_TEST_KAFKA")
        .expect("HANSE_TEST_KAFKA is not set: run the tests with `cargo xtask test`");
    let config = KafkaConfig {
        brokers: vec![broker],
        topic_prefix: prefix.trim_end_matches('_').to_owned(),
        partitions: 2,
        ..KafkaConfig::default()
    };
    Kafka::new(config, metrics.clone(), tokio::runtime::Handle::current())
}

async fn drop_databases(names: &[String]) {
    let (client, connection) = tokio_postgres::connect(&postgres(), tokio_postgres::NoTls)
        .await
        .expect("the server answers");
    let driver = tokio::spawn(connection);
    for name in names {
        client.batch_execute(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)")).await.ok();
    }
    drop(client);
    driver.await.ok();
}
