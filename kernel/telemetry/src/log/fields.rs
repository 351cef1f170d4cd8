//! The fields of an event or a span, read once and kept as text.

use std::error::Error;
use std::fmt::{self, Debug, Write};
use tracing::field::{Field, Visit};

/// The most bytes of one value that are logged.
const MAX_VALUE: usize = 8 * 1024;

/// A value as it will be written.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Value {
    /// A number or a truth value, valid JSON as it stands.
    Literal(String),
    /// Text, not yet escaped.
    Text(String),
}

/// Fields in the order they were recorded; a later value of the same name replaces the earlier.
#[derive(Debug, Default)]
pub struct Fields {
    entries: Vec<(&'static str, Value)>,
}

impl Fields {
    /// No fields, with room for some.
    pub fn with_capacity(count: usize) -> Self {
        Self { entries: Vec::with_capacity(count) }
    }

    /// Takes the value of a field out.
    pub fn take(&mut self, name: &str) -> Option<Value> {
        let at = self.entries.iter().position(|(known, _)| *known == name)?;
        Some(self.entries.remove(at).1)
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, &Value)> {
        self.entries.iter().map(|(name, value)| (*name, value))
    }

    /// Takes over fields that were recorded later.
    pub fn merge(&mut self, later: Self) {
        for (name, value) in later.entries {
            self.put(name, value);
        }
    }

    fn put(&mut self, name: &'static str, value: Value) {
        match self.entries.iter_mut().find(|(known, _)| *known == name) {
            Some((_, known)) => *known = value,
            None => self.entries.push((name, value)),
        }
    }

    fn put_text(&mut self, field: &Field, text: fmt::Arguments<'_>) {
        let mut capped = Capped(String::with_capacity(40));
        // An error only says that the cap is reached, or that a Display gave up: keep what is there.
        _ = capped.write_fmt(text);
        self.put(field.name(), Value::Text(capped.0));
    }
}

/// A string that takes what fits and then ends with an ellipsis.
struct Capped(String);

impl Write for Capped {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = MAX_VALUE.saturating_sub(self.0.len());
        if text.len() <= room {
            self.0.push_str(text);
            return Ok(());
        }
        self.0.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        self.0.push('…');
        Err(fmt::Error)
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        let text = value.to_string();
        // JSON has no infinity and no NaN.
        self.put(
            field.name(),
            if value.is_finite() { Value::Literal(text) } else { Value::Text(text) },
        );
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put(field.name(), Value::Literal(value.to_string()));
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put(field.name(), Value::Literal(value.to_string()));
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        self.put(field.name(), Value::Literal(value.to_string()));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        if value.len() <= MAX_VALUE {
            return self.put(field.name(), Value::Text(value.to_owned()));
        }
        self.put_text(field, format_args!("{value}"));
    }

    /// An error is logged as its whole chain, which is the one place where the chain is seen.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut chain = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source.filter(|_| chain.len() < MAX_VALUE) {
            _ = write!(chain, ": {cause}");
            source = cause.source();
        }
        self.put_text(field, format_args!("{chain}"));
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put_text(field, format_args!("{value:?}"));
    }
}
