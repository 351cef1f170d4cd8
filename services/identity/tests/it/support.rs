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
