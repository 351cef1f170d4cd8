//! A consumer that begins to follow by a broker, and one that does so no longer: every effect once.

use std::error::Error as _;
use std::sync::Arc;

use hanse_events::{EmbeddedLog, Progress, RetryPolicy, Subscriber};
use hanse_store::{Result, StoreError, Tx};

use crate::story::subscription;
use crate::world::{World, until};

/// Takes in all that there is, without a broker.
async fn follow_whole(world: &World) -> Result<()> {
    let log = Arc::new(EmbeddedLog::new(world.producer.clone()));
    let retry = RetryPolicy::default();
    let reader = Subscriber::new(world.consumer.clone(), log, subscription(), retry);
    while reader.step().await? == Progress::Moved {}
    Ok(())
}

/// Takes in all that there is, by the broker.
async fn follow_parts(world: &World) {
    let kafka = world.kafka();
    let (relay, replica) = (world.relay(&kafka), world.follow(&kafka));
    until("there are three parts", async || world.positions().await.len() == 3).await;
    world.settled().await;
    drop((relay, replica));
    kafka.stop().await;
}

async fn there_and_back(world: World) {
    world.tell(5, 0..200).await;
    follow_whole(&world).await.unwrap();
    world.tell(5, 200..300).await;
    follow_parts(&world).await;
    world.assert_exact(5, 0..300).await;
    world.tell(5, 300..400).await;
    follow_whole(&world).await.unwrap();
    assert_eq!(world.positions().await, [world.end().await]);
    world.tell(5, 400..500).await;
    follow_parts(&world).await;
    world.assert_exact(5, 0..500).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_comes_and_goes_sqlite() {
    there_and_back(World::sqlite().await).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_broker_comes_and_goes_postgres() {
    there_and_back(World::postgres().await).await;
}

/// Where parts stand apart, no one number says what was applied: that is said, and nothing is doubled.
#[tokio::test(flavor = "multi_thread")]
async fn parts_that_stand_apart_are_not_taken_for_a_whole() {
    let world = World::sqlite().await;
    world.tell(5, 0..200).await;
    follow_parts(&world).await;
    let apart = "UPDATE positions SET seq = seq - 1 WHERE source = 'producer/1'";
    let set = async move |tx: &mut Tx| tx.execute(apart, &[]).await;
    world.consumer.write::<_, StoreError, _>(set).await.unwrap();
    let refused = follow_whole(&world).await.unwrap_err();
    assert!(refused.to_string().contains("events replay"), "{refused} {:?}", refused.source());
    world.assert_exact(5, 0..200).await;
}
