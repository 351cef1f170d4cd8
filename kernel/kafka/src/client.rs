//! Settings and callbacks that all our clients share.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use rdkafka::ClientContext;
use rdkafka::config::{ClientConfig, RDKafkaLogLevel};
use rdkafka::consumer::{BaseConsumer, Consumer as _, ConsumerContext, Rebalance};
use rdkafka::error::{KafkaError as Cause, RDKafkaErrorCode};
use rdkafka::statistics::Statistics;
use rdkafka::topic_partition_list::TopicPartitionList;
use tokio::sync::watch;

use crate::config::KafkaConfig;
use crate::outage::Outage;

/// How long one question to the broker may take.
pub(crate) const PATIENCE: Duration = Duration::from_secs(5);

/// What every client is made from.
pub(crate) fn settings(config: &KafkaConfig) -> ClientConfig {
    let mut settings = ClientConfig::new();
    settings
        .set("bootstrap.servers", config.brokers.join(","))
        .set("client.id", "hanse")
        .set("allow.auto.create.topics", "false")
        .set("socket.keepalive.enable", "true")
        .set("reconnect.backoff.ms", "50")
        .set("reconnect.backoff.max.ms", "1000")
        .set("topic.metadata.refresh.interval.ms", "30000")
        // The place for `security.protocol`, `ssl.*` and `sasl.*`, from a section of their own in the
        // configuration; the client library then needs its feature for TLS.
        .set("security.protocol", "plaintext")
        .set_log_level(RDKafkaLogLevel::Warning);
    settings
}

/// Settings of a consumer, which never commits by itself.
pub(crate) fn consumer(config: &KafkaConfig, group: &str) -> ClientConfig {
    let mut settings = settings(config);
    settings
        .set("group.id", group)
        .set("enable.auto.commit", "false")
        .set("enable.auto.offset.store", "false")
        .set("auto.offset.reset", "earliest")
        .set("isolation.level", "read_uncommitted");
    settings
}

/// Callbacks of a client.
pub(crate) struct Context {
    outage: Option<Arc<Outage>>,
    /// The partitions that the group has given to this member.
    assigned: Option<watch::Sender<BTreeSet<i32>>>,
    /// Records that a reader has yet to take.
    unread: Arc<AtomicI64>,
}

impl Context {
    pub(crate) fn new(outage: Arc<Outage>) -> Self {
        Self { outage: Some(outage), ..Self::silent() }
    }

    /// Tells nobody whether the broker can be used.
    pub(crate) fn silent() -> Self {
        Self { outage: None, assigned: None, unread: Arc::default() }
    }

    pub(crate) fn assigning(mut self, assigned: watch::Sender<BTreeSet<i32>>) -> Self {
        self.assigned = Some(assigned);
        self
    }

    /// Keeps here how many records the broker has that were not read, as of the last seconds.
    pub(crate) fn counting(mut self, unread: Arc<AtomicI64>) -> Self {
        self.unread = unread;
        self
    }

    fn change(
        &self,
        partitions: &TopicPartitionList,
        how: impl Fn(&mut BTreeSet<i32>, i32) -> bool,
    ) {
        let Some(assigned) = &self.assigned else { return };
        assigned.send_modify(|all| {
            for element in partitions.elements() {
                how(all, element.partition());
            }
        });
    }
}

impl ClientContext for Context {
    /// The library speaks at every try; what matters is said by [`Outage`].
    fn log(&self, _: RDKafkaLogLevel, facility: &str, message: &str) {
        tracing::debug!(facility, message, "the kafka client library says");
    }

    fn stats(&self, statistics: Statistics) {
        let partitions = statistics.topics.values().flat_map(|topic| topic.partitions.values());
        let unread = partitions
            .filter(|partition| partition.app_offset >= 0 && partition.hi_offset >= 0)
            .map(|partition| (partition.hi_offset - partition.app_offset).max(0));
        self.unread.store(unread.sum(), Ordering::Relaxed);
        if statistics.brokers.values().any(|broker| broker.nodeid >= 0 && broker.state == "UP")
            && let Some(outage) = &self.outage
        {
            outage.end();
        }
    }

    fn error(&self, error: Cause, reason: &str) {
        tracing::debug!(error = &error as &dyn std::error::Error, reason, "a kafka client failed");
        if error.rdkafka_error_code() == Some(RDKafkaErrorCode::AllBrokersDown)
            && let Some(outage) = &self.outage
        {
            outage.begin(&error);
        }
    }
}

impl ConsumerContext for Context {
    fn pre_rebalance(&self, _: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Revoke(partitions) = rebalance {
            self.change(partitions, |all, partition| all.remove(&partition));
        }
    }

    fn post_rebalance(&self, consumer: &BaseConsumer<Self>, rebalance: &Rebalance<'_>) {
        if let Rebalance::Assign(partitions) = rebalance {
            // A member only learns what it is to follow; a reader of its own fetches.
            if let Err(error) = consumer.pause(partitions) {
                let error = &error as &dyn std::error::Error;
                tracing::debug!(error, "partitions could not be paused");
            }
            self.change(partitions, BTreeSet::insert);
        }
    }
}
