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

mod access;
mod bodies;
mod crowds;
mod cursors;
mod document;
mod floods;
mod frames;
mod headers;
mod injection;
mod log;
mod methods;
mod places;
mod raw;
mod references;
mod schemathesis;
mod sharing;
mod smuggling;
mod support;
mod tokens;
mod walk;
mod words;
