//! What every subscription may rely on, whatever carries the log: `kernel/kafka` runs the same scenes
//! (`gaps`, `poison`, `together`) over Kafka. The producer is a stand-in; the
//! consumer writes down what it applies and fails when its table of moods says so.

#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "scenes fail by panicking"
)]

mod crowd;
mod erasure;
mod gaps;
mod poison;
mod replicas;
mod story;
mod support;
mod together;
mod turns;
