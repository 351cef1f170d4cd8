//! The Stage: scenes against real services, on either engine, in either topology.
//!
//! ```text
//! fn services() -> Vec<Service> { vec![hanse_thoughts::service()] }
//!
//! #[stage_test]
//! async fn a_guest_cannot_read_a_thought(t: Stage) {
//!     let (anna, ben) = t.users();
//!     let thought = anna.post("/api/v1/thoughts", json!({"text": "secret"})).await;
//!     assert_eq!(ben.get(thought.location()).await.summary(), "404 THT-001");
//! }
//! ```
//! Every scene has its own data (a folder, or databases on the server that `cargo xtask test`
//! starts), a clock that stands still until it is moved, and ids from a seed. Subscriptions and jobs
//! run only when the scene says so ([`Stage::drain_events`], [`Stage::run_jobs`]); a scene that
//! leaves events undelivered fails, because it has not looked at what it caused. So does one in which
//! a handler refused an event, unless it says [`Stage::ends_with_held_events`].

#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "a test kit fails tests by panicking and reads its settings from the environment"
)]

mod actor;
mod events;
mod stage;

pub use actor::{Actor, Answer};
pub use events::TestEvent;
pub use hanse_macros::stage_test;
pub use serde_json::{Value, json};
pub use stage::{Engine, Stage, Topology, outbound, run};
