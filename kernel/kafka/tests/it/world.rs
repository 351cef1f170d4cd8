//! Services by hand: their databases, a topic of their own, and real time.

use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hanse_events::{Emit as _, Following, Log, RetryPolicy};
use hanse_kafka::{Kafka, KafkaConfig};
use hanse_store::{Clock, Db, Ids, Server, StoreConfig, StoreError, Tx};
use hanse_telemetry::metrics::Metrics;
use tokio::runtime::Handle;
use tokio::task::JoinHandle;
use tokio_postgres::NoTls;

use crate::scale::Scale;
use crate::story::{SCHEMA, subscription, told};

static WORLDS: AtomicU32 = AtomicU32::new(0);

pub(crate) fn broker() -> String {
    std::env::var("HANSE_TEST_KAFKA")
        .expect("HANSE_TEST_KAFKA is not set: run the tests with `cargo xtask test`, or start a broker with `cargo xtask kafka`")
}

/// Settings with topics that nobody else uses.
pub(crate) fn config() -> KafkaConfig {
    let number = WORLDS.fetch_add(1, Ordering::Relaxed);
    KafkaConfig {
        brokers: vec![broker()],
        topic_prefix: format!("t{}-{number}", std::process::id()),
        ..KafkaConfig::default()
    }
}

/// Waits until something is so.
pub(crate) async fn eventually(what: &str, so: impl Fn() -> bool) {
    until(what, async || so()).await;
}

/// Waits until something asked is so.
pub(crate) async fn until(what: &str, so: impl AsyncFn() -> bool) {
    let asked = async {
        while !so().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    };
    // A million events take longer than a thousand.
    let longest = Scale::of_this_run().amount(90, 1800);
    let so = tokio::time::timeout(Duration::from_secs(longest), asked).await;
    assert!(so.is_ok(), "in vain: {what}");
}

/// A producer and a consumer with a database each.
pub(crate) struct World {
    pub(crate) config: KafkaConfig,
    pub(crate) producer: Db,
    pub(crate) consumer: Db,
    pub(crate) store: StoreConfig,
    pub(crate) metrics: Metrics,
    _folder: tempfile::TempDir,
}

impl World {
    pub(crate) async fn sqlite() -> Self {
        Self::set(None).await
    }

    pub(crate) async fn postgres() -> Self {
        let url = std::env::var("HANSE_TEST_POSTGRES")
            .expect("HANSE_TEST_POSTGRES is not set: run the tests with `cargo xtask test`");
        Self::set(Some(url)).await
    }

    async fn set(postgres: Option<String>) -> Self {
        let config = config();
        let folder = tempfile::TempDir::with_prefix("hanse-kafka-").unwrap();
        let store = match postgres {
            None => StoreConfig::Sqlite { folder: folder.path().to_owned() },
            Some(url) => {
                let prefix = format!("{}_", config.topic_prefix.replace('-', "_"));
                StoreConfig::Postgres(Server::new(url, prefix, 8))
            }
        };
        let (producer, consumer) = (open(&store, "producer").await, open(&store, "consumer").await);
        producer.migrate(&[hanse_events::SCHEMA, hanse_kafka::SCHEMA]).await.unwrap();
        consumer.migrate(&[hanse_events::SCHEMA, SCHEMA]).await.unwrap();
        Self { config, producer, consumer, store, metrics: Metrics::default(), _folder: folder }
    }

    /// A process of its own, as far as Kafka can tell.
    pub(crate) fn kafka(&self) -> Kafka {
        Kafka::new(self.config.clone(), self.metrics.clone(), Handle::current())
    }

    /// Appends events of `subjects` subjects in turn.
    pub(crate) async fn tell(&self, subjects: i64, numbers: std::ops::Range<i64>) {
        tell(&self.producer, subjects, numbers).await;
    }

    /// What the consumer has applied, in order.
    pub(crate) async fn effects(&self) -> Vec<(String, i64)> {
        let read = async |tx: &mut Tx| {
            let rows = tx.all("SELECT subject, number FROM effects ORDER BY place", &[]).await?;
            rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
        };
        self.consumer.read::<_, StoreError, _>(read).await.unwrap()
    }

