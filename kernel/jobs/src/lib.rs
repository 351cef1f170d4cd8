//! Durable work: everything with an effect outside the database, and every timer.
//!
//! A job is a row written in the transaction that wants it ([`Schedule::schedule`]), so it exists if
//! and only if that transaction committed. A [`Worker`] leases due rows, performs them, and removes
//! them. A process that dies while working loses its lease, and another takes the job again: a job
//! runs *at least once*, which is why [`Run::idempotency_key`] stays the same over all tries and is to be
//! given to whoever receives the effect.
//!
//! A failing job is tried again with growing delays until its attempts or its deadline are used up;
//! then it stays as a dead letter with its cause, for an operator to see and redrive.
//!
//! What this crate never does: run a job before its transaction is durable, hold a transaction open
//! while a job runs, or forget a job.

pub mod admin;
mod lane;
mod schedule;
mod worker;

pub use schedule::{Job, Schedule, erase_owner};
pub use worker::{BoxError, Outcome, Run, Tried, Worker};

use hanse_store::{Migration, Schema};

/// The tables of this crate, in every service database.
pub const SCHEMA: Schema = Schema {
    owner: "kernel-jobs",
    migrations: &[
        Migration { name: "0001_jobs", sql: include_str!("../schema/0001_jobs.sql") },
        Migration { name: "0002_lanes", sql: include_str!("../schema/0002_lanes.sql") },
    ],
};
