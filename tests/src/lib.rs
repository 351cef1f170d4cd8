//! Tests of the whole platform: the real binary, real sockets, real crashes.
//!
//! [`Server`] runs `hanse` (the binary that `cargo xtask test` built and named in `HANSE_BIN`) on a data
//! folder of its own and on free ports, and ends it by its process id. [`Client`] is somebody with an
//! account. Nothing here knows more of the platform than a user does.

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a test harness fails tests by panicking and reads its settings from the environment"
)]

mod balancer;
#[path = "../../xtask/src/kafka/broker.rs"]
mod broker;
mod certificates;
mod client;
mod command;
mod crew;
mod curl;
mod database;
mod faults;
mod herd;
mod network;
mod pooler;
#[path = "../../xtask/src/ports.rs"]
mod ports;
#[path = "../../xtask/src/postgres/server.rs"]
mod postgres_server;
mod redis;
mod scale;
mod server;
mod split;
mod waiting;
mod writer;

pub use balancer::Balancer;
pub use broker::{Broker, Door};
pub use certificates::{Authority, Certificate};
pub use client::{Answer, Client};
pub use command::{Said, hanse, run};
pub use crew::{Crew, Notes};
pub use curl::{Fetched, curl};
pub use database::Database;
pub use faults::{Fault, SmallDisk};
pub use herd::Herd;
pub use network::{Link, Network, Trouble};
pub use pooler::Pooler;
pub use ports::free_port;
pub use redis::Redis;
pub use scale::Scale;
pub use serde_json::{Value, json};
pub use server::{Server, binary};
pub use split::{Engines, Ports, SERVICES, Split, engine};
pub use waiting::{eventually, until, until_is};
pub use writer::{UNHURRIED, Writer, harbour_total, overview, write_until_cut};
