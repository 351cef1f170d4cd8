//! Scenes of the analytics service. The other services are stand-ins that have a log and nothing else.

#![expect(clippy::indexing_slicing, clippy::unwrap_used, reason = "scenes fail by panicking")]

mod access;
mod counting;
mod erasing;
mod export;
mod replaying;
mod support;
