//! What arrives is what was in the log.

use hanse_events::{Emit as _, Group, Recorded, Transport as _, erase_owner};
use hanse_store::{Origin, StoreError, Tx};
use rdkafka::message::{Headers as _, Message as _};

use crate::disorder::records;
use crate::story::{Told, Uuid, told};
use crate::world::{World, eventually};

/// Every field of every event, erased ones included, and CloudEvents headers for other programs.
#[tokio::test(flavor = "multi_thread")]
async fn events_arrive_as_they_are_in_the_log() {
    let world = World::sqlite().await;
    let (owner, gone, actor) = (Uuid::from_u128(1), Uuid::from_u128(2), Uuid::from_u128(3));
    let trace = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
    world
        .producer
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            tx.emit(&told("plain \u{e9}\u{4e16}", 1)).await?;
            tx.set_origin(Origin { actor: Some(actor), trace: Some(trace.into()) });
            for number in 2..30 {
                let owner = Some(if number % 3 == 0 { gone } else { owner });
                tx.emit(&Told { owner, ..told(&format!("s{}", number % 4), number) }).await?;
            }
            Ok(())
        })
        .await
        .unwrap();
    world
        .producer
        .write::<_, StoreError, _>(async move |tx: &mut Tx| erase_owner(tx, gone).await)
        .await
        .unwrap();
    let kafka = world.kafka();
    kafka.relay("producer", world.producer.clone()).step().await.unwrap();
    let parts = kafka.follow("producer", Group { service: "reads", subscription: "all" });
    eventually("partitions are dealt out", || parts.borrow().len() == 3).await;
    let mut arrived = Vec::<Recorded>::new();
    for log in parts.borrow().clone() {
        let mut after = 0;
        while after < 29 {
            let batch = log.read(after, 4).await.unwrap();
            after = batch.events.last().map_or(after, |event| event.seq);
            arrived.extend(batch.events);
            tokio::task::yield_now().await;
        }
    }
    arrived.retain(|event| event.kind != "hanse.watermark");
    arrived.sort_by_key(|event| event.seq);
    let list = async |tx: &mut Tx| hanse_events::admin::list(tx, 0, 100).await;
    let log = world.producer.read::<_, StoreError, _>(list).await.unwrap();
    assert_eq!(format!("{arrived:#?}"), format!("{log:#?}"));
    assert_eq!(arrived.iter().filter(|event| event.data.is_none()).count(), 9);

    let topic = format!("{}.producer", world.config.topic_prefix);
    let all: Vec<_> = (0..3).flat_map(|partition| records(&topic, partition)).collect();
    let header = |record: &rdkafka::message::OwnedMessage, name: &str| {
        let headers = record.headers().unwrap();
        let value = headers.iter().find(|header| header.key == name)?.value?.to_owned();
        Some(String::from_utf8(value).unwrap())
    };
    let second = all.iter().find(|r| header(r, "ce_id") == Some(log[1].id.to_string())).unwrap();
    for (name, value) in [
        ("ce_specversion", "1.0"),
        ("ce_source", "/producer"),
        ("ce_type", "producer.Told"),
        ("ce_subject", "s2"),
        ("ce_sequence", "2"),
        ("ce_traceparent", trace),
        ("content-type", "application/json"),
    ] {
        assert_eq!(header(second, name).as_deref(), Some(value), "{name}");
    }
    assert_eq!(second.key(), Some(&b"s2"[..]));
    kafka.stop().await;
}
