//! What passes in one process passes split: a process per service on PostgreSQL and Kafka, behind the
//! gateway.

#![expect(clippy::expect_used, clippy::indexing_slicing, reason = "tests fail by panicking")]

mod doors;
mod journey;
mod restarts;
mod rolling;
