//! Kafka as the transport of event logs, where services do not share a process.
//!
//! Every service's `events` table stays the truth. One [`Relay`] per service publishes it to the
//! topic `<prefix>.<service>`, in commit order, keyed by subject; a subscription follows the topic's
//! partitions, each a [`Log`](hanse_events::Log) of its own ([`KafkaLog`]), and keeps its position in
//! its own database, in the transaction of the effect.
//!
//! * A position is the producer's sequence number, not a Kafka offset. Every record claims which
//!   stretch of the log it speaks for, so a consumer sees by itself what is a duplicate, what is early
//!   and what is missing (`sequencer.rs`). Nothing depends on Kafka's transactions, on offsets that
//!   were committed in time, or on a single relay.
//! * Every partition speaks for the whole log: where a stretch has no event for it, it gets a
//!   watermark. So lag is even, and reading one's own writes needs no partition key.
//! * When the broker is away only delivery stops.
//!
//! What this crate never does: publish what is not committed, move a position before every replica
//! has acknowledged, skip what is missing, or change a topic's partitions.
//!
//! All of the client library stays in here: no other crate sees one of its types.

mod client;
mod config;
mod error;
mod kafka;
mod lease;
mod log;
mod membership;
mod outage;
mod partition;
mod probe;
mod producer;
mod reader;
mod relay;
mod sequencer;
mod topics;
mod wire;

pub use config::{KafkaConfig, TopicConfig};
pub use error::KafkaError;
pub use kafka::Kafka;
pub use lease::{published, republish};
pub use log::KafkaLog;
pub use relay::Relay;

use hanse_store::{Migration, Schema};

/// The tables of this crate, in the database of every service that publishes.
pub const SCHEMA: Schema = Schema {
    owner: "kernel-kafka",
    migrations: &[Migration { name: "0001_kafka", sql: include_str!("../schema/0001_kafka.sql") }],
};
