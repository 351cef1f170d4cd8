//! Fetches the partitions of one topic that this process follows for one group.
//!
//! It is apart from the member of the consumer group, so that dealing the partitions out and reading
//! them from a position of our own choice do not get in each other's way.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
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
    config: KafkaConfig,
    topic: String,
    group: String,
    outage: Arc<Outage>,
    present: Mutex<Present>,
    unread: Arc<AtomicI64>,
}

/// The client of the library, and who reads which partition by it.
struct Present {
    consumer: Arc<BaseConsumer<Context>>,
    /// How often it was replaced.
    generation: u64,
    tenants: BTreeMap<i32, Tenancy>,
}

/// A partition that is being read.
pub(crate) struct Lodging {
    pub(crate) tenancy: Tenancy,
    /// By which client.
    pub(crate) generation: u64,
}

impl Reader {
    pub(crate) fn new(
        config: &KafkaConfig,
        topic: &str,
        group: &str,
        outage: Arc<Outage>,
    ) -> Result<Self, KafkaError> {
        let unread = Arc::default();
        let consumer = connect(config, group, &outage, &unread)?;
        let present = Present { consumer, generation: 0, tenants: BTreeMap::new() };
        Ok(Self {
            config: config.clone(),
            topic: topic.to_owned(),
            group: group.to_owned(),
            outage,
            present: Mutex::new(present),
            unread,
        })
    }

    /// Replaces the client when it is still this one: after its broker was away in certain ways the
    /// library fetches some partitions never again, however often they are assigned to it. Whoever reads
    /// by the old one has to begin anew.
    pub(crate) fn renew(&self, generation: u64) -> Result<(), KafkaError> {
        let mut present = self.present();
        if present.generation != generation {
            return Ok(());
        }
        let consumer = connect(&self.config, &self.group, &self.outage, &self.unread)?;
        let old = std::mem::replace(&mut present.consumer, consumer);
        present.generation += 1;
        for tenancy in std::mem::take(&mut present.tenants).into_values() {
            tenancy.lock().unwrap_or_else(PoisonError::into_inner).take();
        }
        // Ending a client waits for its threads.
        drop(tokio::task::spawn_blocking(move || drop(old)));
        Ok(())
    }

    fn present(&self) -> MutexGuard<'_, Present> {
        self.present.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Reads a partition from an offset on; whoever has read it before reads no longer. `woken` is
    /// called when there is something to take.
    pub(crate) fn begin(
        &self,
        partition: i32,
        offset: i64,
        woken: impl Fn() + Send + Sync + 'static,
    ) -> Result<Lodging, KafkaError> {
        let failed = |error| KafkaError::broker("reading a partition", error);
        let mut present = self.present();
        if let Some(before) = present.tenants.remove(&partition) {
            self.evict(&present, partition, &before);
        }
        // The queue is split off first, so that nothing goes to the consumer's own.
        let queue = present.consumer.split_partition_queue(&self.topic, partition);
        let mut queue = queue
            .ok_or_else(|| failed(rdkafka::error::KafkaError::Subscription(self.topic.clone())))?;
        queue.set_nonempty_callback(woken);
        let from = self.list(partition, Offset::Offset(offset))?;
        present.consumer.incremental_assign(&from).map_err(failed)?;
        let tenancy = Arc::new(Mutex::new(Some(queue)));
        present.tenants.insert(partition, Arc::clone(&tenancy));
        Ok(Lodging { tenancy, generation: present.generation })
    }

    /// Reads a partition no longer, unless somebody else has begun since.
    pub(crate) fn end(&self, partition: i32, tenancy: &Tenancy) {
        let mut present = self.present();
        if present.tenants.get(&partition).is_some_and(|other| Arc::ptr_eq(other, tenancy)) {
            present.tenants.remove(&partition);
            self.evict(&present, partition, tenancy);
        }
    }

    fn evict(&self, present: &Present, partition: i32, tenancy: &Tenancy) {
        tenancy.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Ok(list) = self.list(partition, Offset::Invalid) {
            present.consumer.incremental_unassign(&list).ok();
        }
    }

    /// Records that the broker has and that were not read, as of the last seconds.
    pub(crate) fn unread(&self) -> i64 {
        self.unread.load(Ordering::Relaxed)
    }

    /// Serves the callbacks; call it about once a second.
    pub(crate) fn serve(&self) {
        let consumer = Arc::clone(&self.present().consumer);
        while let Some(event) = consumer.poll(Duration::ZERO) {
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

fn connect(
    config: &KafkaConfig,
    group: &str,
    outage: &Arc<Outage>,
    unread: &Arc<AtomicI64>,
) -> Result<Arc<BaseConsumer<Context>>, KafkaError> {
    let context = Context::new(Arc::clone(outage)).counting(Arc::clone(unread));
    consumer(config, &format!("{group}.reader"))
        .set("enable.partition.eof", "true")
        // Bounds what waits in memory, per partition.
        .set("queued.min.messages", "20000")
        .set("queued.max.messages.kbytes", "16384")
        .set("fetch.queue.backoff.ms", "20")
        .set("fetch.wait.max.ms", "100")
        .set("statistics.interval.ms", "2000")
        .create_with_context(context)
        .map(Arc::new)
        .map_err(|error| KafkaError::broker("starting a consumer", error))
}
