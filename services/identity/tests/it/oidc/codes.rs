//! Codes, addresses, verifiers and refresh tokens that are wrong.

use hanse_testkit::{Stage, json, stage_test};

use super::browser::{Browser, parameter};
use super::{App, REDIRECT, VERIFIER, admin, challenge, code, said, tokens};
use crate::support::{Person, services, text};

/// AUTN-14: once, for a minute, for one program, address and verifier; a second use ends what the first
/// one gave.
#[stage_test]
async fn a_code_is_good_once_for_whom_it_was_made(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let other = App::register(&t, &admin, json!({ "name": "Other" })).await;
    let anna = Person::register(&t, "anna").await;
    let code = code(&Browser::new(&t), &app, &anna, &[]).await;
    assert_eq!(said(&other.redeem(&code).await), "400 invalid_grant", "another program");
    let with = |name: &'static str, value: &'static str| {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", &code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        let fields = fields.map(|(field, old)| (field, if field == name { value } else { old }));
        let app = &app;
        async move { app.token(&fields).await }
    };
    for (name, value) in [
        ("code_verifier", ""),
        ("code_verifier", "another-verifier-that-is-long-enough-to-be-one-1"),
        ("redirect_uri", ""),
        ("redirect_uri", "https://app.example.com/cb/"),
        ("code", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA"),
        ("code", ""),
    ] {
        assert_eq!(said(&with(name, value).await), "400 invalid_grant", "{name} {value}");
    }
    let got = app.redeem(&code).await;
    assert_eq!(said(&got), "200", "{}", got.text());
    let program = t.bearer(text(&got.json(), "access_token"));
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "200");
    assert_eq!(said(&app.redeem(&code).await), "400 invalid_grant", "a second time");
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "401 HTT-011");
    let refreshed = app.refresh(text(&got.json(), "refresh_token")).await;
    assert_eq!(said(&refreshed), "400 invalid_grant");
}

/// AUTN-14: a code ends after a minute, and with the browser's session.
#[stage_test(local)]
async fn a_code_does_not_wait(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let first = code(&browser, &app, &anna, &[]).await;
    t.advance(jiff::SignedDuration::from_secs(60));
    assert_eq!(said(&app.redeem(&first).await), "400 invalid_grant");
    let back = browser.open(&app.ask(&[])).await;
    let second = parameter(back.location(), "code").unwrap();
    let sessions = anna.actor.get("/api/v1/auth/sessions").await.json();
    for session in sessions["items"].as_array().unwrap() {
        let path = format!("/api/v1/auth/sessions/{}", text(session, "id"));
        if session["current"] == false {
            assert_eq!(anna.actor.delete(path).await.summary(), "204");
        }
    }
    assert_eq!(said(&app.redeem(&second).await), "400 invalid_grant");
    assert_eq!(browser.open(&app.ask(&[])).await.status, 200, "signed out of the browser");
}

