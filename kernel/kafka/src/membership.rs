//! A member of a consumer group: learns which partitions this process is to follow.
//!
//! The group deals the partitions out and shows the committed offsets to operators' tools; nothing
//! else. What may be applied is decided by the positions in the consumer's own database.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use hanse_events::{Group, Log};
use hanse_telemetry::metrics::Gauge;
use rdkafka::consumer::{CommitMode, Consumer as _, StreamConsumer};
use rdkafka::error::KafkaError as Cause;
use rdkafka::topic_partition_list::{Offset, TopicPartitionList};
use tokio::sync::watch;

use crate::client::{Context, PATIENCE, consumer};
use crate::error::KafkaError;
use crate::kafka::Kafka;
use crate::log::{Hint, KafkaLog, Shared};
use crate::reader::Reader;
use crate::topics;

/// How often offsets are committed and callbacks served.
const TICK: Duration = Duration::from_secs(1);
/// The pause after a failure, doubled each time up to the longest.
const PAUSE: Duration = Duration::from_millis(200);
const LONGEST: u32 = 6;

type Member = StreamConsumer<Context>;

pub(crate) struct Membership {
    kafka: Kafka,
    source: &'static str,
    group: Group,
    parts: watch::Sender<Vec<Arc<dyn Log>>>,
}

/// What was committed, by partition.
type Hints = BTreeMap<i32, (Arc<Hint>, Option<i64>)>;

impl Membership {
    pub(crate) fn new(
        kafka: Kafka,
        source: &'static str,
        group: Group,
        parts: watch::Sender<Vec<Arc<dyn Log>>>,
    ) -> Self {
        Self { kafka, source, group, parts }
    }

    /// Runs until the transport stops or nobody listens any more.
    pub(crate) async fn run(&self) {
        let mut failures = 0u32;
        loop {
            let Some(error) = self.belong().await else { return };
            if error.is_outage() {
                self.kafka.following().begin(&error);
            } else if failures == 0 {
                let error = &error as &dyn std::error::Error;
                tracing::error!(source = self.source, error, "a log cannot be followed");
            }
            failures += 1;
            tokio::select! {
                () = tokio::time::sleep(PAUSE * 2u32.pow(failures.min(LONGEST))) => {}
                () = self.ended() => return,
            }
        }
    }

    async fn ended(&self) {
        tokio::select! {
            () = self.kafka.stopping().cancelled() => {}
            () = self.parts.closed() => {}
        }
    }

    /// Joins the group and follows what it deals out, until that fails.
    async fn belong(&self) -> Option<KafkaError> {
        let topic = tokio::select! {
            ensured = topics::ensure(self.kafka.config(), self.source) => match ensured {
                Ok(topic) => topic.name,
                Err(error) => return Some(error),
            },
            () = self.ended() => return None,
        };
        let (assigned, mut changes) = watch::channel(BTreeSet::new());
        let (member, shared) = match self.join(&topic, assigned) {
            Ok(joined) => joined,
            Err(error) => return Some(error),
        };
        let member = Arc::new(member);
        let result = self.attend(&member, &topic, &shared, &mut changes).await;
        self.parts.send_replace(Vec::new());
        // Leaving the group waits for the broker.
        let left = tokio::task::spawn_blocking(move || drop((member, shared)));
        left.await.ok();
        result
    }

    /// Follows what the group deals out, until that fails or is to end.
    async fn attend(
        &self,
        member: &Arc<Member>,
        topic: &str,
        shared: &Shared,
        changes: &mut watch::Receiver<BTreeSet<i32>>,
    ) -> Option<KafkaError> {
        let mut parts = Parts::new();
        let mut hints = Hints::new();
        let mut tick = tokio::time::interval(TICK);
        let meters = Meters::new(&self.kafka, self.group.subscription, self.source);
        loop {
            tokio::select! {
                event = member.recv() => if let Err(error) = event {
                    if matches!(error, Cause::MessageConsumptionFatal(_)) {
                        return Some(KafkaError::broker("following a log", error));
                    }
                    tracing::debug!(error = &error as &dyn std::error::Error, "a member stumbled");
                },
                Ok(()) = changes.changed() => {
                    let wanted = changes.borrow_and_update().clone();
                    let known = self.committed(Arc::clone(member), topic, &wanted, &hints).await;
                    hints.retain(|number, _| wanted.contains(number));
                    parts.retain(|number, _| wanted.contains(number));
                    for number in wanted {
                        let hint = hints.entry(number).or_insert_with(|| {
                            let offset = known.get(&number).copied();
                            (Arc::new(Hint::new(offset)), offset)
                        });
                        let hint = Arc::clone(&hint.0);
                        parts.entry(number).or_insert_with(|| {
                            Arc::new(KafkaLog::new(shared, number, hint))
                        });
                    }
                    let numbers: Vec<_> = parts.keys().copied().collect();
                    tracing::debug!(source = self.source, ?numbers, "partitions were dealt out");
                    self.parts.send_replace(parts.values().map(|log| Arc::clone(log) as _).collect());
                },
                _ = tick.tick() => {
                    shared.reader.serve();
                    commit(member, topic, &mut hints);
                    meters.show(shared, &parts);
                },
                () = self.ended() => {
                    commit(member, topic, &mut hints);
                    return None;
                }
            }
        }
    }

