//! Signing in by an issuer elsewhere: a real one over HTTP, which says what the scene wants it to say.
#![expect(
    clippy::disallowed_methods,
    reason = "the issuer is another system, with a thread of its own"
)]

use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::OnceLock;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::SigningKey;
use ed25519_dalek::ed25519::signature::Signer as _;
use hanse_identity::IdentityConfig;
use hanse_identity::external::{IssuerConfig, IssuerKind};
use hanse_runtime::Service;
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Answer, Stage, Value, json, stage_test};

use crate::oidc::browser::{Browser, hidden, parameter};
use crate::oidc::{self, App};
use crate::passkeys::{self, Authenticator};
use crate::second_factors::set_up_totp;
use crate::support::{PASSWORD, Person, letters, login, text, totp};
use crate::{password_age, scim};

const SEED: [u8; 32] = [21; 32];

/// The issuer of all scenes. The code that it is shown is what it says: it keeps nothing.
fn issuer() -> SocketAddr {
    static ISSUER: OnceLock<SocketAddr> = OnceLock::new();
    *ISSUER.get_or_init(|| {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = listener.local_addr().unwrap();
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                std::thread::spawn(move || serve(stream, address));
            }
        });
        address
    })
}

fn serve(stream: TcpStream, address: SocketAddr) -> Option<()> {
    let mut reader = BufReader::new(stream.try_clone().ok()?);
    let (mut line, mut length, mut bearer) = (String::new(), 0, String::new());
    reader.read_line(&mut line).ok()?;
    let path = line.split(' ').nth(1)?.to_owned();
    loop {
        let mut header = String::new();
        reader.read_line(&mut header).ok()?;
        let Some((name, value)) = header.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().ok()?,
            "authorization" => bearer = value.trim_start_matches("Bearer ").to_owned(),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    let answer = say(&path, &String::from_utf8(body).ok()?, &bearer, address)?.to_string();
    let head = format!(
        "HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-length: {}\r\nconnection: close\r\n\r\n",
        answer.len()
    );
    (&stream).write_all(format!("{head}{answer}").as_bytes()).ok()
}

fn say(path: &str, body: &str, bearer: &str, address: SocketAddr) -> Option<Value> {
    let at = |path: &str| format!("http://{address}{path}");
    let decoded = |code: &str| -> Option<Value> {
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(code).ok()?).ok()
    };
    let code = || parameter(&format!("?{body}"), "code");
    match path {
        "/.well-known/openid-configuration" => Some(json!({
            "issuer": at(""), "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        })),
        "/liar/.well-known/openid-configuration" => Some(json!({
            "issuer": "https://accounts.example", "authorization_endpoint": at("/authorize"),
            "token_endpoint": at("/token"), "jwks_uri": at("/jwks"),
        })),
        "/jwks" => {
            let public = SigningKey::from_bytes(&SEED).verifying_key().to_bytes();
            let x = URL_SAFE_NO_PAD.encode(public);
            Some(json!({ "keys": [{ "kty": "OKP", "crv": "Ed25519", "kid": "1", "x": x }] }))
        }
        "/token" => {
            assert_eq!(parameter(&format!("?{body}"), "client_secret")?, "a secret of ours");
            let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
            let head = json!({ "alg": "EdDSA", "kid": "1" });
            let said = format!("{}.{}", part(&head), part(&decoded(&code()?)?));
            let signature = SigningKey::from_bytes(&SEED).sign(said.as_bytes()).to_bytes();
            let token = format!("{said}.{}", URL_SAFE_NO_PAD.encode(signature));
            Some(json!({ "access_token": "x", "token_type": "Bearer", "id_token": token }))
        }
        "/login/oauth/access_token" => Some(json!({ "access_token": code()? })),
        "/user" => Some(decoded(bearer)?["user"].clone()),
        "/user/emails" => Some(decoded(bearer)?["emails"].clone()),
        _ => None,
    }
}

fn services() -> Vec<Service> {
    with(IdentityConfig::for_tests())
}

/// Where a password is good for a day.
fn aging() -> Vec<Service> {
    with(password_age::config())
}

fn with(config: IdentityConfig) -> Vec<Service> {
    static SECRET: OnceLock<&str> = OnceLock::new();
    // Once: who reads it while it is written anew would find it empty.
    let secret = *SECRET.get_or_init(|| {
        let path = concat!(env!("CARGO_TARGET_TMPDIR"), "/issuer-secret");
        std::fs::write(path, "a secret of ours\n").unwrap();
        path
    });
    let named = |id: &str, kind, issuer: String| IssuerConfig {
        id: id.into(),
        name: format!("{id} & Co"),
        kind,
        issuer,
        client_id: "us".into(),
        client_secret_file: secret.into(),
    };
    let at = |path: &str| format!("http://{}{path}", issuer());
    let issuers = vec![
        named("acme", IssuerKind::Openid, at("")),
        named("liar", IssuerKind::Openid, at("/liar")),
        named("github", IssuerKind::Github, at("")),
    ];
    vec![hanse_identity::service(IdentityConfig { issuers, ..config })]
}

/// On the way to an issuer: what the browser was sent there with.
struct Way {
    id: &'static str,
    state: String,
    nonce: String,
}

async fn go(browser: &Browser, id: &'static str) -> Way {
    let answer = browser.open(&format!("/oauth/external/{id}")).await;
    assert_eq!(answer.status, 303, "{}", answer.text());
    let to = answer.location().to_owned();
    assert_eq!(parameter(&to, "code_challenge_method").as_deref(), Some("S256"));
    let back = parameter(&to, "redirect_uri").unwrap();
    assert_eq!(back, format!("https://stage.test/oauth/external/{id}/callback"));
    let get = |name| parameter(&to, name).unwrap();
    Way { id, state: get("state"), nonce: get("nonce") }
}

impl Way {
    /// What the issuer will say of Anna.
    fn claims(&self, t: &Stage) -> Value {
        let now = t.clock.clock().now().as_second();
        json!({
            "iss": format!("http://{}", issuer()), "sub": "anna-7", "aud": "us", "iat": now,
            "exp": now + 300, "nonce": self.nonce, "email": "Anna@Example.com",
            "email_verified": true, "name": "Anna Berg",
        })
    }

    async fn back(&self, browser: &Browser, said: &Value) -> Answer {
        let code = URL_SAFE_NO_PAD.encode(said.to_string());
        let pairs = [("code", code.as_str()), ("state", &self.state)];
        let query = serde_urlencoded::to_string(pairs).unwrap();
        browser.open(&format!("/oauth/external/{}/callback?{query}", self.id)).await
    }
}

async fn people(t: &Stage) -> i64 {
    let sql = "SELECT count(*) AS c FROM users";
    let db = t.db("identity");
    db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0)).await.unwrap()
}

/// Who comes the first time gets an account, the second time the same one, by the issuer's name for
/// them and not by their address.
#[stage_test(services = services)]
async fn a_person_comes_from_elsewhere(t: Stage) {
    let browser = Browser::new(&t);
    let page = browser.open("/oauth/sign-in").await.text();
    assert!(page.contains("acme &amp; Co"), "{page}");
    let way = go(&browser, "acme").await;
    let came = way.back(&browser, &way.claims(&t)).await;
    assert_eq!(came.status, 200, "{}", came.text());
    assert!(browser.cookie("__Host-session").is_some() && people(&t).await == 1);
    let other = Browser::new(&t);
    let way = go(&other, "acme").await;
    let mut claims = way.claims(&t);
    claims["email"] = json!("somebody-else@example.com");
    assert_eq!(way.back(&other, &claims).await.status, 200);
    assert_eq!(people(&t).await, 1);
    // Nobody signs in with a password that there is not.
    assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "401 IDN-001");
    let way = go(&other, "github").await;
    let said = json!({ "user": { "id": 9, "login": "bengh", "name": null }, "emails": [
        { "email": "other@example.com", "primary": false, "verified": true },
        { "email": "ben@example.com", "primary": true, "verified": true },
    ] });
    assert_eq!(way.back(&other, &said).await.status, 200);
    assert_eq!(people(&t).await, 2);
}

