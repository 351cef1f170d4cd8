use proptest::prelude::*;
use serde_json::json;

use super::*;
use crate::scim::attributes::{GROUP, USER};

fn anna() -> Value {
    json!({
        "id": "1", "userName": "Anna@Example.com", "displayName": "Anna Berg", "active": true,
        "externalId": "E-7", "name": { "familyName": "Berg" },
        "emails": [{ "value": "anna@example.com", "type": "work", "primary": true }],
        "groups": [{ "value": "g1", "display": "Crew" }, { "value": "g2", "display": "Bridge" }],
        "meta": { "created": "2026-11-21T10:00:00Z" },
    })
}

fn holds(filter: &str) -> bool {
    Filter::parse(filter, &USER)
        .unwrap_or_else(|error| panic!("{filter}: {error:?}"))
        .holds(&anna())
}

/// RFC 7644, section 3.4.2.2: every operator, on every kind of attribute.
#[test]
fn filters_mean_what_the_standard_says() {
    for (filter, expected) in [
        ("userName eq \"anna@example.com\"", true),
        ("USERNAME Eq \"ANNA@example.com\"", true),
        ("userName ne \"anna@example.com\"", false),
        ("externalId eq \"e-7\"", false),
        ("externalId eq \"E-7\"", true),
        ("userName sw \"ann\" and userName ew \".COM\"", true),
        ("displayName co \"a b\"", true),
        ("displayName co \"%\"", false),
        ("name.familyName gt \"Alm\" and name.familyName le \"berg\"", true),
        ("name.givenName pr", false),
        ("name pr", true),
        ("name.givenName eq null", true),
        ("externalId ne null", true),
        ("active eq true", true),
        ("active eq False", false),
        ("not (active eq true)", false),
        ("not (active eq true) or userName pr", true),
        // And binds closer than or.
        ("active eq true or active eq false and userName eq \"x\"", true),
        ("(active eq true or active eq false) and userName eq \"x\"", false),
        ("emails eq \"anna@example.com\"", true),
        ("emails.value ew \"example.com\"", true),
        ("emails[type eq \"work\" and value sw \"anna\"]", true),
        ("emails[type eq \"home\"]", false),
        ("groups.display eq \"bridge\"", true),
        // One value has to meet all of it.
        ("groups[value eq \"g1\" and display eq \"Bridge\"]", false),
        ("groups.value eq \"g1\" and groups.display eq \"Bridge\"", true),
        ("meta.created gt \"2026-11-21T10:59:00+01:00\"", true),
        ("meta.created lt \"2026-11-21T10:00:00.000Z\"", false),
        ("urn:ietf:params:scim:schemas:core:2.0:User:userName pr", true),
        ("userName eq \"\\u0041nna@example.com\"", true),
    ] {
        assert_eq!(holds(filter), expected, "{filter}");
    }
}

/// What is no filter is refused, and never looked at.
#[test]
fn anything_else_is_refused() {
    let deep = format!("{}userName pr{}", "(".repeat(14), ")".repeat(14));
    let wide = vec!["userName pr"; 51].join(" or ");
    let long = format!("userName eq \"{}\"", "x".repeat(2000));
    for filter in [
        "",
        "userName",
        "userName eq",
        "userName eq x",
        "userName eq 'x'",
        "userName eq \"x",
        "userName eq \"\\x\"",
        "userName eq \"\\u0000\"",
        "userName eq 5",
        "userName is \"x\"",
        "nickName pr",
        "userName.value pr",
        "name eq \"x\"",
        "active gt true",
        "active eq \"true\"",
        "meta.created gt \"yesterday\"",
        "meta.created co \"2026-11-21T10:00:00Z\"",
        "(userName pr",
        "userName pr)",
        "userName pr userName pr",
        "userName pr and",
        "and",
        "not userName pr",
        "emails[type eq \"work\"",
        "emails[emails.type eq \"work\"]",
        "emails[type eq \"work\"].value",
        "userName[value pr]",
        "1=1; DROP TABLE users",
        &deep,
        &wide,
        &long,
    ] {
        let refused = Filter::parse(filter, &USER);
        let kind = refused.as_ref().err().and_then(ScimError::kind);
        assert_eq!(kind, Some("invalidFilter"), "{filter}: {refused:?}");
    }
    assert!(Filter::parse("members eq \"x\"", &GROUP).is_ok());
}

/// Only what must be equal is asked of an index.
#[test]
fn an_index_is_asked_only_for_what_must_be() {
    let wanted = |filter: &str, name: &str| {
        let filter = Filter::parse(filter, &USER).unwrap();
        filter.wanted(name).map(str::to_owned)
    };
    let text = |text: &str| Some(text.to_owned());
    assert_eq!(wanted("userName eq \"a\"", "userName"), text("a"));
    assert_eq!(wanted("active eq true and userName eq \"a\"", "userName"), text("a"));
    assert_eq!(wanted("active eq true or userName eq \"a\"", "userName"), None);
    assert_eq!(wanted("not (userName eq \"a\")", "userName"), None);
    assert_eq!(wanted("userName sw \"a\"", "userName"), None);
    assert_eq!(wanted("emails.value eq \"a\"", "emails"), text("a"));
    assert_eq!(wanted("emails.type eq \"work\"", "emails"), None);
}

fn comparison() -> impl Strategy<Value = String> {
    let place = prop::sample::select(vec![
        "userName",
        "displayName",
        "externalId",
        "name.familyName",
        "emails",
        "emails.value",
    ]);
    let operator = prop::sample::select(vec!["eq", "ne", "co", "sw", "ew", "gt", "ge", "lt", "le"]);
    let text = any::<String>().prop_map(|text| text.replace('\0', ""));
    let texts = (place, operator, text)
        .prop_map(|(place, operator, text)| format!("{place} {operator} {}", json!(text)));
    prop_oneof![
        texts,
        Just("active eq true".to_owned()),
        Just("name pr".to_owned()),
        Just("externalId eq null".to_owned()),
        Just("emails[type eq \"work\"]".to_owned()),
        Just("meta.created ge \"2026-11-21T10:00:00Z\"".to_owned()),
    ]
}

fn filter() -> impl Strategy<Value = String> {
    comparison().prop_recursive(3, 12, 3, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" and ")),
            prop::collection::vec(inner.clone(), 2..4).prop_map(|all| all.join(" or ")),
            inner.clone().prop_map(|one| format!("not ({one})")),
            inner.prop_map(|one| format!("({one})")),
        ]
    })
}

proptest! {
    /// A filter that was read says what it was, and means the same when it is read again.
    #[test]
    fn a_filter_is_read_as_it_is_written(text in filter()) {
        prop_assume!(text.len() < 1200);
        let read = Filter::parse(&text, &USER).unwrap();
        let again = Filter::parse(&read.to_string(), &USER);
        prop_assert_eq!(again.as_ref(), Ok(&read));
        prop_assert_eq!(again.unwrap().holds(&anna()), read.holds(&anna()));
    }

    /// No text brings the reader down.
    #[test]
    fn any_text_is_read_or_refused(text in "[a-zA-Z \\[\\]()\"\\\\.0-9é\u{0}]{0,80}") {
        let _ = Filter::parse(&text, &USER);
        let _ = Filter::parse(&text, &GROUP);
    }
}
