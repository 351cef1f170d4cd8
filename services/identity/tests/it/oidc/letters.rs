//! The pages that letters lead to.

use hanse_testkit::{Answer, Stage, json, stage_test};
use jiff::SignedDuration;

use super::browser::{Browser, hidden};
use crate::support::{PASSWORD, Person, letters, link_token, login, services, text};

const NEW: &str = "two ravens on a wire";

async fn send(browser: &Browser, page: &Answer, path: &str, field: (&str, &str)) -> Answer {
    let csrf = hidden(&page.text(), "csrf");
    browser.submit(path, &[("csrf", &csrf), field]).await
}

/// AUTN-02, AUTN-08, AUTN-19, WEB-03: a password is replaced on the pages; the link's token stays in no
/// address, and the page tells nobody who has an account.
#[stage_test]
async fn a_forgotten_password_is_replaced_on_the_pages(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let sign_in = browser.open("/oauth/sign-in").await;
    assert!(sign_in.text().contains("href=\"/oauth/forgotten\""));
    let page = browser.open("/oauth/forgotten").await;
    let ask = async |email: &str| send(&browser, &page, "/oauth/forgotten", ("email", email)).await;
    let known = ask(&anna.email).await;
    let unknown = ask("nobody@example.com").await;
    assert_eq!((known.status.as_u16(), known.text()), (200, unknown.text()));
    assert_eq!(ask("not an address").await.status, 422);
    let forged = browser.submit("/oauth/forgotten", &[("csrf", "x"), ("email", &anna.email)]).await;
    assert_eq!(forged.status, 403);
    let sent = letters(&t, "identity.reset_password").await;
    assert_eq!(sent.len(), 1);
    let link = text(&sent[0]["secrets"], "link").to_owned();
    let path = link.strip_prefix("https://stage.test").unwrap();

    // A letter is read on another device.
    let browser = Browser::new(&t);
    let hop = browser.open(path).await;
    assert_eq!((hop.status.as_u16(), hop.location()), (303, "/oauth/reset-password"));
    let page = browser.open("/oauth/reset-password").await;
    assert_eq!(page.status, 200, "{}", page.text());
    let set = async |page: &Answer, password: &str| {
        send(&browser, page, "/oauth/reset-password", ("password", password)).await
    };
    let weak = set(&page, "password1").await;
    assert_eq!(weak.status, 422, "{}", weak.text());
    let short = set(&page, "x").await;
    assert_eq!(short.status, 422, "{}", short.text());
    let elsewhere = Browser::new(&t);
    assert_eq!(
        send(&elsewhere, &page, "/oauth/reset-password", ("password", NEW)).await.status,
        403
    );
    assert_eq!(elsewhere.open("/oauth/reset-password").await.status, 403);
    let done = set(&weak, NEW).await;
    assert!(done.text().contains("Your new password is set"), "{}", done.text());
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    assert_eq!(login(&t, &anna.email, NEW).await.summary(), "200");
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    browser.open(path).await;
    let page = browser.open("/oauth/reset-password").await;
    assert_eq!(set(&page, "three ravens on it").await.status, 403, "once");
    for hostile in ["%0d%0aset-cookie:a=b", "a;Path=/x", "a%00"] {
        let answer = browser.open(&format!("/oauth/reset-password?token={hostile}")).await;
        assert!(answer.header("set-cookie").is_empty(), "{hostile}");
    }
}

/// AUTN-19: an address is confirmed by pressing a button: looking at the link, as mail scanners do, is
/// not enough.
#[stage_test]
async fn an_address_is_confirmed_on_the_page(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let body = json!({ "email": anna.email });
    assert_eq!(anna.actor.post("/api/v1/auth/email", body.clone()).await.summary(), "204");
    let token = link_token(&t, "identity.verify_email").await;
    let (browser, path) = (Browser::new(&t), format!("/oauth/verify-email?token={token}"));
    assert_eq!(browser.open(&path).await.location(), "/oauth/verify-email");
    let page = browser.open("/oauth/verify-email").await;
    let me = || anna.actor.get("/api/v1/users/me");
    assert_eq!(me().await.json()["email_verified"], false);
    let done = send(&browser, &page, "/oauth/verify-email", ("csrf2", "")).await;
    assert_eq!(done.status, 200, "{}", done.text());
    assert_eq!(me().await.json()["email_verified"], true);
    browser.open(&path).await;
    let page = browser.open("/oauth/verify-email").await;
    assert_eq!(send(&browser, &page, "/oauth/verify-email", ("csrf2", "")).await.status, 403);
    assert_eq!(anna.actor.post("/api/v1/auth/email", body).await.summary(), "204");
    let token = link_token(&t, "identity.verify_email").await;
    browser.open(&format!("/oauth/verify-email?token={token}")).await;
    let page = browser.open("/oauth/verify-email").await;
    t.advance(SignedDuration::from_hours(1));
    assert_eq!(send(&browser, &page, "/oauth/verify-email", ("csrf2", "")).await.status, 403);
}
