//! What is published of the platform: its OpenAPI document and the pages of its errors.

use std::collections::BTreeSet;

use hanse_e2e::Value;

use crate::support::{document, operations, platform};
use crate::walk::*;

/// The document is valid, complete and true: OpenAPI 3.1, an example for every body, one operationId
/// each, every reference leads somewhere, and each of its operations is mounted.
#[test]
fn the_published_document_is_true() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let document = document(&server);
    assert!(
        document.get("openapi").and_then(Value::as_str).expect("a version").starts_with("3.1.")
    );
    let mut ids = BTreeSet::new();
    let mut wrong = Vec::new();
    for operation in operations(&document) {
        assert!(ids.insert(operation.id.clone()), "{} twice", operation.id);
        let words = ["summary", "description"]
            .map(|key| operation.text.get(key).and_then(Value::as_str).unwrap_or_default());
        if words[0].is_empty() {
            wrong.push(format!("{} has no summary", operation.id));
        }
        let declared: BTreeSet<&str> = operation
            .text
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("path"))
            .filter_map(|parameter| parameter.get("name")?.as_str())
            .collect();
        let named: BTreeSet<&str> = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(declared, named, "{}", operation.id);
        let responses =
            operation.text.get("responses").and_then(Value::as_object).expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{}", operation.id);
        for kind in &operation.bodies {
            let pointer =
                format!("/requestBody/content/{}", kind.replace('~', "~0").replace('/', "~1"));
            let media = operation.text.pointer(&pointer).expect("a media type");
            let schema = media.get("schema").expect("a schema");
            let schema = match schema.get("$ref").and_then(Value::as_str) {
                Some(reference) => {
                    document.pointer(reference.trim_start_matches('#')).expect("a schema")
                }
                None => schema,
            };
            if [media, schema]
                .iter()
                .all(|place| place.get("example").is_none() && place.get("examples").is_none())
            {
                wrong.push(format!("{} has no example of {kind}", operation.id));
            }
        }
        let secured = operation.text.get("security").is_some();
        assert_eq!(secured, operation.access != "public", "{}", operation.id);
        // An address of somebody else's making: what matters is that the operation was reached.
        if !["delete_me", "logout_user"].contains(&operation.id.as_str()) {
            let reached = call(&anna, &operation, &operation.at(NOBODY), &[]).summary();
            assert!(
                !["404 HTT-001", "405 HTT-002"].contains(&reached.as_str()),
                "{} is not there",
                operation.id
            );
        }
    }
    for reference in references(&document) {
        if document.pointer(reference.trim_start_matches('#')).is_none() {
            wrong.push(format!("{reference} leads nowhere"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Every code that the document names has a page, and every problem's `type` leads to it.
#[test]
fn every_problem_has_its_page() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let guest = server.guest();
    let mut pages = BTreeSet::new();
    for operation in operations(&document(&server)) {
        for response in
            operation.text.get("responses").and_then(Value::as_object).expect("responses").values()
        {
            let example = response
                .pointer("/content/application~1problem+json/example/type")
                .and_then(Value::as_str);
            pages.extend(example.map(str::to_owned));
            let described = response.get("description").and_then(Value::as_str).unwrap_or_default();
            pages.extend(
                described
                    .split("; ")
                    .filter_map(|line| line.split_once(": "))
                    .filter(|(code, _)| code.len() == 7)
                    .map(|(code, _)| format!("/docs/errors/{code}")),
            );
        }
        let answer = call(&guest, &operation, &operation.at(NOBODY), &[]);
        pages.extend(answer.json().get("type").and_then(Value::as_str).map(str::to_owned));
    }
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let answer = guest.get(&page);
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.text.lines().count() > 3, "{page} says too little");
    }
}
