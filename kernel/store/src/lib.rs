//! One SQL text on two engines.
//!
//! A service writes its SQL once, with `$1…$n` parameters, in the subset that SQLite and PostgreSQL
//! share, and its schema once, in PostgreSQL type names. [`Db`] runs both on whichever engine the
//! operator chose; nothing above this crate can tell which.
//!
//! # Writing
//! [`Db::write`] takes an async closure over a [`Tx`] and answers only after the commit is on disk.
//! On SQLite all writers of a file share one thread and one fsync (group commit, see
//! `sqlite/writer.rs`); on PostgreSQL each runs on a pooled connection. Inside the closure nothing
//! may be awaited but the transaction itself (law 9): on SQLite that is enforced, because the
//! closure's future is polled exactly once.
//!
//! # Reading
//! [`Db::read`] is for *bounded* work (a lookup, one page): on SQLite it runs on the calling thread,
//! because a point read costs less than handing it to another thread. [`Db::scan`] is for work that
//! may take long (exports, rebuilds): it runs on a thread of its own.
//!
//! # What this crate never does
//! It never acknowledges before the sync, never retries after a failed sync (the store stops and
//! says so), never opens a newer schema, and never lets SQL depend on the engine: where they differ
//! there are two functions behind one name, in `sqlite/` and `postgres.rs`.
//!
//! # Extending
//! `hanse_events::Emit` and `hanse_jobs::Schedule` add `tx.emit` and `tx.schedule`; each brings its
//! own tables as a [`Schema`].

mod announce;
mod clock;
mod config;
mod db;
mod error;
mod insert;
mod migrate;
mod postgres;
mod sql;
pub mod sqlite;
mod tx;
mod value;

pub use announce::Topic;
pub use clock::{Clock, Entropy, FakeClock, Ids};
pub use config::{Engine, Server, StoreConfig};
pub use db::{Committed, Db};
pub use error::StoreError;
pub use insert::Insert;
pub use migrate::{Migration, Schema};
pub use sql::Sql;
pub use tx::{Origin, Tx};
pub use value::{FromValue, Json, Row, Value};

/// Result of everything that touches the store.
pub type Result<T, E = StoreError> = std::result::Result<T, E>;

/// Builds the parameter list of a statement: `params![id, name, tx.now()]`.
#[macro_export]
macro_rules! params {
    () => { &[] as &[$crate::Value] };
    ($($value:expr),+ $(,)?) => { &[$($crate::Value::from($value)),+] as &[$crate::Value] };
}

/// Makes the calling thread give way to others when the machine is busy, as projections do to
/// requests. Threads that it starts inherit it.
pub fn give_way() {
    let me = rustix::thread::gettid();
    // Where the system does not allow it, projections are merely not slowed down.
    rustix::process::setpriority_process(Some(me), 15).ok();
}
