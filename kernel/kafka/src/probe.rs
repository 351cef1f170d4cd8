//! Looks up single records: where in a partition a position lies, and one event by its number.
//!
//! Offsets and sequence numbers rise together except where records were published again, so a place
//! that is found is checked by what the records there claim, and a wrong one only costs time: the
//! sequencer notices, and the whole partition is read.

use std::ops::Range;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Instant;

use hanse_events::Recorded;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::error::KafkaError as Cause;
use rdkafka::message::Message as _;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::client::{Context, PATIENCE, consumer};
use crate::config::KafkaConfig;
use crate::error::KafkaError;
use crate::outage::Outage;
use crate::wire::{self, Claimed};

/// A stretch this short is read rather than searched.
const SHORT: i64 = 64;

/// One partition of a topic.
#[derive(Clone, Debug)]
pub(crate) struct Partition {
    pub(crate) topic: String,
    pub(crate) number: i32,
}

/// Where to begin to read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Place {
    pub(crate) offset: i64,
    /// It is the first record that the broker holds.
    pub(crate) first: bool,
}

/// A consumer for single records, made at first use and shared by all logs. Its calls block.
pub(crate) struct Probe {
    config: KafkaConfig,
    outage: Arc<Outage>,
    consumer: Mutex<Option<BaseConsumer<Context>>>,
}

impl Probe {
    pub(crate) fn new(config: KafkaConfig, outage: Arc<Outage>) -> Self {
        Self { config, outage, consumer: Mutex::new(None) }
    }

    /// The place from which all records after the position `after` can be read. `hint` is the offset
    /// that a reader of the same group has come to.
    pub(crate) fn locate(
        &self,
        partition: &Partition,
        after: i64,
        hint: Option<i64>,
    ) -> Result<Place, KafkaError> {
        self.with(|consumer| {
            let held = held(consumer, partition)?;
            let place = |offset: i64| Place { offset, first: offset <= held.start };
            if held.is_empty() {
                return Ok(place(held.end));
            }
            let before = |offset: i64| -> Result<bool, KafkaError> {
                let found = peek(consumer, partition, offset, held.end)?;
                Ok(found.is_some_and(|found| found.record.seq <= after))
            };
            if let Some(hint) = hint.filter(|hint| held.contains(&(hint - 1)))
                && before(hint - 1)?
            {
                return Ok(place(hint - 1));
            }
            let (mut low, mut high) = (held.start, held.end);
            while high - low > SHORT {
                let middle = low + (high - low) / 2;
                if before(middle)? {
                    low = middle;
                } else {
                    high = middle;
                }
            }
            Ok(place(low))
        })
    }

    /// The offset after the last record that the broker holds.
    pub(crate) fn end(&self, partition: &Partition) -> Result<i64, KafkaError> {
        self.with(|consumer| Ok(held(consumer, partition)?.end))
    }

    /// The first record that the broker holds.
    pub(crate) fn first(&self, partition: &Partition) -> Result<Place, KafkaError> {
        self.with(|consumer| Ok(Place { offset: held(consumer, partition)?.start, first: true }))
    }

    /// The event with this number, if the broker holds it.
    pub(crate) fn get(
        &self,
        partition: &Partition,
        seq: i64,
    ) -> Result<Option<Recorded>, KafkaError> {
        let place = self.locate(partition, seq - 1, None)?;
        self.with(|consumer| {
            let end = held(consumer, partition)?.end;
            let found = scan(consumer, partition, place.offset, end, |claimed| {
                claimed.record.seq == seq && !claimed.is_watermark()
            })?;
            Ok(found.map(|claimed| claimed.record))
        })
    }

    /// Runs `work` with the consumer; a failed one is not used again.
    fn with<T>(
        &self,
        work: impl FnOnce(&BaseConsumer<Context>) -> Result<T, KafkaError>,
    ) -> Result<T, KafkaError> {
        let mut slot = self.consumer.lock().unwrap_or_else(PoisonError::into_inner);
        let consumer = match slot.take() {
            Some(consumer) => consumer,
            None => self.connect()?,
        };
        let result = work(&consumer);
        if result.is_ok() {
            self.outage.end();
            *slot = Some(consumer);
        }
        result
    }

    fn connect(&self) -> Result<BaseConsumer<Context>, KafkaError> {
        consumer(&self.config, &format!("{}.probe", self.config.topic_prefix))
            .set("enable.partition.eof", "true")
            .set("queued.min.messages", "1")
            .set("fetch.message.max.bytes", "65536")
            .set("fetch.wait.max.ms", "10")
            // What befell it while it was not asked is nobody's business: its answers tell.
            .create_with_context(Context::silent())
            .map_err(|error| KafkaError::broker("starting a consumer", error))
    }
}

/// The offsets that the broker holds.
fn held(consumer: &BaseConsumer<Context>, partition: &Partition) -> Result<Range<i64>, KafkaError> {
    let (low, high) = consumer
        .fetch_watermarks(&partition.topic, partition.number, PATIENCE)
        .map_err(|error| KafkaError::broker("asking for a partition's bounds", error))?;
    Ok(low..high)
}

/// The first record of ours at or after an offset.
fn peek(
    consumer: &BaseConsumer<Context>,
    partition: &Partition,
    offset: i64,
    end: i64,
) -> Result<Option<Claimed>, KafkaError> {
    scan(consumer, partition, offset, end, |_| true)
}

/// The first record of ours from `offset` up to `end` that `fits`.
fn scan(
    consumer: &BaseConsumer<Context>,
    partition: &Partition,
    offset: i64,
    end: i64,
    mut fits: impl FnMut(&Claimed) -> bool,
) -> Result<Option<Claimed>, KafkaError> {
    let failed = |error: Cause| KafkaError::broker("looking a record up", error);
    let mut list = TopicPartitionList::new();
    list.add_partition_offset(&partition.topic, partition.number, Offset::Offset(offset))
        .map_err(failed)?;
    consumer.assign(&list).map_err(failed)?;
    let mut deadline = Instant::now() + PATIENCE;
    while Instant::now() < deadline {
        match consumer.poll(PATIENCE / 10) {
            Some(Ok(message)) => {
                deadline = Instant::now() + PATIENCE;
                let last = message.offset() + 1 >= end;
                if let Ok(claimed) = wire::read(&message)
                    && fits(&claimed)
                {
                    return Ok(Some(claimed));
                }
                if last {
                    return Ok(None);
                }
            }
            Some(Err(Cause::PartitionEOF(_))) => return Ok(None),
            Some(Err(error)) => {
                tracing::debug!(error = &error as &dyn std::error::Error, "a look-up stumbled");
            }
            None => {}
        }
    }
    let error = std::io::Error::other("the broker sends no record");
    Err(KafkaError::broker("looking a record up", error))
}