    fn join(
        &self,
        topic: &str,
        assigned: watch::Sender<BTreeSet<i32>>,
    ) -> Result<(Member, Shared), KafkaError> {
        let config = self.kafka.config();
        let Group { service, subscription } = self.group;
        let group = format!("{}.{service}.{subscription}.{}", config.topic_prefix, self.source);
        let outage = Arc::clone(self.kafka.following());
        let failed = |error| KafkaError::broker("joining a consumer group", error);
        let context = Context::new(Arc::clone(&outage)).assigning(assigned);
        let member: Member = consumer(config, &group)
            .set("partition.assignment.strategy", "cooperative-sticky")
            // The shortest that brokers allow by default. Being expelled too early does no harm.
            .set("session.timeout.ms", "6000")
            .set("heartbeat.interval.ms", "1000")
            .create_with_context(context)
            .map_err(failed)?;
        member.subscribe(&[topic]).map_err(failed)?;
        let reader = Reader::new(config, topic, &group, Arc::clone(&outage))?;
        let shared = Shared {
            service: self.source,
            topic: topic.to_owned(),
            reader: Arc::new(reader),
            probe: Arc::clone(self.kafka.probe()),
            outage,
        };
        Ok((member, shared))
    }

    /// The group's committed offsets of partitions that are new here.
    async fn committed(
        &self,
        member: Arc<Member>,
        topic: &str,
        wanted: &BTreeSet<i32>,
        known: &Hints,
    ) -> BTreeMap<i32, i64> {
        let mut list = TopicPartitionList::new();
        for number in wanted.iter().filter(|number| !known.contains_key(number)) {
            list.add_partition(topic, *number);
        }
        if list.count() == 0 {
            return BTreeMap::new();
        }
        let asked = move || member.committed_offsets(list, PATIENCE);
        match tokio::task::spawn_blocking(asked).await {
            Ok(Ok(list)) => {
                let offsets = list.elements();
                let offset =
                    |element: &rdkafka::topic_partition_list::TopicPartitionListElem<'_>| {
                        match element.offset() {
                            Offset::Offset(offset) => Some((element.partition(), offset)),
                            _ => None,
                        }
                    };
                offsets.iter().filter_map(offset).collect()
            }
            // Only a hint: without it the place is searched.
            _ => BTreeMap::new(),
        }
    }
}

/// The logs of the partitions that are followed.
type Parts = BTreeMap<i32, Arc<KafkaLog>>;

/// What operators watch.
struct Meters {
    lag: Gauge,
    stuck: Gauge,
}

impl Meters {
    fn new(kafka: &Kafka, subscription: &'static str, source: &'static str) -> Self {
        let gauge = |name, help| {
            let gauges = kafka.metrics().pair_gauge(name, help, ["subscription", "source"]);
            gauges.with([subscription, source])
        };
        Self {
            lag: gauge(
                "subscription_lag_records",
                "Records in the partitions followed here that are not applied yet",
            ),
            stuck: gauge(
                "subscription_stuck_partitions",
                "Partitions followed here that wait for events which the broker does not hold",
            ),
        }
    }

    fn show(&self, shared: &Shared, parts: &Parts) {
        let held: i64 = parts.values().map(|log| log.held()).sum();
        self.lag.set(shared.reader.unread() + held);
        self.stuck.set(parts.values().filter(|log| log.stuck()).count() as i64);
    }
}

/// Commits how far the effects are durable, without waiting.
fn commit(member: &Member, topic: &str, hints: &mut Hints) {
    let mut list = TopicPartitionList::new();
    for (number, (hint, committed)) in hints {
        let offset = hint.get();
        if offset != *committed
            && let Some(offset) = offset
            && list.add_partition_offset(topic, *number, Offset::Offset(offset)).is_ok()
        {
            *committed = Some(offset);
        }
    }
    if list.count() > 0
        && let Err(error) = member.commit(&list, CommitMode::Async)
    {
        tracing::debug!(error = &error as &dyn std::error::Error, "offsets were not committed");
    }
}
