//! Passkeys: alone, as a second factor, and everything about them that can be wrong.

mod authenticator;
mod hostile;

use hanse_http::Role;
use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Actor, Answer, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::oidc::claims;
use crate::support::{PASSWORD, Person, login, refresh, register, services, text};
pub(crate) use authenticator::Authenticator;

async fn begin(actor: &Actor) -> Value {
    let answer = actor.post("/api/v1/auth/passkeys/begin", json!({})).await;
    assert_eq!(answer.summary(), "200", "{}", answer.text());
    answer.json()
}

async fn keep(actor: &Actor, credential: Value) -> Answer {
    let body = json!({ "name": "My telephone", "credential": credential });
    actor.post("/api/v1/auth/passkeys", body).await
}

/// Makes a passkey of this account.
pub(crate) async fn make(actor: &Actor, authenticator: &Authenticator) -> Value {
    let options = begin(actor).await;
    let answer = keep(actor, authenticator.create(&options, |_| {})).await;
    assert_eq!(answer.summary(), "201", "{}", answer.text());
    answer.json()
}

pub(crate) async fn challenge(actor: &Actor, pending: Option<&str>) -> Value {
    let body = json!({ "pending": pending });
    let answer = actor.post("/api/v1/auth/passkeys/challenge", body).await;
    assert_eq!(answer.summary(), "200", "{}", answer.text());
    answer.json()
}

pub(crate) async fn enter(t: &Stage, credential: &Value, pending: Option<&str>) -> Answer {
    let body = json!({ "credential": credential, "pending": pending });
    t.guest().post("/api/v1/auth/login/passkey", body).await
}

async fn pending(t: &Stage, person: &Person) -> String {
    let answer = login(t, &person.email, PASSWORD).await;
    text(&answer.json(), "pending").to_owned()
}

/// E-024, AUTN-07, AUTN-18: a passkey that checks who it is signs in alone, and is asked for after a
/// password.
#[stage_test]
async fn a_passkey_signs_in_alone(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (phone, tokens) = anna.login(&t).await;
    let options = begin(&anna.actor).await;
    assert_eq!(
        (&options["rp"]["id"], &options["attestation"], &options["excludeCredentials"]),
        (&json!("stage.test"), &json!("none"), &json!([]))
    );
    let key = Authenticator::new(1);
    let made = make(&anna.actor, &key).await;
    assert_eq!(made["recovery_codes"].as_array().map(Vec::len), Some(10));
    assert_eq!((&made["passkey"]["backed_up"], &made["entry"]), (&json!(true), &Value::Null));
    // What was begun with less has ended.
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(refresh(&t, text(&tokens, "refresh_token")).await.summary(), "401 IDN-006");

    let options = challenge(&t.guest(), None).await;
    assert_eq!(
        (&options["userVerification"], &options["allowCredentials"]),
        (&json!("required"), &json!([]))
    );
    let signed_in = enter(&t, &key.get(&options, |_| {}), None).await;
    assert_eq!(signed_in.summary(), "200", "{}", signed_in.text());
    let said = claims(text(&signed_in.json(), "access_token"));
    assert_eq!((&said["acr"], &said["amr"]), (&json!("phr"), &json!(["mfa", "pop", "user"])));
    assert_eq!(said["sub"], anna.answer["user"]["id"]);

    let first = login(&t, &anna.email, PASSWORD).await.json();
    let factors = json!(["recovery_code", "passkey", "verified_passkey"]);
    assert_eq!((&first["factors"], first.get("access_token")), (&factors, None));
    let list = anna.actor.get("/api/v1/auth/passkeys").await.json();
    assert!(list["items"][0]["last_used_at"].is_string(), "{list}");
}

/// E-024, AUTN-06, AUTN-07: one that is only touched is worth something after a password only.
#[stage_test]
async fn a_touched_passkey_is_a_second_factor(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let key = Authenticator::touched(1);
    make(&anna.actor, &key).await;
    let alone = key.get(&challenge(&t.guest(), None).await, |_| {});
    assert_eq!(enter(&t, &alone, None).await.summary(), "401 IDN-050");
    let first = pending(&t, &anna).await;
    let options = challenge(&t.guest(), Some(&first)).await;
    assert_eq!(options["userVerification"], "preferred");
    assert_eq!(options["allowCredentials"].as_array().map(Vec::len), Some(1));
    let signed_in = enter(&t, &key.get(&options, |_| {}), Some(&first)).await;
    assert_eq!(signed_in.summary(), "200", "{}", signed_in.text());
    let said = claims(text(&signed_in.json(), "access_token"));
    assert_eq!((&said["acr"], &said["amr"]), (&json!("phr"), &json!(["mfa", "pop", "pwd"])));
    // Some authenticators keep no account's name: after a password it is known.
    let first = pending(&t, &anna).await;
    let options = challenge(&t.guest(), Some(&first)).await;
    let nameless = key.get(&options, |said| said.user.clear());
    assert_eq!(enter(&t, &nameless, Some(&first)).await.summary(), "200");
}

