//! JSON Schemas of events, and what may change in them (law 8).

use serde_json::Value;

use crate::event::{Compatibility, DomainEvent};

/// An event type as the catalogue lists it.
pub struct EventType {
    /// [`DomainEvent::TYPE`].
    pub name: &'static str,
    /// [`DomainEvent::VERSION`].
    pub version: u32,
    /// [`DomainEvent::COMPATIBILITY`].
    pub compatibility: Compatibility,
    /// Makes its JSON Schema.
    pub schema: fn() -> Value,
}

impl EventType {
    /// The catalogue's line for `T`.
    #[must_use]
    pub fn of<T: DomainEvent>() -> Self {
        Self {
            name: T::TYPE,
            version: T::VERSION,
            compatibility: T::COMPATIBILITY,
            schema: || schemars::schema_for!(T).to_value(),
        }
    }
}

/// Lists how `new` breaks the promise made for `old`. Empty means compatible.
#[must_use]
pub fn incompatibilities(old: &Value, new: &Value, promise: Compatibility) -> Vec<String> {
    let mut found = Vec::new();
    if matches!(promise, Compatibility::Backward | Compatibility::Full) {
        // New code must read what old code wrote.
        reads(new, old, "", &mut found);
    }
    if matches!(promise, Compatibility::Forward | Compatibility::Full) {
        // Old code must read what new code writes.
        reads(old, new, "", &mut found);
    }
    found.dedup();
    found
}

/// Can everything that `writer` allows be read by `reader`?
fn reads(reader: &Value, writer: &Value, path: &str, found: &mut Vec<String>) {
    types(reader, writer, path, found);
    let empty = serde_json::Map::new();
    let properties = |schema: &Value| schema.get("properties").and_then(Value::as_object).cloned();
    let (theirs, ours) = (properties(writer), properties(reader));
    let written = theirs.as_ref().unwrap_or(&empty);
    for name in required(reader) {
        if !required(writer).contains(&name) {
            found.push(format!("{path}/{name}: required by one side, optional or missing on the other"));
        }
    }
    for (name, schema) in ours.as_ref().unwrap_or(&empty) {
        if let Some(theirs) = written.get(name) {
            reads(schema, theirs, &format!("{path}/{name}"), found);
        }
    }
    if let (Some(ours), Some(theirs)) = (reader.get("items"), writer.get("items")) {
        reads(ours, theirs, &format!("{path}[]"), found);
    }
    for key in ["$defs", "definitions"] {
        let (Some(ours), Some(theirs)) = (reader.get(key), writer.get(key)) else { continue };
        for (name, schema) in ours.as_object().unwrap_or(&empty) {
            if let Some(theirs) = theirs.get(name) {
                reads(schema, theirs, &format!("{path}#{name}"), found);
            }
        }
    }
}

fn types(reader: &Value, writer: &Value, path: &str, found: &mut Vec<String>) {
    let names = |schema: &Value| -> Vec<String> {
        match schema.get("type") {
            Some(Value::String(name)) => vec![name.clone()],
            Some(Value::Array(names)) => {
                names.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            _ => Vec::new(),
        }
    };
    let (ours, theirs) = (names(reader), names(writer));
    if !ours.is_empty() && theirs.iter().any(|name| !ours.contains(name)) {
        found.push(format!("{path}: {theirs:?} cannot be read as {ours:?}"));
    }
    if reader.get("format") != writer.get("format") || reader.get("$ref") != writer.get("$ref") {
        found.push(format!("{path}: the format changed"));
    }
    if let (Some(ours), Some(theirs)) = (
        reader.get("enum").and_then(Value::as_array),
        writer.get("enum").and_then(Value::as_array),
    ) && theirs.iter().any(|value| !ours.contains(value))
    {
        found.push(format!("{path}: a value is unknown to the other side"));
    }
}

fn required(schema: &Value) -> Vec<String> {
    schema
        .get("required")
        .and_then(Value::as_array)
        .into_iter()
        .flatten()
        .filter_map(Value::as_str)
        .map(str::to_owned)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn changes_are_judged_by_the_promise() {
        let old = json!({"type": "object", "properties": {"id": {"type": "string"}}, "required": ["id"]});
        let optional = json!({"type": "object", "properties": {"id": {"type": "string"},
            "note": {"type": ["string", "null"]}}, "required": ["id"]});
        let required = json!({"type": "object", "properties": {"id": {"type": "string"},
            "note": {"type": "string"}}, "required": ["id", "note"]});
        let retyped = json!({"type": "object", "properties": {"id": {"type": "integer"}}, "required": ["id"]});
        let removed = json!({"type": "object", "properties": {}});
        assert!(incompatibilities(&old, &optional, Compatibility::Full).is_empty());
        assert!(!incompatibilities(&old, &required, Compatibility::Backward).is_empty());
        assert!(incompatibilities(&old, &required, Compatibility::Forward).is_empty());
        assert!(incompatibilities(&old, &removed, Compatibility::Backward).is_empty());
        assert!(!incompatibilities(&old, &removed, Compatibility::Forward).is_empty());
        assert!(!incompatibilities(&old, &retyped, Compatibility::Backward).is_empty());
    }
}
