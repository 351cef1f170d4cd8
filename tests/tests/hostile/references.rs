//! Things of somebody else, named from one's own (AUTZ-05, AUTZ-10).

use std::collections::BTreeSet;

use hanse_e2e::{Client, Value, json};

use crate::support::{document, operations, platform};
use crate::walk::{NOBODY, query};

/// Every field of a body or a query that names something by its id. What it may name is tried below, or
/// only administrators may send it.
const REFERENCES: [&str; 14] = [
    "change_members add",
    "change_members remove",
    "check_permission user_id",
    "create_api_key user_id",
    "create_rule group",
    "create_rule users",
    "list_api_keys user_id",
    "list_deliveries of",
    "replace_rule group",
    "replace_rule users",
    "send_notification users",
    "test_rule group",
    "test_rule owner",
    "test_rule users",
];

/// The names of the members of this schema that are ids, at any depth.
fn ids(document: &Value, schema: &Value, name: &str, depth: u8, found: &mut BTreeSet<String>) {
    if depth > 8 {
        return;
    }
    if let Some(named) = schema.get("$ref").and_then(Value::as_str) {
        let named = document.pointer(named.trim_start_matches('#')).expect("a schema");
        return ids(document, named, name, depth + 1, found);
    }
    if schema.get("format").and_then(Value::as_str) == Some("uuid") {
        found.insert(name.to_owned());
    }
    let members = schema.get("properties").and_then(Value::as_object);
    for (member, schema) in members.into_iter().flatten() {
        ids(document, schema, member, depth + 1, found);
    }
    for inner in schema.get("items").into_iter() {
        ids(document, inner, name, depth + 1, found);
    }
    for key in ["anyOf", "oneOf", "allOf"] {
        for inner in schema.get(key).and_then(Value::as_array).into_iter().flatten() {
            ids(document, inner, name, depth + 1, found);
        }
    }
}

fn id_of(who: &Client) -> String {
    who.get("/users/me").json().get("id").and_then(Value::as_str).expect("an id").to_owned()
}

/// AUTZ-10: whoever names somebody else in their own request gets what they get for nobody. Projects,
/// forms, workflows and flags, of which the check speaks too, are not there yet: what they will refer to
/// shows up here as a field that the list does not know.
#[test]
fn references_reach_nothing_of_others() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let document = document(&server);
    let mut found = BTreeSet::new();
    for operation in operations(&document) {
        let content = operation.text.pointer("/requestBody/content").and_then(Value::as_object);
        for kind in content.into_iter().flat_map(|kinds| kinds.values()) {
            let mut names = BTreeSet::new();
            ids(&document, kind.get("schema").unwrap_or(&Value::Null), "", 0, &mut names);
            found.extend(names.into_iter().map(|name| format!("{} {name}", operation.id)));
        }
        let parameters = operation.text.get("parameters").and_then(Value::as_array);
        for parameter in parameters.into_iter().flatten() {
            let name = parameter.get("name").and_then(Value::as_str).unwrap_or_default();
            let (mut names, in_query) =
                (BTreeSet::new(), parameter.get("in") == Some(&json!("query")));
            ids(&document, parameter.get("schema").unwrap_or(&Value::Null), name, 0, &mut names);
            if in_query && !names.is_empty() {
                found.insert(format!("{} {name}", operation.id));
            }
        }
    }
    let known: BTreeSet<String> = REFERENCES.iter().map(|name| (*name).to_owned()).collect();
    assert_eq!(found, known, "a field that names something by its id is not tried here");

    let (anna, ben) = (server.register("anna"), server.register("ben"));
    let his = id_of(&ben);
    let thought = ben.post("/api/thoughts", &json!({"text": "ballast", "tags": ["hold"]})).json();
    let thought = thought.get("id").and_then(Value::as_str).expect("an id").to_owned();
    let key = json!({"name": "Mine", "valid_days": 1});
    let rule = |id: &str| {
        json!({
            "name": "Mine", "event": "thoughts.ThoughtCreated", "type": "mine.told",
            "recipient": {"users": [id], "group": id},
        })
    };
    let asked = |id: &str| {
        let mut key = key.clone();
        key["user_id"] = json!(id);
        [
            anna.get(&format!("/api/v1/api-keys?user_id={id}")).summary(),
            anna.post("/api/v1/api-keys", &key).summary(),
            anna.post(
                "/permissions/check",
                &json!({"resource": "a", "action": "b", "user_id": id}),
            )
            .summary(),
            anna.post(&format!("/groups/{NOBODY}/members"), &json!({"add": [id]})).summary(),
            anna.post("/notifications", &json!({"type": "x", "users": [id]})).summary(),
            anna.get(&format!("/api/v1/notifications/deliveries?of={id}")).summary(),
            anna.post("/api/v1/notifications/rules", &rule(id)).summary(),
            anna.put(&format!("/api/v1/notifications/rules/{NOBODY}"), &rule(id)).summary(),
            anna.post("/api/v1/notifications/rules/test", &json!({"rule": rule(id), "owner": id}))
                .summary(),
        ]
    };
    let (of_his, of_nobody) = (asked(&his), asked(NOBODY));
    assert_eq!(of_his, of_nobody, "whose it is shows");
    assert!(of_his.iter().all(|said| said.starts_with('4')), "{of_his:?}");
    // A file of one's own with the id of somebody else's thought is a new thought.
    let line = json!({"id": thought, "text": "mine now", "tags": []}).to_string();
    let import = ("application/jsonl", line);
    anna.send("POST", "/api/thoughts/import", &[], Some(import)).expect("an answer");
    let left = ben.get(&format!("/api/thoughts/{thought}")).json();
    assert_eq!(left.get("text"), Some(&json!("ballast")));
    assert_eq!(anna.get(&format!("/api/thoughts/{thought}")).status, 404);
    assert_eq!(
        anna.post(&format!("/api/thoughts/{thought}/tags"), &json!({"tags": ["x"]})).status,
        404
    );
}

