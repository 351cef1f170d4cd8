//! What every subscription may rely on, whatever carries the log. The producer is a stand-in; the
//! consumer writes down what it applies and fails when its table of moods says so.

mod gaps;
mod poison;
mod support;
mod together;
