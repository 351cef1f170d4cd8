//! The documents that are made from the catalogue and committed for readers: a JSON Schema per event
//! type and version, and an AsyncAPI description of all of them.

use std::collections::BTreeMap;

use hanse_events::schema::EventType;
use serde_json::{Map, Value, json};

/// Where the schema of an event type is committed, seen from the root of the repository.
#[must_use]
pub fn schema_path(event: &EventType) -> String {
    format!("contracts/schemas/{}.v{}.json", event.name, event.version)
}

/// Every document as path and text.
#[must_use]
pub fn documents() -> BTreeMap<String, String> {
    let events = crate::catalogue();
    let mut documents: BTreeMap<_, _> =
        events.iter().map(|event| (schema_path(event), text((event.schema)()))).collect();
    documents.insert("docs/asyncapi.json".to_owned(), text(asyncapi(&events)));
    documents
}

/// The catalogue as an AsyncAPI 3 document: a channel per source, a message per event type, in the
/// structured form of CloudEvents 1.0.
fn asyncapi(events: &[EventType]) -> Value {
    let mut channels: BTreeMap<&str, Map<String, Value>> = BTreeMap::new();
    let mut operations = Map::new();
    let mut messages = Map::new();
    for event in events {
        let source = event.name.split_once('.').map_or(event.name, |(source, _)| source);
        let reference = json!({ "$ref": format!("#/components/messages/{}", event.name) });
        channels.entry(source).or_default().insert(event.name.to_owned(), reference);
        messages.insert(event.name.to_owned(), message(event, source));
        operations.insert(
            format!("{source}_events"),
            json!({ "action": "send", "channel": { "$ref": format!("#/channels/{source}") } }),
        );
    }
    let channels: Map<_, _> = channels
        .into_iter()
        .map(|(source, messages)| {
            (source.to_owned(), json!({ "address": source, "messages": messages }))
        })
        .collect();
    json!({
        "asyncapi": "3.0.0",
        "info": {
            "title": "Hanse events",
            "version": env!("CARGO_PKG_VERSION"),
            "description": "What the services tell each other. Order is kept per subject.",
        },
        "defaultContentType": "application/cloudevents+json",
        "channels": channels,
        "operations": operations,
        "components": { "messages": messages },
    })
}

fn message(event: &EventType, source: &str) -> Value {
    let mut data = (event.schema)();
    let about = data.get("description").cloned().unwrap_or_default();
    if let Some(data) = data.as_object_mut() {
        // Makes its inner references mean itself, wherever it is embedded.
        data.insert("$id".into(), json!(format!("{}.v{}.json", event.name, event.version)));
    }
    json!({
        "name": event.name,
        "summary": about,
        "contentType": "application/cloudevents+json",
        "payload": {
            "schemaFormat": "application/schema+json;version=draft-2020-12",
            "schema": {
                "type": "object",
                "required": ["specversion", "id", "source", "type", "subject", "time", "data"],
                "properties": {
                    "specversion": { "const": "1.0" },
                    "id": { "type": "string", "format": "uuid" },
                    "source": { "const": format!("/{source}") },
                    "type": { "const": event.name },
                    "subject": { "type": "string", "description": "The aggregate: the ordering key" },
                    "time": { "type": "string", "format": "date-time" },
                    "datacontenttype": { "const": "application/json" },
                    "dataversion": { "const": event.version },
                    "data": data,
                },
            },
        },
    })
}

/// Pretty, with sorted keys and an end of line, so that equal documents are equal texts.
fn text(document: Value) -> String {
    format!("{:#}\n", sorted(document))
}

fn sorted(value: Value) -> Value {
    match value {
        Value::Object(map) => {
            let map: BTreeMap<_, _> =
                map.into_iter().map(|(key, value)| (key, sorted(value))).collect();
            Value::Object(map.into_iter().collect())
        }
        Value::Array(items) => Value::Array(items.into_iter().map(sorted).collect()),
        other => other,
    }
}
