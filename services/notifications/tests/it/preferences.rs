//! What people want to hear of, templates, and what providers report.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanse_testkit::{Actor, Stage, json, stage_test};
use hmac::Mac as _;
use jiff::SignedDuration;

use super::services;
use super::support::{FEEDBACK, deliveries, knows, letters, news, tell, titles, write_to};

const PREFERENCES: &str = "/api/v1/notifications/preferences";

/// D-088, D-098, D-099, M-061, M-062, A-128, A-135, A-136
#[stage_test(split)]
async fn a_person_says_what_they_want_to_hear_of(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    knows(&t, &ben, "Ben").await;
    let before = anna.get(PREFERENCES).await;
    assert_eq!((before.header("etag"), &before.json()["digest"]), ("\"0\"", &json!("none")));
    let quiet = json!({"types": {"notifications.announcement": {"email": false}}});
    let changed = anna.put(PREFERENCES, quiet.clone()).await;
    assert_eq!(changed.header("etag"), "\"1\"");
    assert_eq!(anna.get(PREFERENCES).await.json(), changed.json());
    let stale = anna.with("if-match", "\"0\"").put(PREFERENCES, quiet).await;
    assert_eq!(stale.summary(), "412 HTT-013");
    for who in [&anna, &ben] {
        tell(&t, who, news(&t, "hello")).await;
    }
    t.run_jobs().await;
    assert_eq!(
        (titles(&anna).await, titles(&ben).await),
        (vec!["hello".into()], vec!["hello".into()])
    );
    assert_eq!(letters(&t).len(), 1);
    assert_eq!(deliveries(&anna).await, json!([]));
    assert_eq!(deliveries(&ben).await, json!([["email", "sent", 1]]));
}

/// Quiet hours hold letters back until they end; a daily digest gathers them; a flood is slowed.
#[stage_test(split)]
async fn letters_wait_are_gathered_and_slowed(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    knows(&t, &ben, "Ben").await;
    // It is 10 o'clock in Berlin.
    let quiet = json!({"zone": "Europe/Berlin", "quiet": {"from": "09:00", "to": "11:00"}});
    anna.put(PREFERENCES, quiet).await;
    write_to(&t, &anna, news(&t, "in the morning")).await;
    t.run_jobs().await;
    assert!(letters(&t).is_empty());
    t.advance(SignedDuration::from_mins(60));
    t.run_jobs().await;
    assert_eq!(letters(&t).len(), 1);

    anna.put(PREFERENCES, json!({"zone": "Europe/Berlin", "digest": "daily"})).await;
    for title in ["first", "second"] {
        tell(&t, &anna, news(&t, title)).await;
    }
    t.run_jobs().await;
    assert_eq!(letters(&t).len(), 1, "held");
    t.advance(SignedDuration::from_hours(21));
    t.run_jobs().await;
    let digest = letters(&t).pop().unwrap();
    assert!(digest.contains("Subject: 2 notifications\r\n"), "{digest}");
    assert!(digest.contains("* first") && digest.contains("* second"), "{digest}");
    assert_eq!(deliveries(&anna).await, json!([["email", "sent", 1]]));

    for n in 0..5 {
        write_to(&t, &ben, news(&t, &format!("news {n}"))).await;
    }
    t.run_jobs().await;
    assert_eq!(letters(&t).len(), 2 + 3, "three an hour");
    t.advance(SignedDuration::from_hours(1));
    t.run_jobs().await;
    assert!(letters(&t).pop().unwrap().contains("Subject: 2 notifications\r\n"));
}

