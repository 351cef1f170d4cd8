//! Fetches the partitions of one topic that this process follows for one group.
//!
//! It is apart from the member of the consumer group, so that dealing the partitions out and reading
//! them from a position of our own choice do not get in each other's way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rdkafka::consumer::base_consumer::PartitionQueue;
use rdkafka::consumer::{BaseConsumer, Consumer as _};
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};

use crate::client::{Context, consumer};
use crate::config::KafkaConfig;
use crate::error::KafkaError;
use crate::outage::Outage;

/// The messages of one partition, until somebody else begins to read it: the client library has one
/// queue for each, and whoever took from it as well would take from the other.
pub(crate) type Tenancy = Arc<Mutex<Option<PartitionQueue<Context>>>>;

pub(crate) struct Reader {
    topic: String,
    consumer: Arc<BaseConsumer<Context>>,
    /// Who reads a partition.
    tenants: Mutex<BTreeMap<i32, Tenancy>>,
    unread: Arc<AtomicI64>,
}

impl Reader {
    pub(crate) fn new(
        config: &KafkaConfig,
        topic: &str,
        group: &str,
        outage: Arc<Outage>,
    ) -> Result<Self, KafkaError> {
        let unread = Arc::default();
        let consumer = consumer(config, &format!("{group}.reader"))
            .set("enable.partition.eof", "true")
            // Bounds what waits in memory, per partition.
            .set("queued.min.messages", "20000")
            .set("queued.max.messages.kbytes", "16384")
            .set("fetch.queue.backoff.ms", "20")
            .set("fetch.wait.max.ms", "100")
            .set("statistics.interval.ms", "2000")
            .create_with_context(Context::new(outage).counting(Arc::clone(&unread)))
            .map_err(|error| KafkaError::broker("starting a consumer", error))?;
        let tenants = Mutex::default();
        Ok(Self { topic: topic.to_owned(), consumer: Arc::new(consumer), tenants, unread })
    }

    /// Reads a partition from an offset on; whoever has read it before reads no longer. `woken` is
    /// called when there is something to take.
    pub(crate) fn begin(
        &self,
        partition: i32,
        offset: i64,
        woken: impl Fn() + Send + Sync + 'static,
    ) -> Result<Tenancy, KafkaError> {
        let failed = |error| KafkaError::broker("reading a partition", error);
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(before) = tenants.remove(&partition) {
            self.evict(partition, &before);
        }
        // The queue is split off first, so that nothing goes to the consumer's own.
        let queue = self.consumer.split_partition_queue(&self.topic, partition);
        let mut queue = queue
            .ok_or_else(|| failed(rdkafka::error::KafkaError::Subscription(self.topic.clone())))?;
        queue.set_nonempty_callback(woken);
        let from = self.list(partition, Offset::Offset(offset))?;
        self.consumer.incremental_assign(&from).map_err(failed)?;
        let tenancy = Arc::new(Mutex::new(Some(queue)));
        tenants.insert(partition, Arc::clone(&tenancy));
        Ok(tenancy)
    }

    /// Reads a partition no longer, unless somebody else has begun since.
    pub(crate) fn end(&self, partition: i32, tenancy: &Tenancy) {
        let mut tenants = self.tenants.lock().unwrap_or_else(PoisonError::into_inner);
        if tenants.get(&partition).is_some_and(|present| Arc::ptr_eq(present, tenancy)) {
            tenants.remove(&partition);
            self.evict(partition, tenancy);
        }
    }

    fn evict(&self, partition: i32, tenancy: &Tenancy) {
        tenancy.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Ok(list) = self.list(partition, Offset::Invalid) {
            self.consumer.incremental_unassign(&list).ok();
        }
    }

    /// Records that the broker has and that were not read, as of the last seconds.
    pub(crate) fn unread(&self) -> i64 {
        self.unread.load(Ordering::Relaxed)
    }

    /// Serves the callbacks; call it about once a second.
    pub(crate) fn serve(&self) {
        while let Some(event) = self.consumer.poll(Duration::ZERO) {
            if let Err(error) = event {
                tracing::debug!(error = &error as &dyn std::error::Error, "a reader stumbled");
            }
        }
    }

    fn list(&self, partition: i32, offset: Offset) -> Result<TopicPartitionList, KafkaError> {
        let mut list = TopicPartitionList::new();
        list.add_partition_offset(&self.topic, partition, offset)
            .map_err(|error| KafkaError::broker("reading a partition", error))?;
        Ok(list)
    }
}
