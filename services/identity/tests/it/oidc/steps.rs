//! The second step of signing in on the pages, passkeys on them, and programs that ask for more.

use hanse_testkit::{Answer, Stage, Value, json, stage_test};
use jiff::SignedDuration;

use super::browser::{Browser, hidden, parameter};
use super::{App, admin, claims};
use crate::passkeys::{Authenticator, make};
use crate::second_factors::{set_up_totp, strict};
use crate::support::{PASSWORD, Person, letters, register, services, text, totp};

const STEP: &str = "/oauth/second-factor";

/// Types the password on the page that a program leads to: the page after it.
async fn first_step(browser: &Browser, path: &str, person: &Person) -> Answer {
    let page = browser.open(path).await;
    let next = browser.sign_in(&page, &person.email, PASSWORD).await;
    assert_eq!(next.status, 303, "{}", next.text());
    assert!(next.location().starts_with(STEP), "{}", next.location());
    assert!(browser.cookie("__Host-session").is_none() && !next.location().contains("pending"));
    browser.open(next.location()).await
}

/// Types a code on this page.
async fn type_code(browser: &Browser, page: &Answer, factor: &str, code: &str) -> Answer {
    let page = page.text();
    let (csrf, next) = (hidden(&page, "csrf"), hidden(&page, "next"));
    let fields = [("csrf", &*csrf), ("next", &next), ("factor", factor), ("code", code)];
    browser.submit(STEP, &fields).await
}

/// Presses the button that asks for a passkey, and lets the authenticator answer.
async fn passkey(browser: &Browser, page: &Answer, key: &Authenticator, way: &str) -> Answer {
    let page = page.text();
    let (csrf, next) = (hidden(&page, "csrf"), hidden(&page, "next"));
    let fields = [("csrf", &*csrf), ("next", &next), ("way", way)];
    let page = browser.submit("/oauth/passkey", &fields).await;
    assert_eq!(page.status, 200, "{}", page.text());
    assert!(page.header("content-security-policy").contains("script-src 'self'"));
    let page = page.text();
    let (_, options) = page.split_once("data-options=\"").unwrap();
    let options = options.split_once('"').unwrap().0.replace("&quot;", "\"").replace("&#x2f;", "/");
    let options: Value = serde_json::from_str(&options).unwrap();
    let credential = key.get(&options, |_| {}).to_string();
    let csrf = hidden(&page, "csrf");
    let fields = [("csrf", &*csrf), ("next", &next), ("way", way), ("credential", &credential)];
    browser.submit("/oauth/passkey/finish", &fields).await
}

/// From the page after signing in to the ID token.
async fn identity(browser: &Browser, app: &App, next: &Answer) -> Value {
    assert_eq!(next.status, 303, "{}", next.text());
    let page = browser.open(next.location()).await;
    let next = browser.decide(&page, "allow").await;
    let back = browser.open(next.location()).await;
    let code = parameter(back.location(), "code").unwrap();
    claims(text(&app.redeem(&code).await.json(), "id_token"))
}

/// AUTN-07: an account with a second factor signs in to programs, and they are told of both.
#[stage_test]
async fn a_second_factor_is_asked_for_on_the_way_to_a_program(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let (secret, recovery) = set_up_totp(&t, &anna.actor).await;
    let browser = Browser::new(&t);
    let page = first_step(&browser, &app.ask(&[]), &anna).await;
    assert!(page.text().contains("Code of your authenticator app"), "{}", page.text());
    // The person that the page waits for is nobody in another browser, or without its form.
    let stranger = Browser::new(&t);
    assert_eq!(type_code(&stranger, &page, "totp", &totp(&t, &secret)).await.status, 403);
    let fields = [("csrf", "x"), ("next", ""), ("factor", "totp"), ("code", "000000")];
    assert_eq!(browser.submit(STEP, &fields).await.status, 403);
    let page = type_code(&browser, &page, "totp", "000000").await;
    assert_eq!(page.status, 401, "{}", page.text());
    let done = type_code(&browser, &page, "totp", &totp(&t, &secret)).await;
    let said = identity(&browser, &app, &done).await;
    assert_eq!((&said["acr"], &said["amr"]), (&json!("aal2"), &json!(["mfa", "otp", "pwd"])));
    // The step was taken: nothing waits any more.
    assert_eq!(browser.open(STEP).await.status, 403);

    let browser = Browser::new(&t);
    let page = first_step(&browser, &app.ask(&[]), &anna).await;
    let other = browser.open(&format!("{STEP}?factor=recovery_code")).await;
    assert!(other.text().contains("Recovery code") && page.text().contains("Use a recovery code"));
    let done = type_code(&browser, &page, "recovery_code", &recovery[0]).await;
    assert_eq!(done.status, 303, "{}", done.text());
    t.advance(SignedDuration::from_mins(11));
    let late = first_step(&Browser::new(&t), "/oauth/sign-in", &anna).await;
    assert_eq!(late.status, 200);
}

/// AUTN-06: a code is sent for the sign-in of this browser and no other.
#[stage_test]
async fn a_code_by_mail_is_asked_for_on_the_page(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let begun = anna.actor.post("/api/v1/auth/factors", json!({ "factor": "email_code" })).await;
    assert_eq!(begun.summary(), "201");
    let newest = async || letters(&t, "identity.sign_in_code").await.pop().unwrap();
    let code = text(&newest().await["secrets"], "code").to_owned();
    let body = json!({ "shown": { "factor": "email_code", "code": code } });
    assert_eq!(anna.actor.post("/api/v1/auth/factors/confirm", body).await.summary(), "200");
    let (browser, other) = (Browser::new(&t), Browser::new(&t));
    let page = first_step(&browser, "/oauth/sign-in", &anna).await;
    let others = first_step(&other, "/oauth/sign-in", &anna).await;
    assert!(page.text().contains("Send a code by e-mail"), "{}", page.text());
    let csrf = hidden(&page.text(), "csrf");
    let fields = [("csrf", &*csrf), ("next", ""), ("factor", "email_code")];
    let page = browser.submit("/oauth/second-factor/send", &fields).await;
    assert!(page.text().contains("Code from the letter"), "{}", page.text());
    let code = text(&newest().await["secrets"], "code").to_owned();
    assert_eq!(type_code(&other, &others, "email_code", &code).await.status, 401);
    assert_eq!(type_code(&browser, &page, "email_code", &code).await.status, 200);
    assert!(browser.cookie("__Host-session").is_some());
}

