//! What the platform says about itself: log lines, metrics and traces.
//!
//! - [`init`] starts logging as a [`LogConfig`] says, and exports spans if it names a collector;
//!   the [`Guard`] it returns flushes both when dropped.
//! - [`metrics::Metrics`] counts and times; `render` is the body of `/metrics`.
//! - [`trace::TraceContext`] is the W3C trace context that requests and events carry.
//! - [`Spans`] tells a collector of finished requests.
//! - [`recent::RecentTraces`] remembers the last requests for `/tracing`.
//!
//! What it never does: block a request (a full log buffer drops lines and counts them, a busy ring
//! skips an entry), make ids or randomness (they are passed in), let text from outside forge a log
//! line, or let a value from outside become a metric label.
//!
//! To extend it: a new field of every line goes into `log::line`, a new metric into
//! [`metrics::Metrics`] if every service needs it, else through `Metrics::counter` and its kin.

mod config;
mod log;
pub mod metrics;
mod otlp;
pub mod parts;
pub mod recent;
pub mod trace;

pub use config::{Format, InitError, LogConfig};
pub use log::{Guard, init};
pub use otlp::{Served, Spans};
