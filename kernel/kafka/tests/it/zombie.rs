//! Relays that wake up and do not know that others have gone on without them.

use hanse_events::Progress;
use hanse_store::{Clock, Db, FakeClock, Ids, StoreConfig};
use jiff::SignedDuration;
use rustix::process::Signal;

use crate::disorder::{records, steps_back};
use crate::expiry::published;
use crate::process::{Process, Role};
use crate::world::{World, until};

/// A relay whose lease ran out publishes what another one has published: nothing is applied twice,
/// and it notices before it can move the position.
#[tokio::test(flavor = "multi_thread")]
async fn a_zombie_repeats_and_changes_nothing() {
    let mut world = World::sqlite().await;
    let clock = FakeClock::at(Clock::system().now());
    world.producer = with_clock(&world, &clock).await;
    let kafka = world.kafka();
    let _replica = world.follow(&kafka);
    let zombie = kafka.relay("producer", world.producer.clone());
    let other = kafka.relay("producer", world.producer.clone());
    world.tell(5, 0..100).await;
    assert_eq!(zombie.step().await.unwrap(), Progress::Moved);
    assert_eq!(other.step().await.unwrap(), Progress::Idle, "somebody else has the lease");
    for round in 1..=5 {
        world.tell(5, round * 100..round * 100 + 50).await;
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(other.step().await.unwrap(), Progress::Moved);
        world.tell(5, round * 100 + 50..round * 100 + 100).await;
        let before = published(&world).await;
        // It publishes all it has missed, and more than the other has published.
        assert_eq!(zombie.step().await.unwrap(), Progress::Idle);
        assert_eq!(published(&world).await, before, "it cannot move the position");
        clock.advance(SignedDuration::from_secs(10));
        assert_eq!(zombie.step().await.unwrap(), Progress::Moved);
        assert_eq!(other.step().await.unwrap(), Progress::Idle);
    }
    world.settled().await;
    world.assert_exact(5, 0..600).await;
    let topic = format!("{}.producer", world.config.topic_prefix);
    let again: usize = (0..3).map(|partition| steps_back(&records(&topic, partition))).sum();
    assert!(again >= 5, "the zombie has published: {again}");
    kafka.stop().await;
}

async fn with_clock(world: &World, clock: &FakeClock) -> Db {
    let folder = match &world.store {
        StoreConfig::Sqlite { folder } => folder.join("clocked"),
        StoreConfig::Postgres(_) => unreachable!(),
    };
    std::fs::create_dir_all(&folder).unwrap();
    let store = StoreConfig::Sqlite { folder };
    let db = Db::open(&store, "producer", Ids::system(clock.clock()), false).await.unwrap();
    db.migrate(&[hanse_events::SCHEMA, hanse_kafka::SCHEMA]).await.unwrap();
    db
}

/// A relay that stops in good order lets the next one go on at once.
#[tokio::test(flavor = "multi_thread")]
async fn a_stopped_relay_leaves_at_once() {
    let world = World::sqlite().await;
    let one = world.kafka();
    let _relay = world.relay(&one);
    world.tell(2, 0..10).await;
    let end = world.end().await;
    until("it has published", async || published(&world).await == end).await;
    one.stop().await;
    world.tell(2, 10..20).await;
    let two = world.kafka();
    let relay = two.relay("producer", world.producer.clone());
    assert_eq!(
        relay.step().await.unwrap(),
        Progress::Moved,
        "without waiting for the lease to end"
    );
}

/// A process that relays is frozen in the middle of its work, replaced, woken, and killed.
#[tokio::test(flavor = "multi_thread")]
async fn a_frozen_process_wakes_as_a_zombie() {
    let world = World::postgres().await;
    let kafka = world.kafka();
    let _replica = world.follow(&kafka);
    world.tell(8, 0..20_000).await;
    let child = Process::start(Role::Relay, &world);
    until("the process publishes", async || published(&world).await > 0).await;
    child.signal(Signal::STOP);
    let frozen = published(&world).await;
    // Until its lease has ended this one waits.
    let _relay = world.relay(&kafka);
    world.tell(8, 20_000..20_500).await;
    world.settled().await;
    assert!(frozen < world.end().await, "it was frozen in the middle");
    child.signal(Signal::CONT);
    world.tell(8, 20_500..22_000).await;
    world.settled().await;
    child.kill();
    world.tell(8, 22_000..22_100).await;
    world.settled().await;
    world.assert_exact(8, 0..22_100).await;
    kafka.stop().await;
}
