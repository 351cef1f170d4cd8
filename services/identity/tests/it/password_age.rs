//! Passwords that are too old, where an operator has asked for an age: no way in takes one, and whoever
//! has it chooses another on the way.

use std::collections::BTreeMap;

use hanse_http::Role;
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user, reset_password};
use hanse_runtime::Service;
use hanse_testkit::{Answer, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::oidc::browser::{Browser, hidden, parameter};
use crate::oidc::{App, admin, claims, code};
use crate::passkeys::{self, Authenticator};
use crate::second_factors::{go_on, pending, set_up_totp};
use crate::support::{PASSWORD, Person, letters, login, refresh, text, totp};

pub(crate) const DAY: SignedDuration = SignedDuration::from_hours(24);
pub(crate) const NEW: &str = "two ravens on a wire";

/// Everybody's password is good for a day.
pub(crate) fn config() -> IdentityConfig {
    let password_days = BTreeMap::from([(Role::User, 1)]);
    IdentityConfig { password_days, ..IdentityConfig::for_tests() }
}

fn services() -> Vec<Service> {
    vec![hanse_identity::service(config())]
}

fn strict() -> Vec<Service> {
    let require_second_factor = vec![Role::User];
    vec![hanse_identity::service(IdentityConfig { require_second_factor, ..config() })]
}

/// Only administrators' passwords have an age.
fn administrators() -> Vec<Service> {
    let password_days = BTreeMap::from([(Role::Admin, 1)]);
    vec![hanse_identity::service(IdentityConfig { password_days, ..config() })]
}

/// The token of a refusal.
fn token(refused: &Answer) -> String {
    assert_eq!(refused.summary(), "403 IDN-028", "{}", refused.text());
    let problem = refused.json();
    assert!(problem["request_id"].is_string() && problem["errors"]["expires_in"] == 600);
    assert!(!refused.text().contains("access_token"), "{}", refused.text());
    text(&problem["errors"], "pending").to_owned()
}

async fn renew(t: &Stage, pending: &str, new: &str) -> Answer {
    let body = json!({ "pending": pending, "new_password": new });
    t.guest().post("/api/v1/auth/login/new-password", body).await
}

/// Types a new password on the page that this answer leads to.
pub(crate) async fn choose(browser: &Browser, step: &Answer, new: &str) -> Answer {
    assert!(step.location().starts_with("/oauth/new-password"), "{}", step.text());
    let page = browser.open(step.location()).await.text();
    let (csrf, next) = (hidden(&page, "csrf"), hidden(&page, "next"));
    let fields = [("csrf", &*csrf), ("next", &next), ("password", new)];
    browser.submit("/oauth/new-password", &fields).await
}

/// E-024, AUTN-08: a password that is too old begins no session, and its owner chooses another by the token
/// of the refusal, once. Sessions that had begun go on until then.
#[stage_test(services = services)]
async fn a_password_that_is_too_old_has_to_be_changed(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    t.advance(DAY - SignedDuration::from_secs(60));
    let (_, tokens) = anna.login(&t).await;
    t.advance(SignedDuration::from_secs(60));
    let wrong = login(&t, &anna.email, "another walk by the sea").await;
    assert_eq!(wrong.summary(), "401 IDN-001", "nobody else learns of it");
    let refused = token(&login(&t, &anna.email, PASSWORD).await);
    let going_on = refresh(&t, text(&tokens, "refresh_token")).await;
    assert_eq!(going_on.summary(), "200");
    let going_on = going_on.json();
    let actor = t.bearer(text(&going_on, "access_token"));
    let again = actor.post("/api/v1/auth/reauthenticate", json!({ "password": PASSWORD })).await;
    assert_eq!(again.summary(), "403 IDN-028");

    for (new, code) in [(PASSWORD, "422 IDN-003"), ("password1", "422 IDN-003")] {
        assert_eq!(renew(&t, &refused, new).await.summary(), code, "{new}");
    }
    assert_eq!(go_on(&t, &refused, "totp", "000000").await.summary(), "401 IDN-013");
    let begin = json!({ "factor": "totp", "pending": refused });
    let begin = t.guest().post("/api/v1/auth/factors", begin).await;
    assert_eq!(begin.summary(), "401 IDN-012", "it sets no factor up");
    let renewed = renew(&t, &refused, NEW).await;
    assert_eq!(renewed.summary(), "200", "{}", renewed.text());
    let mine = t.bearer(text(&renewed.json(), "access_token"));
    assert_eq!(mine.get("/api/v1/users/me").await.summary(), "200");
    assert_eq!(actor.get("/api/v1/users/me").await.summary(), "401 HTT-011", "it has ended");
    assert_eq!(renew(&t, &refused, "three ravens on a wire").await.summary(), "401 IDN-012");
    assert_eq!(letters(&t, "identity.password_changed").await.len(), 1);
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    assert_eq!(login(&t, &anna.email, NEW).await.summary(), "200");

    t.advance(DAY);
    let late = token(&login(&t, &anna.email, NEW).await);
    t.advance(SignedDuration::from_mins(10));
    assert_eq!(renew(&t, &late, PASSWORD).await.summary(), "401 IDN-012", "too late");
}

/// A session's owner changes the password as ever, to another one; so does whoever has a link.
#[stage_test(services = services)]
async fn no_other_way_keeps_an_old_password(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let change = async |new: &str| {
        let body = json!({ "current_password": PASSWORD, "new_password": new });
        anna.actor.post("/api/v1/auth/change-password", body).await.summary()
    };
    assert_eq!(change(PASSWORD).await, "422 IDN-003");
    let ask = json!({ "email": anna.email });
    assert_eq!(t.guest().post("/api/v1/auth/reset-password", ask).await.summary(), "204");
    let link = crate::support::link_token(&t, "identity.reset_password").await;
    let reset = async |new: &str| {
        let body = json!({ "token": link, "new_password": new });
        t.guest().post("/api/v1/auth/reset-password/confirm", body).await.summary()
    };
    assert_eq!(reset(PASSWORD).await, "422 IDN-003");
    assert_eq!(change(NEW).await, "204");
    assert_eq!(reset("three ravens on a wire").await, "403 IDN-019");
    t.advance(DAY);
    token(&login(&t, &anna.email, NEW).await);
    // One that an operator gives is new.
    let db = t.db("identity");
    reset_password(&db, &config(), &anna.email, "three ravens on a wire").await.unwrap();
    assert_eq!(login(&t, &anna.email, "three ravens on a wire").await.summary(), "200");
}

/// AUTN-06, AUTN-07: the second factor comes first, its code is used up by the refusal, and the new
/// password keeps what it proved.
#[stage_test(services = services)]
async fn a_second_factor_is_shown_before_the_change(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    t.advance(DAY);
    let first = pending(&t, &anna.email).await;
    assert_eq!(renew(&t, &first, NEW).await.summary(), "401 IDN-012", "not before the code");
    let code = totp(&t, &secret);
    let refused = token(&go_on(&t, &first, "totp", &code).await);
    assert_eq!(go_on(&t, &first, "totp", &code).await.summary(), "401 IDN-013", "once");
    let renewed = renew(&t, &refused, NEW).await;
    let said = claims(text(&renewed.json(), "access_token"));
    assert_eq!((&said["acr"], &said["amr"]), (&json!("aal2"), &json!(["mfa", "otp", "pwd"])));
}

/// AUTN-18: a passkey that checks who it is needs no password, and one that was only touched does.
#[stage_test(services = services)]
async fn passkeys_do_not_age(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (key, touched) = (Authenticator::new(1), Authenticator::touched(2));
    passkeys::make(&anna.actor, &key).await;
    passkeys::make(&anna.actor, &touched).await;
    t.advance(DAY);
    let alone = key.get(&passkeys::challenge(&t.guest(), None).await, |_| {});
    assert_eq!(passkeys::enter(&t, &alone, None).await.summary(), "200");
    let after_password = async |key: &Authenticator| {
        let first = pending(&t, &anna.email).await;
        let shown = key.get(&passkeys::challenge(&t.guest(), Some(&first)).await, |_| {});
        passkeys::enter(&t, &shown, Some(&first)).await
    };
    assert_eq!(after_password(&key).await.summary(), "200", "enough without the password");
    let refused = token(&after_password(&touched).await);
    assert_eq!(renew(&t, &refused, NEW).await.summary(), "200");
}

/// AUTN-07: whoever has to set a factor up chooses the password first, so that the codes that are shown
/// once are not lost with a refusal.
#[stage_test(services = strict)]
async fn the_password_comes_before_a_factor_that_has_to_be_set_up(t: Stage) {
    crate::support::register(&t, "anna@example.com").await;
    t.advance(DAY);
    let refused = token(&login(&t, "anna@example.com", PASSWORD).await);
    let next = renew(&t, &refused, NEW).await.json();
    assert_eq!((&next["enrol"], next.get("access_token")), (&json!(true), None::<&Value>));
}

/// By role: others' passwords have no age.
#[stage_test(services = administrators)]
async fn an_age_is_for_the_roles_that_it_names(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    create_user(&t.db("identity"), &config(), new, &[Role::Operator, Role::Admin]).await.unwrap();
    assert_eq!(login(&t, "olga@example.com", PASSWORD).await.summary(), "200");
    t.advance(DAY);
    token(&login(&t, "olga@example.com", PASSWORD).await);
    assert!(login(&t, &anna.email, PASSWORD).await.json()["access_token"].is_string());
}

/// AUTN-07: on the pages, and on the way to a program. A browser in which the password has become too
/// old lets no program in, also not by a code or silently; a program that is in goes on.
#[stage_test(services = services)]
async fn the_pages_ask_for_another_password(t: Stage) {
    let olga = admin(&t).await;
    let app = App::register(&t, &olga, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    t.advance(DAY - SignedDuration::from_secs(30));
    let browser = Browser::new(&t);
    let first = code(&browser, &app, &anna, &[("scope", "openid offline_access")]).await;
    let tokens = app.redeem(&first).await.json();
    let back = browser.open(&app.ask(&[("scope", "openid offline_access")])).await;
    let second = parameter(back.location(), "code").unwrap();
    t.advance(SignedDuration::from_secs(30));
    let late = app.redeem(&second).await;
    assert_eq!((late.status.as_u16(), &late.json()["error"]), (400, &json!("invalid_grant")));
    assert_eq!(app.refresh(text(&tokens, "refresh_token")).await.status, 200);
    let silent = browser.open(&app.ask(&[("prompt", "none")])).await;
    assert_eq!(parameter(silent.location(), "error").as_deref(), Some("login_required"));
    assert!(browser.open("/oauth/device").await.text().contains("Forgot your password?"));

    let page = browser.open(&app.ask(&[])).await;
    let step = browser.sign_in(&page, &anna.email, PASSWORD).await;
    assert_eq!(choose(&browser, &step, PASSWORD).await.status, 422, "the same one");
    assert_eq!(browser.submit("/oauth/new-password", &[("csrf", "x")]).await.status, 400);
    let fields = [("csrf", "x"), ("next", ""), ("password", NEW)];
    assert_eq!(browser.submit("/oauth/new-password", &fields).await.status, 403);
    assert_eq!(Browser::new(&t).open(step.location()).await.status, 403, "another browser");
    let done = choose(&browser, &step, NEW).await;
    assert_eq!(done.status, 303, "{}", done.text());
    let page = browser.open(done.location()).await;
    let next = browser.decide(&page, "allow").await;
    let back = browser.open(next.location()).await;
    let code = parameter(back.location(), "code").unwrap();
    assert_eq!(app.redeem(&code).await.status, 200);
    assert_eq!(browser.open(step.location()).await.status, 403, "nothing waits any more");
}
