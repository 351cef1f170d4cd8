//! Second factors: set up in two steps, asked for on every way in, each code good once.

use hanse_http::Role;
use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Actor, Answer, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::support::{PASSWORD, Person, letters, login, refresh, register, services, text, totp};

pub(crate) async fn set_up_totp(t: &Stage, actor: &Actor) -> (String, Vec<String>) {
    let begun = actor.post("/api/v1/auth/factors", json!({ "factor": "totp" })).await;
    assert_eq!(begun.summary(), "201", "{}", begun.text());
    let secret = text(&begun.json(), "secret").to_owned();
    assert!(text(&begun.json(), "uri").contains(&format!("secret={secret}")));
    let ready = confirm(actor, "totp", &totp(t, &secret)).await;
    assert_eq!(ready.summary(), "200", "{}", ready.text());
    let codes = ready.json()["recovery_codes"].as_array().unwrap().clone();
    t.advance(SignedDuration::from_secs(30));
    (secret, codes.iter().map(|code| code.as_str().unwrap().to_owned()).collect())
}

async fn confirm(actor: &Actor, factor: &str, code: &str) -> Answer {
    let body = json!({ "shown": { "factor": factor, "code": code } });
    actor.post("/api/v1/auth/factors/confirm", body).await
}

pub(crate) async fn go_on(t: &Stage, pending: &str, factor: &str, code: &str) -> Answer {
    let body = json!({ "pending": pending, "shown": { "factor": factor, "code": code } });
    t.guest().post("/api/v1/auth/login/continue", body).await
}

pub(crate) async fn pending(t: &Stage, email: &str) -> String {
    let answer = login(t, email, PASSWORD).await;
    assert_eq!(answer.summary(), "200");
    assert!(answer.json().get("access_token").is_none(), "{}", answer.text());
    text(&answer.json(), "pending").to_owned()
}

/// What a token says, unverified.
fn claims(token: &str) -> Value {
    use base64::Engine as _;
    let body = token.split('.').nth(1).unwrap();
    let bytes = base64::engine::general_purpose::URL_SAFE_NO_PAD.decode(body).unwrap();
    serde_json::from_slice(&bytes).unwrap()
}

/// E-024, AUTN-06, AUTN-07, AUTN-08: a TOTP is asked for after the password, works once, and setting it
/// up ended what was begun with less.
#[stage_test]
async fn a_totp_is_asked_for_and_works_once(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (phone, phone_tokens) = anna.login(&t).await;
    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    let ended = refresh(&t, text(&phone_tokens, "refresh_token")).await;
    assert_eq!(ended.summary(), "401 IDN-006");

    let first = pending(&t, &anna.email).await;
    assert_eq!(go_on(&t, &first, "totp", "000000").await.summary(), "401 IDN-013");
    let code = totp(&t, &secret);
    let signed_in = go_on(&t, &first, "totp", &code).await;
    assert_eq!(signed_in.summary(), "200", "{}", signed_in.text());
    let token = text(&signed_in.json(), "access_token").to_owned();
    let said = claims(&token);
    assert_eq!((&said["acr"], &said["amr"]), (&json!("aal2"), &json!(["mfa", "otp", "pwd"])));
    // Refreshing keeps what was proven, and asks for nothing.
    let next = refresh(&t, text(&signed_in.json(), "refresh_token")).await.json();
    assert_eq!(claims(text(&next, "access_token"))["acr"], "aal2");
    let second = pending(&t, &anna.email).await;
    assert_eq!(go_on(&t, &second, "totp", &code).await.summary(), "401 IDN-013");
    t.advance(SignedDuration::from_secs(30));
    let code = totp(&t, &secret);
    let tries = futures_util::future::join_all((0..20).map(|_| go_on(&t, &second, "totp", &code)));
    let answers: Vec<_> = tries.await.iter().map(Answer::summary).collect();
    assert_eq!(answers.iter().filter(|answer| *answer == "200").count(), 1, "{answers:?}");
}

