//! Scenes with a real Redis: what processes share, and what remains when it is away.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    reason = "scenes fail by panicking, run at the same time and read where the server is"
)]

mod bad_days;
mod budgets;
mod hostile;
mod registry;
mod support;
mod values;
