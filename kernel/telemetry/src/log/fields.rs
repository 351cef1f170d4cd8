//! The fields of an event or a span, read once and kept as text.

use std::error::Error;
use std::fmt::{self, Debug, Write};
use std::ops::Range;
use tracing::field::{Field, Visit};

/// The most bytes of one value that are logged.
const MAX_VALUE: usize = 8 * 1024;

/// A value as it will be written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Value<'a> {
    /// A number or a truth value, valid JSON as it stands.
    Literal(&'a str),
    /// Text, not yet escaped.
    Text(&'a str),
}

/// Fields in the order they were recorded; a later value of the same name replaces the earlier.
#[derive(Debug, Default)]
pub struct Fields {
    entries: Vec<Entry>,
    /// All values, one behind the other: a line is written for every request, and should not need a
    /// piece of memory for each of its fields.
    text: String,
}

#[derive(Debug)]
struct Entry {
    name: &'static str,
    literal: bool,
    value: Range<usize>,
}

impl Fields {
    /// Forgets all of them, and keeps the room.
    pub fn clear(&mut self) {
        self.entries.clear();
        self.text.clear();
    }

    /// The value of a field.
    pub fn get(&self, name: &str) -> Option<Value<'_>> {
        self.iter().find(|(known, _)| *known == name).map(|(_, value)| value)
    }

    /// All fields, in order.
    pub fn iter(&self) -> impl Iterator<Item = (&'static str, Value<'_>)> {
        self.entries.iter().map(|entry| {
            let text = self.text.get(entry.value.clone()).unwrap_or_default();
            (entry.name, if entry.literal { Value::Literal(text) } else { Value::Text(text) })
        })
    }

    /// Takes over fields that were recorded later.
    pub fn merge(&mut self, later: &Self) {
        for (name, value) in later.iter() {
            match value {
                Value::Literal(text) => self.put(name, true, |out| out.write_str(text)),
                Value::Text(text) => self.put(name, false, |out| out.write_str(text)),
            }
        }
    }

    fn put(
        &mut self,
        name: &'static str,
        literal: bool,
        write: impl FnOnce(&mut Capped<'_>) -> fmt::Result,
    ) {
        let start = self.text.len();
        // An error only says that the cap is reached, or that a Display gave up: keep what is there.
        _ = write(&mut Capped { text: &mut self.text, start });
        let entry = Entry { name, literal, value: start..self.text.len() };
        match self.entries.iter_mut().find(|known| known.name == name) {
            Some(known) => *known = entry,
            None => self.entries.push(entry),
        }
    }

    fn put_text(&mut self, field: &Field, text: &str) {
        self.put(field.name(), false, |out| out.write_str(text));
    }

    fn put_number(&mut self, field: &Field, value: impl itoa::Integer) {
        self.put(field.name(), true, |out| out.write_str(itoa::Buffer::new().format(value)));
    }
}

/// Adds to a text from `start` on what fits, and then ends it with an ellipsis.
struct Capped<'a> {
    text: &'a mut String,
    start: usize,
}

impl Write for Capped<'_> {
    fn write_str(&mut self, text: &str) -> fmt::Result {
        let room = (self.start + MAX_VALUE).saturating_sub(self.text.len());
        if text.len() <= room {
            self.text.push_str(text);
            return Ok(());
        }
        self.text.push_str(text.get(..text.floor_char_boundary(room)).unwrap_or_default());
        self.text.push('…');
        Err(fmt::Error)
    }
}

impl Visit for Fields {
    fn record_f64(&mut self, field: &Field, value: f64) {
        // JSON has no infinity and no NaN.
        self.put(field.name(), value.is_finite(), |out| write!(out, "{value}"));
    }

    fn record_i64(&mut self, field: &Field, value: i64) {
        self.put_number(field, value);
    }

    fn record_u64(&mut self, field: &Field, value: u64) {
        self.put_number(field, value);
    }

    fn record_bool(&mut self, field: &Field, value: bool) {
        let text = if value { "true" } else { "false" };
        self.put(field.name(), true, |out| out.write_str(text));
    }

    fn record_str(&mut self, field: &Field, value: &str) {
        self.put_text(field, value);
    }

    /// An error is logged as its whole chain, which is the one place where the chain is seen.
    fn record_error(&mut self, field: &Field, value: &(dyn Error + 'static)) {
        let mut chain = value.to_string();
        let mut source = value.source();
        while let Some(cause) = source.filter(|_| chain.len() < MAX_VALUE) {
            _ = write!(chain, ": {cause}");
            source = cause.source();
        }
        self.put_text(field, &chain);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        self.put(field.name(), false, |out| write!(out, "{value:?}"));
    }
}
