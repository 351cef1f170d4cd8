//! API keys: shown once, limited, and worth nothing the moment they are withdrawn.

use hanse_http::Role;
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_testkit::{Actor, Answer, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::support::{PASSWORD, Person, login, services, text};

async fn make(actor: &Actor, body: Value) -> Answer {
    actor.post("/api/v1/api-keys", body).await
}

/// Whoever holds the token that the doors get for this key.
async fn holder(t: &Stage, key: &str) -> Option<Actor> {
    let answer = t.peer().post("/api/v1/auth/exchange-key", json!({ "key": key })).await;
    assert_eq!(answer.summary(), "200", "{}", answer.text());
    answer.json()["access_token"].as_str().map(|token| t.bearer(token))
}

/// AUTN-08, AUTN-16, AUTZ-08: a key is shown once, kept as a hash, compared whole, and ends when it is
/// withdrawn, too old, or its account may not sign in.
#[stage_test]
async fn a_key_stands_for_its_account_until_it_is_withdrawn(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let made = make(&anna.actor, json!({ "name": "Backup", "valid_days": 2 })).await;
    assert_eq!(made.summary(), "201", "{}", made.text());
    let (key, path) = (text(&made.json(), "secret").to_owned(), made.location().to_owned());
    let list = anna.actor.get("/api/v1/api-keys").await;
    assert!(!list.text().contains(&key[4..]), "{}", list.text());
    assert_eq!(list.json()["items"][0]["last_used_at"], Value::Null);
    let program = holder(&t, &key).await.unwrap();
    assert_eq!(program.get("/api/v1/users/me").await.json()["email"], "anna@example.com");
    let list = anna.actor.get("/api/v1/api-keys").await.json();
    assert_ne!(list["items"][0]["last_used_at"], Value::Null);
    let swapped = key.replace(&key[40..44], "AAAA");
    for other in [&key[..66], &format!("{key}A"), &key.to_uppercase(), &swapped, "hk_", "x"] {
        assert!(holder(&t, other).await.is_none(), "{other}");
    }
    // A program makes no key, and changes no password.
    let more = json!({ "name": "More", "valid_days": 2 });
    assert_eq!(make(&program, more).await.summary(), "403 IDN-014");
    assert_eq!(ben.actor.delete(&path).await.summary(), "404 IDN-022");
    assert_eq!(ben.actor.get("/api/v1/api-keys").await.json()["items"], json!([]));
    let asked = t.guest().post("/api/v1/auth/exchange-key", json!({ "key": key })).await;
    assert_eq!(asked.summary(), "401 HTT-010");
    assert_eq!(anna.actor.delete(&path).await.summary(), "204");
    assert_eq!(program.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert!(holder(&t, &key).await.is_none());

    let made = make(&anna.actor, json!({ "name": "Short", "valid_days": 1 })).await.json();
    let key = text(&made, "secret").to_owned();
    t.advance(SignedDuration::from_hours(24));
    assert!(holder(&t, &key).await.is_none());
    let (again, _) = ben.login(&t).await;
    let made = make(&again, json!({ "name": "B", "valid_days": 1 })).await.json();
    let program = holder(&t, text(&made, "secret")).await.unwrap();
    assert_eq!(again.delete("/api/v1/users/me").await.summary(), "204");
    assert_eq!(program.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert!(holder(&t, text(&made, "secret")).await.is_none());
}

/// AUTZ-04: a key reaches what its scope covers and nothing else; one that reads does not write.
#[stage_test]
async fn a_key_reaches_what_its_scope_covers(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let key = |scope: &'static str| {
        let actor = anna.actor.clone();
        async move {
            let body = json!({ "name": "K", "valid_days": 1, "scope": scope });
            text(&make(&actor, body).await.json(), "secret").to_owned()
        }
    };
    let reader = holder(&t, &key("identity:read").await).await.unwrap();
    assert_eq!(reader.get("/api/v1/users/me").await.summary(), "200");
    let write = reader.put("/api/v1/users/me", json!({ "name": "X" })).await;
    assert_eq!(write.summary(), "403 HTT-022");
    let other = holder(&t, &key("thoughts:*").await).await.unwrap();
    assert_eq!(other.get("/api/v1/users/me").await.summary(), "403 HTT-022");
    for scope in ["a:b:c", "thoughts read,write", "*"] {
        let body = json!({ "name": "K", "valid_days": 1, "scope": scope });
        assert_eq!(make(&anna.actor, body).await.summary(), "422 IDN-025", "{scope}");
    }
}

/// A machine's account has no password, and its keys are the administrators'.
#[stage_test]
async fn a_machine_has_keys_and_no_password(t: Stage) {
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Admin]).await.unwrap();
    let answer = login(&t, "olga@example.com", PASSWORD).await.json();
    let olga = t.bearer(text(&answer, "access_token"));
    let robot = olga.post("/api/v1/users", json!({ "name": "Robot", "kind": "service" })).await;
    assert_eq!(robot.summary(), "201", "{}", robot.text());
    let robot = robot.json();
    let body = json!({ "name": "K", "valid_days": 1, "user_id": robot["id"] });
    let made = make(&olga, body.clone()).await;
    assert_eq!(made.summary(), "201", "{}", made.text());
    let program = holder(&t, text(&made.json(), "secret")).await.unwrap();
    assert_eq!(program.get("/api/v1/users/me").await.json()["id"], robot["id"]);
    let anna = Person::register(&t, "anna").await;
    assert_eq!(make(&anna.actor, body).await.summary(), "403 HTT-012");
    let annas = json!({ "name": "K", "valid_days": 1, "user_id": anna.answer["user"]["id"] });
    assert_eq!(make(&olga, annas).await.summary(), "403 HTT-012");
    let email = text(&robot, "email").to_owned();
    assert_eq!(login(&t, &email, PASSWORD).await.summary(), "401 IDN-001");
    let bar = json!({ "name": "Robot", "disabled": true, "roles": ["user"] });
    let path = format!("/api/v1/users/{}", text(&robot, "id"));
    assert_eq!(olga.put(path, bar).await.summary(), "200");
    assert_eq!(program.get("/api/v1/users/me").await.summary(), "401 HTT-011");
}
