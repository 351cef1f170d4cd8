//! What a process keeps in memory to answer sooner or to answer less: a cache and rate limits.
//!
//! - [`LocalCache`]: values with a weight and a time to live, within one process.
//! - [`rate::RateLimiter`]: how often a key may ask, with the header values that tell the client.
//! - [`rate::Limiter`]: the same for one process or for several that count together.
//!
//! What it never does: hold the only copy of anything (every entry may vanish at any time), grow
//! without bound (entries by weight, keys by number), or reach over the network: what several
//! processes share is in `kernel/redis`, which this crate knows as [`rate::SharedBudgets`] only.
//!
//! To extend it: another limit algorithm gets a file beside `rate/limiter.rs` and the same
//! [`rate::Decision`].

mod local;
pub mod rate;

pub use local::{Hits, LocalCache};
