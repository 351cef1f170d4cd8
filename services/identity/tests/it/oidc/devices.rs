//! Devices without a browser (RFC 8628).

use hanse_testkit::{Stage, json, stage_test};
use jiff::SignedDuration;

use super::browser::{Browser, hidden};
use super::{App, admin, said};
use crate::support::{PASSWORD, Person, services, text};

const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";

#[stage_test]
async fn a_person_lets_a_device_in(t: Stage) {
    let admin = admin(&t).await;
    let device = json!({ "confidential": false, "grant_types": [GRANT, "refresh_token"], "redirect_uris": [] });
    let app = App::register(&t, &admin, device).await;
    let anna = Person::register(&t, "anna").await;
    let begin = async || {
        app.post("/oauth/device-authorization", &[("scope", "openid thoughts:read")]).await.json()
    };
    let codes = begin().await;
    let poll = async |codes: &hanse_testkit::Value| {
        app.token(&[("grant_type", GRANT), ("device_code", text(codes, "device_code"))]).await
    };
    assert_eq!(said(&poll(&codes).await), "400 authorization_pending");
    assert_eq!(said(&poll(&codes).await), "400 slow_down");
    t.advance(SignedDuration::from_secs(11));
    assert_eq!(said(&poll(&codes).await), "400 authorization_pending");

    let browser = Browser::new(&t);
    let complete = text(&codes, "verification_uri_complete");
    let page = browser.open(complete.strip_prefix("https://stage.test").unwrap()).await;
    let next = browser.sign_in(&page, &anna.email, PASSWORD).await;
    let page = browser.open(next.location()).await;
    let shown = text(&codes, "user_code");
    assert!(page.text().contains(shown), "the code is filled in: {}", page.text());
    let look = async |code: &str| {
        let csrf = hidden(&page.text(), "csrf");
        let fields = [("csrf", &*csrf), ("user_code", code), ("decision", "look")];
        browser.submit("/oauth/device", &fields).await
    };
    assert!(look("BCDF-GHJK").await.text().contains("No device waits"));
    let asked = look(&shown.to_lowercase().replace('-', "")).await.text();
    assert!(asked.contains("Harbour board") && asked.contains("read your thoughts"), "{asked}");
    let decide = async |page: &str, decision: &str| {
        let (csrf, code) = (hidden(page, "csrf"), hidden(page, "user_code"));
        let fields = [("csrf", &*csrf), ("user_code", &code), ("decision", decision)];
        browser.submit("/oauth/device", &fields).await
    };
    assert!(decide(&asked, "allow").await.text().contains("let in"));
    let got = poll(&codes).await;
    assert_eq!(said(&got), "200", "{}", got.text());
    assert_eq!(got.json()["scope"], "openid thoughts:read");
    assert_eq!(said(&poll(&codes).await), "400 invalid_grant", "once");

    let denied = begin().await;
    let asked = look(text(&denied, "user_code")).await.text();
    decide(&asked, "deny").await;
    assert_eq!(said(&poll(&denied).await), "400 access_denied");
    let late = begin().await;
    t.advance(SignedDuration::from_mins(10));
    assert_eq!(said(&poll(&late).await), "400 expired_token");
    let page = browser.open("/oauth/device").await.text();
    let csrf = hidden(&page, "csrf");
    let fields = [("csrf", &*csrf), ("user_code", text(&late, "user_code")), ("decision", "look")];
    assert!(browser.submit("/oauth/device", &fields).await.text().contains("No device waits"));
}
