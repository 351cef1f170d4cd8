use serde_json::json;

use super::*;
use crate::scim::attributes::{GROUP, USER};

fn anna() -> Value {
    json!({
        "id": "1", "userName": "anna", "displayName": "Anna", "active": true,
        "name": { "familyName": "Berg", "givenName": "Anna" },
        "emails": [{ "value": "anna@example.com", "type": "work", "primary": true }],
        "groups": [],
    })
}

fn crew() -> Value {
    json!({ "displayName": "Crew", "members": [{ "value": "a" }, { "value": "b" }] })
}

fn patched(resource: &'static Resource, value: Value, all: Value) -> Result<Value, ScimError> {
    let body = json!({ "Operations": all });
    apply(resource, value, &steps(body.as_object().unwrap(), resource)?)
}

/// RFC 7644, section 3.5.2, and what well-known clients make of it.
#[test]
fn steps_change_what_they_name() {
    for (step, pointer, expected) in [
        (json!({ "op": "Replace", "path": "active", "value": "False" }), "/active", json!(false)),
        (json!({ "op": "add", "value": { "displayName": "B" } }), "/displayName", json!("B")),
        (
            json!({ "op": "replace", "value": { "name.givenName": "B", "title": "x" } }),
            "/name",
            json!({ "familyName": "Berg", "givenName": "B" }),
        ),
        (
            json!({ "op": "add", "path": "name", "value": { "givenName": "B" } }),
            "/name",
            json!({ "familyName": "Berg", "givenName": "B" }),
        ),
        (
            json!({ "op": "remove", "path": "NAME.familyname" }),
            "/name",
            json!({ "givenName": "Anna" }),
        ),
        (json!({ "op": "remove", "path": "name" }), "/name", Value::Null),
        (
            json!({ "op": "replace", "path": "emails[type eq \"work\"].value", "value": "b@example.com" }),
            "/emails/0/value",
            json!("b@example.com"),
        ),
        (
            json!({ "op": "replace", "path": "emails", "value": [{ "value": "c@example.com" }] }),
            "/emails",
            json!([{ "value": "c@example.com" }]),
        ),
        (json!({ "op": "add", "path": "externalId", "value": "7" }), "/externalId", json!("7")),
        (
            json!({ "op": "add", "path": "urn:ietf:params:scim:schemas:core:2.0:User:externalId", "value": "7" }),
            "/externalId",
            json!("7"),
        ),
    ] {
        let changed = patched(&USER, anna(), json!([step]))
            .unwrap_or_else(|error| panic!("{step}: {error:?}"));
        let there = changed.pointer(pointer).cloned().unwrap_or_default();
        assert_eq!(there, expected, "{step}");
    }
}

#[test]
fn members_come_and_go() {
    for (step, expected) in [
        (
            json!({ "op": "add", "path": "members", "value": [{ "value": "b" }, { "value": "c" }] }),
            "a b c",
        ),
        (json!({ "op": "add", "value": { "members": [{ "value": "c" }] } }), "a b c"),
        (json!({ "op": "replace", "path": "members", "value": [{ "value": "c" }] }), "c"),
        (json!({ "op": "remove", "path": "members[value eq \"a\"]" }), "b"),
        (json!({ "op": "Remove", "path": "members", "value": [{ "value": "a" }] }), "b"),
        (json!({ "op": "remove", "path": "members[value eq \"z\"]" }), "a b"),
        (json!({ "op": "remove", "path": "members" }), ""),
    ] {
        let changed = patched(&GROUP, crew(), json!([step]))
            .unwrap_or_else(|error| panic!("{step}: {error:?}"));
        let members = changed["members"].as_array().cloned().unwrap_or_default();
        let ids: Vec<_> = members.iter().map(|member| member["value"].as_str().unwrap()).collect();
        assert_eq!(ids.join(" "), expected, "{step}");
    }
}

/// What cannot be done is refused, each by the standard's own word, and nothing of the patch is done.
#[test]
fn steps_that_cannot_be_taken_are_refused() {
    for (step, kind) in [
        (json!({ "op": "move", "path": "active" }), "invalidSyntax"),
        (json!("x"), "invalidSyntax"),
        (json!({ "op": "add", "path": "nickName", "value": "x" }), "invalidPath"),
        (json!({ "op": "add", "path": 5, "value": "x" }), "invalidPath"),
        (json!({ "op": "add", "path": "userName[value pr]", "value": "x" }), "invalidPath"),
        (json!({ "op": "add", "path": "emails[type eq \"work\"", "value": "x" }), "invalidPath"),
        (json!({ "op": "add", "path": "emails[kind pr]", "value": "x" }), "invalidFilter"),
        (json!({ "op": "remove" }), "noTarget"),
        (
            json!({ "op": "replace", "path": "emails[type eq \"home\"].value", "value": "x" }),
            "noTarget",
        ),
        (json!({ "op": "replace", "path": "id", "value": "2" }), "mutability"),
        (json!({ "op": "add", "path": "groups", "value": [{ "value": "g" }] }), "mutability"),
        (json!({ "op": "replace", "value": { "meta": { "version": "9" } } }), "mutability"),
        (json!({ "op": "remove", "path": "userName" }), "mutability"),
        (json!({ "op": "replace", "path": "displayName", "value": null }), "mutability"),
        (json!({ "op": "remove", "path": "emails.value" }), "mutability"),
        (json!({ "op": "add", "path": "active" }), "invalidValue"),
        (json!({ "op": "add", "path": "active", "value": "perhaps" }), "invalidValue"),
        (json!({ "op": "add", "path": "displayName", "value": ["x"] }), "invalidValue"),
        (json!({ "op": "add", "path": "displayName", "value": "a\u{0}b" }), "invalidValue"),
        (json!({ "op": "add", "value": "x" }), "invalidValue"),
    ] {
        let refused = patched(&USER, anna(), json!([step])).unwrap_err();
        assert_eq!(refused.kind(), Some(kind), "{step}: {refused:?}");
    }
    let step = json!({ "op": "replace", "path": "members[value eq \"a\"].value", "value": "c" });
    assert_eq!(patched(&GROUP, crew(), json!([step])).unwrap_err().kind(), Some("mutability"));
    for all in [json!([]), json!(vec![json!({ "op": "remove", "path": "name" }); 201]), json!("x")]
    {
        assert_eq!(patched(&USER, anna(), all).unwrap_err().kind(), Some("invalidSyntax"));
    }
}
