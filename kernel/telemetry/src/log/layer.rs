//! From `tracing` to lines: spans keep their fields, every event becomes one line.

use super::fields::{Fields, Value};
use super::line::{self, Head};
use super::sink::Sink;
use super::time::Time;
use crate::config::{Format, LogConfig};
use std::cell::Cell;
use std::sync::Arc;
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};
use tracing_subscriber::registry::LookupSpan;

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
        // An event inside of another one, as from a value's Debug, finds none and makes its own.
        let mut scratch = SCRATCH.try_with(Cell::take).ok().flatten().unwrap_or_default();
        let Scratch { fields, line, time } = &mut scratch;
        event.record(fields);
        let text = |name| match fields.get(name) {
            Some(Value::Text(text) | Value::Literal(text)) => Some(text),
            None => None,
        };
        let head = Head {
            timestamp: time.now(),
            level: event.metadata().level().as_str(),
            target: text(FOREIGN_TARGET).unwrap_or(event.metadata().target()),
            message: text(MESSAGE).unwrap_or_default(),
        };
        let spans: Vec<_> = context.event_scope(event).into_iter().flatten().collect();
        let extensions: Vec<_> = spans.iter().map(|span| span.extensions()).collect();
        let own = fields.iter().filter(|(name, _)| !HEAD.contains(name));
        if spans.is_empty() {
            line::write(line, self.format, &head, &self.origin, own);
        } else {
            let around = extensions.iter().filter_map(|all| all.get::<Fields>());
            let fields = line::first_of_each(own.chain(around.flat_map(Fields::iter)));
            line::write(line, self.format, &head, &self.origin, fields);
        }
        self.sink.line(line);
        scratch.keep();
    }
}

thread_local! {
    static SCRATCH: Cell<Option<Scratch>> = const { Cell::new(None) };
}

/// Memory for lines that each thread uses again: a line is written for every request.
#[derive(Default)]
struct Scratch {
    fields: Fields,
    line: String,
    time: Time,
}

impl Scratch {
    /// Longer lines are rare, and their memory is not kept.
    const LONGEST: usize = 4096;

    fn keep(mut self) {
        if self.line.len() <= Self::LONGEST {
            self.fields.clear();
            self.line.clear();
            // A thread that ends keeps nothing.
            _ = SCRATCH.try_with(|scratch| scratch.set(Some(self)));
        }
    }
}
