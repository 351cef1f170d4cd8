//! The list, and the letters of identity.

use hanse_contracts::identity::UserDeleted;
use hanse_contracts::messages::Channel;
use hanse_testkit::{Stage, json, stage_test};
use jiff::SignedDuration;

use super::services;
use super::support::{deliveries, knows, letters, message, news, sealed, tell, titles, write_to};

/// D-085, D-087, D-095, D-097, A-127, A-132…A-134: one list, one state of each, on all devices.
#[stage_test(split)]
async fn a_notification_is_listed_read_and_dismissed(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    for title in ["one", "two", "three"] {
        t.advance(SignedDuration::from_secs(1));
        tell(&t, &anna, news(&t, title)).await;
    }
    assert_eq!(titles(&anna).await, ["three", "two", "one"]);
    assert!(titles(&ben).await.is_empty());
    assert_eq!(anna.get("/api/v1/notifications/unread").await.json()["unread"], 3);
    let page = anna.get("/api/v1/notifications?limit=2").await.json();
    let next = page["next"].as_str().unwrap();
    let rest = anna.get(format!("/api/v1/notifications?limit=2&cursor={next}")).await.json();
    assert_eq!((&rest["items"][0]["title"], &rest["next"]), (&json!("one"), &json!(null)));
    let id = page["items"][0]["id"].as_str().unwrap();
    let path = format!("/api/v1/notifications/{id}");
    let read = anna.put(format!("{path}/read"), json!({})).await;
    assert_eq!((read.summary(), &read.json()["state"]), ("200".into(), &json!("read")));
    let again = anna.patch(format!("{path}/read"), json!({})).await;
    assert_eq!(again.header("etag"), read.header("etag"), "nothing changed");
    let seen = anna.patch(format!("{path}/read"), json!({"state": "seen"})).await.json();
    assert_eq!(seen["unread"], true, "unread again");
    let unread = anna.get("/api/v1/notifications?unread=true").await.json();
    assert_eq!(unread["items"].as_array().unwrap().len(), 3);
    assert_eq!(anna.post("/api/v1/notifications/read-all", json!({})).await.json()["marked"], 3);
    assert_eq!(anna.get("/api/v1/notifications/unread").await.json()["unread"], 0);
    assert_eq!(anna.with("if-match", "\"1\"").delete(&path).await.summary(), "412 HTT-013");
    assert_eq!(anna.delete(&path).await.summary(), "204");
    assert_eq!(anna.delete(&path).await.summary(), "404 NTF-001");
    assert_eq!(anna.get(&path).await.summary(), "404 NTF-001");
    assert_eq!(titles(&anna).await, ["two", "one"]);
    let story = anna.get("/api/v1/notifications?type=notifications.announcement").await.json();
    let id = story["items"][0]["id"].as_str().unwrap();
    let story = anna.get(format!("/api/v1/notifications/{id}")).await.json();
    assert!(story["cause"].as_str().unwrap().starts_with("identity.MessageRequested "), "why");
}

