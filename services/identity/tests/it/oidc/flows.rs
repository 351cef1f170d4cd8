//! A person signs in to a program.

use hanse_testkit::{Stage, json, stage_test};

use super::browser::{Browser, hidden, parameter};
use super::{App, REDIRECT, admin, claims, let_in, said, tokens};
use crate::support::{PASSWORD, Person, refresh, services, text};

/// The whole way, and what the program gets: an ID token for it alone, an access token that reaches
/// what was allowed and no more, a refresh token that only it can use.
#[stage_test]
async fn a_person_signs_in_to_a_program(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let other = App::register(&t, &admin, json!({ "name": "Other" })).await;
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let back = let_in(&browser, &app, &anna, &[]).await;
    assert!(back.starts_with(&format!("{REDIRECT}?code=")), "{back}");
    assert_eq!(parameter(&back, "state").as_deref(), Some("s t&te"));
    assert_eq!(parameter(&back, "iss").as_deref(), Some("https://stage.test"));
    let answer = app.redeem(&parameter(&back, "code").unwrap()).await;
    assert_eq!(answer.header("cache-control"), "no-store");
    let got = answer.json();
    assert_eq!(got["scope"], "openid profile");

    let id = claims(text(&got, "id_token"));
    assert_eq!((&id["iss"], &id["aud"]), (&json!("https://stage.test"), &json!(app.id)));
    assert_eq!((&id["nonce"], &id["sub"]), (&json!("n-1"), &anna.answer["user"]["id"]));
    assert_eq!((&id["amr"], &id["acr"]), (&json!(["pwd"]), &json!("aal1")));
    assert_eq!((&id["name"], id.get("email")), (&json!("Anna Berg"), None));
    // An ID token opens nothing.
    let holder = t.bearer(text(&got, "id_token"));
    assert_eq!(holder.get("/api/v1/users/me").await.summary(), "401 HTT-011");

    let program = t.bearer(text(&got, "access_token"));
    let info = program.get("/api/v1/oauth/userinfo").await.json();
    assert_eq!(info["sub"], anna.answer["user"]["id"]);
    assert_eq!((&info["name"], info.get("email")), (&json!("Anna Berg"), None));
    assert_eq!(program.get("/api/v1/users/me").await.summary(), "403 HTT-022");
    assert_eq!(program.delete("/api/v1/users/me").await.summary(), "403 HTT-022");

    let token = text(&got, "refresh_token");
    assert_eq!(said(&other.refresh(token).await), "400 invalid_grant");
    assert_eq!(refresh(&t, token).await.summary(), "401 IDN-006", "not by the platform's own way");
    let next = app.refresh(token).await.json();
    assert_eq!(next["scope"], "openid profile");
    assert_eq!(claims(text(&next, "id_token")).get("nonce"), None);

    let sessions = anna.actor.get("/api/v1/auth/sessions").await.json();
    let agents: Vec<_> =
        sessions["items"].as_array().unwrap().iter().map(|s| s["user_agent"].clone()).collect();
    assert!(agents.iter().any(|agent| agent.as_str().unwrap().starts_with("Harbour board")));
}

/// What was allowed is remembered, and can be taken back: then the program's tokens end (AUTN-13).
#[stage_test]
async fn consent_is_remembered_and_taken_back(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let back = let_in(&browser, &app, &anna, &[]).await;
    let got = app.redeem(&parameter(&back, "code").unwrap()).await.json();
    let again = browser.open(&app.ask(&[])).await;
    assert!(again.location().starts_with(REDIRECT), "{}", again.text());
    let silent = browser.open(&app.ask(&[("prompt", "none")])).await;
    assert!(parameter(silent.location(), "code").is_some(), "{}", silent.location());
    // More than was allowed is asked for.
    let more = browser.open(&app.ask(&[("scope", "openid thoughts:read")])).await;
    assert!(more.text().contains("read your thoughts"), "{}", more.text());
    let more = [("scope", "openid thoughts:read"), ("prompt", "none")];
    let more = browser.open(&app.ask(&more)).await;
    assert_eq!(parameter(more.location(), "error").as_deref(), Some("consent_required"));

    let list = anna.actor.get("/api/v1/oauth/consents").await.json();
    assert_eq!(list["items"][0]["name"], "Harbour board");
    let path = format!("/api/v1/oauth/consents/{}", app.id);
    let ben = Person::register(&t, "ben").await;
    assert_eq!(ben.actor.delete(&path).await.summary(), "404 IDN-040");
    assert_eq!(anna.actor.delete(&path).await.summary(), "204");
    assert_eq!(said(&app.refresh(text(&got, "refresh_token")).await), "400 invalid_grant");
    let program = t.bearer(text(&got, "access_token"));
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "401 HTT-011");
    let asked = browser.open(&app.ask(&[])).await;
    assert_eq!(asked.status, 200, "{}", asked.location());
}