/// AUTN-15: nobody is sent to an address that is not exactly registered, whatever else is wrong; what
/// is wrong with the rest is told to the program.
#[stage_test(local)]
async fn requests_that_are_wrong(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let browser = Browser::new(&t);
    for (name, value) in [
        ("client_id", "0195f000-0000-7000-8000-000000000007"),
        ("client_id", "x"),
        ("redirect_uri", "https://app.example.com/cb2"),
        ("redirect_uri", "https://evil.example/"),
        ("redirect_uri", ""),
    ] {
        let more = [(name, value), ("prompt", "none"), ("response_type", "token")];
        let answer = browser.open(&app.ask(&more)).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (400, ""), "{name} {value}");
    }
    let plain = challenge(VERIFIER);
    for (name, value, error) in [
        ("response_type", "token", "unsupported_response_type"),
        ("response_type", "", "unsupported_response_type"),
        ("response_mode", "fragment", "invalid_request"),
        ("code_challenge", "", "invalid_request"),
        ("code_challenge", "short", "invalid_request"),
        ("code_challenge_method", "plain", "invalid_request"),
        ("code_challenge_method", "", "invalid_request"),
        ("scope", "", "invalid_scope"),
        ("scope", "openid thoughts:write", "invalid_scope"),
        ("scope", "*:*", "invalid_scope"),
        ("scope", "a:b:c", "invalid_scope"),
        ("max_age", "soon", "invalid_request"),
        ("prompt", "none login", "invalid_request"),
        ("prompt", "create", "invalid_request"),
        ("request", "eyJhbGciOiJub25lIn0.e30.", "request_not_supported"),
        ("request_uri", "https://evil.example/", "request_uri_not_supported"),
    ] {
        let back = browser.open(&app.ask(&[("code_challenge", &plain), (name, value)])).await;
        let to = back.location();
        assert!(to.starts_with(&format!("{REDIRECT}?error=")), "{name} {value}: {}", back.text());
        assert_eq!(parameter(to, "error").as_deref(), Some(error), "{name} {value}");
        assert_eq!(parameter(to, "iss").as_deref(), Some("https://stage.test"));
    }
    let twice = format!("{}&client_id={}", app.ask(&[]), app.id);
    assert_eq!(browser.open(&twice).await.status, 400, "two of a parameter");
}

/// AUTN-12: a program's refresh tokens rotate like all others, and a used one ends the session.
#[stage_test]
async fn a_used_refresh_token_ends_the_session(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let first = tokens(&t, &app, &anna, &[]).await;
    let second = app.refresh(text(&first, "refresh_token")).await.json();
    assert_ne!(first["refresh_token"], second["refresh_token"]);
    let again = app.refresh(text(&first, "refresh_token")).await.json();
    assert_eq!(again["refresh_token"], second["refresh_token"], "an answer that was lost");
    t.advance(jiff::SignedDuration::from_secs(11));
    let wider = [
        ("grant_type", "refresh_token"),
        ("refresh_token", text(&second, "refresh_token")),
        ("scope", "openid thoughts:read"),
    ];
    assert_eq!(said(&app.token(&wider).await), "400 invalid_scope");
    assert_eq!(said(&app.refresh(text(&first, "refresh_token")).await), "400 invalid_grant");
    assert_eq!(said(&app.refresh(text(&second, "refresh_token")).await), "400 invalid_grant");
    let program = t.bearer(text(&second, "access_token"));
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "401 HTT-011");
}

/// AUTN-16: a secret is compared whole.
#[stage_test(local)]
async fn a_secret_that_is_not_whole_is_none(t: Stage) {
    let admin = admin(&t).await;
    let mut app = App::register(&t, &admin, json!({})).await;
    let secret = app.secret.clone().unwrap();
    let (last, _) = (secret.len() - 1, ());
    let wrong = [
        None,
        Some(String::new()),
        Some(secret[..last].to_owned()),
        Some(format!("{secret}A")),
        Some(secret.to_uppercase()),
    ];
    for wrong in wrong {
        app.secret = wrong.clone();
        assert_eq!(said(&app.refresh("x").await), "401 invalid_client", "{wrong:?}");
    }
    app.secret = Some(secret);
    assert_eq!(said(&app.refresh("x").await), "400 invalid_grant");
    let path = format!("/api/v1/oauth/clients/{}/secret", app.id);
    let fresh = admin.post(path, json!({})).await.json();
    assert_eq!(said(&app.refresh("x").await), "401 invalid_client", "the old one");
    app.secret = Some(text(&fresh, "client_secret").to_owned());
    assert_eq!(said(&app.refresh("x").await), "400 invalid_grant");
    let keyless = App::register(&t, &admin, json!({ "confidential": false })).await;
    let shown = App { secret: Some("x".into()), ..keyless };
    assert_eq!(said(&shown.refresh("x").await), "401 invalid_client", "one that has no secret");
}
