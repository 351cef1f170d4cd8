//! Requests that go out, against servers on loopback.

#![expect(
    clippy::unwrap_used,
    clippy::disallowed_methods,
    reason = "a test fails by panicking, and runs its own servers"
)]

mod answers;
mod sources;
mod spellings;
mod support;
