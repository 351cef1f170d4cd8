//! Carries records from one topic to another, badly: some twice, some late.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::{KafkaError, RDKafkaErrorCode};
use rdkafka::message::{Message as _, OwnedMessage};
use rdkafka::producer::{BaseRecord, DefaultProducerContext, Producer as _, ThreadedProducer};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::disorder::client;

/// In percent.
const LATE: u64 = 6;
const TWICE: u64 = 11;
/// How many others overtake a late record at most, and how much later a copy comes.
const OVERTAKEN: u64 = 30;
const COPIED: u64 = 300;

/// What was carried.
#[derive(Debug, Default)]
pub(crate) struct Carried {
    pub(crate) records: u64,
    pub(crate) twice: u64,
    pub(crate) late: u64,
}

/// Carries one partition, on a thread of its own.
pub(crate) struct Courier {
    stop: Arc<AtomicBool>,
    thread: JoinHandle<Carried>,
}

impl Courier {
    pub(crate) fn carry(from: &str, to: &str, partition: i32) -> Self {
        let stop = Arc::new(AtomicBool::new(false));
        let route = Route {
            source: source(from, partition),
            producer: client().create().unwrap(),
            topic: to.to_owned(),
            partition,
            random: partition as u64 + 1,
            held: Vec::new(),
            carried: Carried::default(),
        };
        let stopped = Arc::clone(&stop);
        let thread = std::thread::spawn(move || route.run(&stopped));
        Self { stop, thread }
    }

    /// Stops when everything was carried.
    pub(crate) fn end(self) -> Carried {
        self.stop.store(true, Ordering::Release);
        self.thread.join().unwrap()
    }
}

fn source(topic: &str, partition: i32) -> BaseConsumer {
    let consumer: BaseConsumer = client().create().unwrap();
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(topic, partition, Offset::Beginning).unwrap();
    consumer.assign(&list).unwrap();
    consumer
}

struct Route {
    source: BaseConsumer,
    producer: ThreadedProducer<DefaultProducerContext>,
    topic: String,
    partition: i32,
    random: u64,
    /// Records to be handed over after so many others.
    held: Vec<(u64, OwnedMessage)>,
    carried: Carried,
}

impl Route {
    fn run(mut self, stop: &AtomicBool) -> Carried {
        loop {
            match self.source.poll(Duration::from_millis(100)) {
                Some(Ok(message)) => {
                    let message = message.detach();
                    self.take(message);
                }
                Some(Err(KafkaError::PartitionEOF(_))) => {
                    // Nobody comes to overtake what is held.
                    for (_, message) in std::mem::take(&mut self.held) {
                        self.send(&message);
                    }
                }
                Some(Err(error)) => panic!("{error}"),
                None if stop.load(Ordering::Acquire) => break,
                None => {}
            }
        }
        self.producer.flush(Duration::from_secs(20)).unwrap();
        self.carried
    }

    fn take(&mut self, message: OwnedMessage) {
        self.carried.records += 1;
        let dice = self.dice(100);
        if dice < LATE {
            self.carried.late += 1;
            let after = 1 + self.dice(OVERTAKEN);
            self.held.push((after, message));
            return;
        }
        self.send(&message);
        if dice < LATE + TWICE {
            self.carried.twice += 1;
            let after = 1 + self.dice(COPIED);
            self.held.push((after, message));
        }
        let mut due = Vec::new();
        self.held.retain_mut(|(after, message)| {
            *after -= 1;
            if *after == 0 {
                due.push(message.clone());
            }
            *after > 0
        });
        due.iter().for_each(|message| self.send(message));
    }

    fn send(&self, message: &OwnedMessage) {
        let headers = message.headers().unwrap().clone();
        let mut sent: BaseRecord<'_, [u8], [u8]> =
            BaseRecord::to(&self.topic).partition(self.partition).headers(headers);
        (sent.key, sent.payload) = (message.key(), message.payload());
        loop {
            let full = KafkaError::MessageProduction(RDKafkaErrorCode::QueueFull);
            match self.producer.send(sent) {
                Ok(()) => return,
                Err((error, again)) if error == full => {
                    std::thread::sleep(Duration::from_millis(5));
                    sent = again;
                }
                Err((error, _)) => panic!("{error}"),
            }
        }
    }

    fn dice(&mut self, sides: u64) -> u64 {
        self.random =
            self.random.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963);
        (self.random >> 33) % sides
    }
}