/// AUTN-09: an account that somebody made before its owner came captures nobody, and one that was
/// verified is linked only by whoever knows its password.
#[stage_test(services = services)]
async fn a_made_up_account_captures_nobody(t: Stage) {
    let mallory = Person::register(&t, "anna").await;
    let browser = Browser::new(&t);
    let way = go(&browser, "acme").await;
    let came = way.back(&browser, &way.claims(&t)).await;
    assert_eq!((came.status.as_u16(), browser.cookie("__Host-session")), (403, None));
    assert_eq!(mallory.login(&t).await.1["user"]["email"], "anna@example.com");
    let sql = "UPDATE users SET email_verified_at = created_at";
    let verify = async move |tx: &mut Tx| tx.execute(sql, &[]).await;
    t.db("identity").write::<_, StoreError, _>(verify).await.unwrap();

    let way = go(&browser, "acme").await;
    let page = way.back(&browser, &way.claims(&t)).await;
    assert!(page.text().contains("Is this account yours?"), "{}", page.text());
    assert_eq!(browser.cookie("__Host-session"), None);
    let link = async |browser: &Browser, csrf: &str, password: &str| {
        let fields = [("csrf", csrf), ("password", password)];
        browser.submit("/oauth/external-link", &fields).await.status.as_u16()
    };
    let csrf = hidden(&page.text(), "csrf");
    assert_eq!(link(&browser, "x", PASSWORD).await, 403);
    assert_eq!(link(&Browser::new(&t), &csrf, PASSWORD).await, 403, "another browser");
    assert_eq!(link(&browser, &csrf, "not the password").await, 401);
    assert_eq!(link(&browser, &csrf, PASSWORD).await, 200);
    assert!(browser.cookie("__Host-session").is_some());
    let other = Browser::new(&t);
    let way = go(&other, "acme").await;
    assert_eq!(way.back(&other, &way.claims(&t)).await.status, 200, "linked from now on");
    assert_eq!(people(&t).await, 1);
}

