//! Forgotten passwords and addresses: links that are good once, and answers that tell nothing.

use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Answer, Stage, json, stage_test};
use jiff::SignedDuration;

use crate::support::{PASSWORD, Person, letters, link_token, login, refresh, register, services};

const NEW: &str = "two ravens on a wire";

async fn forget(t: &Stage, email: &str) -> Answer {
    t.guest().post("/api/v1/auth/reset-password", json!({ "email": email })).await
}

async fn reset(t: &Stage, token: &str, password: &str) -> Answer {
    let body = json!({ "token": token, "new_password": password });
    t.guest().post("/api/v1/auth/reset-password/confirm", body).await
}

/// AUTN-08, AUTN-19: a link sets a password once, within an hour, and ends every session.
#[stage_test]
async fn a_forgotten_password_is_replaced_by_a_link(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    // Where the request says it came from has no influence on the link.
    let evil = t.guest().with("x-forwarded-host", "evil.example");
    let body = json!({ "email": "Anna@example.com" });
    assert_eq!(evil.post("/api/v1/auth/reset-password", body).await.summary(), "204");
    let token = link_token(&t, "identity.reset_password").await;
    assert_eq!(reset(&t, &token, "password1").await.summary(), "422 IDN-003");
    for wrong in [&token[1..], &format!("{token}A"), &token.to_uppercase(), "x"] {
        assert_eq!(reset(&t, wrong, NEW).await.summary(), "403 IDN-019");
    }
    assert_eq!(forget(&t, &anna.email).await.summary(), "204");
    let other = link_token(&t, "identity.reset_password").await;
    assert_eq!(reset(&t, &token, NEW).await.summary(), "204");
    assert_eq!(reset(&t, &token, NEW).await.summary(), "403 IDN-019");
    assert_eq!(reset(&t, &other, NEW).await.summary(), "403 IDN-019", "the other link went too");
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(refresh(&t, anna.refresh_token()).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    let signed_in = login(&t, &anna.email, NEW).await;
    assert_eq!(signed_in.json()["user"]["email_verified"], true);
    assert_eq!(letters(&t, "identity.password_changed").await.len(), 1);
    forget(&t, &anna.email).await;
    let late = link_token(&t, "identity.reset_password").await;
    t.advance(SignedDuration::from_hours(1));
    assert_eq!(reset(&t, &late, PASSWORD).await.summary(), "403 IDN-019");
}

/// AUTN-02: what is asked for an address that nobody has looks the same, and nothing is sent.
#[stage_test]
async fn asking_for_a_link_tells_nothing(t: Stage) {
    Person::register(&t, "anna").await;
    let visible = |answer: &Answer| {
        let mut headers: Vec<_> = answer.headers.keys().map(ToString::to_string).collect();
        headers.sort();
        (answer.status, headers, answer.text())
    };
    let known = visible(&forget(&t, "anna@example.com").await);
    assert_eq!(visible(&forget(&t, "nobody@example.com").await), known);
    assert_eq!(letters(&t, "identity.reset_password").await.len(), 1);
    for _ in 0..10 {
        forget(&t, "anna@example.com").await;
    }
    assert_eq!(letters(&t, "identity.reset_password").await.len(), 3, "no mailbox is filled");
}

/// AUTN-08, AUTN-19: an address changes when the new one is verified; the old one is told.
#[stage_test]
async fn an_address_changes_when_the_new_one_is_verified(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let change = |email: &str| anna.actor.post("/api/v1/auth/email", json!({ "email": email }));
    assert_eq!(change("ben@example.com").await.summary(), "204");
    assert!(letters(&t, "identity.verify_email").await.is_empty());
    assert_eq!(letters(&t, "identity.account_exists").await.len(), 1);
    assert_eq!(change("berg@example.com").await.summary(), "204");
    let token = link_token(&t, "identity.verify_email").await;
    assert_eq!(login(&t, "berg@example.com", PASSWORD).await.summary(), "401 IDN-001");
    let guest = t.guest();
    let verify = || guest.post("/api/v1/auth/email/confirm", json!({ "token": token }));
    assert_eq!(verify().await.summary(), "204");
    assert_eq!(verify().await.summary(), "403 IDN-019");
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    let signed_in = login(&t, "berg@example.com", PASSWORD).await.json();
    assert_eq!(signed_in["user"]["email_verified"], true);
    let told = letters(&t, "identity.email_changed").await.pop().unwrap();
    assert_eq!(
        (&told["email"], &told["values"]["new"]),
        (&json!("anna@example.com"), &json!("berg@example.com"))
    );
    // What a stolen token must not do.
    t.advance(SignedDuration::from_mins(11));
    let stolen = ben.actor.post("/api/v1/auth/email", json!({ "email": "mallory@example.com" }));
    assert_eq!(stolen.await.summary(), "403 IDN-014");
}

fn by_letter() -> Vec<Service> {
    let config = IdentityConfig { require_verified_email: true, ..IdentityConfig::for_tests() };
    vec![hanse_identity::service(config)]
}

/// AUTN-01, AUTN-02: where addresses are verified, registering tells nothing either, and an account
/// that is not verified cannot be told from none.
#[stage_test(services = by_letter)]
async fn registering_by_letter_tells_nothing(t: Stage) {
    let first = register(&t, "anna@example.com").await;
    let wrong = login(&t, "nobody@example.com", PASSWORD).await;
    let unverified = login(&t, "anna@example.com", PASSWORD).await;
    assert_eq!(unverified.summary(), wrong.summary());
    let token = link_token(&t, "identity.verify_email").await;
    let body = json!({ "token": token });
    assert_eq!(t.guest().post("/api/v1/auth/email/confirm", body).await.summary(), "204");
    assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "200");
    let second = register(&t, "anna@example.com").await;
    assert_eq!((second.status, second.text()), (first.status, first.text()));
    assert_eq!(letters(&t, "identity.account_exists").await.len(), 1);
}

/// The owner hears of a device that never signed in before, and of no other.
#[stage_test]
async fn a_new_device_is_told_of(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    anna.login(&t).await;
    assert!(letters(&t, "identity.new_device").await.is_empty());
    let phone = t.guest().with("user-agent", "Phone/1.0");
    let body = json!({ "email": anna.email, "password": PASSWORD });
    for _ in 0..2 {
        assert_eq!(phone.post("/api/v1/auth/login", body.clone()).await.summary(), "200");
    }
    let told = letters(&t, "identity.new_device").await;
    assert_eq!(told.len(), 1);
    assert_eq!(told[0]["values"]["device"], "Phone/1.0");
}
