//! Somebody who uses the API.

use std::time::Duration;

use serde_json::{Value, json};
use ureq::http::{HeaderMap, Request};
use ureq::{Agent, AsSendBody};

/// Somebody who uses the API, over connections of their own.
#[derive(Clone)]
pub struct Client {
    agent: Agent,
    url: String,
    /// Their access token, if they are signed in.
    pub token: Option<String>,
    /// Their refresh token.
    pub refresh: Option<String>,
    /// Their account.
    pub user: Value,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Answer {
    /// Status.
    pub status: u16,
    /// Headers.
    pub headers: HeaderMap,
    /// Body.
    pub text: String,
}

impl Answer {
    /// The body as JSON; null when it is not.
    #[must_use]
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// A header, or nothing.
    #[must_use]
    pub fn header(&self, name: &str) -> &str {
        self.headers.get(name).and_then(|value| value.to_str().ok()).unwrap_or_default()
    }

    /// The status, and the code of a problem: `201`, `404 THT-001`.
    #[must_use]
    pub fn summary(&self) -> String {
        match self.json().get("code").and_then(Value::as_str) {
            Some(code) if self.status >= 400 => format!("{} {code}", self.status),
            _ => self.status.to_string(),
        }
    }
}

impl Client {
    /// Somebody who is not signed in.
    #[must_use]
    pub fn new(url: &str) -> Self {
        let config = Agent::config_builder()
            .http_status_as_error(false)
            .allow_non_standard_methods(true)
            .timeout_global(Some(Duration::from_secs(60)))
            // The platform lets a connection go that was idle for ten seconds; on a slow machine that is
            // soon, and a request that meets it would fail.
            .max_idle_age(Duration::from_secs(5))
            .max_redirects(0)
            .build();
        Self {
            agent: config.into(),
            url: url.to_owned(),
            token: None,
            refresh: None,
            user: Value::Null,
        }
    }

    /// Somebody with a new account.
    ///
    /// # Panics
    /// When registering does not work.
    #[must_use]
    pub fn register(url: &str, name: &str) -> Self {
        let mut client = Self::new(url);
        let answer = client.post("/auth/register", &json!({
            "email": format!("{name}@example.com"), "password": format!("kogge {name} 1358"), "name": name,
        }));
        assert_eq!(answer.status, 201, "{}", answer.text);
        client.signed_in(&answer);
        client
    }

    /// Takes the tokens of an answer.
    pub fn signed_in(&mut self, answer: &Answer) {
        let body = answer.json();
        let text = |key: &str| body.get(key).and_then(Value::as_str).map(str::to_owned);
        self.token = text("access_token");
        self.refresh = text("refresh_token");
        self.user = body.get("user").cloned().unwrap_or_default();
    }

    /// The same person with connections of their own: one that another thread has left idle may be
    /// closed by the server at the moment it is taken up.
    #[must_use]
    pub fn apart(&self) -> Self {
        Self { agent: Self::new(&self.url).agent, ..self.clone() }
    }

    /// The same person at another address, as after a restart.
    #[must_use]
    pub fn at(mut self, url: &str) -> Self {
        url.clone_into(&mut self.url);
        self
    }

    /// GET
    #[must_use]
    pub fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &[], None).expect("an answer")
    }

    /// POST with JSON
    pub fn post(&self, path: &str, body: &Value) -> Answer {
        self.send("POST", path, &[], Some(("application/json", body.to_string())))
            .expect("an answer")
    }

    /// PUT with JSON
    pub fn put(&self, path: &str, body: &Value) -> Answer {
        self.send("PUT", path, &[], Some(("application/json", body.to_string())))
            .expect("an answer")
    }

    /// DELETE
    pub fn delete(&self, path: &str) -> Answer {
        self.send("DELETE", path, &[], None).expect("an answer")
    }

    /// Any request.
    ///
    /// # Errors
    /// When no answer came, as while the platform crashes.
    pub fn send(
        &self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: Option<(&str, String)>,
    ) -> Result<Answer, ureq::Error> {
        let mut request = Request::builder().method(method).uri(format!("{}{path}", self.url));
        if let Some(token) = &self.token {
            request = request.header("authorization", format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        match body {
            Some((kind, text)) => self.run(request.header("content-type", kind).body(text)?),
            None => self.run(request.body(())?),
        }
    }

    fn run<B: AsSendBody>(&self, request: Request<B>) -> Result<Answer, ureq::Error> {
        let response = self.agent.run(request)?;
        let (parts, mut body) = response.into_parts();
        let kind = parts.headers.get("content-type").map_or(&b""[..], |kind| kind.as_bytes());
        if kind.starts_with(b"text/event-stream") {
            // It has no end; who wants to follow it has a client of their own.
            let (status, headers) = (parts.status.as_u16(), parts.headers);
            return Ok(Answer { status, headers, text: String::new() });
        }
        let text = body.with_config().limit(64 * 1024 * 1024).read_to_string()?;
        Ok(Answer { status: parts.status.as_u16(), headers: parts.headers, text })
    }
}
