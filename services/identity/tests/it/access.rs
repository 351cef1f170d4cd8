//! Who may do what, and with which fields.

use hanse_http::{Method, Role};
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_testkit::{Actor, Stage, Value, json, stage_test};

use crate::support::{PASSWORD, Person, login, services, text};

/// Every operation, with a body that would do.
fn operations(person: &Person, session: &str) -> Vec<(Method, String, Option<Value>, bool)> {
    let path = |rest: &str| format!("/api/v1{rest}");
    let change = json!({ "current_password": PASSWORD, "new_password": "two ravens on a wire" });
    let register = json!({ "email": "new@example.com", "password": PASSWORD, "name": "New" });
    let setup =
        json!({ "token": "x", "email": "new@example.com", "password": PASSWORD, "name": "New" });
    let login = json!({ "email": person.email, "password": PASSWORD });
    let refresh = json!({ "refresh_token": person.refresh_token() });
    let (nobody, group) = (
        "00000000-0000-7000-8000-000000000000",
        "/groups/00000000-0000-7000-8000-000000000000".to_owned(),
    );
    let other = format!("/users/{nobody}");
    let managed = json!({ "name": "N", "disabled": false, "roles": ["user"] });
    let role = json!({ "description": "", "permissions": [] });
    let question = json!({ "resource": "a", "action": "b" });
    let shown = json!({ "factor": "totp", "code": "000000" });
    let next = json!({ "pending": "x", "shown": shown });
    let made = json!({ "clientDataJSON": "e30", "attestationObject": "oA" });
    let new_passkey = json!({ "name": "P", "credential": { "id": "AA", "response": made } });
    let used = json!({ "clientDataJSON": "e30", "authenticatorData": "AA", "signature": "AA" });
    let used = json!({ "id": "AA", "response": used });
    let passkey = format!("/auth/passkeys/{nobody}");
    let reset = json!({ "token": "x", "new_password": "three ravens on a wire" });
    vec![
        (Method::POST, path("/auth/register"), Some(register), true),
        (Method::POST, path("/auth/login"), Some(login), true),
        (Method::POST, path("/auth/refresh"), Some(refresh), true),
        (Method::POST, path("/auth/setup"), Some(setup), true),
        (Method::POST, path("/auth/login/continue"), Some(next), true),
        (
            Method::POST,
            path("/auth/reset-password"),
            Some(json!({ "email": "x@example.com" })),
            true,
        ),
        (Method::POST, path("/auth/reset-password/confirm"), Some(reset), true),
        (Method::POST, path("/auth/email/confirm"), Some(json!({ "token": "x" })), true),
        (
            Method::POST,
            path("/auth/login/new-password"),
            Some(json!({ "pending": "x", "new_password": "three ravens on a wire" })),
            true,
        ),
        (Method::GET, "/.well-known/jwks.json".to_owned(), None, true),
        (Method::POST, path("/auth/factors/send"), Some(json!({ "factor": "sms_code" })), false),
        (Method::GET, path("/auth/factors"), None, false),
        (Method::POST, path("/auth/factors"), Some(json!({ "factor": "totp" })), false),
        (Method::POST, path("/auth/factors/confirm"), Some(json!({ "shown": shown })), false),
        (Method::DELETE, path("/auth/factors/totp"), None, false),
        (Method::POST, path("/auth/recovery-codes"), None, false),
        (Method::POST, path("/auth/reauthenticate"), Some(json!({ "password": PASSWORD })), false),
        (Method::POST, path("/auth/email"), Some(json!({ "email": person.email })), false),
        (Method::GET, path("/auth/trust"), None, false),
        (Method::GET, path("/users"), None, false),
        (
            Method::POST,
            path("/users"),
            Some(json!({ "name": "N", "email": "n@example.com" })),
            false,
        ),
        (Method::GET, path(&other), None, false),
        (Method::PUT, path(&other), Some(managed), false),
        (Method::DELETE, path(&other), None, false),
        (
            Method::POST,
            path(&format!("{other}/impersonate")),
            Some(json!({ "reason": "why" })),
            false,
        ),
        (Method::POST, path("/auth/keys/replace"), None, false),
        (Method::GET, path("/roles"), None, false),
        (Method::PUT, path("/roles/editor"), Some(role), false),
        (Method::DELETE, path("/roles/editor"), None, false),
        (Method::GET, path("/groups"), None, false),
        (Method::POST, path("/groups"), Some(json!({ "name": "G" })), false),
        (Method::PUT, path(&group), Some(json!({ "name": "G" })), false),
        (Method::DELETE, path(&group), None, false),
        (Method::GET, path(&format!("{group}/members")), None, false),
        (Method::POST, path(&format!("{group}/members")), Some(json!({ "add": [] })), false),
        (Method::POST, path("/permissions/check"), Some(question), false),
        (Method::GET, "/.well-known/authzen-configuration".to_owned(), None, true),
        (Method::GET, path("/api-keys"), None, false),
        (Method::POST, path("/api-keys"), Some(json!({ "name": "K", "valid_days": 1 })), false),
        (Method::DELETE, path("/api-keys/00000000-0000-7000-8000-000000000000"), None, false),
        (Method::POST, path("/auth/exchange-key"), Some(json!({ "key": "hk_x" })), false),
        (Method::GET, path("/users/me/preferences"), None, false),
        (Method::PUT, path("/users/me/preferences"), Some(json!({ "preferences": {} })), false),
        (Method::GET, path("/users/me"), None, false),
        (Method::PUT, path("/users/me"), Some(json!({ "name": "A" })), false),
        (Method::GET, path("/auth/profile"), None, false),
        (Method::PUT, path("/auth/profile"), Some(json!({ "name": "B" })), false),
        (Method::GET, path("/auth/sessions"), None, false),
        (Method::DELETE, path(&format!("/auth/sessions/{session}")), None, false),
        (Method::POST, path("/auth/change-password"), Some(change), false),
        (Method::GET, path("/auth/passkeys"), None, false),
        (Method::POST, path("/auth/passkeys/begin"), Some(json!({})), false),
        (Method::POST, path("/auth/passkeys"), Some(new_passkey), false),
        (Method::PUT, path(&passkey), Some(json!({ "name": "P" })), false),
        (Method::DELETE, path(&passkey), None, false),
        (Method::POST, path("/auth/passkeys/challenge"), Some(json!({})), true),
        (Method::POST, path("/auth/login/passkey"), Some(json!({ "credential": used })), true),
        (
            Method::POST,
            path("/auth/reauthenticate/passkey"),
            Some(json!({ "credential": used })),
            false,
        ),
        (Method::GET, path("/auth/external-identities"), None, false),
        (Method::DELETE, path("/auth/external-identities/x"), None, false),
        // Programs: these are an administrator's, and are tried by one in `oidc/machines.rs`.
        (Method::POST, path("/oauth/clients"), None, false),
        (Method::GET, path("/oauth/clients"), None, false),
        (Method::PUT, path(&format!("/oauth/clients/{session}")), None, false),
        (Method::DELETE, path(&format!("/oauth/clients/{session}")), None, false),
        (Method::POST, path(&format!("/oauth/clients/{session}/secret")), None, false),
        (Method::GET, path("/oauth/consents"), None, false),
        (Method::DELETE, path(&format!("/oauth/consents/{session}")), None, false),
        (Method::POST, path("/auth/logout"), Some(json!({})), false),
        (Method::DELETE, path("/users/me"), None, false),
    ]
}

