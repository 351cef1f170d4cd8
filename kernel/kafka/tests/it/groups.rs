//! Replicas share the partitions of a log, come and go.

use std::time::Duration;

use hanse_events::{Applied, Following, Group, RetryPolicy, Transport as _};

use crate::story::subscription;
use crate::world::{World, eventually, sources};

const GROUP: Group = Group { service: "watches", subscription: "parts" };

/// Effects stay exact while a second replica joins, leaves in good order, and a third one is killed.
async fn replicas_come_and_go(world: World) {
    let one = world.kafka();
    let _relay = world.relay(&one);
    let _first = world.follow(&one);
    // A group of its own shows how the partitions are dealt out.
    let mine = one.follow("producer", GROUP);
    eventually("one replica has all", || mine.borrow().len() == 3).await;
    let all = ["producer/0", "producer/1", "producer/2"];
    assert_eq!(sources(&mine.borrow()), all);
    world.tell(9, 0..1000).await;

    let two = world.kafka();
    let second = world.follow(&two);
    let theirs = two.follow("producer", GROUP);
    world.tell(9, 1000..2000).await;
    eventually("two replicas share", || {
        let mut shared = [sources(&mine.borrow()), sources(&theirs.borrow())].concat();
        shared.sort();
        shared == all && !theirs.borrow().is_empty()
    })
    .await;
    world.tell(9, 2000..3000).await;
    world.settled().await;

    let stopping = two.stop();
    world.tell(9, 3000..4000).await;
    stopping.await;
    assert!(theirs.borrow().is_empty(), "what was given back is followed no longer");
    drop(second);
    eventually("one replica has all again", || mine.borrow().len() == 3).await;
    world.tell(9, 4000..5000).await;
    world.settled().await;
    world.assert_exact(9, 0..5000).await;
    one.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_come_and_go_sqlite() {
    replicas_come_and_go(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn replicas_come_and_go_postgres() {
    replicas_come_and_go(World::postgres().await).await;
}

/// One event moves the positions of all partitions, so that reading one's own writes needs to know
/// of no partition; also when another replica follows some of them.
#[tokio::test(flavor = "multi_thread")]
async fn positions_are_even_and_own_writes_can_be_read() {
    let world = World::sqlite().await;
    let (one, two) = (world.kafka(), world.kafka());
    let _relay = world.relay(&one);
    let applied = Applied::default();
    let following = |kafka: &hanse_kafka::Kafka| {
        let (db, retry) = (world.consumer.clone(), RetryPolicy::default());
        Following::new(
            db,
            std::sync::Arc::new(kafka.clone()),
            "producer",
            "consumer",
            subscription(),
            retry,
        )
    };
    let (first, second) = (following(&one), following(&two));
    first.register(&applied);
    let limit = Duration::from_secs(60);
    assert!(!applied.wait("producer", 1, Duration::ZERO).await, "nothing is applied yet");
    let scene = async {
        for number in 0..20 {
            world.tell(1, number..number + 1).await;
            let end = world.end().await;
            assert!(applied.wait("producer", end, limit).await);
            assert_eq!(world.count().await, number + 1, "the effect can be read");
            assert_eq!(world.positions().await, [end; 3]);
        }
        assert!(!applied.wait("producer", world.end().await + 1, Duration::ZERO).await);
        assert!(applied.wait("another", 1_000, Duration::ZERO).await);
    };
    tokio::select! {
        () = scene => {}
        () = first.run() => {}
        () = second.run() => {}
    }
    one.stop().await;
    two.stop().await;
}

/// A consumer that starts again goes on where its database says, whatever the group has committed.
#[tokio::test(flavor = "multi_thread")]
async fn a_restarted_consumer_goes_on_from_its_own_position() {
    let world = World::sqlite().await;
    for round in 0..4 {
        let kafka = world.kafka();
        let relay = world.relay(&kafka);
        let replica = world.follow(&kafka);
        world.tell(4, round * 700..(round + 1) * 700).await;
        // Anywhere in the middle.
        eventually("it has begun", || round == 3 || futures_now(&world, round * 700)).await;
        if round % 2 == 0 {
            kafka.stop().await;
        }
        if round == 3 {
            world.settled().await;
        }
        drop((relay, replica));
        kafka.stop().await;
    }
    world.assert_exact(4, 0..2800).await;
}

/// Has the consumer come beyond this many effects?
fn futures_now(world: &World, beyond: i64) -> bool {
    tokio::task::block_in_place(|| {
        tokio::runtime::Handle::current().block_on(async { world.count().await > beyond })
    })
}
