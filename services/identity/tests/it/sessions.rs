//! Sessions as their owner sees and ends them.

use hanse_testkit::{Stage, Value, json, stage_test};

use crate::support::{PASSWORD, Person, login, refresh, services, text};

fn ids(list: &Value) -> Vec<String> {
    let items = list["items"].as_array().unwrap();
    items.iter().map(|item| text(item, "id").to_owned()).collect()
}

/// AUTZ-01: the list shows my sessions and nobody else's, and mine are all I can end.
#[stage_test]
async fn sessions_are_their_owners_alone(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    t.advance(jiff::SignedDuration::from_secs(1));
    let (phone, phone_tokens) = anna.login(&t).await;
    let list = phone.get("/api/v1/auth/sessions").await.json();
    assert_eq!(list["items"].as_array().map(Vec::len), Some(2));
    assert_eq!(list["items"][0]["current"], true);
    assert_eq!(list["items"][1]["current"], false);
    assert_eq!(list["items"][0]["address"], "127.0.0.1");
    let first = phone.get("/api/v1/auth/sessions?limit=1").await.json();
    let rest = format!("/api/v1/auth/sessions?limit=1&cursor={}", text(&first, "next"));
    assert_eq!([ids(&first), ids(&phone.get(&rest).await.json())].concat(), ids(&list));
    assert_eq!(ben.actor.get(&rest).await.summary(), "400 HTT-016");

    let mine = format!("/api/v1/auth/sessions/{}", ids(&list)[0]);
    assert_eq!(ben.actor.delete(&mine).await.summary(), "404 IDN-008");
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "200");
    assert_eq!(anna.actor.delete(&mine).await.summary(), "204");
    assert_eq!(anna.actor.delete(&mine).await.summary(), "404 IDN-008");
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    let token = text(&phone_tokens, "refresh_token");
    assert_eq!(refresh(&t, token).await.summary(), "401 IDN-006");
    assert_eq!(anna.actor.delete("/api/v1/auth/sessions/x").await.summary(), "404 HTT-001");
}

/// AUTN-08: a new password needs the old one, and ends all sessions but the one it came from.
#[stage_test]
async fn a_new_password_ends_the_other_sessions(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (phone, phone_tokens) = anna.login(&t).await;
    let change =
        |current: &str, new: &str| json!({ "current_password": current, "new_password": new });
    let path = "/api/v1/auth/change-password";
    let new = "two ravens on a wire";
    let wrong = anna.actor.post(path, change("not the password", new)).await;
    assert_eq!(wrong.summary(), "401 IDN-001");
    let weak = anna.actor.post(path, change(PASSWORD, "anna berg")).await;
    assert_eq!(weak.summary(), "422 IDN-003");
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "200");
    assert_eq!(anna.actor.post(path, change(PASSWORD, new)).await.summary(), "204");
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "200");
    assert_eq!(refresh(&t, anna.refresh_token()).await.summary(), "200");
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    let token = text(&phone_tokens, "refresh_token");
    assert_eq!(refresh(&t, token).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    assert_eq!(login(&t, &anna.email, new).await.summary(), "200");
}

/// Many sign-ins of one person at once all succeed.
#[stage_test(local)]
async fn sign_ins_at_once_all_succeed(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let mut racing = tokio::task::JoinSet::new();
    for _ in 0..20 {
        let (t, email) = (t.clone(), anna.email.clone());
        racing.spawn(async move { login(&t, &email, PASSWORD).await.summary() });
    }
    while let Some(answer) = racing.join_next().await {
        assert_eq!(answer.unwrap(), "200");
    }
}
