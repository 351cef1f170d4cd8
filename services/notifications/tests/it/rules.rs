//! Rules that make messages of events (A-137…A-139, E-049).

use hanse_contracts::identity::{
    MembershipsChanged, UserDisabled, UserImpersonated, UserRegistered,
};
use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted};
use hanse_testkit::{Actor, Stage, Value, json, stage_test};
use jiff::SignedDuration;
use uuid::Uuid;

use super::services;
use super::support::{knows, letters, stranger, titles};

const RULES: &str = "/api/v1/notifications/rules";

fn alarm(more: Value) -> Value {
    let mut rule = json!({
        "name": "Alarms", "event": "thoughts.ThoughtCreated", "when": "'alarm' in data.tags",
        "type": "notifications.announcement",
        "values": { "title": "'Alarm: ' ~ data.text", "text": "data.text | lower" },
        "recipient": "owner",
    });
    rule.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    rule
}

fn thought(t: &Stage, who: &Actor, text: &str, tags: &[&str]) -> ThoughtCreated {
    ThoughtCreated {
        thought_id: t.ids.new_id(),
        user_id: who.id,
        text: text.into(),
        tags: tags.iter().map(|tag| (*tag).into()).collect(),
        created_at: t.clock.clock().now(),
    }
}

async fn write(t: &Stage, who: &Actor, text: &str, tags: &[&str]) {
    t.emit(thought(t, who, text, tags)).await;
    t.drain_events().await;
}

/// Events of any service become messages as an administrator says, from when they said it; each event
/// once, however often it comes.
#[stage_test(split)]
async fn an_event_becomes_a_message(t: Stage) {
    let (admin, (anna, ben)) = (t.admin(), t.users());
    knows(&t, &anna, "Anna").await;
    knows(&t, &ben, "Ben").await;
    write(&t, &anna, "Before the rule", &["alarm"]).await;
    t.advance(SignedDuration::from_secs(2));
    let made = admin.post(RULES, alarm(json!({ "channels": ["in_app", "email"] }))).await;
    assert_eq!(made.summary(), "201");
    write(&t, &anna, "The HARBOUR burns", &["alarm", "city"]).await;
    write(&t, &anna, "All is calm", &["city"]).await;
    write(&t, &ben, "Ben's own", &["alarm"]).await;
    t.run_jobs().await;
    assert_eq!(titles(&anna).await, ["Alarm: The HARBOUR burns"]);
    assert_eq!(titles(&ben).await, ["Alarm: Ben's own"]);
    assert_eq!(letters(&t).len(), 2);
    let letter = letters(&t).into_iter().find(|letter| letter.contains("the harbour burns"));
    assert!(letter.unwrap().contains("To: Anna <anna@example.com>\r\n"));
    let page = anna.get("/api/v1/notifications").await.json();
    let story = format!("/api/v1/notifications/{}", page["items"][0]["id"].as_str().unwrap());
    let cause = anna.get(story).await.json()["cause"].as_str().unwrap().to_owned();
    let id = made.json()["id"].as_str().unwrap().to_owned();
    assert!(cause.starts_with(&format!("rule {id} by thoughts.ThoughtCreated ")), "{cause}");

    let read = admin.get(made.location()).await;
    let rule = read.json();
    assert_eq!((&rule["fired"], &rule["failed"]), (&json!(2), &json!(0)));
    assert_eq!(rule["deliveries"], json!({ "email": { "sent": 2 } }));
    let of = format!("/api/v1/notifications/deliveries?of={id}&limit=1");
    let page = admin.get(&of).await.json();
    assert_eq!(page["items"][0]["steps"][0]["state"], "sent");
    let next = format!("{of}&cursor={}", page["next"].as_str().unwrap());
    let rest = admin.get(next).await.json();
    assert_eq!((rest["items"].as_array().unwrap().len(), &rest["next"]), (1, &json!(null)));
    let none = admin.get(format!("{of}&state=failed")).await.json();
    assert_eq!(none["items"], json!([]));

    // The log is read again from the start: the same events, and nobody is told anew.
    let again = async |tx: &mut hanse_store::Tx| {
        tx.execute("UPDATE positions SET seq = 0", &[]).await.map(drop)
    };
    t.db("notifications").write::<_, hanse_store::StoreError, _>(again).await.unwrap();
    t.drain_events().await;
    t.run_jobs().await;
    assert_eq!((titles(&anna).await.len(), letters(&t).len()), (1, 2));

    // Switched off, changed, removed.
    let off = alarm(json!({ "enabled": false, "channels": ["in_app"] }));
    assert_eq!(
        admin.with("if-match", "\"9\"").put(made.location(), off.clone()).await.summary(),
        "412 HTT-013"
    );
    assert_eq!(admin.put(made.location(), off).await.summary(), "200");
    write(&t, &anna, "Nobody hears this", &["alarm"]).await;
    assert_eq!(titles(&anna).await.len(), 1);
    t.advance(SignedDuration::from_secs(2));
    let on = alarm(json!({ "when": "'fire' in data.tags", "channels": ["in_app"] }));
    assert_eq!(admin.put(made.location(), on).await.summary(), "200");
    write(&t, &anna, "Fire", &["fire"]).await;
    assert_eq!(titles(&anna).await, ["Alarm: Fire", "Alarm: The HARBOUR burns"]);
    assert_eq!(admin.get(RULES).await.json()["items"][0]["id"], id);
    assert_eq!(admin.delete(made.location()).await.summary(), "204");
    assert_eq!(admin.delete(made.location()).await.summary(), "404 NTF-013");
    write(&t, &anna, "Fire again", &["fire"]).await;
    assert_eq!(titles(&anna).await.len(), 2);
}

