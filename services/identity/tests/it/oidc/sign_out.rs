//! Signing out, here and of every program.

use hanse_testkit::{Stage, json, stage_test};

use super::browser::{Browser, hidden, parameter};
use super::{App, admin, let_in, said};
use crate::support::{Person, services, text};

/// A link alone signs nobody out; the form ends the browser's session and those of programs, and leads
/// only where the program has registered.
#[stage_test]
async fn a_person_signs_out_everywhere(t: Stage) {
    let admin = admin(&t).await;
    let app = App::register(&t, &admin, json!({})).await;
    let anna = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let back = let_in(&browser, &app, &anna, &[]).await;
    let got = app.redeem(&parameter(&back, "code").unwrap()).await.json();
    let program = t.bearer(text(&got, "access_token"));
    let ask = |to: &str| {
        let pairs =
            [("client_id", app.id.as_str()), ("post_logout_redirect_uri", to), ("state", "7")];
        format!("/oauth/logout?{}", serde_urlencoded::to_string(pairs).unwrap())
    };
    let page = browser.open(&ask("https://app.example.com/")).await;
    assert_eq!(page.status, 200);
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "200", "only asked");
    let page = page.text();
    let fields = |csrf: &str, to: &str| {
        [("csrf", csrf), ("client_id", &app.id), ("post_logout_redirect_uri", to), ("state", "7")]
            .map(|(name, value)| (name.to_owned(), value.to_owned()))
    };
    let submit = async |csrf: &str, to: &str| {
        let fields = fields(csrf, to);
        let fields: Vec<_> = fields.iter().map(|(n, v)| (n.as_str(), v.as_str())).collect();
        browser.submit("/oauth/logout", &fields).await
    };
    let to = "https://app.example.com/";
    assert_eq!(submit("x", to).await.status, 403);
    let gone = submit(&hidden(&page, "csrf"), to).await;
    assert_eq!(gone.location(), "https://app.example.com/?state=7");
    assert_eq!(gone.header("clear-site-data"), "\"cache\", \"storage\"");
    assert_eq!(browser.cookie("__Host-session"), None);
    assert_eq!(program.get("/api/v1/oauth/userinfo").await.summary(), "401 HTT-011");
    assert_eq!(said(&app.refresh(text(&got, "refresh_token")).await), "400 invalid_grant");
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "200", "another device stays");
    // Another site's form comes without cookies: it must not take away those that there are.
    let forged = Browser::new(&t);
    let empty = [("csrf", "x"), ("client_id", ""), ("post_logout_redirect_uri", ""), ("state", "")];
    let answer = forged.submit_from("cross-site", "/oauth/logout", &empty).await;
    assert_eq!((answer.header("set-cookie"), answer.header("clear-site-data")), ("", ""));
    for elsewhere in ["https://evil.example/", "https://app.example.com", "//evil.example"] {
        let page = browser.open(&ask(elsewhere)).await;
        assert_eq!((page.status.as_u16(), page.location()), (200, ""), "{elsewhere}");
    }
}
