//! The embedded engine's groups, from outside.

#![expect(clippy::expect_used, clippy::unwrap_used, reason = "tests fail by panicking")]

mod groups;
mod logs;
mod sizes;
mod snapshots;
