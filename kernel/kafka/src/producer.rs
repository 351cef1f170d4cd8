//! Publishing a stretch of a log.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError};

use hanse_events::Recorded;
use jiff::Timestamp;
use rdkafka::ClientContext;
use rdkafka::config::RDKafkaLogLevel;
use rdkafka::error::KafkaError as Cause;
use rdkafka::message::DeliveryResult;
use rdkafka::producer::{BaseRecord, ProducerContext, ThreadedProducer};
use tokio::sync::Notify;

use crate::client::settings;
use crate::config::{KafkaConfig, Topic};
use crate::error::KafkaError;
use crate::partition::partition_of;
use crate::topics::LARGEST_RECORD;
use crate::wire::{headers, watermark};

/// The idempotent producer of one log.
pub(crate) struct Producer {
    inner: ThreadedProducer<Callbacks>,
    topic: Topic,
    source: String,
}

/// The acknowledgements of a stretch.
pub(crate) struct Acks {
    left: AtomicUsize,
    failure: Mutex<Option<Cause>>,
    done: Notify,
}

impl Acks {
    /// Waits until every record was acknowledged by all replicas, or one failed. May be dropped and
    /// called again.
    pub(crate) async fn wait(&self) -> Result<(), KafkaError> {
        while self.left.load(Ordering::Acquire) > 0 {
            self.done.notified().await;
        }
        let mut failure = self.failure.lock().unwrap_or_else(PoisonError::into_inner);
        match failure.take() {
            Some(error) => Err(KafkaError::broker("publishing", error)),
            None => Ok(()),
        }
    }

    fn one(&self) {
        if self.left.fetch_sub(1, Ordering::AcqRel) == 1 {
            self.done.notify_one();
        }
    }
}

struct Callbacks;

impl ClientContext for Callbacks {
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "the kafka client library says");
    }

    fn error(&self, error: Cause, reason: &str) {
        tracing::debug!(error = &error as &dyn std::error::Error, reason, "a kafka client failed");
    }
}

impl ProducerContext for Callbacks {
    type DeliveryOpaque = Arc<Acks>;

    fn delivery(&self, result: &DeliveryResult<'_>, acks: Arc<Acks>) {
        if let Err((error, _)) = result {
            let mut failure = acks.failure.lock().unwrap_or_else(PoisonError::into_inner);
            failure.get_or_insert_with(|| error.clone());
        }
        acks.one();
    }
}

impl Producer {
    /// A producer for the log of `service`.
    pub(crate) fn new(
        config: &KafkaConfig,
        service: &str,
        topic: Topic,
    ) -> Result<Self, KafkaError> {
        let inner = settings(config)
            .set("enable.idempotence", "true")
            .set("acks", "all")
            // The relay waits for as long as the broker is away, and gives up by itself when its
            // lease is lost: a record that timed out in the middle would leave a gap.
            .set("message.timeout.ms", "0")
            .set("linger.ms", "1")
            .set("batch.num.messages", "10000")
            .set("compression.type", "lz4")
            .set("message.max.bytes", LARGEST_RECORD)
            .create_with_context(Callbacks)
            .map_err(|error| KafkaError::broker("starting a producer", error))?;
        Ok(Self { inner, topic, source: format!("/{service}") })
    }

    /// Publishes `events`, which are all of the log after `from`, and a watermark to every partition
    /// whose last event is not the last of them. So afterwards every partition speaks for the whole
    /// stretch.
    ///
    /// # Errors
    /// [`KafkaError::Broker`] when the client library takes no more.
    pub(crate) fn publish(
        &self,
        from: i64,
        events: &[Recorded],
        now: Timestamp,
    ) -> Result<Arc<Acks>, KafkaError> {
        let acks = Arc::new(Acks {
            left: AtomicUsize::new(1),
            failure: Mutex::new(None),
            done: Notify::new(),
        });
        let mut previous = vec![from; self.topic.partitions as usize];
        let sent = events.iter().try_for_each(|event| {
            let partition = partition_of(event.subject.as_bytes(), self.topic.partitions);
            let claimed = previous.get_mut(partition as usize);
            let claimed = claimed.map_or(from, |last| std::mem::replace(last, event.seq));
            self.send(event, partition, claimed, &acks)
        });
        let end = events.last().map_or(from, |event| event.seq);
        let marked = sent.and_then(|()| {
            let mark = watermark(end, now);
            let behind = previous.iter().zip(0..).filter(|(last, _)| **last < end);
            behind
                .into_iter()
                .try_for_each(|(last, partition)| self.send(&mark, partition, *last, &acks))
        });
        acks.one();
        marked.map(|()| acks)
    }

    fn send(
        &self,
        record: &Recorded,
        partition: u32,
        previous: i64,
        acks: &Arc<Acks>,
    ) -> Result<(), KafkaError> {
        acks.left.fetch_add(1, Ordering::AcqRel);
        let mut sent: BaseRecord<'_, str, str, _> =
            BaseRecord::with_opaque_to(&self.topic.name, Arc::clone(acks))
                .partition(partition as i32)
                .headers(headers(record, &self.source, previous));
        sent.payload = record.data.as_deref();
        if !record.subject.is_empty() {
            sent.key = Some(&record.subject);
        }
        self.inner.send(sent).map_err(|(error, _)| KafkaError::broker("publishing", error))
    }
}