/// AUTN-09: who was provisioned by a directory and has not come yet is let in by their issuer, at their
/// verified address only; an account that anybody was in, or that is barred, is not given away.
#[stage_test(services = services)]
async fn who_was_provisioned_comes_from_elsewhere(t: Stage) {
    let (olga, client) = scim::directory(&t, "scim:*").await;
    let anna = scim::make(&client, "anna@example.com").await;
    let bar = |active: bool| json!([{ "op": "replace", "path": "active", "value": active }]);
    let come = async |change: Value| {
        let browser = Browser::new(&t);
        let way = go(&browser, "acme").await;
        let mut claims = way.claims(&t);
        for (name, value) in change.as_object().unwrap() {
            claims[name] = value.clone();
        }
        way.back(&browser, &claims).await.status.as_u16()
    };
    assert_eq!(come(json!({ "email_verified": false })).await, 403);
    assert_eq!(scim::patch(&client, &scim::path(&anna), bar(false)).await.status, 200);
    assert_eq!(come(json!({})).await, 403, "barred");
    assert_eq!(scim::patch(&client, &scim::path(&anna), bar(true)).await.status, 200);
    assert_eq!(come(json!({})).await, 200);
    let shown = olga.get(format!("/api/v1/users/{}", text(&anna, "id"))).await.json();
    assert_eq!(shown["email_verified"], true);
    // Somebody else by the same address is too late.
    assert_eq!(come(json!({ "sub": "other-8" })).await, 403);
    assert_eq!(come(json!({})).await, 200);
}

/// AUTN-07, AUTN-09: who comes from elsewhere shows the second factor too, and is linked only then.
#[stage_test(services = services)]
async fn a_second_factor_is_asked_for_whoever_comes(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let sql = "UPDATE users SET email_verified_at = created_at";
    let verify = async move |tx: &mut Tx| tx.execute(sql, &[]).await;
    t.db("identity").write::<_, StoreError, _>(verify).await.unwrap();
    let (secret, _) = set_up_totp(&t, &anna.actor).await;
    let enter = async |browser: &Browser, code: &str| {
        let page = browser.open("/oauth/second-factor").await.text();
        let csrf = hidden(&page, "csrf");
        let fields = [("csrf", &*csrf), ("next", ""), ("factor", "totp"), ("code", code)];
        browser.submit("/oauth/second-factor", &fields).await.status.as_u16()
    };
    for entered in [false, true] {
        let browser = Browser::new(&t);
        let way = go(&browser, "acme").await;
        let page = way.back(&browser, &way.claims(&t)).await;
        assert!(page.text().contains("Is this account yours?"), "not linked yet");
        let csrf = hidden(&page.text(), "csrf");
        let fields = [("csrf", &*csrf), ("password", PASSWORD)];
        let step = browser.submit("/oauth/external-link", &fields).await;
        assert!(step.location().starts_with("/oauth/second-factor"), "{}", step.text());
        let code = if entered { totp(&t, &secret) } else { "000000".to_owned() };
        assert_eq!(enter(&browser, &code).await, if entered { 200 } else { 401 });
    }
    t.advance(jiff::SignedDuration::from_secs(30));
    let browser = Browser::new(&t);
    let way = go(&browser, "acme").await;
    let step = way.back(&browser, &way.claims(&t)).await;
    assert!(step.location().starts_with("/oauth/second-factor"), "linked: {}", step.text());
    assert_eq!(browser.cookie("__Host-session"), None);
    assert_eq!(enter(&browser, &totp(&t, &secret)).await, 200);
    assert!(browser.cookie("__Host-session").is_some());
}

