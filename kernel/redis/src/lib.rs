//! What the processes of a cluster share through Redis: budgets, a second cache level, and who
//! serves where.
//!
//! **Losing Redis costs speed, never correctness.** Nothing here is the only copy of anything. Every
//! call has a short deadline, and once Redis is silent nobody asks it until it answers again (see
//! [`Redis`]): budgets are then counted by each process, values are loaded from their source, and
//! the last known addresses stay. What Redis says is checked like what a stranger says: a value of
//! another type, of another release, too large or no JSON at all is a value that is not there.
//!
//! - [`Redis`]: the connection, with its circuit and its health.
//! - [`Budgets`]: rate limits that all processes count together.
//! - [`TieredCache`]: values in memory in front of Redis, dropped everywhere at once.
//! - [`Registry`]: which instances serve what, by heartbeats.
//!
//! What it never does: keep a request waiting beyond the deadline, hold what must survive, or take
//! the word of Redis for who somebody is.
//!
//! To extend it: another use is a file with its scripts under `src/lua/`, goes through `Redis::ask`
//! and says what it does when the answer is [`Trouble`].

mod budgets;
mod config;
mod instance;
mod invalidation;
mod keeper;
mod link;
mod registry;
mod script;
mod tiered;

pub use budgets::Budgets;
pub use config::RedisConfig;
pub use instance::Instance;
pub use link::{Health, Redis, Trouble};
pub use registry::{Announcement, Registry};
pub use tiered::{CacheSpec, Lookups, TieredCache};
