//! Who may do what (AUTZ-01, AUTZ-03).

use hanse_http::Method;
use hanse_testkit::{Stage, json, stage_test};

use super::services;
use super::support::{knows, news, stranger, tell, titles};

/// AUTZ-01: a list is its owner's alone, whoever asks.
#[stage_test(split)]
async fn a_list_is_its_owners_alone(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    tell(&t, &anna, news(&t, "mine")).await;
    let page = anna.get("/api/v1/notifications").await.json();
    let path = format!("/api/v1/notifications/{}", page["items"][0]["id"].as_str().unwrap());
    for (who, expected) in
        [(ben, "404 NTF-001"), (t.admin(), "404 NTF-001"), (t.guest(), "401 HTT-010")]
    {
        assert_eq!(who.get(&path).await.summary(), expected);
        assert_eq!(who.delete(&path).await.summary(), expected);
        assert_eq!(who.put(format!("{path}/read"), json!({})).await.summary(), expected);
        assert_eq!(who.patch(format!("{path}/read"), json!({})).await.summary(), expected);
    }
    for list in ["", "/unread", "/preferences", "/targets", "/stream"] {
        let path = format!("/api/v1/notifications{list}");
        assert_eq!(t.guest().get(&path).await.summary(), "401 HTT-010", "{list}");
    }
    assert!(titles(&t.user("ben")).await.is_empty());
    assert_eq!(
        t.guest().post("/api/v1/notifications/read-all", json!({})).await.summary(),
        "401 HTT-010"
    );
    t.user("ben").post("/api/v1/notifications/read-all", json!({})).await;
    assert_eq!(anna.get("/api/v1/notifications/unread").await.json()["unread"], 1);
}

/// Sending and templates are for administrators.
#[stage_test]
async fn only_administrators_tell_people(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    let sending = format!("/api/v1/notifications/sendings/{}", stranger());
    let template =
        json!({"template": {"channels": ["in_app"], "subject": "x", "short": "x", "text": "x"}});
    let mut new = template.clone();
    new["type"] = json!("a.b");
    for (who, expected) in [
        (t.guest(), "401 HTT-010"),
        (anna.clone(), "403 HTT-012"),
        (t.account("olga", &["user", "operator"]), "403 HTT-012"),
    ] {
        let news = json!({"everybody": true, "title": "x", "text": "x"});
        assert_eq!(who.post("/api/v1/notifications", news).await.summary(), expected);
        assert_eq!(who.get(&sending).await.summary(), expected);
        assert_eq!(who.delete(&sending).await.summary(), expected);
        let templates = "/api/v1/notifications/templates";
        assert_eq!(who.get(format!("{templates}?type=a.b")).await.summary(), expected);
        assert_eq!(who.put(templates, new.clone()).await.summary(), expected);
        assert_eq!(
            who.post(format!("{templates}/preview"), template.clone()).await.summary(),
            expected
        );
    }
    assert_eq!(t.admin().get(&sending).await.summary(), "404 NTF-006");
    assert_eq!(t.admin().delete(&sending).await.summary(), "404 NTF-006");
}

/// AUTZ-03, HTTP-11: only what is allowed goes in.
#[stage_test]
async fn nothing_unexpected_goes_in(t: Stage) {
    let (anna, admin) = (t.user("anna"), t.admin());
    knows(&t, &anna, "Anna").await;
    for (body, expected) in [
        (json!({"title": "x", "text": "x"}), "422 NTF-007"),
        (json!({"everybody": true, "users": [anna.id], "title": "x", "text": "x"}), "422 NTF-007"),
        (json!({"users": [stranger()], "title": "x", "text": "x"}), "422 NTF-002"),
        (json!({"users": [anna.id], "title": "x"}), "422 NTF-004"),
        (json!({"users": [anna.id], "type": "no.such"}), "422 NTF-003"),
        (json!({"users": [anna.id], "type": "../x"}), "422 HTT-007"),
        (
            json!({"users": [anna.id], "title": "x", "text": "x", "link": "javascript:alert(1)"}),
            "422 HTT-007",
        ),
        (json!({"users": [anna.id], "title": "x", "text": "x", "colour": 1}), "400 HTT-005"),
        (
            json!({"users": [anna.id], "title": "x", "text": "x", "values": {"a b": ""}}),
            "422 HTT-007",
        ),
        (json!({"users": vec![anna.id; 10_001], "title": "x", "text": "x"}), "413 HTT-003"),
        (
            json!({"everybody": true, "title": "x", "text": "x", "at": "2046-01-01T00:00:00Z"}),
            "422 NTF-007",
        ),
    ] {
        let shown: String = body.to_string().chars().take(80).collect();
        assert_eq!(admin.post("/api/v1/notifications", body).await.summary(), expected, "{shown}");
    }
    for (body, expected) in [
        (json!({"zone": "Mars/Olympus"}), "422 NTF-005"),
        (json!({"quiet": {"from": "25:00", "to": "07:00"}}), "422 HTT-007"),
        (json!({"quiet": {"from": "07:00", "to": "07:00"}}), "422 NTF-005"),
        (json!({"locale": "../../etc"}), "422 HTT-007"),
        (json!({"phone": "112"}), "422 HTT-007"),
        (json!({"types": {"a b": {}}}), "422 HTT-007"),
        (json!({"types": {"a": {"fax": true}}}), "400 HTT-005"),
    ] {
        let answer = anna.put("/api/v1/notifications/preferences", body.clone()).await;
        assert_eq!(answer.summary(), expected, "{body}");
    }
    for (body, expected) in [
        (json!({"kind": "webhook"}), "422 NTF-009"),
        (json!({"kind": "fax", "url": "https://x.example/"}), "400 HTT-005"),
        (
            json!({"kind": "web_push", "url": "https://push.example/x", "p256dh": "AAAA", "auth": "AAAA"}),
            "422 NTF-009",
        ),
        (json!({"kind": "mobile", "token": "a b c d e f"}), "422 HTT-007"),
    ] {
        let answer = anna.post("/api/v1/notifications/targets", body.clone()).await;
        assert_eq!(answer.summary(), expected, "{body}");
    }
    let patch = ("application/json", "{\"state\": \"revoked\"}".to_owned());
    let path = format!("/api/v1/notifications/{}/read", stranger());
    assert_eq!(anna.send(Method::PATCH, &path, Some(patch)).await.summary(), "400 HTT-005");
}
