//! Scenes of the notifications service.

#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    clippy::disallowed_methods,
    reason = "a scene fails by panicking where it does not find what it expects, and runs its own servers"
)]

mod access;
mod lists;
mod live;
mod preferences;
mod rules;
mod sendings;
mod support;
mod targets;

pub use support::services;