async fn send(actor: &Actor, operation: &(Method, String, Option<Value>, bool)) -> String {
    let (method, path, body, _) = operation;
    let body = body.as_ref().map(|body| ("application/json", body.to_string()));
    actor.send(method.clone(), path, body).await.summary()
}

/// AUTZ-01, AUTZ-02, AUTZ-09: the whole table, and that it is the whole: what a guest may do, and
/// that neither another user nor an administrator reaches anything of mine.
#[stage_test]
async fn every_operation_lets_in_whom_it_says(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (phone, _) = anna.login(&t).await;
    let sessions = phone.get("/api/v1/auth/sessions").await.json();
    let items = sessions["items"].as_array().unwrap();
    let phones = items.iter().find(|session| session["current"] == true).unwrap();
    let session = text(phones, "id").to_owned();
    let table = operations(&anna, &session);
    let cells = t.platform.cells().iter();
    let mounted = cells.flat_map(|cell| cell.routes.operations());
    let mounted = mounted.filter(|operation| operation.standard.is_none()).count();
    assert_eq!(table.len(), mounted, "an operation is missing from this table");
    for operation in &table {
        if !operation.3 {
            assert_eq!(send(&t.guest(), operation).await, "401 HTT-010", "{}", operation.1);
        }
    }
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Operator, Role::Admin]).await.unwrap();
    let olga = login(&t, "olga@example.com", PASSWORD).await.json();
    let ben = Person::register(&t, "ben").await;
    let others = [ben.actor.clone(), t.bearer(text(&olga, "access_token"))];
    for other in &others {
        let theirs = other.get("/api/v1/users/me").await.json();
        assert_ne!(theirs["id"], anna.answer["user"]["id"]);
        let reached = other.delete(format!("/api/v1/auth/sessions/{session}")).await;
        assert_eq!(reached.summary(), "404 IDN-008");
    }
    let expected = [
        "201",
        "200",
        "200",
        "403 IDN-007",
        "401 IDN-012",
        "204",
        "403 IDN-019",
        "403 IDN-019",
        "401 IDN-012",
        "200",
        "404 IDN-015",
        "200",
        "201",
        "401 IDN-013",
        "404 IDN-015",
        "404 IDN-015",
        "204",
        "204",
        "403 HTT-012",
        // What administrators do.
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        // Asking about oneself, and one's keys and preferences.
        "200",
        "200",
        "200",
        "201",
        "404 IDN-022",
        "403 HTT-012",
        "200",
        "200",
        "200",
        "200",
        "200",
        "200",
        "200",
        "204",
        "204",
        // Passkeys.
        "200",
        "200",
        "401 IDN-050",
        "404 IDN-051",
        "404 IDN-051",
        "404 IDN-051",
        "401 IDN-050",
        "401 IDN-050",
        // Accounts elsewhere.
        "200",
        "404 IDN-029",
        // Programs.
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "403 HTT-012",
        "200",
        "404 IDN-040",
        "204",
        "401 HTT-011",
    ];
    let mut answers = Vec::new();
    for operation in &table {
        answers.push(send(&anna.actor, operation).await);
    }
    assert_eq!(answers, expected);
    for other in others {
        assert_eq!(other.delete("/api/v1/users/me").await.summary(), "204");
    }
    assert_eq!(login(&t, &anna.email, "two ravens on a wire").await.summary(), "200");
}

