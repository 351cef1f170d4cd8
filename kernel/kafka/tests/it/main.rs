//! The behaviour suite of kernel/events over Kafka, and what is Kafka's own: duplicates, zombies,
//! brokers that die, groups that change, records that are gone. Against a real broker.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "scenes fail by panicking; they read the environment and start what they watch"
)]

extern crate self as hanse_testkit;

pub use stage::{Stage, run};
pub use testkit::{Engine, Topology, Value, json, stage_test};

#[path = "../../../../xtask/src/kafka/broker.rs"]
mod broker;
#[path = "../../../events/tests/it/gaps.rs"]
mod gaps;
#[path = "../../../events/tests/it/poison.rs"]
mod poison;
#[path = "../../../../xtask/src/ports.rs"]
mod ports;
#[path = "../../../events/tests/it/story.rs"]
mod story;
#[path = "../../../events/tests/it/together.rs"]
mod together;

mod courier;
mod disorder;
mod expiry;
mod groups;
mod moving;
mod outage;
mod process;
#[path = "../../../../tests/src/scale.rs"]
mod scale;
mod stage;
mod support;
mod wire;
mod world;
mod zombie;