/// AUTN-06: a recovery code is good once, in any spelling, and new ones replace the old.
#[stage_test]
async fn recovery_codes_stand_in_for_a_lost_telephone(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (_, codes) = set_up_totp(&t, &anna.actor).await;
    assert_eq!(codes.len(), 10);
    let first = pending(&t, &anna.email).await;
    let typed = codes[0].to_uppercase().replace('-', " ");
    assert_eq!(go_on(&t, &first, "recovery_code", &typed).await.summary(), "200");
    assert_eq!(go_on(&t, &first, "recovery_code", &codes[0]).await.summary(), "401 IDN-013");
    let list = anna.actor.get("/api/v1/auth/factors").await.json();
    assert_eq!(
        (list["recovery_codes"].as_i64(), &list["items"][0]["factor"]),
        (Some(9), &json!("totp"))
    );
    let new = anna.actor.post("/api/v1/auth/recovery-codes", Value::Null).await;
    assert_eq!(new.summary(), "200", "{}", new.text());
    assert_eq!(go_on(&t, &first, "recovery_code", &codes[1]).await.summary(), "401 IDN-013");
    let ben = Person::register(&t, "ben").await;
    set_up_totp(&t, &ben.actor).await;
    let other = pending(&t, &ben.email).await;
    let annas = new.json()["recovery_codes"][0].as_str().unwrap().to_owned();
    assert_eq!(go_on(&t, &other, "recovery_code", &annas).await.summary(), "401 IDN-013");
}

/// E-025, E-026, AUTN-06: codes by mail and telephone are bound to the sign-in they were sent for.
#[stage_test]
async fn codes_that_are_sent_are_good_for_one_sign_in(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    for (factor, extra) in [("email_code", Value::Null), ("sms_code", json!("+49 30 1234567"))] {
        let body = json!({ "factor": factor, "phone": extra });
        let begun = anna.actor.post("/api/v1/auth/factors", body).await;
        assert_eq!(begun.summary(), "201", "{}", begun.text());
        let letter = letters(&t, "identity.sign_in_code").await.pop().unwrap();
        assert!(letter["values"].as_object().unwrap().is_empty(), "the code is sealed");
        let code = text(&letter["secrets"], "code").to_owned();
        assert_eq!(confirm(&anna.actor, factor, &code).await.summary(), "200");
        assert_eq!(letter["phone"].as_str(), (factor == "sms_code").then_some("+49301234567"));
    }
    let (mine, other) = (pending(&t, &anna.email).await, pending(&t, &anna.email).await);
    let send = json!({ "factor": "email_code", "pending": mine });
    let sent = t.guest().post("/api/v1/auth/factors/send", send.clone()).await;
    assert_eq!(sent.summary(), "204", "{}", sent.text());
    let letter = letters(&t, "identity.sign_in_code").await.pop().unwrap();
    let code = text(&letter["secrets"], "code").to_owned();
    assert_eq!(go_on(&t, &other, "email_code", &code).await.summary(), "401 IDN-013");
    assert_eq!(go_on(&t, &mine, "sms_code", &code).await.summary(), "401 IDN-013");
    assert_eq!(go_on(&t, &mine, "email_code", &code).await.summary(), "200");
    assert_eq!(go_on(&t, &mine, "email_code", &code).await.summary(), "401 IDN-013");
    let old = t.guest().post("/api/v1/auth/factors/send", send.clone()).await;
    assert_eq!(old.summary(), "204");
    t.advance(SignedDuration::from_mins(10));
    let late = t.guest().post("/api/v1/auth/factors/send", send).await;
    assert_eq!(late.summary(), "401 IDN-012");
}

/// AUTN-03, AUTN-06: a code cannot be guessed, and a wrong guesser without the password keeps nobody out.
#[stage_test]
async fn codes_cannot_be_guessed(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    let first = pending(&t, &anna.email).await;
    let mut answers = Vec::new();
    for guess in 0..8 {
        answers.push(go_on(&t, &first, "totp", &format!("00000{guess}")).await.summary());
    }
    assert_eq!(answers[..6], ["401 IDN-013"; 6]);
    assert_eq!(answers[6..], ["429 IDN-004"; 2]);
    let code = totp(&t, &secret);
    assert_eq!(go_on(&t, &first, "totp", &code).await.summary(), "429 IDN-004");
    t.advance(SignedDuration::from_secs(60));
    assert_eq!(go_on(&t, &first, "totp", &totp(&t, &secret)).await.summary(), "200");
}

/// AUTN-08: what a stolen token must not change needs the password again, and a second factor if there
/// is one.
#[stage_test]
async fn factors_change_only_after_proving_again(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    t.advance(SignedDuration::from_mins(11));
    let remove = || anna.actor.delete("/api/v1/auth/factors/totp");
    assert_eq!(remove().await.summary(), "403 IDN-014");
    let again = |body: Value| anna.actor.post("/api/v1/auth/reauthenticate", body);
    let wrong = json!({ "password": "another walk by the sea" });
    assert_eq!(again(wrong).await.summary(), "401 IDN-013");
    assert_eq!(again(json!({ "password": PASSWORD })).await.summary(), "403 IDN-018");
    let shown = json!({ "factor": "totp", "code": totp(&t, &secret) });
    let full = json!({ "password": PASSWORD, "shown": shown });
    assert_eq!(again(full).await.summary(), "204");
    assert_eq!(remove().await.summary(), "204");
    assert_eq!(remove().await.summary(), "404 IDN-015");
    assert!(login(&t, &anna.email, PASSWORD).await.json().get("access_token").is_some());
}

