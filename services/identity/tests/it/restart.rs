//! What holds before a restart holds after it.

use hanse_testkit::{Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::door::Door;
use crate::support::{Person, refresh, services, text};

/// AUTN-12, AUTN-16: families go on over a restart, reuse is still seen, and what was revoked or
/// deleted moments before stays refused.
#[stage_test(local)]
async fn sessions_and_revocations_survive_a_restart(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (left, left_tokens) = anna.login(&t).await;
    let ben = Person::register(&t, "ben").await;
    let next = refresh(&t, anna.refresh_token()).await.json();
    assert_eq!(left.post("/api/v1/auth/logout", Value::Null).await.summary(), "204");
    assert_eq!(ben.actor.delete("/api/v1/users/me").await.summary(), "204");
    t.advance(SignedDuration::from_secs(11));

    let door = Door::reopened(&t, services()).await;
    let me = |tokens: &Value| text(tokens, "access_token").to_owned();
    assert_eq!(door.get("/api/v1/users/me", &me(&anna.answer)).await.0, "200");
    assert_eq!(door.get("/api/v1/users/me", &me(&left_tokens)).await.0, "401 HTT-011");
    assert_eq!(door.get("/api/v1/users/me", &me(&ben.answer)).await.0, "401 HTT-011");
    let refresh = async |token: &str| {
        let body = json!({ "refresh_token": token });
        door.post("127.0.0.1", "/api/v1/auth/refresh", body).await
    };
    let (answer, tokens) = refresh(text(&next, "refresh_token")).await;
    assert_eq!(answer, "200");
    assert_eq!(door.get("/api/v1/users/me", &me(&tokens)).await.0, "200");
    assert_eq!(refresh(anna.refresh_token()).await.0, "401 IDN-006");
    assert_eq!(refresh(text(&tokens, "refresh_token")).await.0, "401 IDN-006");
    assert_eq!(door.get("/api/v1/users/me", &me(&tokens)).await.0, "401 HTT-011");
}
