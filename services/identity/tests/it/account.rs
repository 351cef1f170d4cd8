//! An account from its beginning to its end.

use hanse_testkit::{Stage, Value, json, stage_test};

use crate::support::{PASSWORD, Person, login, refresh, register, services, text};

/// The shapes that outside clients rely on.
#[stage_test]
async fn an_account_lives_from_registration_to_deletion(t: Stage) {
    let anna = Person::register(&t, "Anna").await;
    assert_eq!(anna.answer["token_type"], "Bearer");
    assert_eq!(anna.answer["expires_in"], 900);
    assert_eq!(anna.answer["user"]["email"], "anna@example.com");
    assert_eq!(anna.answer["user"]["roles"], json!(["user"]));
    let me = anna.actor.get("/api/v1/users/me").await;
    assert_eq!((me.summary().as_str(), me.header("etag")), ("200", "\"1\""));
    assert_eq!(me.json(), anna.actor.get("/api/v1/auth/profile").await.json());
    let renamed = anna.actor.put("/api/v1/users/me", json!({ "name": "Anna B." })).await;
    assert_eq!(
        (renamed.json()["name"].as_str(), renamed.header("etag")),
        (Some("Anna B."), "\"2\"")
    );
    let stale = anna.actor.with("if-match", "\"1\"");
    assert_eq!(
        stale.put("/api/v1/auth/profile", json!({ "name": "X" })).await.summary(),
        "412 HTT-013"
    );
    assert_eq!(stale.delete("/api/v1/users/me").await.summary(), "412 HTT-013");

    let (device, tokens) = anna.login(&t).await;
    let next = refresh(&t, text(&tokens, "refresh_token")).await;
    assert_eq!(next.summary(), "200");
    assert_eq!(next.json()["user"]["name"], "Anna B.");
    assert_eq!(device.post("/api/v1/auth/logout", Value::Null).await.summary(), "204");
    assert_eq!(device.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(refresh(&t, text(&next.json(), "refresh_token")).await.summary(), "401 IDN-006");

    assert_eq!(anna.actor.delete("/api/v1/users/me").await.summary(), "204");
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(refresh(&t, anna.refresh_token()).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    assert_eq!(register(&t, &anna.email).await.summary(), "201");
}
