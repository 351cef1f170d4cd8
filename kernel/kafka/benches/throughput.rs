//! How fast a log goes through Kafka, to be held against the broker's own measuring tools.
//!
//! `HANSE_TEST_KAFKA=host:port cargo bench -p hanse-kafka [-- <events>]` prints events per second for
//! the relay alone, for reading alone, for both at once, and for a subscription that applies each
//! event to a table; and the time from a commit to its arrival.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a bench stops at the first failure and reads the environment and the clock"
)]

use std::sync::Arc;
use std::time::{Duration, Instant};

use hanse_events::{
    DomainEvent, Emit as _, Event, Following, Group, HandlerResult, Log, Progress, RetryPolicy,
    Subscription, Transport as _,
};
use hanse_kafka::{Kafka, KafkaConfig};
use hanse_store::{Clock, Db, Ids, Migration, Schema, StoreConfig, StoreError, Tx, params};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::runtime::Handle;
use uuid::Uuid;

#[derive(Serialize, Deserialize, JsonSchema)]
struct Written {
    thought: Uuid,
    text: String,
}

impl DomainEvent for Written {
    const TYPE: &'static str = "producer.ThoughtWritten";
    fn subject(&self) -> String {
        format!("thought/{}", self.thought)
    }
    fn owner(&self) -> Option<Uuid> {
        Some(Uuid::from_u128(7))
    }
}

const SCHEMA: Schema = Schema {
    owner: "consumer",
    migrations: &[Migration {
        name: "0001_consumer",
        sql: "CREATE TABLE thoughts (seq BIGINT PRIMARY KEY, text TEXT NOT NULL)",
    }],
};

async fn copy(tx: &mut Tx, event: Event<Written>) -> HandlerResult {
    let sql = "INSERT INTO thoughts (seq, text) VALUES ($1, $2)";
    tx.execute(sql, params![event.seq, event.data.text]).await?;
    Ok(())
}

async fn write(db: &Db, from: u32, to: u32) {
    db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
        for number in from..to {
            let thought = Uuid::from_u128(u128::from(number) << 64 | 0x8000_0000_0000);
            let text =
                format!("{number} is a number about which there is little to say. ").repeat(3);
            tx.emit(&Written { thought, text }).await?;
        }
        Ok(())
    })
    .await
    .unwrap();
}

async fn drain(log: Arc<dyn Log>, end: i64) {
    let mut after = 0;
    let mut changes = log.changes();
    while after < end {
        changes.mark_unchanged();
        let batch = log.read(after, 500).await.unwrap();
        match batch.events.last() {
            Some(last) => after = last.seq,
            None => drop(tokio::time::timeout(Duration::from_millis(20), changes.changed()).await),
        }
    }
}

struct Bench {
    folder: tempfile::TempDir,
    broker: String,
    events: u32,
}

impl Bench {
    fn kafka(&self, prefix: &str) -> Kafka {
        let config = KafkaConfig {
            brokers: vec![self.broker.clone()],
            topic_prefix: format!("bench{}-{prefix}", std::process::id()),
            ..KafkaConfig::default()
        };
        Kafka::new(config, Default::default(), Handle::current())
    }

    async fn open(&self, name: &str) -> Db {
        let store = StoreConfig::Sqlite { folder: self.folder.path().to_owned() };
        Db::open(&store, name, Ids::system(Clock::system()), false).await.unwrap()
    }

    fn report(&self, what: &str, begun: Instant) {
        let seconds = begun.elapsed().as_secs_f64();
        println!("{what:<34} {:>9.0} events/s", f64::from(self.events) / seconds);
    }
}

async fn parts(kafka: &Kafka) -> tokio::sync::watch::Receiver<Vec<Arc<dyn Log>>> {
    let mut parts = kafka.follow("producer", Group { service: "bench", subscription: "reads" });
    parts.wait_for(|parts| parts.len() == 3).await.unwrap();
    parts
}

async fn all(logs: &[Arc<dyn Log>], end: i64) {
    futures_util::future::join_all(logs.iter().map(|log| drain(Arc::clone(log), end))).await;
}

async fn relay_all(kafka: &Kafka, producer: &Db) {
    let relay = kafka.relay("producer", producer.clone());
    while relay.step().await.unwrap() != Progress::Idle {}
    relay.release().await;
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let events = std::env::args().filter_map(|word| word.parse().ok()).next().unwrap_or(200_000);
    let broker = std::env::var("HANSE_TEST_KAFKA").expect("HANSE_TEST_KAFKA is host:port");
    let bench = Bench { folder: tempfile::tempdir().unwrap(), broker, events };
    let producer = bench.open("producer").await;
    producer.migrate(&[hanse_events::SCHEMA, hanse_kafka::SCHEMA]).await.unwrap();
    for from in (0..events).step_by(1000) {
        write(&producer, from, (from + 1000).min(events)).await;
    }
    let end = i64::from(events);

    let kafka = bench.kafka("apart");
    write(&producer, events, events + 1).await;
    let logs = parts(&kafka).await;
    let begun = Instant::now();
    relay_all(&kafka, &producer).await;
    bench.report("relay alone", begun);
    let begun = Instant::now();
    let followed = logs.borrow().clone();
    all(&followed, end).await;
    bench.report("reading alone", begun);

    let kafka = bench.kafka("together");
    hanse_kafka::republish(&producer, 1).await.unwrap();
    let logs = parts(&kafka).await;
    let followed = logs.borrow().clone();
    let begun = Instant::now();
    tokio::join!(relay_all(&kafka, &producer), all(&followed, end));
    bench.report("relay and reading at once", begun);

    let consumer = bench.open("consumer").await;
    consumer.migrate(&[hanse_events::SCHEMA, SCHEMA]).await.unwrap();
    let subscription = Subscription::new("copy").on(copy);
    let retry = RetryPolicy::default();
    let following = Following::new(
        consumer.clone(),
        std::sync::Arc::new(kafka.clone()),
        "producer",
        "consumer",
        subscription,
        retry,
    );
    let applied = hanse_events::Applied::default();
    following.register(&applied);
    let following = tokio::spawn(async move { following.run().await });
    let begun = Instant::now();
    assert!(applied.wait("producer", end, Duration::from_secs(600)).await);
    bench.report("a subscription, effects in SQLite", begun);

    let relay = kafka.relay("producer", producer.clone());
    let relay = tokio::spawn(async move { relay.run().await });
    let mut times = Vec::new();
    for number in 0..300 {
        let committed = Instant::now();
        write(&producer, events + 10 + number, events + 11 + number).await;
        let seq = end + 2 + i64::from(number);
        assert!(applied.wait("producer", seq, Duration::from_secs(60)).await);
        times.push(committed.elapsed());
    }
    times.sort();
    println!("write to readable elsewhere: median {:?}, p99 {:?}", times[150], times[297]);
    kafka.stop().await;
    relay.abort();
    following.abort();
}
