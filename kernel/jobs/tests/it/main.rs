//! Jobs of several kinds beside each other, and those that gave up.

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a scene fails by panicking where it does not find what it expects"
)]

mod dead;
mod lanes;
mod support;

pub use support::services;
