//! Records that the broker no longer holds.

use std::error::Error as _;
use std::time::Duration;

use hanse_events::{Group, Transport as _};
use hanse_kafka::republish;
use rdkafka::ClientConfig;
use rdkafka::admin::{AdminClient, AdminOptions};
use rdkafka::client::DefaultClientContext;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::world::{World, broker, eventually, until};

/// Deletes what a partition holds, as retention does.
async fn expire(topic: &str, partition: i32) {
    let admin: AdminClient<DefaultClientContext> =
        ClientConfig::new().set("bootstrap.servers", broker()).create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::End).unwrap();
    let options = AdminOptions::new().operation_timeout(Some(Duration::from_secs(20)));
    admin.delete_records(&list, &options).await.unwrap();
}

/// A consumer that comes too late is told so, with the command that helps; it skips nothing, and the
/// command heals it.
#[tokio::test(flavor = "multi_thread")]
async fn what_has_expired_is_said_and_republishing_heals() {
    let world = World::sqlite().await;
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    world.tell(5, 0..300).await;
    let end = world.end().await;
    until("all is published", async || published(&world).await == end).await;
    let topic = format!("{}.producer", world.config.topic_prefix);
    for partition in 0..3 {
        expire(&topic, partition).await;
    }
    world.tell(5, 300..320).await;
    let end = world.end().await;
    until("all is published", async || published(&world).await == end).await;

    let parts = kafka.follow("producer", Group { service: "looks", subscription: "on" });
    eventually("partitions are dealt out", || parts.borrow().len() == 3).await;
    let log = parts.borrow()[0].clone();
    let text = std::sync::Mutex::new(String::new());
    until("it is said", async || match log.read(0, 10).await {
        Ok(batch) => {
            assert!(batch.events.is_empty(), "nothing is skipped");
            false
        }
        Err(error) => {
            *text.lock().unwrap() = error.source().unwrap().to_string();
            true
        }
    })
    .await;
    let text = text.into_inner().unwrap();
    assert!(text.contains("no longer holds the events of producer/0 after 0"), "{text}");
    assert!(text.contains("`hanse events republish producer`"), "{text}");

    let replica = world.follow(&kafka);
    let stuck = r#"subscription_stuck_partitions{subscription="copy",source="producer"}"#;
    eventually("it is measured", || world.gauge(stuck) == Some(3)).await;
    assert_eq!(world.positions().await, [0; 3]);
    assert_eq!(republish(&world.producer, 1).await.unwrap(), 0);
    world.settled().await;
    world.assert_exact(5, 0..320).await;
    let lag = r#"subscription_lag_records{subscription="copy",source="producer"}"#;
    eventually("it is over", || world.gauge(stuck) == Some(0) && world.gauge(lag) == Some(0)).await;
    assert_eq!(log.get(3).await.unwrap().is_some(), log.source() == source_of(&parts, 3).await);
    drop((replica, parts));
    kafka.stop().await;
}

/// A part of a log that cannot be read holds up none of the others, which are taken in beside it.
#[tokio::test(flavor = "multi_thread")]
async fn a_part_that_is_stuck_holds_nobody_up() {
    let world = World::sqlite().await;
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    world.tell(9, 0..300).await;
    let end = world.end().await;
    until("all is published", async || published(&world).await == end).await;
    expire(&format!("{}.producer", world.config.topic_prefix), 1).await;
    world.tell(9, 300..600).await;
    let end = world.end().await;
    until("all is published", async || published(&world).await == end).await;
    let _replica = world.follow(&kafka);
    let stuck = r#"subscription_stuck_partitions{subscription="copy",source="producer"}"#;
    eventually("it is measured", || world.gauge(stuck) == Some(1)).await;
    until("the others come to the end", async || world.positions().await == [end, 0, end]).await;
    // And they go on.
    world.tell(9, 600..700).await;
    let end = world.end().await;
    until("the others go on", async || world.positions().await == [end, 0, end]).await;
    republish(&world.producer, 1).await.unwrap();
    world.settled().await;
    world.assert_exact(9, 0..700).await;
    kafka.stop().await;
}

/// The part that has an event.
async fn source_of(
    parts: &tokio::sync::watch::Receiver<Vec<std::sync::Arc<dyn hanse_events::Log>>>,
    seq: i64,
) -> String {
    let parts = parts.borrow().clone();
    for part in parts {
        if part.get(seq).await.unwrap().is_some() {
            return part.source().to_owned();
        }
    }
    panic!("nobody has {seq}");
}

pub(crate) async fn published(world: &World) -> i64 {
    let read = async |tx: &mut hanse_store::Tx| hanse_kafka::published(tx, "producer").await;
    world.producer.read::<_, hanse_store::StoreError, _>(read).await.unwrap()
}

/// Publishing again what everybody has does nothing.
#[tokio::test(flavor = "multi_thread")]
async fn republishing_changes_nothing_for_those_who_have_it() {
    let world = World::sqlite().await;
    let kafka = world.kafka();
    let _relay = world.relay(&kafka);
    let _replica = world.follow(&kafka);
    world.tell(5, 0..500).await;
    world.settled().await;
    assert_eq!(republish(&world.producer, 100).await.unwrap(), 99);
    world.tell(5, 500..600).await;
    world.settled().await;
    world.assert_exact(5, 0..600).await;
    let topic = format!("{}.producer", world.config.topic_prefix);
    let again =
        |partition| crate::disorder::steps_back(&crate::disorder::records(&topic, partition));
    assert!((0..3).any(|partition| again(partition) > 0), "something was published again");
    assert_eq!(republish(&world.producer, 1_000_000).await.unwrap(), world.end().await);
    kafka.stop().await;
}

/// The partition of a subject must not change silently.
#[tokio::test(flavor = "multi_thread")]
async fn another_number_of_partitions_is_refused() {
    let mut world = World::sqlite().await;
    let kafka = world.kafka();
    world.tell(1, 0..1).await;
    kafka.relay("producer", world.producer.clone()).step().await.unwrap();
    world.config.partitions = 4;
    world.tell(1, 1..2).await;
    let before = published(&world).await;
    let other = world.kafka();
    republish(&world.producer, before + 1).await.unwrap();
    let error = other.relay("producer", world.producer.clone()).step().await.unwrap_err();
    let text = error.to_string();
    assert!(text.contains("has 3 partitions and the configuration says 4"), "{text}");
    assert_eq!(published(&world).await, before);
}
