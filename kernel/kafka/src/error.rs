//! What can go wrong between a log and the broker.

use hanse_store::StoreError;

type Source = Box<dyn std::error::Error + Send + Sync>;

/// Any failure of the transport.
#[derive(Debug, thiserror::Error)]
pub enum KafkaError {
    /// The broker cannot be reached, or refused.
    #[error("kafka {doing} failed")]
    Broker {
        /// What was tried.
        doing: &'static str,
        /// What the client library said.
        #[source]
        source: Source,
    },
    /// The topic has another number of partitions than the configuration says.
    #[error(
        "topic {topic} has {found} partitions and the configuration says {wanted}; the order per subject depends on that number: set kafka.partitions (or kafka.topics.<service>.partitions) to {found}, or delete the topic and run `hanse events republish {service}`"
    )]
    Partitions {
        /// The topic.
        topic: String,
        /// The service whose log it carries.
        service: String,
        /// Partitions there are.
        found: u32,
        /// Partitions there should be.
        wanted: u32,
    },
    /// A record in the topic was not written by a relay.
    #[error("the record at {topic}/{partition} offset {offset} is none of ours: {what}")]
    Foreign {
        /// The topic.
        topic: String,
        /// The partition.
        partition: i32,
        /// Its offset.
        offset: i64,
        /// What is wrong with it.
        what: String,
    },
    /// The broker no longer holds what follows a position: it was away for longer than the retention.
    #[error(
        "the broker no longer holds the events of {log} after {after}: run `hanse events republish {service}`"
    )]
    Expired {
        /// The part of the log.
        log: String,
        /// The service whose log it is.
        service: String,
        /// The position after which they are missing.
        after: i64,
    },
    /// Events are missing in the middle of a partition.
    #[error(
        "events of {log} are missing between {after} and {next}; delivery of this partition waits: run `hanse events republish {service}`"
    )]
    Gap {
        /// The part of the log.
        log: String,
        /// The service whose log it is.
        service: String,
        /// The position after which they are missing.
        after: i64,
        /// Up to here.
        next: i64,
    },
    /// The service's own store failed.
    #[error("the store failed")]
    Store(#[from] StoreError),
}

impl KafkaError {
    pub(crate) fn broker(
        doing: &'static str,
        source: impl std::error::Error + Send + Sync + 'static,
    ) -> Self {
        Self::Broker { doing, source: Box::new(source) }
    }

    /// Is it the broker, rather than what is in it?
    pub(crate) fn is_outage(&self) -> bool {
        matches!(self, Self::Broker { .. })
    }
}

impl From<KafkaError> for StoreError {
    fn from(error: KafkaError) -> Self {
        match error {
            KafkaError::Store(error) => error,
            error => Self::Log(Box::new(error)),
        }
    }
}