/// `prompt`, `max_age`, and a no.
#[stage_test(local)]
async fn the_program_says_how_to_ask(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({ "trusted": true })).await;
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let silent = browser.open(&app.ask(&[("prompt", "none")])).await;
    assert_eq!(parameter(silent.location(), "error").as_deref(), Some("login_required"));
    let page = browser.open(&app.ask(&[("login_hint", "anna@example.com")])).await;
    assert!(page.text().contains("value=\"anna@example.com\""), "{}", page.text());
    let next = browser.sign_in(&page, &anna.email, PASSWORD).await;
    // Nobody is asked for a trusted program.
    let back = browser.open(next.location()).await;
    assert!(back.location().starts_with(REDIRECT), "{}", back.text());
    for (name, value) in [("prompt", "login"), ("prompt", "select_account")] {
        let page = browser.open(&app.ask(&[(name, value)])).await;
        assert!(page.text().contains("Sign in"), "{name}");
        let next = browser.sign_in(&page, &anna.email, PASSWORD).await;
        assert!(browser.open(next.location()).await.location().starts_with(REDIRECT));
    }
    assert!(browser.open(&app.ask(&[("max_age", "60")])).await.location().starts_with(REDIRECT));
    t.advance(jiff::SignedDuration::from_secs(61));
    assert_eq!(browser.open(&app.ask(&[("max_age", "60")])).await.status, 200);
    let page = browser.open(&app.ask(&[("prompt", "consent")])).await;
    let denied = browser.decide(&page, "deny").await;
    assert_eq!(parameter(denied.location(), "error").as_deref(), Some("access_denied"));
    assert_eq!(parameter(denied.location(), "state").as_deref(), Some("s t&te"));
}

/// WEB-01, AUTN-17, INJ-16: a form counts only from the browser that it was given to, only from a page
/// of ours, only for what it was made for; and the cookie is new at each sign-in.
#[stage_test(local)]
async fn forms_are_taken_from_their_browser_only(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let (browser, other) = (Browser::new(&t), Browser::new(&t));
    let page = browser.open(&app.ask(&[])).await.text();
    let (csrf, next) = (hidden(&page, "csrf"), hidden(&page, "next"));
    let fields = |csrf: &str, next: &str| {
        [("csrf", csrf), ("next", next), ("email", &anna.email), ("password", PASSWORD)]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let send = async |from: &Browser, site: &str, csrf: &str, next: &str| {
        let fields = fields(csrf, next);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        from.submit_from(site, "/oauth/sign-in", &fields).await
    };
    other.open(&app.ask(&[])).await;
    assert_eq!(send(&other, "same-origin", &csrf, &next).await.status, 403, "another browser");
    for site in ["cross-site", "same-site", "none"] {
        assert_eq!(send(&browser, site, &csrf, &next).await.status, 403, "{site}");
    }
    assert_eq!(send(&browser, "same-origin", "", &next).await.status, 403);
    assert_eq!(send(&browser, "same-origin", &next, &next).await.status, 403);
    for away in ["https://evil.example/", "//evil.example/oauth/authorize?", "/oauth/authorize"] {
        let answer = send(&browser, "same-origin", &csrf, away).await;
        assert_eq!((answer.status.as_u16(), answer.location()), (200, ""), "{away}");
    }
    let first = browser.cookie("__Host-session").unwrap();
    assert_eq!(send(&browser, "same-origin", &csrf, &next).await.status, 303);
    assert_ne!(browser.cookie("__Host-session").unwrap(), first);

    // The token of one form is not that of another, nor of another person's session.
    let page = browser.open(&next).await;
    let next = hidden(&page.text(), "next");
    let fields = [("csrf", &*csrf), ("next", &next), ("decision", "allow")];
    assert_eq!(browser.submit("/oauth/consent", &fields).await.status, 403);
    assert_eq!(browser.decide(&page, "allow").await.status, 303);
    t.advance(jiff::SignedDuration::from_hours(2));
    assert_eq!(send(&browser, "same-origin", &csrf, &next).await.status, 403, "open for too long");
}

/// AUTN-01, WEB-04: a wrong password and an unknown address look the same, and the page says so where
/// the fields are; every page is strict.
#[stage_test(local)]
async fn the_page_tells_nobody_who_has_an_account(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let page = browser.open(&app.ask(&[])).await;
    let policy = page.header("content-security-policy").to_owned();
    assert!(policy.contains("default-src 'none'") && !policy.contains("unsafe"), "{policy}");
    assert!(policy.contains("form-action 'self' https://app.example.com;"), "{policy}");
    assert!(!page.text().contains("<script"));
    let known = browser.sign_in(&page, &anna.email, "another password").await;
    let unknown = browser.sign_in(&page, "nobody@example.com", "another password").await;
    assert_eq!((known.status.as_u16(), unknown.status.as_u16()), (401, 401));
    // The token is sealed anew each time; all else is the same.
    let strip = |answer: &hanse_testkit::Answer| {
        let text = answer.text();
        text.replace(&hidden(&text, "csrf"), "").replace("nobody@", "anna@")
    };
    assert_eq!(strip(&known), strip(&unknown));
    for mark in ["role=\"alert\"", "aria-describedby=\"problem\"", "<label for=\"password\">"] {
        assert!(known.text().contains(mark), "{mark}");
    }
}

/// AUTN-13: whoever may not sign in any more has no tokens; a changed password ends every program.
#[stage_test(local)]
async fn a_changed_password_ends_what_programs_have(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let got = tokens(&t, &app, &anna, &[]).await;
    let change = json!({ "current_password": PASSWORD, "new_password": "two ravens on a wire" });
    assert_eq!(anna.actor.post("/api/v1/auth/change-password", change).await.summary(), "204");
    assert_eq!(said(&app.refresh(text(&got, "refresh_token")).await), "400 invalid_grant");
    let program = t.bearer(text(&got, "access_token"));
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "401 HTT-011");
    assert_eq!(admin.delete(format!("/api/v1/oauth/clients/{}", app.id)).await.summary(), "204");
    assert_eq!(Browser::new(&t).open(&app.ask(&[])).await.status, 400);
}
