//! Scenes of the OpenID provider.

pub(crate) mod browser;
mod codes;
mod devices;
mod flows;
mod letters;
mod machines;
mod rs256;
mod sign_out;
mod steps;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::{Method, Role};
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{NewAccount, create_user};
use hanse_testkit::{Actor, Answer, Stage, Value, json};
use sha2::{Digest, Sha256};

use crate::support::{PASSWORD, Person, login, text};
use browser::{Browser, parameter};

const REDIRECT: &str = "https://app.example.com/cb";
const VERIFIER: &str = "a-verifier-that-is-long-enough-to-be-a-verifier-1358";

/// An administrator.
pub(crate) async fn admin(t: &Stage) -> Actor {
    let new = NewAccount { email: "olga@example.com", name: "Olga", password: PASSWORD };
    let config = IdentityConfig::for_tests();
    create_user(&t.db("identity"), &config, new, &[Role::Operator, Role::Admin]).await.unwrap();
    let answer = login(t, "olga@example.com", PASSWORD).await.json();
    t.bearer(text(&answer, "access_token"))
}

/// A registered program.
pub(crate) struct App {
    id: String,
    secret: Option<String>,
    guest: Actor,
}

impl App {
    pub(crate) async fn register(t: &Stage, admin: &Actor, change: Value) -> Self {
        let mut draft = json!({
            "name": "Harbour board",
            "confidential": true,
            "grant_types": ["authorization_code", "refresh_token"],
            "scope": "openid profile email offline_access thoughts:read",
            "redirect_uris": [REDIRECT],
            "post_logout_redirect_uris": ["https://app.example.com/"],
        });
        for (name, value) in change.as_object().unwrap() {
            draft[name] = value.clone();
        }
        let answer = admin.post("/api/v1/oauth/clients", draft).await;
        assert_eq!(answer.summary(), "201", "{}", answer.text());
        let view = answer.json();
        let secret = view["client_secret"].as_str().map(str::to_owned);
        Self { id: text(&view, "client_id").to_owned(), secret, guest: t.guest() }
    }

    /// The address that the program sends people to.
    pub(crate) fn ask(&self, more: &[(&str, &str)]) -> String {
        let challenge = challenge(VERIFIER);
        let mut pairs = vec![
            ("client_id", self.id.as_str()),
            ("redirect_uri", REDIRECT),
            ("response_type", "code"),
            ("scope", "openid profile"),
            ("state", "s t&te"),
            ("nonce", "n-1"),
            ("code_challenge", &challenge),
            ("code_challenge_method", "S256"),
        ];
        for (name, value) in more {
            pairs.retain(|(other, _)| other != name);
            if !value.is_empty() {
                pairs.push((name, value));
            }
        }
        format!("/oauth/authorize?{}", serde_urlencoded::to_string(pairs).unwrap())
    }

    async fn post(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        let mut fields = fields.to_vec();
        fields.push(("client_id", &self.id));
        if let Some(secret) = &self.secret {
            fields.push(("client_secret", secret));
        }
        post(&self.guest, path, &fields).await
    }

    async fn token(&self, fields: &[(&str, &str)]) -> Answer {
        self.post("/oauth/token", fields).await
    }

    pub(crate) async fn redeem(&self, code: &str) -> Answer {
        let fields = [
            ("grant_type", "authorization_code"),
            ("code", code),
            ("redirect_uri", REDIRECT),
            ("code_verifier", VERIFIER),
        ];
        self.token(&fields).await
    }

    pub(crate) async fn refresh(&self, token: &str) -> Answer {
        self.token(&[("grant_type", "refresh_token"), ("refresh_token", token)]).await
    }
}

async fn post(actor: &Actor, path: &str, fields: &[(&str, &str)]) -> Answer {
    let body = serde_urlencoded::to_string(fields).unwrap();
    let body = ("application/x-www-form-urlencoded", body);
    actor.send(Method::POST, &format!("/api/v1{path}"), Some(body)).await
}

fn challenge(verifier: &str) -> String {
    URL_SAFE_NO_PAD.encode(Sha256::digest(verifier))
}

/// What a token says, unverified.
pub(crate) fn claims(token: &str) -> Value {
    let part = token.split('.').nth(1).unwrap();
    serde_json::from_slice(&URL_SAFE_NO_PAD.decode(part).unwrap()).unwrap()
}

/// `400 invalid_grant`, or the status alone.
fn said(answer: &Answer) -> String {
    let body = answer.json();
    let error = body.get("error").and_then(Value::as_str);
    [Some(answer.status.as_u16().to_string().as_str()), error]
        .into_iter()
        .flatten()
        .collect::<Vec<_>>()
        .join(" ")
}

/// Signs in and consents: the address that the person is sent back to.
async fn let_in(browser: &Browser, app: &App, person: &Person, more: &[(&str, &str)]) -> String {
    let page = browser.open(&app.ask(more)).await;
    assert_eq!(page.status, 200, "{}", page.text());
    let next = browser.sign_in(&page, &person.email, PASSWORD).await;
    assert_eq!(next.status, 303, "{}", next.text());
    let page = browser.open(next.location()).await;
    let next = browser.decide(&page, "allow").await;
    assert_eq!(next.status, 303, "{}", next.text());
    let back = browser.open(next.location()).await;
    assert_eq!(back.status, 303, "{}", back.text());
    back.location().to_owned()
}

/// As [`let_in`]: the code.
pub(crate) async fn code(
    browser: &Browser,
    app: &App,
    person: &Person,
    more: &[(&str, &str)],
) -> String {
    let back = let_in(browser, app, person, more).await;
    parameter(&back, "code").unwrap_or_else(|| panic!("no code in {back}"))
}

/// All the way: tokens.
async fn tokens(t: &Stage, app: &App, person: &Person, more: &[(&str, &str)]) -> Value {
    let code = code(&Browser::new(t), app, person, more).await;
    let answer = app.redeem(&code).await;
    assert_eq!(said(&answer), "200", "{}", answer.text());
    answer.json()
}