pub(crate) fn strict() -> Vec<Service> {
    let config =
        IdentityConfig { require_second_factor: vec![Role::User], ..IdentityConfig::for_tests() };
    vec![hanse_identity::service(config)]
}

/// AUTN-07: where a role asks for a second factor, an account without one gets no token on any way in
/// before it has set one up.
#[stage_test(services = strict)]
async fn a_role_can_demand_a_second_factor(t: Stage) {
    let made = register(&t, "anna@example.com").await.json();
    assert_eq!((&made["enrol"], made.get("access_token")), (&json!(true), None));
    let first = pending(&t, "anna@example.com").await;
    let send = json!({ "factor": "totp", "pending": first });
    let begun = t.guest().post("/api/v1/auth/factors", send).await;
    assert_eq!(begun.summary(), "201", "{}", begun.text());
    let secret = text(&begun.json(), "secret").to_owned();
    let shown = json!({ "factor": "totp", "code": totp(&t, &secret) });
    let body = json!({ "shown": shown, "pending": first });
    let ready = t.guest().post("/api/v1/auth/factors/confirm", body).await.json();
    let token = text(&ready["entry"], "access_token").to_owned();
    assert_eq!(t.bearer(&token).get("/api/v1/users/me").await.summary(), "200");
    // With a factor set up, a pending token sets up no other.
    let second = pending(&t, "anna@example.com").await;
    let send = json!({ "factor": "email_code", "pending": second });
    assert_eq!(t.guest().post("/api/v1/auth/factors", send).await.summary(), "401 IDN-012");
}

/// AUTN-08: a new password needs the second factor as well, once the session has not just shown it; wrong
/// codes are counted. Who has none is asked for none.
#[stage_test]
async fn a_new_password_needs_the_second_factor(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    let new = ["two ravens on a wire", "three ravens on a wire", "four ravens on a wire"];
    let change = async |actor: &Actor, from: &str, to: &str, shown: Value| {
        let body = json!({ "current_password": from, "new_password": to, "shown": shown });
        actor.post("/api/v1/auth/change-password", body).await
    };
    let nothing = change(&anna.actor, PASSWORD, new[0], Value::Null).await;
    assert_eq!(nothing.summary(), "403 IDN-018", "{}", nothing.text());
    assert_eq!(nothing.json()["errors"]["factors"], json!(["totp", "recovery_code"]));
    let code = |code: &str| json!({ "factor": "totp", "code": code });
    let wrong = change(&anna.actor, PASSWORD, new[0], code("000000")).await;
    assert_eq!(wrong.summary(), "401 IDN-013");
    let right = code(&totp(&t, &secret));
    let guessed = change(&anna.actor, "another walk by the sea", new[0], right.clone()).await;
    assert_eq!(guessed.summary(), "401 IDN-001", "a code is not enough");
    let done = change(&anna.actor, PASSWORD, new[0], right).await;
    assert_eq!(done.summary(), "204", "{}", done.text());
    // A session that began with both a short time ago has shown it.
    t.advance(SignedDuration::from_secs(30));
    let first = login(&t, &anna.email, new[0]).await.json();
    let entered = go_on(&t, text(&first, "pending"), "totp", &totp(&t, &secret)).await.json();
    let both = t.bearer(text(&entered, "access_token"));
    assert_eq!(change(&both, new[0], new[1], Value::Null).await.summary(), "204");
    t.advance(SignedDuration::from_mins(11));
    let late = change(&both, new[1], new[2], Value::Null).await;
    assert_eq!(late.summary(), "403 IDN-018");
    for _ in 0..8 {
        change(&both, new[1], new[2], code("000000")).await;
    }
    let right = code(&totp(&t, &secret));
    assert_eq!(change(&both, new[1], new[2], right).await.summary(), "429 IDN-004");
    let told = letters(&t, "identity.factor_added").await;
    assert_eq!((told.len(), &told[0]["values"]["factor"]), (1, &json!("totp")));
}