/// Roles and groups are told as they are when something happens; what somebody wrote stays theirs.
#[stage_test(split)]
async fn roles_and_groups_are_told(t: Stage) {
    let (admin, (anna, ben)) = (t.admin(), t.users());
    for (who, name) in [(&admin, "Olga"), (&anna, "Anna"), (&ben, "Ben")] {
        knows(&t, who, name).await;
    }
    let group = t.ids.new_id();
    let belongs = |who: &Actor, roles: &[&str], groups: &[Uuid]| MembershipsChanged {
        user_id: who.id,
        roles: roles.iter().map(|role| (*role).into()).collect(),
        groups: groups.to_vec(),
    };
    t.emit(belongs(&admin, &["admin", "user"], &[])).await;
    t.emit(belongs(&ben, &["user"], &[group])).await;
    t.drain_events().await;
    let event = "identity.UserImpersonated";
    for (recipient, title) in [
        (json!({ "role": "admin" }), "To administrators"),
        (json!({ "group": group }), "To the group"),
        (json!({ "role": "user" }), "To users"),
        (json!({ "field": "actor_id" }), "To the actor"),
        (json!({ "users": [anna.id, stranger()] }), "To some"),
    ] {
        let values = json!({ "title": format!("'{title}'"), "text": "data.user_id" });
        let rule = alarm(json!({
            "event": event, "when": null, "recipient": recipient, "values": values,
            "channels": ["in_app"],
        }));
        assert_eq!(admin.post(RULES, rule).await.summary(), "201", "{recipient}");
    }
    t.emit(UserImpersonated { user_id: anna.id, actor_id: admin.id, reason: "x".into() }).await;
    t.drain_events().await;
    let mut told = titles(&admin).await;
    told.sort();
    assert_eq!(told, ["To administrators", "To the actor", "To users"]);
    let mut told = titles(&ben).await;
    told.sort();
    assert_eq!(told, ["To the group", "To users"]);
    // Who leaves a group hears no more of it.
    t.emit(belongs(&ben, &["user"], &[])).await;
    t.emit(UserImpersonated { user_id: anna.id, actor_id: admin.id, reason: "x".into() }).await;
    t.drain_events().await;
    assert_eq!(titles(&ben).await.iter().filter(|title| *title == "To the group").count(), 1);

    let secret = alarm(json!({ "recipient": { "role": "admin" } }));
    assert_eq!(admin.post(RULES, secret).await.summary(), "422 NTF-014");
    // An event without an owner has nothing personal in it, and nobody to tell.
    let gone = alarm(json!({
        "event": "identity.UserDisabled", "when": null, "values": { "title": "data.user_id", "text": "subject" },
        "recipient": { "field": "user_id" }, "channels": ["in_app"],
    }));
    assert_eq!(admin.post(RULES, gone).await.summary(), "201");
    t.emit(UserDisabled { user_id: anna.id }).await;
    t.drain_events().await;
    assert!(titles(&anna).await.contains(&anna.id.to_string()));
}

