//! The `kafka` section of the configuration.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

const MILLISECONDS_PER_DAY: i64 = 24 * 3600 * 1000;
/// A topic with more partitions is a mistake, not a need.
const MOST_PARTITIONS: u32 = 1000;

/// How services reach Kafka and what their topics look like. Unknown keys are refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct KafkaConfig {
    /// Some brokers of the cluster, `host:port`; the others are found through them. Empty for no
    /// Kafka: services that follow each other must then be in one process.
    pub brokers: Vec<String>,
    /// The topic of a service is `<topic_prefix>.<service>`, and consumer groups begin with it too.
    pub topic_prefix: String,
    /// Partitions of a topic. It cannot change while the topic exists: the partition of a subject
    /// would change silently.
    pub partitions: u32,
    /// Copies of every partition, on as many brokers.
    pub replication: u32,
    /// Days a record is kept (M-088). A service that is away for longer needs `hanse events
    /// republish`.
    pub retention_days: u32,
    /// What differs for the topic of one service, by the service's name.
    pub topics: BTreeMap<String, TopicConfig>,
}

/// What differs for one topic; what is left out is as for all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct TopicConfig {
    /// Partitions.
    pub partitions: Option<u32>,
    /// Copies of every partition.
    pub replication: Option<u32>,
    /// Days a record is kept.
    pub retention_days: Option<u32>,
}

impl Default for KafkaConfig {
    fn default() -> Self {
        Self {
            brokers: Vec::new(),
            topic_prefix: "hanse".to_owned(),
            partitions: 3,
            replication: 1,
            retention_days: 30,
            topics: BTreeMap::new(),
        }
    }
}

/// A topic as it is to be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Topic {
    pub(crate) name: String,
    pub(crate) partitions: u32,
    pub(crate) replication: u32,
    pub(crate) retention_ms: i64,
}

impl KafkaConfig {
    /// Is there a broker?
    #[must_use]
    pub fn enabled(&self) -> bool {
        !self.brokers.is_empty()
    }

    /// Every mistake: its key within the section, and what is wrong.
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        let mut expect = |key: String, right: bool, what: String| {
            if !right {
                mistakes.push((key, what));
            }
        };
        for broker in &self.brokers {
            let port = broker.rsplit_once(':').and_then(|(_, port)| port.parse::<u16>().ok());
            let what = format!("{broker:?} is not host:port");
            expect("brokers".into(), port.is_some() && !broker.contains(','), what);
        }
        let plain = |name: &str| {
            let allowed = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
            !name.is_empty() && name.len() <= 100 && name.chars().all(allowed)
        };
        let what = "must be letters, digits, '.', '_' or '-', at most 100";
        expect("topic_prefix".into(), plain(&self.topic_prefix), what.into());
        let mut bounded = |key: String, value: u32, most: u32| {
            expect(key, (1..=most).contains(&value), format!("must be from 1 to {most}"));
        };
        bounded("partitions".into(), self.partitions, MOST_PARTITIONS);
        bounded("replication".into(), self.replication, 100);
        bounded("retention_days".into(), self.retention_days, 36_500);
        for (service, topic) in &self.topics {
            for (key, value, most) in [
                ("partitions", topic.partitions, MOST_PARTITIONS),
                ("replication", topic.replication, 100),
                ("retention_days", topic.retention_days, 36_500),
            ] {
                if let Some(value) = value {
                    bounded(format!("topics.{service}.{key}"), value, most);
                }
            }
        }
        mistakes
    }

    pub(crate) fn topic(&self, service: &str) -> Topic {
        let own = self.topics.get(service).cloned().unwrap_or_default();
        let days = own.retention_days.unwrap_or(self.retention_days);
        Topic {
            name: format!("{}.{service}", self.topic_prefix),
            partitions: own.partitions.unwrap_or(self.partitions).max(1),
            replication: own.replication.unwrap_or(self.replication).max(1),
            retention_ms: i64::from(days) * MILLISECONDS_PER_DAY,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_mistake_is_reported_with_its_key() {
        let config = KafkaConfig {
            brokers: vec!["one".into(), "two:9092".into()],
            topic_prefix: "no spaces".into(),
            partitions: 0,
            retention_days: 0,
            topics: [(
                "search".to_owned(),
                TopicConfig { partitions: Some(0), ..Default::default() },
            )]
            .into(),
            ..KafkaConfig::default()
        };
        let keys: Vec<_> = config.mistakes().into_iter().map(|(key, _)| key).collect();
        let expected =
            ["brokers", "topic_prefix", "partitions", "retention_days", "topics.search.partitions"];
        assert_eq!(keys, expected);
        assert!(KafkaConfig::default().mistakes().is_empty());
    }

    #[test]
    fn a_topic_may_differ_from_the_others() {
        let mut config = KafkaConfig::default();
        config.topics.insert(
            "audit".into(),
            TopicConfig { retention_days: Some(365), ..TopicConfig::default() },
        );
        assert_eq!(config.topic("audit").retention_ms, 365 * MILLISECONDS_PER_DAY);
        assert_eq!(config.topic("tasks").retention_ms, 30 * MILLISECONDS_PER_DAY);
        assert_eq!(config.topic("audit").name, "hanse.audit");
        assert_eq!(config.topic("audit").partitions, 3);
    }
}
