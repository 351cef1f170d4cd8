//! From `tracing` to lines: spans keep their fields, every event becomes one line.

use super::fields::{Fields, Value};
use super::line::{self, Head};
use super::sink::Sink;
use crate::config::{Format, LogConfig};
use std::sync::Arc;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::fmt::format::Writer;
use tracing_subscriber::fmt::time::{FormatTime, SystemTime};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

/// Fields of a usual event: those of a request.
const EXPECTED: usize = 8;

const MESSAGE: &str = "message";
/// Records of the `log` facade say where they come from in fields of their own.
const FOREIGN_TARGET: &str = "log.target";
/// Fields that stand in a line's head, or are of no use.
const HEAD: [&str; 5] = [MESSAGE, FOREIGN_TARGET, "log.module_path", "log.file", "log.line"];

/// Writes events to a [`Sink`], with the fields of the spans around them; of one name, the
/// innermost wins.
pub struct LogLayer {
    format: Format,
    origin: String,
    sink: Arc<Sink>,
}

impl LogLayer {
    pub fn new(config: &LogConfig, sink: Arc<Sink>) -> Self {
        let origin =
            line::origin(config.format, &config.service, &config.version, &config.environment);
        Self { format: config.format, origin, sink }
    }
}

impl<S: Subscriber + for<'a> LookupSpan<'a>> Layer<S> for LogLayer {
    fn on_new_span(&self, attributes: &Attributes<'_>, id: &Id, context: Context<'_, S>) {
        if let Some(span) = context.span(id) {
            let mut fields = Fields::default();
            attributes.record(&mut fields);
            span.extensions_mut().insert(fields);
        }
    }

    fn on_record(&self, id: &Id, values: &Record<'_>, context: Context<'_, S>) {
        // Read before the span is locked: a Debug that logs would wait for its own span.
        let mut later = Fields::default();
        values.record(&mut later);
        if let Some(span) = context.span(id)
            && let Some(fields) = span.extensions_mut().get_mut::<Fields>()
        {
            fields.merge(&later);
        }
    }

    fn on_event(&self, event: &Event<'_>, context: Context<'_, S>) {
        let mut fields = Fields::with_capacity(EXPECTED);
        event.record(&mut fields);
        let text = |name| match fields.get(name) {
            Some(Value::Text(text) | Value::Literal(text)) => Some(text),
            None => None,
        };
        let mut timestamp = String::with_capacity(32);
        // A clock that cannot be formatted leaves the timestamp empty; the line still matters.
        _ = SystemTime.format_time(&mut Writer::new(&mut timestamp));
        let head = Head {
            timestamp: &timestamp,
            level: event.metadata().level().as_str(),
            target: text(FOREIGN_TARGET).unwrap_or(event.metadata().target()),
            message: text(MESSAGE).unwrap_or_default(),
        };
        let spans: Vec<_> = context.event_scope(event).into_iter().flatten().collect();
        let extensions: Vec<_> = spans.iter().map(|span| span.extensions()).collect();
        let own = fields.iter().filter(|(name, _)| !HEAD.contains(name));
        let line = if spans.is_empty() {
            line::write(self.format, &head, &self.origin, own)
        } else {
            let around = extensions.iter().filter_map(|all| all.get::<Fields>());
            let fields = line::first_of_each(own.chain(around.flat_map(Fields::iter)));
            line::write(self.format, &head, &self.origin, fields)
        };
        self.sink.line(&line);
    }
}