/// AUTN-18: a passkey on the pages, alone and as a second factor.
#[stage_test]
async fn a_passkey_signs_in_on_the_pages(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let (key, touched) = (Authenticator::new(1), Authenticator::touched(2));
    make(&anna.actor, &key).await;
    make(&anna.actor, &touched).await;
    let browser = Browser::new(&t);
    let page = browser.open(&app.ask(&[])).await;
    let done = passkey(&browser, &page, &key, "sign-in").await;
    let said = identity(&browser, &app, &done).await;
    assert_eq!((&said["acr"], &said["amr"]), (&json!("phr"), &json!(["mfa", "pop", "user"])));
    // One that was only touched is not enough, and says no more than that.
    let browser = Browser::new(&t);
    let page = browser.open("/oauth/sign-in").await;
    let refused = passkey(&browser, &page, &touched, "sign-in").await;
    assert_eq!(refused.status, 401, "{}", refused.text());
    assert!(refused.text().contains("was not accepted"));
    let page = first_step(&browser, "/oauth/sign-in", &anna).await;
    let done = passkey(&browser, &page, &touched, "second-factor").await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert!(browser.cookie("__Host-session").is_some());
    let script = browser.open("/oauth/passkey.js").await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
}

/// A program that asks for more gets it, or is told that it cannot be had (RFC 9470).
#[stage_test]
async fn a_program_may_ask_for_more(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let more = app.ask(&[("acr_values", "urn:unknown phr")]);
    let browser = Browser::new(&t);
    let page = browser.open(&more).await;
    let next = browser.sign_in(&page, &anna.email, PASSWORD).await;
    let back = browser.open(next.location()).await;
    let error = parameter(back.location(), "error");
    assert_eq!(error.as_deref(), Some("unmet_authentication_requirements"));

    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    let key = Authenticator::new(1);
    make(&anna.actor, &key).await;
    let browser = Browser::new(&t);
    let page = first_step(&browser, &more, &anna).await;
    let next = type_code(&browser, &page, "totp", &totp(&t, &secret)).await;
    // A password and a code are two factors; they are not proof against a false site.
    let silent = browser.open(&app.ask(&[("acr_values", "phr"), ("prompt", "none")])).await;
    assert_eq!(parameter(silent.location(), "error").as_deref(), Some("login_required"));
    let next = browser.open(next.location()).await;
    assert!(next.location().starts_with(STEP), "{}", next.location());
    let page = browser.open(next.location()).await;
    assert!(!page.text().contains("authenticator app"), "{}", page.text());
    let done = passkey(&browser, &page, &key, "second-factor").await;
    let said = identity(&browser, &app, &done).await;
    assert_eq!(said["acr"], "phr");
    // The least of what is named is enough.
    let either = browser.open(&app.ask(&[("acr_values", "phr aal1")])).await;
    assert!(parameter(either.location(), "code").is_some(), "{}", either.location());
}

/// AUTN-07: whoever has to set a factor up can, on the way in, and is not signed in before.
#[stage_test(services = strict)]
async fn a_factor_is_set_up_on_the_way_in(t: Stage) {
    let made = register(&t, "anna@example.com").await.json();
    assert_eq!(made["enrol"], true);
    let browser = Browser::new(&t);
    let page = browser.open("/oauth/sign-in").await;
    let step = browser.sign_in(&page, "anna@example.com", PASSWORD).await;
    assert!(step.location().starts_with("/oauth/enrolment"), "{}", step.text());
    let page = browser.open(step.location()).await;
    let csrf = hidden(&page.text(), "csrf");
    let begin = async |browser: &Browser, csrf: &str| {
        browser.submit("/oauth/enrolment/begin", &[("csrf", csrf), ("next", "")]).await
    };
    assert_eq!(begin(&browser, "x").await.status, 403);
    assert_eq!(begin(&Browser::new(&t), &csrf).await.status, 403, "another browser");
    let page = begin(&browser, &csrf).await.text();
    let (_, secret) = page.split_once("<p class=\"key\">").unwrap();
    let secret = secret.split_once('<').unwrap().0.to_owned();
    let confirm = async |code: &str| {
        let fields = [("csrf", &*csrf), ("next", ""), ("code", code)];
        browser.submit("/oauth/enrolment", &fields).await
    };
    assert_eq!(confirm("000000").await.status, 401);
    assert_eq!(browser.cookie("__Host-session"), None);
    let done = confirm(&totp(&t, &secret)).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(done.text().matches("<li><code>").count(), 10, "{}", done.text());
    assert!(browser.cookie("__Host-session").is_some());
    // Nothing waits any more, and with a factor another is not set up so.
    assert_eq!(begin(&browser, &csrf).await.status, 403);
    let browser = Browser::new(&t);
    let page = browser.open("/oauth/sign-in").await;
    let step = browser.sign_in(&page, "anna@example.com", PASSWORD).await;
    assert!(step.location().starts_with(STEP), "{}", step.location());
    assert_eq!(browser.open("/oauth/enrolment").await.status, 403);
}
