use super::*;

fn rule(more: Value) -> Rule {
    let mut rule = example();
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    serde_json::from_value(rule).unwrap()
}

fn record(data: Value) -> Recorded {
    Recorded {
        seq: 1,
        id: Uuid::from_u128(7),
        kind: "thoughts.ThoughtCreated".into(),
        version: 1,
        subject: "thought/7".into(),
        subject_version: 1,
        owner: Some(Uuid::from_u128(1)),
        actor: Some(Uuid::from_u128(1)),
        trace: None,
        time: "2026-03-02T09:00:00Z".parse().unwrap(),
        data: Some(data.to_string()),
    }
}

fn written(text: &str, tags: &[&str]) -> Recorded {
    let user = Uuid::from_u128(1);
    record(json!({
        "thought_id": Uuid::from_u128(2), "user_id": user, "text": text, "tags": tags,
        "created_at": "2026-03-02T09:00:00Z",
    }))
}

#[test]
fn a_condition_decides_and_values_are_taken_from_the_event() {
    let alarm = written("The harbour burns", &["alarm"]);
    let made = rule(json!({})).apply(&alarm).unwrap().unwrap();
    assert_eq!(made.values["text"], "The harbour burns");
    assert_eq!(made.values["title"], "You wrote of an alarm");
    assert_eq!(rule(json!({})).apply(&written("x", &["calm"])).unwrap(), None);
    for (when, expected) in [
        ("data.text | length > 10", true),
        ("data.text | length > 10 and 'calm' in data.tags", false),
        ("not ('calm' in data.tags) or false", true),
        ("'HARBOUR' | lower in data.text", true),
        ("data.missing is defined", false),
        ("data.missing == 'x'", false),
        ("time >= '2026-03-01' and time < '2026-03-03'", true),
        ("type == 'thoughts.ThoughtCreated' and actor == data.user_id", true),
        ("2 + 3 * 4 == 14", true),
    ] {
        let made = rule(json!({ "when": when })).apply(&alarm);
        assert_eq!(made.unwrap().is_some(), expected, "{when}");
    }
}

/// INJ-07: an expression has little fuel, reaches nothing, and calls nothing.
#[test]
fn an_expression_cannot_run_away_or_reach_out() {
    let alarm = written("x", &["{{ 7*7 }}"]);
    for wrong in [
        "range(1000000000)",
        "data.text()",
        "data.__class__.x",
        "self.x",
        "'x' * 1000000000",
        "data.text | replace('x', 'y')",
        "data.text | attr('x')",
        "missing.x",
        "1/0",
        "lipsum()",
        "namespace()",
        "data.missing.more",
        "{{ data }}",
        "{% for x in data %}x{% endfor %}",
    ] {
        let made = rule(json!({ "when": null, "values": { "title": wrong } })).apply(&alarm);
        assert!(made.is_err(), "{wrong}: {made:?}");
    }
    // What an event says is a value, never an expression.
    let tags = rule(json!({ "values": { "title": "data.tags[0]" }, "when": null }));
    assert_eq!(tags.apply(&alarm).unwrap().unwrap().values["title"], "{{ 7*7 }}");
    let long = vec!["1"; 400].join(" + ");
    assert!(rule(json!({ "when": long })).apply(&alarm).is_ok());
}

/// What somebody wrote reaches nobody else by a rule, not even by whether it fires.
#[test]
fn others_see_nothing_that_was_written() {
    let alarm = written("quicksilver", &["alarm"]);
    let others = |when: &str| {
        let recipient = json!({ "role": "admin" });
        rule(json!({ "recipient": recipient, "when": when, "values": { "title": "subject" } }))
    };
    for when in ["'quicksilver' in data.text", "data.text == 'quicksilver'", "'alarm' in data.tags"]
    {
        let rule = others(when);
        assert!(!matches!(rule.apply(&alarm), Ok(Some(_))), "{when}");
        assert!(rule.check(&hanse_contracts::catalogue()).is_err(), "{when}");
    }
    let plain = others("data.created_at > '2026-01-01' and data.user_id == actor");
    assert!(plain.apply(&alarm).unwrap().is_some());
    plain.check(&hanse_contracts::catalogue()).unwrap();
}

#[test]
fn what_cannot_work_is_refused() {
    let types = hanse_contracts::catalogue();
    rule(json!({})).check(&types).unwrap();
    rule(json!({ "recipient": { "field": "user_id" }, "when": null, "values": {} }))
        .check(&types)
        .unwrap();
    for (wrong, words) in [
        (json!({ "event": "thoughts.ThoughtEaten" }), "no rule can follow"),
        (json!({ "when": "data.txt == ''" }), "has no field txt"),
        (json!({ "when": "date > 1" }), "says nothing of date"),
        (json!({ "when": "data.text ==" }), "when: syntax error"),
        (json!({ "when": "'x' | upper" }), "filter"),
        (json!({ "values": { "title": "config" } }), "says nothing of config"),
        (
            json!({ "recipient": { "field": "text" }, "when": null, "values": {} }),
            "no field text with an account",
        ),
    ] {
        let error = rule(wrong.clone()).check(&types).expect_err(&wrong.to_string());
        assert!(error.to_string().contains(words), "{wrong}: {error}");
    }
}

#[test]
fn a_message_belongs_to_its_rule_and_event() {
    let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
    assert_eq!(derived(one, other), derived(one, other));
    assert_ne!(derived(one, other), derived(other, one));
    assert_eq!(derived(one, other).get_version_num(), 8);
}
