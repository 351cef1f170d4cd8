//! Peers that answer, misbehave, come and go, over real sockets.

#![expect(clippy::disallowed_methods, reason = "servers under test run in tasks of their own")]

mod answers;
mod failing;
mod health;
mod retrying;
mod support;
