//! The gateway before services of other processes and other systems, over real sockets.

#![expect(
    clippy::disallowed_methods,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a scene that cannot be set up has failed; servers under test run in tasks of their own"
)]

mod memory;
mod passing;
mod rules;
mod streaming;
mod support;
