//! Clients that mean harm, or mean well and are broken: slow, garbled, forged, too large, too curious.
//!
//! Everything here runs against the real binary over real sockets. The rule is always the same: a
//! clear refusal or a closed connection, never a 5xx, never a hang, nothing leaked, others served.

mod bodies;
mod matrix;
mod raw;
mod support;
mod tokens;