/// Somebody who has just registered is known by the time a rule tells them.
#[stage_test(split)]
async fn a_rule_welcomes_people(t: Stage) {
    let (admin, anna) = (t.admin(), t.user("anna"));
    let rule = alarm(json!({
        "event": "identity.UserRegistered", "when": null, "channels": ["email"],
        "values": { "title": "'Welcome, ' ~ data.name", "text": "'Hello'" },
    }));
    assert_eq!(admin.post(RULES, rule).await.summary(), "201");
    t.emit(UserRegistered {
        user_id: anna.id,
        email: "anna@example.com".into(),
        name: "Anna".into(),
    })
    .await;
    t.drain_events().await;
    t.run_jobs().await;
    assert!(letters(&t)[0].contains("Subject: Welcome, Anna\r\n"), "{}", letters(&t)[0]);
}

/// A throttle holds for each person; a rule that fails says so and holds up nobody.
#[stage_test(split)]
async fn a_rule_is_throttled_and_holds_up_nobody(t: Stage) {
    let (admin, (anna, ben)) = (t.admin(), t.users());
    knows(&t, &anna, "Anna").await;
    knows(&t, &ben, "Ben").await;
    let throttle =
        json!({ "throttle": { "most": 2, "seconds": 60 }, "channels": ["in_app", "email"] });
    let rule = admin.post(RULES, alarm(throttle)).await;
    let broken = alarm(json!({
        "event": "thoughts.ThoughtDeleted", "when": null, "values": { "title": "data.missing_later", "text": "'x'" },
    }));
    assert_eq!(admin.post(RULES, broken).await.summary(), "422 NTF-014");
    let broken = alarm(json!({
        "when": null, "values": { "title": "data.tags[7]", "text": "'x'" }, "channels": ["in_app"],
    }));
    let broken = admin.post(RULES, broken).await;
    for text in ["one", "two", "three"] {
        t.advance(SignedDuration::from_secs(1));
        write(&t, &anna, text, &["alarm"]).await;
    }
    write(&t, &ben, "ben", &["alarm"]).await;
    assert_eq!(titles(&anna).await, ["Alarm: two", "Alarm: one"]);
    assert_eq!(titles(&ben).await.len(), 1);
    let seen = admin.get(rule.location()).await.json();
    assert_eq!((&seen["fired"], &seen["throttled"]), (&json!(4), &json!(1)));
    let seen = admin.get(broken.location()).await.json();
    assert_eq!((&seen["fired"], &seen["failed"]), (&json!(0), &json!(4)));
    assert_eq!(seen["cause"], "title: the event does not say this");
    t.advance(SignedDuration::from_secs(61));
    write(&t, &anna, "later", &["alarm"]).await;
    assert_eq!(titles(&anna).await.len(), 3);
}

/// More people than one transaction should tell are told in pieces.
#[stage_test(split)]
async fn a_rule_tells_many(t: Stage) {
    let admin = t.admin();
    let mut people = Vec::new();
    for number in 0..45 {
        let who = t.account(&format!("p{number}"), &["user"]);
        t.emit(UserRegistered {
            user_id: who.id,
            email: format!("p{number}@example.com"),
            name: format!("P{number}"),
        })
        .await;
        people.push(who);
    }
    t.drain_events().await;
    let rule = alarm(json!({
        "event": "thoughts.ThoughtDeleted", "when": null, "recipient": { "role": "user" },
        "values": { "title": "'Gone'", "text": "data.thought_id" },
        "channels": ["in_app"], "throttle": { "most": 1, "seconds": 60 },
    }));
    let made = admin.post(RULES, rule).await;
    for _ in 0..2 {
        let (thought_id, created_at) = (t.ids.new_id(), t.clock.clock().now());
        t.emit(ThoughtDeleted { thought_id, user_id: people[0].id, created_at }).await;
        t.drain_events().await;
        t.run_jobs().await;
    }
    for who in [&people[0], &people[44]] {
        assert_eq!(titles(who).await, ["Gone"]);
    }
    let seen = admin.get(made.location()).await.json();
    assert_eq!((&seen["fired"], &seen["throttled"]), (&json!(1), &json!(45)));
}