    /// How many.
    pub(crate) async fn count(&self) -> i64 {
        let read =
            async |tx: &mut Tx| tx.one("SELECT count(*) AS n FROM effects", &[]).await?.at(0);
        self.consumer.read::<_, StoreError, _>(read).await.unwrap()
    }

    /// The positions in the three partitions.
    pub(crate) async fn positions(&self) -> Vec<i64> {
        let read = async |tx: &mut Tx| hanse_events::admin::positions(tx).await;
        let all = self.consumer.read::<_, StoreError, _>(read).await.unwrap();
        all.into_iter().map(|position| position.seq).collect()
    }

    /// The last number of the producer's log.
    pub(crate) async fn end(&self) -> i64 {
        let sql = "SELECT coalesce(max(seq), 0) AS seq FROM events";
        let read = async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0);
        self.producer.read::<_, StoreError, _>(read).await.unwrap()
    }

    /// Waits until every partition has come to the end of the log.
    pub(crate) async fn settled(&self) {
        let end = self.end().await;
        until("all partitions come to the end", async || self.positions().await == [end; 3]).await;
    }

    /// Every event once, and in order within its subject.
    pub(crate) async fn assert_exact(&self, subjects: i64, numbers: std::ops::Range<i64>) {
        let effects = self.effects().await;
        assert_eq!(effects.len() as i64, numbers.end - numbers.start);
        for subject in 0..subjects {
            let name = format!("s{subject}");
            let found = effects.iter().filter(|(about, _)| *about == name).map(|(_, n)| *n);
            let expected = numbers.clone().filter(|number| number % subjects == subject);
            assert!(found.eq(expected), "the order of {name}");
        }
    }

    /// The value of a gauge, by its name and labels as they are rendered.
    pub(crate) fn gauge(&self, name: &str) -> Option<i64> {
        let text = self.metrics.render();
        let value = |line: &str| line.strip_prefix(name)?.trim().parse().ok();
        text.lines().find_map(value)
    }

    /// Runs a relay.
    pub(crate) fn relay(&self, kafka: &Kafka) -> Task {
        let relay = kafka.relay("producer", self.producer.clone());
        Task(tokio::spawn(async move { relay.run().await }))
    }

    /// Runs a replica of the consumer.
    pub(crate) fn follow(&self, kafka: &Kafka) -> Task {
        let db = self.consumer.clone();
        let retry = RetryPolicy::default();
        let following = Following::new(
            db,
            std::sync::Arc::new(kafka.clone()),
            "producer",
            "consumer",
            subscription(),
            retry,
        );
        Task(tokio::spawn(async move { following.run().await }))
    }
}

/// A task that ends with the scene.
pub(crate) struct Task(JoinHandle<()>);

impl Drop for Task {
    fn drop(&mut self) {
        self.0.abort();
    }
}

impl Drop for World {
    fn drop(&mut self) {
        let StoreConfig::Postgres(Server { url, prefix, .. }) = &self.store else { return };
        let drop_all = ["producer", "consumer"]
            .map(|name| format!("DROP DATABASE IF EXISTS {prefix}{name} WITH (FORCE)"));
        let url = url.clone();
        let cleared = std::thread::spawn(move || {
            let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
            runtime.unwrap().block_on(async {
                let (client, connection) = tokio_postgres::connect(&url, NoTls).await.unwrap();
                let driver = tokio::spawn(connection);
                for statement in drop_all {
                    client.batch_execute(&statement).await.ok();
                }
                drop(client);
                driver.await.ok();
            });
        });
        cleared.join().ok();
    }
}

pub(crate) async fn open(store: &StoreConfig, service: &str) -> Db {
    Db::open(store, service, Ids::system(Clock::system()), false).await.unwrap()
}

/// Appends events of `subjects` subjects in turn, a hundred to a transaction.
pub(crate) async fn tell(db: &Db, subjects: i64, numbers: std::ops::Range<i64>) {
    let all: Vec<_> = numbers.collect();
    for some in all.chunks(100) {
        let some = some.to_vec();
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            for number in some {
                tx.emit(&told(&format!("s{}", number % subjects), number)).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    }
}

/// The sources of the parts that a transport has dealt out.
pub(crate) fn sources(parts: &[Arc<dyn Log>]) -> Vec<String> {
    parts.iter().map(|part| part.source().to_owned()).collect()
}
