//! People of these scenes: they register and sign in like anybody.

use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Actor, Answer, Stage, Value, json};

pub(crate) const PASSWORD: &str = "a long walk by the sea";

/// Identity alone, with cheap hashes.
pub(crate) fn services() -> Vec<Service> {
    vec![hanse_identity::service(IdentityConfig::for_tests())]
}

/// Somebody with an account.
pub(crate) struct Person {
    pub(crate) email: String,
    pub(crate) answer: Value,
    /// Sends requests with the access token of the registration.
    pub(crate) actor: Actor,
}

impl Person {
    pub(crate) async fn register(t: &Stage, name: &str) -> Self {
        let email = format!("{name}@example.com");
        let answer = register(t, &email).await;
        assert_eq!(answer.summary(), "201", "{}", answer.text());
        let answer = answer.json();
        let actor = t.bearer(text(&answer, "access_token"));
        Self { email, answer, actor }
    }

    pub(crate) fn refresh_token(&self) -> &str {
        text(&self.answer, "refresh_token")
    }

    /// Another device.
    pub(crate) async fn login(&self, t: &Stage) -> (Actor, Value) {
        let answer = login(t, &self.email, PASSWORD).await;
        assert_eq!(answer.summary(), "200", "{}", answer.text());
        (t.bearer(text(&answer.json(), "access_token")), answer.json())
    }
}

pub(crate) async fn register(t: &Stage, email: &str) -> Answer {
    let body = json!({ "email": email, "password": PASSWORD, "name": "Anna Berg" });
    t.guest().post("/api/v1/auth/register", body).await
}

pub(crate) async fn login(t: &Stage, email: &str, password: &str) -> Answer {
    let body = json!({ "email": email, "password": password });
    t.guest().post("/api/v1/auth/login", body).await
}

pub(crate) async fn refresh(t: &Stage, token: &str) -> Answer {
    t.guest().post("/api/v1/auth/refresh", json!({ "refresh_token": token })).await
}

pub(crate) fn text<'a>(value: &'a Value, name: &str) -> &'a str {
    value.get(name).and_then(Value::as_str).unwrap_or_else(|| panic!("no {name} in {value}"))
}

/// The code that an authenticator app shows for this key at this moment (RFC 6238), written down a
/// second time here.
pub(crate) fn totp(t: &Stage, secret: &str) -> String {
    use hmac::Mac as _;
    let bits = secret.chars().fold((Vec::new(), 0u32, 0u32), |(mut bytes, value, bits), letter| {
        let digit = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567".find(letter).unwrap();
        let (value, bits) = (value << 5 | u32::try_from(digit).unwrap(), bits + 5);
        if bits < 8 {
            return (bytes, value, bits);
        }
        bytes.push(u8::try_from(value >> (bits - 8)).unwrap());
        (bytes, value & ((1 << (bits - 8)) - 1), bits - 8)
    });
    let mut mac = hmac::Hmac::<sha1::Sha1>::new_from_slice(&bits.0).unwrap();
    mac.update(&(t.clock.clock().now().as_second() / 30).to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let at = usize::from(tag[19] & 15);
    let word = u32::from_be_bytes(tag[at..at + 4].try_into().unwrap()) & 0x7fff_ffff;
    format!("{:06}", word % 1_000_000)
}

/// What identity asked to be told, by this template: the account, and the message with what is sealed.
pub(crate) async fn letters(t: &Stage, template: &str) -> Vec<Value> {
    use hanse_contracts::messages::SEAL;
    let key = hanse_runtime::Secrets::new(&[9; 32]).derive(SEAL);
    let sealer = hanse_http::Sealer::new(key, t.ids.clone());
    t.run_jobs().await;
    let mut found = Vec::new();
    for event in t.log("identity").await {
        if event.kind != "identity.MessageRequested" {
            continue;
        }
        let Some(data) = event.data else { continue };
        let mut message: Value = serde_json::from_str::<Value>(&data).unwrap()["message"].take();
        if message["template"] != template {
            continue;
        }
        if let Some(sealed) = message["sealed"].as_str() {
            message["secrets"] = sealer.open(SEAL, sealed).unwrap();
        }
        found.push(message);
    }
    found
}

/// The token in the link of the newest letter of this template.
pub(crate) async fn link_token(t: &Stage, template: &str) -> String {
    let letters = letters(t, template).await;
    let link =
        text(&letters.last().unwrap_or_else(|| panic!("no letter {template}"))["secrets"], "link")
            .to_owned();
    assert!(link.starts_with("https://stage.test/"), "{link}");
    link.split_once("token=").unwrap().1.to_owned()
}