/// AUTZ-01, INJ-07: rules are for administrators, cannot follow what they cause, and are tried without
/// telling anybody.
#[stage_test]
async fn rules_are_for_administrators_and_are_tried_first(t: Stage) {
    let (admin, anna) = (t.admin(), t.user("anna"));
    knows(&t, &anna, "Anna").await;
    let made = admin.post(RULES, alarm(json!({}))).await;
    let test = json!({
        "rule": alarm(json!({})), "owner": anna.id,
        "data": { "text": "{{ 7*7 }} <b>", "tags": ["alarm"] },
    });
    for (who, expected) in [
        (t.guest(), "401 HTT-010"),
        (anna.clone(), "403 HTT-012"),
        (t.account("olga", &["user", "operator"]), "403 HTT-012"),
    ] {
        assert_eq!(who.get(RULES).await.summary(), expected);
        assert_eq!(who.post(RULES, alarm(json!({}))).await.summary(), expected);
        assert_eq!(who.post(format!("{RULES}/test"), test.clone()).await.summary(), expected);
        assert_eq!(who.get(made.location()).await.summary(), expected);
        assert_eq!(who.put(made.location(), alarm(json!({}))).await.summary(), expected);
        assert_eq!(who.delete(made.location()).await.summary(), expected);
        let of = format!("/api/v1/notifications/deliveries?of={}", stranger());
        assert_eq!(who.get(of).await.summary(), expected);
    }
    assert_eq!(admin.get(format!("{RULES}/{}", stranger())).await.summary(), "404 NTF-013");
    let tried = admin.post(format!("{RULES}/test"), test).await.json();
    assert_eq!((&tried["matches"], &tried["people"]), (&json!(true), &json!(1)));
    assert_eq!(tried["recipients"], json!([anna.id]));
    assert_eq!(tried["note"]["title"], "Alarm: {{ 7*7 }} <b>");
    assert!(!tried["letter"]["html"].as_str().unwrap().contains("<b>"), "{tried}");
    let calm = json!({ "rule": alarm(json!({})), "data": { "text": "x", "tags": [] } });
    assert_eq!(admin.post(format!("{RULES}/test"), calm).await.json()["matches"], false);
    assert!(titles(&anna).await.is_empty());
    for wrong in [
        json!({ "event": "notifications.ListsChanged" }),
        json!({ "event": "identity.MessageRequested" }),
        json!({ "event": "thoughts.Nothing" }),
        json!({ "when": "data.text ==" }),
        json!({ "when": "data.txt == 1" }),
        json!({ "when": "range(9) | length > 1" }),
        json!({ "recipient": { "field": "text" } }),
        json!({ "recipient": { "role": "user" } }),
    ] {
        let answer = admin.post(RULES, alarm(wrong.clone())).await;
        assert_eq!(answer.summary(), "422 NTF-014", "{wrong}");
    }
    for (wrong, expected) in [
        (json!({ "type": "no.such" }), "422 NTF-003"),
        (json!({ "throttle": { "most": 0 } }), "422 HTT-007"),
        (json!({ "values": { "a b": "1" } }), "422 HTT-007"),
        (json!({ "values": { "a": "x".repeat(1_001) } }), "422 HTT-007"),
        (json!({ "recipient": { "users": [] } }), "422 HTT-007"),
        (json!({ "recipient": "everybody" }), "400 HTT-005"),
        (json!({ "colour": 1 }), "400 HTT-005"),
    ] {
        let answer = admin.post(RULES, alarm(wrong.clone())).await;
        assert_eq!(answer.summary(), expected, "{wrong}");
    }
}