/// AUTZ-03: nobody gives themselves what is not theirs to give.
#[stage_test]
async fn unknown_fields_are_refused_on_every_write(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Admin]).await.unwrap();
    let olga = login(&t, "olga@example.com", PASSWORD).await.json();
    let olga = t.bearer(text(&olga, "access_token"));
    let extra = [
        ("roles", json!(["admin"])),
        ("role", json!("admin")),
        ("id", json!("00000000-0000-7000-8000-000000000000")),
        ("user_id", json!("00000000-0000-7000-8000-000000000000")),
        ("tenant_id", json!(1)),
        ("verified", json!(true)),
        ("email_verified", json!(true)),
        ("disabled_at", json!(null)),
        ("version", json!(99)),
        ("created_at", json!("2020-01-01T00:00:00Z")),
        ("password_hash", json!("$argon2id$")),
        ("__proto__", json!({ "admin": true })),
    ];
    for operation in operations(&anna, "00000000-0000-7000-8000-000000000000") {
        let (method, path, Some(body), public) = operation else { continue };
        if path.ends_with("logout") || path.ends_with("exchange-key") {
            continue; // One looks at no body; the other is for processes, which come another way.
        }
        let managed = ["/users", "/groups"].iter().any(|managed| path.contains(managed));
        let asks = ["/permissions/check", "/api-keys"].iter().any(|end| path.ends_with(end));
        for (name, value) in &extra {
            // What an administrator gives, and whom a question is about, is theirs to say.
            if (managed && *name == "roles") || (asks && *name == "user_id") {
                continue;
            }
            let mut body = body.clone();
            body[*name] = value.clone();
            let actor = if public { t.guest() } else { olga.clone() };
            let body = Some(("application/json", body.to_string()));
            let answer = actor.send(method.clone(), &path, body).await;
            assert_eq!(answer.summary(), "400 HTT-005", "{path} {name}");
        }
    }
    let email = json!({ "name": "A", "email": "root@example.com" });
    assert_eq!(anna.actor.put("/api/v1/users/me", email).await.summary(), "400 HTT-005");
    assert_eq!(anna.actor.get("/api/v1/users/me").await.json()["roles"], json!(["user"]));
}

