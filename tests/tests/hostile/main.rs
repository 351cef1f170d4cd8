//! Clients that mean harm, or mean well and are broken: slow, garbled, forged, too large, too curious.
//!
//! Everything here runs against the real binary over real sockets. The rule is always the same: a
//! clear refusal or a closed connection, never a 5xx, never a hang, nothing leaked, others served.

#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::disallowed_methods,
    reason = "tests fail by panicking, and clients that mean harm come in threads of their own"
)]

mod bodies;
mod matrix;
mod places;
mod raw;
mod schemathesis;
mod support;
mod tokens;