/// AUTZ-05: whose things are shown is said by the session alone: not by a header, a query or a body.
#[test]
fn nobody_says_who_they_are_but_by_their_session() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let (anna, ben) = (server.register("anna"), server.register("ben"));
    let his = id_of(&ben);
    let canary = "canary of ben";
    assert_eq!(ben.post("/api/thoughts", &json!({"text": canary, "tags": ["bens"]})).status, 201);
    let names = ["tenant_id", "owner", "owner_id", "account_id", "org", "user"];
    let headers: Vec<(String, &str)> = [
        "x-tenant-id",
        "x-org-id",
        "x-user-id",
        "x-owner-id",
        "x-forwarded-user",
        "x-remote-user",
        "x-auth-request-user",
        "x-hanse-user",
        "hanse-user",
        "hanse-caller",
        "remote-user",
    ]
    .map(|name| (name.to_owned(), his.as_str()))
    .into();
    let headers: Vec<(&str, &str)> =
        headers.iter().map(|(name, id)| (name.as_str(), *id)).collect();
    let mut tried = 0;
    for operation in operations(&document(&server)) {
        if operation.method != "GET" || operation.access != "user" || operation.path.contains('{') {
            continue;
        }
        let path = format!("{}{}", operation.path, query(&operation));
        let dressed = anna.send("GET", &path, &headers, None).expect("an answer");
        assert!(dressed.status < 300 || dressed.status == 404, "{path}: {}", dressed.text);
        for text in [canary, "bens", &his, "ben@example.com"] {
            assert!(!dressed.text.contains(text), "{path} shows {text}: {}", dressed.text);
        }
        let mark = if path.contains('?') { '&' } else { '?' };
        for name in names {
            let asked = anna.get(&format!("{path}{mark}{name}={his}"));
            assert!(asked.status < 500, "{path} by {name}: {}", asked.status);
            for text in [canary, "bens", "ben@example.com"] {
                assert!(!asked.text.contains(text), "{path} by {name} shows {text}");
            }
        }
        tried += 1;
    }
    assert!(tried > 15, "{tried} operations");
    for name in names {
        let mut thought = json!({"text": "whose"});
        thought[name] = json!(his);
        assert_eq!(anna.post("/api/thoughts", &thought).summary(), "400 HTT-005", "{name}");
    }
}
