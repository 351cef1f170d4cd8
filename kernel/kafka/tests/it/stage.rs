//! The Stage with Kafka between producer and consumer: a step publishes a stretch and delivers it.

use std::ops::Deref;
use std::sync::Arc;

use hanse_events::{Group, Log, Progress, RetryPolicy, Subscriber, Transport as _};
use hanse_kafka::{Kafka, Relay, published};
use hanse_runtime::Service;
use hanse_store::{StoreError, Tx};
use testkit::{Engine, Topology};

use crate::world::{config, eventually};

#[derive(Clone)]
pub struct Stage {
    inner: testkit::Stage,
    kafka: Kafka,
    relay: Arc<Relay>,
    subscribers: Arc<[(Arc<dyn Log>, Subscriber)]>,
}

impl Deref for Stage {
    type Target = testkit::Stage;
    fn deref(&self) -> &testkit::Stage {
        &self.inner
    }
}

/// What `#[stage_test]` calls by the name of the test kit.
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
    testkit::run(engine, topology, name, services, |inner| async {
        let stage = Stage::set(inner).await;
        scene(stage.clone()).await;
        let Stage { kafka, subscribers, .. } = stage;
        drop(subscribers);
        kafka.stop().await;
    });
}

impl Stage {
    async fn set(inner: testkit::Stage) -> Self {
        let producer = inner.db("producer");
        producer.migrate(&[hanse_kafka::SCHEMA]).await.unwrap();
        let kafka = Kafka::new(config(), Default::default(), tokio::runtime::Handle::current());
        let relay = Arc::new(kafka.relay("producer", producer));
        let group = Group { service: "consumer", subscription: "copy" };
        let parts = kafka.follow("producer", group);
        eventually("all partitions are dealt out", || parts.borrow().len() == 3).await;
        let logs = parts.borrow().clone();
        // The receiver stays until the scene ends.
        tokio::spawn(async move {
            let mut parts = parts;
            while parts.changed().await.is_ok() {}
        });
        let subscriber = |log: Arc<dyn Log>| {
            let (db, retry) = (inner.db("consumer"), RetryPolicy::default());
            let subscription = crate::story::subscription();
            (Arc::clone(&log), Subscriber::new(db, log, subscription, retry))
        };
        let subscribers = logs.into_iter().map(subscriber).collect();
        Self { inner, kafka, relay, subscribers }
    }

    /// Publishes one stretch, and delivers until every partition has come to its end.
    pub async fn step(&self) -> Progress {
        let relayed = self.relay.step().await.unwrap();
        let db = self.db("producer");
        let end = db
            .read::<_, StoreError, _>(async |tx: &mut Tx| published(tx, "producer").await)
            .await
            .unwrap();
        let mut moved = relayed == Progress::Moved;
        for (log, subscriber) in self.subscribers.iter() {
            let mut changes = log.changes();
            let position = subscriber.position();
            let deliver = async {
                loop {
                    changes.mark_unchanged();
                    let progress = subscriber.step().await.unwrap();
                    moved |= progress == Progress::Moved;
                    if progress != Progress::Moved && *position.borrow() >= end {
                        break;
                    }
                    if progress != Progress::Moved {
                        let soon = std::time::Duration::from_millis(10);
                        tokio::time::timeout(soon, changes.changed()).await.ok();
                    }
                }
            };
            let limit = std::time::Duration::from_secs(60);
            let delivered = tokio::time::timeout(limit, deliver).await;
            assert!(delivered.is_ok(), "{} does not come to {end}", log.source());
        }
        if moved { Progress::Moved } else { relayed }
    }

    pub async fn drain_events(&self) {
        while self.step().await != Progress::Idle {}
    }
}
