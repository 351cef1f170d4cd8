//! Peers that answer, misbehave, come and go, over real sockets.

#![expect(
    clippy::disallowed_methods,
    clippy::indexing_slicing,
    clippy::unwrap_used,
    reason = "a scene that cannot be set up has failed; servers under test run in tasks of their own"
)]

mod answers;
mod failing;
mod health;
mod retrying;
mod support;
