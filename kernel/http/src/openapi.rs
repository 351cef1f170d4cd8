//! The OpenAPI 3.1 document, made from the operations themselves.

use std::collections::BTreeMap;

use schemars::generate::SchemaSettings;
use serde_json::{Map, Value, json};

use crate::access::Access;
use crate::error::{ErrorCode, kernel_codes};
use crate::outline::{Outline, Shape};
use crate::reply::OperationDoc;

/// Title and text of a document.
pub struct Info {
    /// Title.
    pub title: &'static str,
    /// Release.
    pub version: &'static str,
    /// What it is, in Markdown.
    pub description: &'static str,
}

/// The document of some services' operations, in a stable order.
#[must_use]
pub fn document<'a>(info: &Info, services: impl IntoIterator<Item = &'a Outline>) -> Value {
    let mut schemas = SchemaSettings::draft2020_12()
        .with(|settings| settings.definitions_path = "/components/schemas".into())
        .into_generator();
    let mut paths: BTreeMap<String, BTreeMap<String, Value>> = BTreeMap::new();
    let mut tags = Vec::new();
    for outline in services {
        tags.push(json!({ "name": outline.service() }));
        let described = |shape: &&std::sync::Arc<Shape>| shape.standard.is_none();
        for operation in outline.shapes().iter().filter(described) {
            let mut doc = OperationDoc {
                schemas: &mut schemas,
                path_names: path_names(&operation.path),
                parameters: Vec::new(),
                request_body: None,
                responses: Map::new(),
                problems: Vec::new(),
            };
            (operation.describe)(&mut doc);
            let method = operation.method.as_str().to_ascii_lowercase();
            let text = describe(operation, doc);
            paths.entry(operation.path.clone()).or_default().insert(method, text);
        }
    }
    let mut definitions = schemas.take_definitions(true);
    definitions.insert("Problem".into(), problem_schema());
    definitions.sort_keys();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": info.title, "version": info.version, "description": info.description,
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" },
        },
        "servers": [{ "url": "/" }],
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": definitions,
            "securitySchemes": {
                "BearerAuth": { "type": "http", "scheme": "bearer", "bearerFormat": "JWT" }
            },
        },
    })
}

fn describe(operation: &Shape, doc: OperationDoc<'_>) -> Value {
    let OperationDoc { mut parameters, request_body, mut responses, problems, .. } = doc;
    let post = operation.method == http::Method::POST;
    if post {
        let mut key = header("Idempotency-Key", "Makes a repetition harmless for 24 hours", 255);
        if let Some(schema) = key.get_mut("schema").and_then(Value::as_object_mut) {
            schema.insert("pattern".into(), json!("^[!-~]+$"));
        }
        parameters.push(key);
    }
    if operation.is_read() {
        parameters.push(header(
            "Hanse-After",
            "A Hanse-Position; waits until it can be read",
            2048,
        ));
    }
    if ["PUT", "PATCH", "DELETE"].contains(&operation.method.as_str())
        && operation.path.ends_with('}')
    {
        parameters.push(header("If-Match", "The ETag you have seen; 412 when it has changed", 255));
    }
    let mut problems = problems;
    problems.extend(kernel_problems(operation, request_body.is_some(), !parameters.is_empty()));
    for (status, text) in problem_responses(problems) {
        responses.entry(status).or_insert(text);
    }
    let mut text = Map::new();
    text.insert("operationId".into(), json!(operation.id));
    text.insert("tags".into(), json!([operation.service]));
    text.insert("summary".into(), json!(operation.summary));
    text.insert("description".into(), json!(operation.description));
    text.insert("x-access".into(), json!(operation.access.name()));
    if operation.access != Access::Public {
        text.insert("x-scope".into(), json!(operation.scope.to_string()));
    }
    if !parameters.is_empty() {
        text.insert("parameters".into(), Value::Array(parameters));
    }
    if let Some(body) = request_body {
        text.insert("requestBody".into(), body);
    }
    text.insert("responses".into(), json!(responses));
    if operation.access != Access::Public {
        text.insert("security".into(), json!([{ "BearerAuth": [] }]));
    }
    Value::Object(text)
}

fn header(name: &str, description: &str, longest: usize) -> Value {
    json!({
        "name": name, "in": "header", "required": false, "description": description,
        "schema": { "type": "string", "maxLength": longest },
    })
}

/// The kernel's problems that can happen to this operation.
fn kernel_problems(operation: &Shape, body: bool, parameters: bool) -> Vec<ErrorCode> {
    let mut wanted =
        vec!["HTT-008", "HTT-015", "HTT-017", "HTT-999", "HTT-001", "HTT-018", "HTT-019"];
    if operation.access != Access::Public {
        wanted.extend(["HTT-010", "HTT-011", "HTT-012"]);
    }
    if body {
        wanted.extend(["HTT-003", "HTT-004", "HTT-005", "HTT-007", "HTT-009"]);
    }
    if parameters {
        wanted.extend(["HTT-006", "HTT-007", "HTT-016", "HTT-013", "HTT-014"]);
    }
    kernel_codes().into_iter().filter(|code| wanted.contains(&code.code)).collect()
}

fn problem_responses(mut problems: Vec<ErrorCode>) -> BTreeMap<String, Value> {
    problems.sort_by_key(|code| code.code);
    problems.dedup();
    let mut by_status: BTreeMap<String, Vec<ErrorCode>> = BTreeMap::new();
    for code in problems {
        by_status.entry(code.status.to_string()).or_default().push(code);
    }
    by_status
        .into_iter()
        .map(|(status, codes)| {
            let lines: Vec<_> =
                codes.iter().map(|code| format!("{}: {}", code.code, code.title)).collect();
            let example = codes.first().map(|code| {
                json!({
                    "type": format!("/docs/errors/{}", code.code), "title": code.title,
                    "status": code.status, "code": code.code, "detail": code.title,
                    "request_id": "019a0000-0000-7000-8000-000000000000",
                })
            });
            let schema = json!({ "$ref": "#/components/schemas/Problem" });
            let content =
                json!({ "application/problem+json": { "schema": schema, "example": example } });
            (status, json!({ "description": lines.join("; "), "content": content }))
        })
        .collect()
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "description": "What went wrong (RFC 9457)",
        "required": ["type", "title", "status", "code", "detail", "request_id"],
        "properties": {
            "type": { "type": "string", "description": "Page that explains the code" },
            "title": { "type": "string" },
            "status": { "type": "integer" },
            "code": { "type": "string", "description": "Stable code" },
            "detail": { "type": "string" },
            "request_id": { "type": "string", "format": "uuid" },
            "errors": { "description": "Which values are not allowed, and why" },
        },
    })
}

fn path_names(path: &str) -> Vec<String> {
    path.split('/')
        .filter_map(|segment| segment.strip_prefix('{')?.strip_suffix('}'))
        .map(str::to_owned)
        .collect()
}
