//! Copies and swaps, put into a topic by hand, and by a bad courier.

use std::time::Duration;

use hanse_events::{Group, Transport as _};
use rdkafka::ClientConfig;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as Cause;
use rdkafka::message::{Headers as _, Message as _, OwnedMessage};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::courier::Courier;
use crate::expiry::published;
use crate::scale::Scale;
use crate::world::{World, broker, eventually, tell, until};

pub(crate) fn client() -> ClientConfig {
    let mut config = ClientConfig::new();
    config.set("bootstrap.servers", broker());
    config.set("group.id", "by-hand").set("enable.partition.eof", "true");
    config
}

/// Everything in a partition, oldest first.
pub(crate) fn records(topic: &str, partition: i32) -> Vec<OwnedMessage> {
    let consumer: BaseConsumer = client().create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    let mut records = Vec::new();
    loop {
        match consumer.poll(Duration::from_secs(20)).expect("the broker answers") {
            Ok(message) => records.push(message.detach()),
            Err(Cause::PartitionEOF(_)) => return records,
            Err(error) => panic!("{error}"),
        }
    }
}

/// How often the sequence numbers of a partition go back.
pub(crate) fn steps_back(records: &[OwnedMessage]) -> usize {
    let sequence = |record: &OwnedMessage| -> i64 {
        let headers = record.headers().unwrap();
        let header = headers.iter().find(|header| header.key == "ce_sequence").unwrap();
        std::str::from_utf8(header.value.unwrap()).unwrap().parse().unwrap()
    };
    records.windows(2).filter(|pair| sequence(&pair[1]) <= sequence(&pair[0])).count()
}

fn publish(topic: &str, partition: i32, records: &[OwnedMessage]) {
    let producer: ThreadedProducer<DefaultProducerContext> = client().create().unwrap();
    for record in records {
        let mut sent: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(topic).partition(partition).headers(record.headers().unwrap().clone());
        (sent.key, sent.payload) = (record.key(), record.payload());
        producer.send(sent).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();
}

/// Every record three times, swapped over short and long distances: every event once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn copies_and_swaps_do_no_harm() {
    let mut world = World::sqlite().await;
    world.tell(7, 0..1500).await;
    let kafka = world.kafka();
    let relay = kafka.relay("producer", world.producer.clone());
    while relay.step().await.unwrap() != hanse_events::Progress::Idle {}
    let original = format!("{}.producer", world.config.topic_prefix);
    world.config.topic_prefix.push_str("-disordered");
    let disordered = format!("{}.producer", world.config.topic_prefix);
    // Following makes the topic; the consumer proper begins when it is filled.
    let other = world.kafka();
    let parts = other.follow("producer", Group { service: "nobody", subscription: "looks" });
    eventually("the topic is there", || parts.borrow().len() == 3).await;
    other.stop().await;
    for partition in 0..3 {
        let first = records(&original, partition);
        let mut all = [first.clone(), first.clone(), first].concat();
        let mut state = 7u64;
        for index in 0..all.len() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(11);
            let reach = if index % 50 == 0 { 2000 } else { 20 };
            let other = (index + (state >> 33) as usize % reach).min(all.len() - 1);
            all.swap(index, other);
        }
        assert!(steps_back(&all) > 100, "the records are in disorder");
        publish(&disordered, partition, &all);
    }
    let kafka = world.kafka();
    let _replica = world.follow(&kafka);
    world.settled().await;
    world.assert_exact(7, 0..1500).await;
    kafka.stop().await;
}

/// What no relay has written is skipped, and said.
#[tokio::test(flavor = "multi_thread")]
async fn a_foreign_record_stops_nobody() {
    let world = World::sqlite().await;
    let kafka = world.kafka();
    let _replica = world.follow(&kafka);
    let _relay = world.relay(&kafka);
    world.tell(3, 0..10).await;
    world.settled().await;
    let topic = format!("{}.producer", world.config.topic_prefix);
    let producer: ThreadedProducer<DefaultProducerContext> = client().create().unwrap();
    for partition in 0..3 {
        let sent: BaseRecord<'_, str, str> =
            BaseRecord::to(&topic).partition(partition).payload("whatever");
        producer.send(sent).map_err(|(error, _)| error).unwrap();
    }
    producer.flush(Duration::from_secs(20)).unwrap();
    world.tell(3, 10..20).await;
    world.settled().await;
    world.assert_exact(3, 0..20).await;
    kafka.stop().await;
}

/// EXO-03: a million events (in short, twenty thousand) pass a courier that hands one in ten over twice
/// and one in twenty late, while relay and consumer are started anew: every effect once, in order.
#[tokio::test(flavor = "multi_thread")]
async fn every_effect_once_among_duplicates_and_disorder() {
    let scale = Scale::of_this_run();
    let count: i64 = scale.amount(20_000, 1_000_000);
    let mut world = World::sqlite().await;
    let kafka = world.kafka();
    let mut relay = world.relay(&kafka);
    let from = format!("{}.producer", world.config.topic_prefix);
    world.config.topic_prefix.push_str("-disordered");
    let to = format!("{}.producer", world.config.topic_prefix);
    let other = world.kafka();
    let parts = other.follow("producer", Group { service: "nobody", subscription: "looks" });
    eventually("the topic is there", || parts.borrow().len() == 3).await;
    other.stop().await;
    world.tell(50, 0..1).await;
    let end = world.end().await;
    until("the first event is published", async || published(&world).await == end).await;
    let couriers: Vec<Courier> =
        (0..3).map(|partition| Courier::carry(&from, &to, partition)).collect();
    let telling = {
        let producer = world.producer.clone();
        tokio::spawn(async move { tell(&producer, 50, 1..count).await })
    };
    for _ in scale.rounds(4) {
        let before = world.count().await;
        if before > count / 10 * 8 {
            break;
        }
        let kafka_of_reader = world.kafka();
        let reader = world.follow(&kafka_of_reader);
        until("effects arrive", async || world.count().await > before + count / 50).await;
        // Without a farewell.
        drop((relay, reader));
        relay = world.relay(&kafka);
    }
    let last = world.kafka();
    let _reader = world.follow(&last);
    telling.await.unwrap();
    world.settled().await;
    world.assert_exact(50, 0..count).await;
    let carried: Vec<_> = couriers.into_iter().map(Courier::end).collect();
    let sum = |part: fn(&crate::courier::Carried) -> u64| carried.iter().map(part).sum::<u64>();
    let (records, twice, late) = (sum(|c| c.records), sum(|c| c.twice), sum(|c| c.late));
    println!("found: {count} events in {records} records, {twice} twice, {late} late");
    assert!(twice * 10 > records * 9 / 10 && late * 20 > records * 9 / 10, "a bad courier");
    last.stop().await;
    kafka.stop().await;
}