/// A password that is too old links nobody before another was chosen. Who is linked needs none.
#[stage_test(services = aging)]
async fn a_password_that_is_too_old_links_nobody(t: Stage) {
    Person::register(&t, "anna").await;
    let sql = "UPDATE users SET email_verified_at = created_at";
    let verify = async move |tx: &mut Tx| tx.execute(sql, &[]).await;
    t.db("identity").write::<_, StoreError, _>(verify).await.unwrap();
    t.advance(password_age::DAY);
    let browser = Browser::new(&t);
    let way = go(&browser, "acme").await;
    let page = way.back(&browser, &way.claims(&t)).await;
    let csrf = hidden(&page.text(), "csrf");
    let fields = [("csrf", &*csrf), ("password", PASSWORD)];
    let step = browser.submit("/oauth/external-link", &fields).await;
    assert!(step.location().starts_with("/oauth/new-password"), "{}", step.text());
    let other = Browser::new(&t);
    let way = go(&other, "acme").await;
    let page = way.back(&other, &way.claims(&t)).await;
    assert!(page.text().contains("Is this account yours?"), "not linked yet");
    let done = password_age::choose(&browser, &step, password_age::NEW).await;
    assert_eq!(done.status, 200, "{}", done.text());
    t.advance(password_age::DAY);
    let way = go(&other, "acme").await;
    assert_eq!(way.back(&other, &way.claims(&t)).await.status, 200, "linked");
    assert!(other.cookie("__Host-session").is_some());
}

/// AUTN-08, AUTZ-01: a person sees who signs in to their account from elsewhere and ends it, having just
/// proven who they are; nobody else sees or ends it.
#[stage_test(services = services)]
async fn links_are_seen_and_ended_by_their_owner(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let sql = "UPDATE users SET email_verified_at = created_at";
    let verify = async move |tx: &mut Tx| tx.execute(sql, &[]).await;
    t.db("identity").write::<_, StoreError, _>(verify).await.unwrap();
    let browser = Browser::new(&t);
    let way = go(&browser, "acme").await;
    let page = way.back(&browser, &way.claims(&t)).await;
    let csrf = hidden(&page.text(), "csrf");
    let fields = [("csrf", &*csrf), ("password", PASSWORD)];
    assert_eq!(browser.submit("/oauth/external-link", &fields).await.status, 200);
    let told = letters(&t, "identity.link_added").await;
    assert_eq!((told.len(), &told[0]["values"]["issuer"]), (1, &json!("acme & Co")));

    let list = "/api/v1/auth/external-identities";
    let seen = anna.actor.get(list).await.json();
    assert_eq!(seen["items"].as_array().map(Vec::len), Some(1), "{seen}");
    let link = &seen["items"][0];
    let shown = (&link["issuer"], &link["issuer_name"], &link["subject"]);
    assert_eq!(shown, (&json!("acme"), &json!("acme & Co"), &json!("anna-7")));
    let one = format!("{list}/{}", text(link, "id"));
    let olga = oidc::admin(&t).await;
    let ben = Person::register(&t, "ben").await;
    for other in [&olga, &ben.actor] {
        assert_eq!(other.get(list).await.json()["items"], json!([]));
        assert_eq!(other.delete(&one).await.summary(), "404 IDN-029");
    }
    assert_eq!(t.guest().delete(&one).await.summary(), "401 HTT-010");
    let (phone, _) = anna.login(&t).await;
    t.advance(jiff::SignedDuration::from_mins(11));
    assert_eq!(anna.actor.delete(&one).await.summary(), "403 IDN-014");
    let again = json!({ "password": PASSWORD });
    assert_eq!(anna.actor.post("/api/v1/auth/reauthenticate", again).await.summary(), "204");
    assert_eq!(anna.actor.delete(&one).await.summary(), "204");
    assert_eq!(phone.get("/api/v1/users/me").await.summary(), "401 HTT-011", "others end");
    assert_eq!(anna.actor.get(list).await.json()["items"], json!([]));
    assert_eq!(anna.actor.delete(&one).await.summary(), "404 IDN-029");
    let way = go(&browser, "acme").await;
    let page = way.back(&browser, &way.claims(&t)).await;
    assert!(page.text().contains("Is this account yours?"), "{}", page.text());
}

