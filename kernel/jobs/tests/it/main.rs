//! Jobs of several kinds beside each other.

#![expect(clippy::unwrap_used, reason = "a scene fails by panicking")]

mod lanes;
