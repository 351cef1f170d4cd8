//! One log line, in JSON or for people.

use super::escape::{Place, escaped, is_plain};
use super::fields::Value;
use crate::config::Format;

/// What the line itself is made of; a field of such a name is written as `field.<name>`.
const RESERVED: [&str; 7] =
    ["timestamp", "level", "target", "message", "service", "version", "environment"];

/// What every line says, whatever else it carries.
pub struct Head<'a> {
    pub timestamp: &'a str,
    pub level: &'static str,
    pub target: &'a str,
    pub message: &'a str,
}

/// The constant end of a JSON line, written once: service, version, environment.
pub fn origin(format: Format, service: &str, version: &str, environment: &str) -> String {
    let mut out = String::new();
    if format == Format::Json {
        for (name, value) in
            [("service", service), ("version", version), ("environment", environment)]
        {
            member(&mut out, "", name, value);
        }
    }
    out
}

/// Of fields with one name, the first.
pub fn first_of_each<'a>(
    fields: impl Iterator<Item = (&'static str, Value<'a>)>,
) -> impl Iterator<Item = (&'static str, Value<'a>)> {
    let mut seen: Vec<&str> = Vec::new();
    fields.filter(move |(name, _)| {
        let new = !seen.contains(name);
        if new {
            seen.push(name);
        }
        new
    })
}

/// Appends a whole line with its line break. No two fields have one name.
pub fn write<'a>(
    out: &mut String,
    format: Format,
    head: &Head<'_>,
    origin: &str,
    fields: impl Iterator<Item = (&'static str, Value<'a>)>,
) {
    match format {
        Format::Json => {
            out.push_str("{\"timestamp\":\"");
            escaped(out, head.timestamp, Place::Quoted);
            out.push('"');
            member(out, "", "level", head.level);
            member(out, "", "target", head.target);
            member(out, "", "message", head.message);
            out.push_str(origin);
        }
        Format::Pretty => {
            escaped(out, head.timestamp, Place::Bare);
            out.push_str(&format!(" {:>5} ", head.level));
            escaped(out, head.target, Place::Bare);
            out.push_str(": ");
            escaped(out, head.message, Place::Bare);
        }
    }
    for (name, value) in fields {
        field(out, format, name, value);
    }
    out.push_str(if format == Format::Json { "}\n" } else { "\n" });
}

fn field(out: &mut String, format: Format, name: &str, value: Value<'_>) {
    let prefix = if RESERVED.contains(&name) { "field." } else { "" };
    match (format, value) {
        (Format::Json, Value::Text(text)) => member(out, prefix, name, text),
        (Format::Json, Value::Literal(literal)) => {
            key(out, prefix, name);
            out.push_str(literal);
        }
        (Format::Pretty, value) => {
            out.push(' ');
            escaped(out, name, Place::Bare);
            out.push('=');
            match value {
                Value::Literal(text) => out.push_str(text),
                Value::Text(text) if is_plain(text) => out.push_str(text),
                Value::Text(text) => quoted(out, text),
            }
        }
    }
}

fn member(out: &mut String, prefix: &str, name: &str, value: &str) {
    key(out, prefix, name);
    quoted(out, value);
}

fn key(out: &mut String, prefix: &str, name: &str) {
    out.push_str(",\"");
    out.push_str(prefix);
    escaped(out, name, Place::Quoted);
    out.push_str("\":");
}

fn quoted(out: &mut String, text: &str) {
    out.push('"');
    escaped(out, text, Place::Quoted);
    out.push('"');
}