/// The last way in stays: an account that came from elsewhere has no password until somebody sets one. A
/// passkey that has just been used to prove who one is is a way in, too.
#[stage_test(services = services)]
async fn the_last_way_in_stays(t: Stage) {
    let olga = oidc::admin(&t).await;
    let scope = json!({ "scope": "openid identity:read identity:write" });
    let app = App::register(&t, &olga, scope).await;
    let browser = Browser::new(&t);
    let way = go(&browser, "acme").await;
    assert_eq!(way.back(&browser, &way.claims(&t)).await.status, 200);
    // What a program gets that the person lets in.
    let page = browser.open(&app.ask(&[("scope", "openid identity:read identity:write")])).await;
    let next = browser.decide(&page, "allow").await;
    let back = browser.open(next.location()).await;
    let code = parameter(back.location(), "code").unwrap();
    let tokens = app.redeem(&code).await.json();
    let anna = t.bearer(text(&tokens, "access_token"));
    let link = anna.get("/api/v1/auth/external-identities").await.json();
    let one = format!("/api/v1/auth/external-identities/{}", text(&link["items"][0], "id"));
    assert_eq!(anna.delete(&one).await.summary(), "409 IDN-030");
    let key = Authenticator::new(1);
    passkeys::make(&anna, &key).await;
    assert_eq!(anna.delete(&one).await.summary(), "409 IDN-030", "it was never used");
    let options = passkeys::challenge(&anna, None).await;
    let credential = key.get(&options, |_| {});
    let again = json!({ "credential": credential });
    let proven = anna.post("/api/v1/auth/reauthenticate/passkey", again).await;
    assert_eq!(proven.summary(), "204", "{}", proven.text());
    assert_eq!(anna.delete(&one).await.summary(), "204");
}

/// AUTN-10: what an issuer says wrongly, or somebody else says, signs nobody in. The whole table of
/// tokens is in `external/id_token.rs`.
#[stage_test(local, services = services)]
async fn wrong_answers_sign_nobody_in(t: Stage) {
    let browser = Browser::new(&t);
    for (name, value) in [
        ("iss", json!("https://accounts.example")),
        ("aud", json!("them")),
        ("nonce", json!("another")),
        ("exp", json!(1)),
        ("email_verified", json!(false)),
    ] {
        let way = go(&browser, "acme").await;
        let mut claims = way.claims(&t);
        claims[name] = value.clone();
        let status = way.back(&browser, &claims).await.status.as_u16();
        assert!([403, 502].contains(&status), "{name}: {status}");
    }
    let way = go(&browser, "acme").await;
    let claims = way.claims(&t);
    let other = Browser::new(&t);
    assert_eq!(way.back(&other, &claims).await.status, 403, "another browser");
    go(&other, "acme").await;
    assert_eq!(way.back(&other, &claims).await.status, 403, "another state");
    let wrong_door = Way { id: "github", ..go(&browser, "acme").await };
    assert_eq!(wrong_door.back(&browser, &claims).await.status, 403, "another issuer's door");
    let way = go(&browser, "acme").await;
    let mixed =
        format!("/oauth/external/acme/callback?code=x&state={}&iss=https://evil", way.state);
    assert_eq!(browser.open(&mixed).await.status, 403, "RFC 9207");
    let way = go(&browser, "acme").await;
    t.advance(jiff::SignedDuration::from_mins(11));
    assert_eq!(way.back(&browser, &way.claims(&t)).await.status, 403, "too late");
    assert_eq!(browser.open("/oauth/external/liar").await.status, 502, "it calls itself another");
    assert_eq!(browser.open("/oauth/external/nobody").await.status, 404);
    assert_eq!((people(&t).await, browser.cookie("__Host-session")), (0, None));
}