/// AUTN-08: passkeys change only after proving again, and a passkey proves.
#[stage_test]
async fn passkeys_change_only_after_proving_again(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let key = Authenticator::new(1);
    let path = |made: &Value| format!("/api/v1/auth/passkeys/{}", text(&made["passkey"], "id"));
    let one = path(&make(&anna.actor, &key).await);
    let two = path(&make(&anna.actor, &Authenticator::touched(2)).await);
    // Nobody else reaches it.
    let name = json!({ "name": "Mine" });
    assert_eq!(ben.actor.put(&one, name.clone()).await.summary(), "404 IDN-051");
    assert_eq!(ben.actor.delete(&one).await.summary(), "404 IDN-051");
    assert_eq!(anna.actor.put(&one, name).await.json()["name"], "Mine");
    let hidden = json!({ "name": "a\u{202e}b" });
    assert_eq!(anna.actor.put(&one, hidden).await.summary(), "422 IDN-011");

    t.advance(SignedDuration::from_mins(11));
    let begin = anna.actor.post("/api/v1/auth/passkeys/begin", json!({})).await;
    assert_eq!(begin.summary(), "403 IDN-014");
    assert_eq!(anna.actor.delete(&two).await.summary(), "403 IDN-014");
    let again = |credential: Value| {
        let body = json!({ "credential": credential });
        let actor = anna.actor.clone();
        async move { actor.post("/api/v1/auth/reauthenticate/passkey", body).await.summary() }
    };
    // A challenge for anybody is none for this session.
    let options = challenge(&t.guest(), None).await;
    assert_eq!(again(key.get(&options, |_| {})).await, "401 IDN-050");
    let options = challenge(&anna.actor, None).await;
    let touched = key.get(&options, |said| said.flags &= !authenticator::VERIFIED);
    assert_eq!(again(touched).await, "401 IDN-050");
    let options = challenge(&anna.actor, None).await;
    assert_eq!(again(key.get(&options, |_| {})).await, "204");
    for path in [one, two] {
        assert_eq!(anna.actor.delete(&path).await.summary(), "204");
        assert_eq!(anna.actor.delete(&path).await.summary(), "404 IDN-051");
    }
    // The last factor is gone, and with it what stood in for it.
    let left = anna.actor.get("/api/v1/auth/factors").await.json();
    assert_eq!(left["recovery_codes"], 0);
    assert!(login(&t, &anna.email, PASSWORD).await.json().get("access_token").is_some());
}

/// An account has a bounded number of passkeys, and an authenticator is told of those there are.
#[stage_test]
async fn an_account_has_twenty_passkeys_at_most(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    for seed in 1..=20 {
        make(&anna.actor, &Authenticator::new(seed)).await;
        let options = anna.actor.post("/api/v1/auth/passkeys/begin", json!({})).await.json();
        if seed < 20 {
            let known = options["excludeCredentials"].as_array().map(Vec::len);
            assert_eq!(known, Some(usize::from(seed)));
        }
    }
    let more = anna.actor.post("/api/v1/auth/passkeys/begin", json!({})).await;
    assert_eq!(more.summary(), "409 IDN-052");
}

fn strict() -> Vec<Service> {
    let config =
        IdentityConfig { require_second_factor: vec![Role::User], ..IdentityConfig::for_tests() };
    vec![hanse_identity::service(config)]
}

/// AUTN-07: where a role asks for a second factor, a passkey can be made on the way in.
#[stage_test(services = strict)]
async fn a_passkey_can_be_made_on_the_way_in(t: Stage) {
    let first = register(&t, "anna@example.com").await.json();
    let pending = text(&first, "pending").to_owned();
    let begin = json!({ "pending": pending });
    let begun = t.guest().post("/api/v1/auth/passkeys/begin", begin.clone()).await;
    assert_eq!(begun.summary(), "200", "{}", begun.text());
    let key = Authenticator::new(1);
    let credential = key.create(&begun.json(), |_| {});
    let body = json!({ "name": "First", "credential": credential, "pending": pending });
    let made = t.guest().post("/api/v1/auth/passkeys", body).await.json();
    let token = text(&made["entry"], "access_token");
    assert_eq!(t.bearer(token).get("/api/v1/users/me").await.summary(), "200");
    // With a factor, a sign-in that needs it makes no other.
    let answer = login(&t, "anna@example.com", PASSWORD).await.json();
    let begin = json!({ "pending": answer["pending"] });
    let begun = t.guest().post("/api/v1/auth/passkeys/begin", begin).await;
    assert_eq!(begun.summary(), "401 IDN-012");
}