/// D-086, A-125, E-049: identity's letters, in both forms and languages; codes are nowhere in the store.
#[stage_test(split)]
async fn identity_writes_to_people(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    let mut reset = message(&t, "identity.reset_password", &[("name", "Anna Berg")]);
    reset.essential = true;
    reset.channels = vec![Channel::Email];
    reset.sealed = Some(sealed(&t, &[("link", "https://stage.test/reset/quicksilver-4711")]));
    let id = reset.id;
    tell(&t, &anna, reset.clone()).await;
    assert!(titles(&anna).await.is_empty(), "only by letter");
    // The same message again is no second letter.
    tell(&t, &anna, reset).await;
    t.run_jobs().await;
    let sent = letters(&t);
    assert_eq!(sent.len(), 1);
    let letter = &sent[0];
    assert!(letter.contains("Subject: Reset your password\r\n"), "{letter}");
    assert!(letter.contains("To: Anna <anna@example.com>\r\n"), "{letter}");
    assert_eq!(
        letter.matches("https://stage.test/reset/quicksilver-4711").count(),
        2,
        "both forms"
    );
    assert!(
        letter.contains(&format!("Message-ID: <{}-{}@", id.simple(), anna.id.simple())),
        "{letter}"
    );
    assert!(!letter.contains("List-Unsubscribe"), "nobody unsubscribes from this");
    for kind in [
        "identity.verify_email",
        "identity.email_changed",
        "identity.password_changed",
        "identity.new_device",
        "identity.factor_added",
        "identity.passkey_added",
        "identity.passkey_refused",
        "identity.link_added",
        "identity.sign_in_code",
        "identity.account_exists",
    ] {
        let mut it = message(
            &t,
            kind,
            &[
                ("name", "Anna"),
                ("old", "a@x"),
                ("new", "b@x"),
                ("time", "9:00"),
                ("device", "Firefox"),
                ("address", "192.0.2.1"),
                ("factor", "totp"),
                ("passkey", "My telephone"),
                ("issuer", "Acme"),
            ],
        );
        it.sealed = Some(sealed(&t, &[("link", "https://stage.test/v"), ("code", "123456")]));
        it.essential = true;
        tell(&t, &anna, it).await;
    }
    let german = json!({"locale": "de-AT"});
    assert_eq!(anna.put("/api/v1/notifications/preferences", german).await.summary(), "200");
    t.run_jobs().await;
    let sent = letters(&t);
    assert_eq!(sent.len(), 11);
    assert!(sent.iter().any(|letter| letter.contains("eine Authenticator-App")));
    assert!(sent.iter().any(|letter| letter.contains("Ihr Code lautet 123456")), "{sent:#?}");
    assert_eq!(titles(&anna).await.len(), 7, "seven types are listed too");
}

/// A message that has come too late is not sent.
#[stage_test(split)]
async fn what_is_pointless_is_not_sent(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    let mut late = news(&t, "late");
    late.expires_at = Some("2026-03-02T09:10:00Z".parse().unwrap());
    write_to(&t, &anna, late).await;
    t.advance(SignedDuration::from_mins(11));
    t.run_jobs().await;
    assert!(letters(&t).is_empty());
}

/// The address of a message counts, before there is an account with it too.
#[stage_test(split)]
async fn a_new_address_is_written_to(t: Stage) {
    let anna = t.user("anna");
    let mut verify = message(&t, "identity.verify_email", &[("name", "Anna")]);
    verify.essential = true;
    verify.email = Some("new@example.com".into());
    verify.sealed = Some(sealed(&t, &[("link", "https://stage.test/v"), ("code", "1")]));
    tell(&t, &anna, verify).await;
    t.run_jobs().await;
    assert!(letters(&t)[0].contains("To: new@example.com\r\n"), "{}", letters(&t)[0]);
}

/// D-023: what notifications keeps of somebody goes with them.
#[stage_test(split)]
async fn an_erased_account_leaves_nothing(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    knows(&t, &ben, "Ben").await;
    anna.put("/api/v1/notifications/preferences", json!({"locale": "de"})).await;
    tell(&t, &anna, news(&t, "quicksilver")).await;
    tell(&t, &ben, news(&t, "stays")).await;
    t.emit(UserDeleted { user_id: anna.id }).await;
    t.drain_events().await;
    t.run_jobs().await;
    assert!(titles(&anna).await.is_empty());
    assert_eq!(anna.get("/api/v1/notifications/preferences").await.json()["locale"], json!(null));
    // A token that has not expired yet brings nothing of theirs back.
    let late = anna.put("/api/v1/notifications/preferences", json!({"locale": "fr"})).await;
    assert_eq!(late.summary(), "401 HTT-011");
    let target = json!({"kind": "webhook", "url": "https://hooks.example.com/anna"});
    let late = anna.post("/api/v1/notifications/targets", target).await;
    assert_eq!(late.summary(), "401 HTT-011");
    assert_eq!(anna.get("/api/v1/notifications/preferences").await.json()["locale"], json!(null));
    assert_eq!(titles(&ben).await, ["stays"]);
    assert!(letters(&t).iter().all(|letter| !letter.contains("quicksilver")));
    assert_eq!(letters(&t).len(), 1);
    assert_eq!(deliveries(&ben).await, json!([["email", "sent", 1]]));
}