/// RFC 8058: one request by the link in a letter ends letters of its type; looking at it does not.
#[stage_test(split)]
async fn a_letter_ends_its_kind(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    write_to(&t, &anna, news(&t, "hello")).await;
    t.run_jobs().await;
    let letter = letters(&t).pop().unwrap();
    assert!(letter.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n"), "{letter}");
    let link = letter.split("List-Unsubscribe: <https://stage.test").nth(1).unwrap();
    let path = link.split('>').next().unwrap();
    let page = t.guest().get(path).await;
    assert_eq!(
        (page.summary(), page.header("content-type")),
        ("200".into(), "text/html; charset=utf-8")
    );
    assert!(page.text().contains("<form method=\"post\">"));
    assert_eq!(anna.get(PREFERENCES).await.json()["types"], json!({}));
    let one_click = ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click".to_owned());
    let ended = t.guest().send(hanse_http::Method::POST, path, Some(one_click)).await;
    assert_eq!(ended.summary(), "204");
    let types = anna.get(PREFERENCES).await.json()["types"].clone();
    assert_eq!(types["notifications.announcement"]["email"], false);
    tell(&t, &anna, news(&t, "again")).await;
    t.run_jobs().await;
    assert_eq!(letters(&t).len(), 1);
    let mut wrong = path.to_owned();
    wrong
        .replace_range(path.len() - 3..path.len() - 2, if path.ends_with('A') { "B" } else { "A" });
    for path in [wrong.as_str(), "/api/v1/notifications/unsubscribe/x"] {
        assert!(t.guest().get(path).await.status.is_client_error(), "{path}");
        assert_eq!(t.guest().post(path, json!({})).await.summary(), "404 NTF-011", "{path}");
    }
}

/// D-094, E-047, A-131, INJ-07: an administrator's template in versions and languages, with a preview.
#[stage_test(split)]
async fn a_template_is_written_and_tried(t: Stage) {
    let (anna, admin) = (t.user("anna"), t.admin());
    knows(&t, &anna, "Anna").await;
    let path = "/api/v1/notifications/templates";
    let which = format!("{path}?type=notifications.announcement&locale=de");
    let built_in = admin.get(&which).await;
    assert_eq!(
        (built_in.header("etag"), &built_in.json()["action"]["label"]),
        ("\"0\"", &json!("Mehr dazu"))
    );
    let new = |text: &str| {
        json!({
            "type": "notifications.announcement", "locale": "de",
            "template": {"channels": ["in_app"], "subject": "Neu: {{ title }}", "short": "{{ text }}", "text": text},
        })
    };
    assert_eq!(admin.put(path, new("{{ text")).await.summary(), "422 NTF-004");
    assert_eq!(admin.put(path, new("{{ text }}")).await.header("etag"), "\"1\"");
    assert_eq!(admin.with("if-match", "\"0\"").put(path, new("x")).await.summary(), "412 HTT-013");
    anna.put(PREFERENCES, json!({"locale": "de"})).await;
    tell(&t, &anna, news(&t, "hello")).await;
    t.run_jobs().await;
    assert_eq!((titles(&anna).await, letters(&t).len()), (vec!["Neu: hello".into()], 0));
    let preview = |text: &str| {
        json!({
            "template": {"channels": ["email"], "subject": "s", "short": "s", "text": text}, "values": {"a": "<b>"},
        })
    };
    let seen = admin.post(format!("{path}/preview"), preview("{{ a }}")).await.json();
    assert_eq!(seen["letter"]["text"], "<b>\n");
    assert!(seen["letter"]["html"].as_str().unwrap().contains("<p>&lt;b&gt;</p>"), "{seen}");
    for wrong in
        ["{{ missing }}", "{% for i in range(1000000000) %}x{% endfor %}", "{% include 'x' %}"]
    {
        let refused = admin.post(format!("{path}/preview"), preview(wrong)).await;
        assert_eq!(refused.summary(), "422 NTF-004", "{wrong}");
    }
}

async fn report(t: &Stage, who: &Actor, body: String, tamper: bool) -> String {
    let second = t.clock.clock().now().as_second();
    let key = STANDARD.decode(FEEDBACK.strip_prefix("whsec_").unwrap()).unwrap();
    let code = <hmac::Hmac<sha2::Sha256> as hmac::digest::KeyInit>::new_from_slice(&key).unwrap();
    let code = code.chain_update(format!("msg_1.{second}.")).chain_update(&body);
    let signature = format!("v1,{}", STANDARD.encode(code.finalize().into_bytes()));
    let body = if tamper { body.replace("delivered", "bounced") } else { body };
    who.with("webhook-id", "msg_1")
        .with("webhook-timestamp", second.to_string())
        .with("webhook-signature", signature)
        .send(
            hanse_http::Method::POST,
            "/api/v1/notifications/reports",
            Some(("application/json", body)),
        )
        .await
        .summary()
}

/// E-048, SSRF-04: a signed report is taken, and whose address bounced gets no letters any more.
#[stage_test(split)]
async fn an_address_that_bounces_is_not_written_to(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    tell(&t, &anna, news(&t, "hello")).await;
    t.run_jobs().await;
    let letter = letters(&t).pop().unwrap();
    let id = letter.split("Message-ID: ").nth(1).unwrap().split("\r\n").next().unwrap();
    let body = |event: &str| json!({"event": event, "message_id": id, "cause": "x"}).to_string();
    let guest = t.guest();
    let unsigned = guest
        .post("/api/v1/notifications/reports", json!({"event": "bounced", "message_id": id}))
        .await;
    assert_eq!(unsigned.summary(), "403 NTF-012");
    assert_eq!(report(&t, &guest, body("delivered"), true).await, "403 NTF-012");
    assert_eq!(report(&t, &guest, body("delivered"), false).await, "204");
    assert_eq!(deliveries(&anna).await, json!([["email", "delivered", 1]]));
    assert_eq!(report(&t, &guest, "{}".into(), false).await, "400 HTT-005");
    assert_eq!(
        report(&t, &guest, json!({"event": "bounced", "message_id": "<x@y>"}).to_string(), false)
            .await,
        "204"
    );
    assert_eq!(report(&t, &guest, body("bounced"), false).await, "204");
    t.advance(SignedDuration::from_secs(1));
    tell(&t, &anna, news(&t, "again")).await;
    t.run_jobs().await;
    assert_eq!(letters(&t).len(), 1);
    assert_eq!(deliveries(&anna).await, json!([["email", "failed", 1]]));
}