/// HTTP-09: an answer that was lost can be asked for again, and nothing happens twice.
#[stage_test]
async fn a_repeated_registration_is_one(t: Stage) {
    let guest = t.guest().with("idempotency-key", "one");
    let body = json!({ "email": "anna@example.com", "password": PASSWORD, "name": "Anna" });
    let first = guest.post("/api/v1/auth/register", body.clone()).await;
    let second = guest.post("/api/v1/auth/register", body.clone()).await;
    assert_eq!((first.summary(), second.json()), ("201".to_owned(), first.json()));
    let other = json!({ "email": "ben@example.com", "password": PASSWORD, "name": "Ben" });
    assert_eq!(guest.post("/api/v1/auth/register", other).await.summary(), "422 HTT-014");
    let list = t.bearer(text(&first.json(), "access_token")).get("/api/v1/auth/sessions").await;
    assert_eq!(list.json()["items"].as_array().map(Vec::len), Some(1));
}

/// HTTP-09: what an operation does before its transaction does not refuse a repetition: the old password
/// is right no more, the setup token is used up, and there are only so many tries.
#[stage_test]
async fn a_repetition_is_answered_before_anything_is_tried(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let keyed = anna.actor.with("idempotency-key", "change");
    let change = json!({ "current_password": PASSWORD, "new_password": "two ravens on a wire" });
    let first = keyed.post("/api/v1/auth/change-password", change.clone()).await;
    assert_eq!(first.summary(), "204");
    assert!(!first.header("hanse-position").is_empty());
    for _ in 0..30 {
        let again = keyed.post("/api/v1/auth/change-password", change.clone()).await;
        assert_eq!(again.summary(), "204");
        assert_eq!(again.header("hanse-position"), first.header("hanse-position"));
    }
    let other = json!({ "current_password": PASSWORD, "new_password": "three ravens on it" });
    let other = keyed.post("/api/v1/auth/change-password", other).await;
    assert_eq!(other.summary(), "422 HTT-014");

    let guest = t.guest().with("idempotency-key", "many");
    let body = json!({ "email": "ben@example.com", "password": PASSWORD, "name": "Ben" });
    let first = guest.post("/api/v1/auth/register", body.clone()).await;
    for _ in 0..30 {
        let again = guest.post("/api/v1/auth/register", body.clone()).await;
        assert_eq!((again.summary(), again.json()), ("201".to_owned(), first.json()));
    }
}

/// Twins that run at the same time: one does it, and both are told so.
#[stage_test]
async fn twins_of_a_password_change_get_one_answer(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let keyed = anna.actor.with("idempotency-key", "twins");
    let change = json!({ "current_password": PASSWORD, "new_password": "two ravens on a wire" });
    let twin = || keyed.post("/api/v1/auth/change-password", change.clone());
    let answers = tokio::join!(twin(), twin(), twin(), twin());
    let summaries = [answers.0, answers.1, answers.2, answers.3].map(|answer| answer.summary());
    assert_eq!(summaries, ["204", "204", "204", "204"]);
}
