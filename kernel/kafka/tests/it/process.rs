//! A relay or a consumer as a process of its own, to be frozen and killed.

use std::process::{Child, Command, Stdio};

use hanse_events::{Following, RetryPolicy};
use hanse_kafka::Kafka;
use hanse_store::{Server, StoreConfig};
use rustix::process::{Pid, Signal, kill_process};
use tokio::runtime::Handle;

use crate::expiry::published;
use crate::story::subscription;
use crate::world::{World, open, until};

/// What the process does.
#[derive(Clone, Copy, Debug)]
pub(crate) enum Role {
    Relay,
    Consume,
}

/// A process that is killed at the end at the latest.
pub(crate) struct Process(Child);

impl Process {
    /// Starts one on the databases of a world on PostgreSQL.
    pub(crate) fn start(role: Role, world: &World) -> Self {
        let StoreConfig::Postgres(Server { url, prefix, .. }) = &world.store else {
            unreachable!()
        };
        let topics = &world.config.topic_prefix;
        let child = Command::new(std::env::current_exe().unwrap())
            .args(["process::child", "--exact"])
            .env("HANSE_TEST_CHILD", format!("{role:?} {url} {prefix} {topics}"))
            .stdout(Stdio::null())
            .spawn();
        Self(child.unwrap())
    }

    pub(crate) fn signal(&self, signal: Signal) {
        kill_process(Pid::from_raw(self.0.id().cast_signed()).unwrap(), signal).unwrap();
    }

    pub(crate) fn kill(self) {}
}

impl Drop for Process {
    fn drop(&mut self) {
        self.0.kill().unwrap();
        self.0.wait().unwrap();
    }
}

/// What runs in the process that other scenes start. As a scene of its own it starts one, and sees that
/// it works.
#[tokio::test(flavor = "multi_thread")]
async fn child() {
    let Ok(told) = std::env::var("HANSE_TEST_CHILD") else {
        let world = World::postgres().await;
        world.tell(2, 0..20).await;
        let _relay = Process::start(Role::Relay, &world);
        let _consumer = Process::start(Role::Consume, &world);
        world.settled().await;
        return world.assert_exact(2, 0..20).await;
    };
    let [role, url, prefix, topics] = told.split(' ').collect::<Vec<_>>()[..] else {
        panic!("{told}")
    };
    let (url, prefix) = (url.to_owned(), prefix.to_owned());
    let store = StoreConfig::Postgres(Server::new(url, prefix, 4));
    let mut config = crate::world::config();
    topics.clone_into(&mut config.topic_prefix);
    let kafka = Kafka::new(config, Default::default(), Handle::current());
    if role == "Relay" {
        kafka.relay("producer", open(&store, "producer").await).run().await;
    }
    let (db, retry) = (open(&store, "consumer").await, RetryPolicy::default());
    Following::new(
        db,
        std::sync::Arc::new(kafka.clone()),
        "producer",
        "consumer",
        subscription(),
        retry,
    )
    .run()
    .await;
}

/// EXO-03: relay and consumer are killed (`kill -9`) in the middle of their work: every effect once.
#[tokio::test(flavor = "multi_thread")]
async fn killed_processes_lose_and_double_nothing() {
    let world = World::postgres().await;
    world.tell(6, 0..30_000).await;
    let (mut relayed, mut applied) = (0, 0);
    for _ in 0..3 {
        let relay = Process::start(Role::Relay, &world);
        let consumer = Process::start(Role::Consume, &world);
        until("a stretch is published", async || published(&world).await > relayed).await;
        relay.kill();
        relayed = published(&world).await;
        until("effects arrive", async || world.count().await > applied).await;
        consumer.kill();
        applied = world.count().await;
        assert!(relayed < 30_000 && applied < 30_000, "they were killed in the middle");
    }
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    let _replica = world.follow(&kafka);
    world.settled().await;
    world.assert_exact(6, 0..30_000).await;
    kafka.stop().await;
}
