//! The event log: at once event store, outbox and topic.
//!
//! Every service database has one append-only `events` table. [`Emit::emit`] appends to it inside the
//! transaction that changes the state, so neither can exist without the other. A [`Subscription`] of
//! another service reads the log and applies its handlers to *its own* database; the position moves
//! in the same transaction as the effects, so every effect happens exactly once.
//!
//! * **Order** is kept per subject (the aggregate).
//! * **Poison**: an event whose handler fails is retried with growing delays, then kept as a dead
//!   letter. Later events of the same subject wait behind it; all other subjects flow.
//! * **Replay**: setting a position to zero and emptying the projection rebuilds it ([`admin`]).
//! * **Erasure**: [`erase_owner`] blanks the data of everything an owner caused, and from then on the
//!   log neither takes nor delivers anything of theirs.
//!
//! What this crate never does: publish before the commit, acknowledge an event before its effect is
//! durable, or let one subject's trouble hold up another's.
//!
//! What carries the log is behind [`Log`]. Here is the embedded way ([`EmbeddedLog`]), which reads the
//! producer's table directly and is woken by its commits: no second copy, no relay. Where services
//! are apart a [`Transport`] (the crate `hanse-kafka`) brings the logs in parts.

pub mod admin;
mod applied;
mod emit;
mod erase;
mod event;
mod log;
pub mod schema;
mod store;
mod subscriber;
mod subscription;
mod transport;

pub use applied::Applied;
pub use emit::Emit;
pub use erase::{erase_owner, erased_among, erased_since, hold_owner, is_erased};
pub use event::{Compatibility, DomainEvent, Event, Recorded};
pub use log::{Batch, EmbeddedLog, Log};
pub use store::{create_snapshot, get_events, latest_snapshot};
pub use subscriber::{Progress, RetryPolicy, Subscriber};
pub use subscription::{BoxError, Handler, HandlerResult, Subscription};
pub use transport::{Following, Group, Transport};

use hanse_store::{Migration, Schema};

/// The tables of this crate, in every service database.
pub const SCHEMA: Schema = Schema {
    owner: "kernel-events",
    migrations: &[
        Migration { name: "0001_events", sql: include_str!("../schema/0001_events.sql") },
        Migration { name: "0002_owners", sql: include_str!("../schema/0002_owners.sql") },
    ],
};
