//! Log lines on standard error, so that what a command prints stays clean.
//!
//! `fields` reads events and spans, `time` says when, `line` writes one line in either format with
//! everything escaped, `sink` takes it to the writer without making a request wait. Escaping is ours and
//! not the formatter's: a line break in a header must not forge a second line (INJ-11).

mod escape;
mod fields;
mod layer;
mod line;
mod sink;
mod time;

use crate::config::{InitError, LogConfig};
use crate::otlp::Spans;
use layer::LogLayer;
use sink::Sink;
use std::io::Write;
use std::sync::Arc;
use std::time::Duration;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;

/// How long dropping a [`Guard`] waits for a writer that does not take its lines.
const FLUSH: Duration = Duration::from_secs(2);

/// Keeps telemetry running; dropping it exports the last spans and writes the last lines, within
/// a few seconds. Hold it in `main` to the end.
#[derive(Debug)]
pub struct Guard {
    spans: Spans,
    sink: Arc<Sink>,
}

impl Guard {
    /// Where finished spans go.
    #[must_use]
    pub fn spans(&self) -> Spans {
        self.spans.clone()
    }

    /// How many lines were dropped because the writer fell behind by more than the buffer holds.
    pub fn dropped_lines(&self) -> u64 {
        self.sink.dropped()
    }
}

impl Drop for Guard {
    fn drop(&mut self) {
        // Spans first: what their export has to complain about is still written.
        self.spans.close();
        self.sink.close(FLUSH);
    }
}

/// Starts logging to standard error, and exporting spans if a collector is configured.
///
/// # Errors
/// The first mistake of the configuration, a missing thread, or a logger installed before.
pub fn init(config: &LogConfig) -> Result<Guard, InitError> {
    if let Some(mistake) = config.validate().into_iter().next() {
        return Err(mistake);
    }
    let (subscriber, guard) = assemble(config, Box::new(std::io::stderr()))?;
    subscriber.try_init().map_err(InitError::Installed)?;
    Ok(guard)
}

fn assemble(
    config: &LogConfig,
    writer: Box<dyn Write + Send>,
) -> Result<(impl SubscriberInitExt + use<>, Guard), InitError> {
    let sink = Sink::start(writer).map_err(InitError::Thread)?;
    let spans = Spans::start(config)?;
    let lines = LogLayer::new(config, Arc::clone(&sink));
    let subscriber = tracing_subscriber::registry().with(lines).with(config.filter()?);
    Ok((subscriber, Guard { spans, sink }))
}

#[cfg(test)]
mod tests;
