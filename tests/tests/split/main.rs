//! What passes in one process passes split: a process per service on PostgreSQL and Kafka, behind the
//! gateway.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and strangers come in threads of their own"
)]

mod answers;
mod database;
mod doors;
mod encryption;
mod frozen;
mod journey;
mod moving;
mod network;
mod people;
mod registry;
mod releases;
mod restarts;
mod rolling;

/// For load: no budgets, and tokens that outlive the longest scene.
pub(crate) const CONFIG: &str = "[limits]\nenabled = false\n[identity]\naccess_minutes = 600\n";
