//! A broker that is killed.

use std::path::PathBuf;
use std::time::Duration;

use hanse_events::Progress;
use rustix::process::{Pid, Signal, kill_process};

use crate::broker::Broker;
use crate::expiry::published;
use crate::world::{World, eventually, until};

fn jars() -> PathBuf {
    std::env::var("HANSE_TEST_KAFKA_JARS")
        .expect("HANSE_TEST_KAFKA_JARS is not set: run the tests with `cargo xtask test`")
        .into()
}

/// EXO-03: what no broker has acknowledged does not count as published; a relay that dies while it
/// waits loses nothing.
#[tokio::test(flavor = "multi_thread")]
async fn nothing_counts_as_published_before_it_is_acknowledged() {
    let folder = tempfile::TempDir::with_prefix("hanse-broker-").unwrap();
    let mut broker = Broker::start(&jars(), folder.path()).unwrap();
    let mut world = World::sqlite().await;
    world.config.brokers = vec![broker.address()];
    let kafka = world.kafka();
    let relay = kafka.relay("producer", world.producer.clone());
    world.tell(3, 0..10).await;
    assert_eq!(relay.step().await.unwrap(), Progress::Moved);
    broker.kill().unwrap();
    world.tell(3, 10..20).await;
    let waited = tokio::time::timeout(Duration::from_secs(2), relay.step()).await;
    assert!(waited.is_err(), "it waits for as long as the broker is away");
    assert_eq!(published(&world).await, 10);
    relay.release().await;
    drop(relay);
    broker.resume().unwrap();
    let _relay = world.relay(&kafka);
    let _replica = world.follow(&kafka);
    world.settled().await;
    world.assert_exact(3, 0..20).await;
    kafka.stop().await;
}

/// EXO-03: the broker dies under load and comes back: delivery waits and resumes, in order, and
/// writing goes on meanwhile.
#[tokio::test(flavor = "multi_thread")]
async fn a_killed_broker_only_delays() {
    let folder = tempfile::TempDir::with_prefix("hanse-broker-").unwrap();
    let mut broker = Broker::start(&jars(), folder.path()).unwrap();
    let mut world = World::sqlite().await;
    world.config.brokers = vec![broker.address()];
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    let _replica = world.follow(&kafka);
    world.tell(6, 0..500).await;
    world.settled().await;
    let mut told = 500;
    for _ in 0..2 {
        let before = world.count().await;
        world.tell(6, told..told + 5000).await;
        until("delivery is under way", async || world.count().await > before).await;
        broker.kill().unwrap();
        world.tell(6, told + 5000..told + 6000).await;
        told += 6000;
        eventually("the outage is noticed", || kafka.unavailable().is_some()).await;
        let relaying = r#"relay_lag_events{service="producer"}"#;
        eventually("the lag shows", || world.gauge(relaying).is_some_and(|lag| lag > 0)).await;
        broker.resume().unwrap();
        world.settled().await;
        eventually("the outage is over", || kafka.unavailable().is_none()).await;
        for side in ["publishing", "following"] {
            assert_eq!(world.gauge(&format!("kafka_unavailable{{for=\"{side}\"}}")), Some(0));
        }
        eventually("the lag is gone", || world.gauge(relaying) == Some(0)).await;
    }
    world.assert_exact(6, 0..told).await;
    kafka.stop().await;
}

/// NET-01: a broker that hangs for longer than its cluster puts up with is left without leaders when it
/// wakes. That only delays: whoever reads must not wait for ever on a client that lost its way.
#[tokio::test(flavor = "multi_thread")]
async fn a_broker_that_hangs_only_delays() {
    let folder = tempfile::TempDir::with_prefix("hanse-broker-").unwrap();
    let broker = Broker::start(&jars(), folder.path()).unwrap();
    let pid = Pid::from_raw(broker.pid().unwrap().cast_signed()).unwrap();
    let mut world = World::sqlite().await;
    world.config.brokers = vec![broker.address()];
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    let _replica = world.follow(&kafka);
    world.tell(6, 0..100).await;
    world.settled().await;
    for round in 1..=4 {
        let before = world.count().await;
        world.tell(6, round * 1000 - 900..round * 1000 + 100).await;
        until("delivery is under way", async || world.count().await > before).await;
        kill_process(pid, Signal::STOP).unwrap();
        // The pause is what is tried here, not what is waited for.
        tokio::time::sleep(Duration::from_secs(3)).await;
        kill_process(pid, Signal::CONT).unwrap();
    }
    world.settled().await;
    world.assert_exact(6, 0..4100).await;
    kafka.stop().await;
}

/// A broker that was never there keeps nothing from starting or stopping.
#[tokio::test(flavor = "multi_thread")]
async fn a_missing_broker_keeps_nobody_from_starting_or_stopping() {
    let mut world = World::sqlite().await;
    // Port 9 is discard: nobody listens.
    world.config.brokers = vec!["127.0.0.1:9".to_owned()];
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    let _replica = world.follow(&kafka);
    world.tell(1, 0..10).await;
    eventually("the outage is noticed", || kafka.unavailable().is_some()).await;
    assert_eq!(world.count().await, 0);
    kafka.stop().await;
    let other = world.kafka();
    let relay = other.relay("producer", world.producer.clone());
    assert!(!matches!(relay.step().await, Ok(Progress::Moved)));
}
