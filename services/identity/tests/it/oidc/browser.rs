//! Somebody's browser: it keeps cookies, follows no redirection by itself, and submits forms.

use std::cell::RefCell;
use std::collections::BTreeMap;

use hanse_http::Method;
use hanse_testkit::{Actor, Answer, Stage};

pub(crate) struct Browser {
    actor: Actor,
    cookies: RefCell<BTreeMap<String, String>>,
}

impl Browser {
    pub(crate) fn new(t: &Stage) -> Self {
        let actor = t.guest().with("user-agent", "Browser");
        Self { actor, cookies: RefCell::default() }
    }

    fn dressed(&self, site: &str) -> Actor {
        let cookies = self.cookies.borrow();
        let line: Vec<_> = cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let actor = self.actor.with("sec-fetch-site", site);
        if line.is_empty() { actor } else { actor.with("cookie", line.join("; ")) }
    }

    fn keep(&self, answer: &Answer) {
        for line in answer.headers.get_all("set-cookie") {
            let line = line.to_str().unwrap();
            assert!(line.starts_with("__Host-"), "{line}");
            for part in ["Path=/", "Secure", "HttpOnly", "SameSite=Lax"] {
                assert!(line.contains(part), "{line}");
            }
            let (name, value) = line.split(';').next().unwrap().split_once('=').unwrap();
            let mut cookies = self.cookies.borrow_mut();
            match value {
                "" => cookies.remove(name),
                value => cookies.insert(name.to_owned(), value.to_owned()),
            };
        }
    }

    pub(crate) fn cookie(&self, name: &str) -> Option<String> {
        self.cookies.borrow().get(name).cloned()
    }

    pub(crate) async fn open(&self, path: &str) -> Answer {
        let answer = self.dressed("none").get(format!("/api/v1{path}")).await;
        self.keep(&answer);
        answer
    }

    pub(crate) async fn submit(&self, path: &str, fields: &[(&str, &str)]) -> Answer {
        self.submit_from("same-origin", path, fields).await
    }

    pub(crate) async fn submit_from(
        &self,
        site: &str,
        path: &str,
        fields: &[(&str, &str)],
    ) -> Answer {
        let body = serde_urlencoded::to_string(fields).unwrap();
        let body = ("application/x-www-form-urlencoded", body);
        let path = format!("/api/v1{path}");
        let answer = self.dressed(site).send(Method::POST, &path, Some(body)).await;
        self.keep(&answer);
        answer
    }

    /// Signs in on this page and returns the answer.
    pub(crate) async fn sign_in(&self, page: &Answer, email: &str, password: &str) -> Answer {
        let page = page.text();
        let (csrf, next) = (hidden(&page, "csrf"), hidden(&page, "next"));
        let fields = [("csrf", &*csrf), ("next", &next), ("email", email), ("password", password)];
        self.submit("/oauth/sign-in", &fields).await
    }

    /// Allows or denies on this page.
    pub(crate) async fn decide(&self, page: &Answer, decision: &str) -> Answer {
        let page = page.text();
        let (csrf, next) = (hidden(&page, "csrf"), hidden(&page, "next"));
        let fields = [("csrf", &*csrf), ("next", &next), ("decision", decision)];
        self.submit("/oauth/consent", &fields).await
    }
}

/// The value of a hidden field.
pub(crate) fn hidden(page: &str, name: &str) -> String {
    let start = format!("name=\"{name}\" value=\"");
    let (_, rest) = page.split_once(&start).unwrap_or_else(|| panic!("no {name} in {page}"));
    let (value, _) = rest.split_once('"').unwrap();
    value.replace("&amp;", "&").replace("&#x2f;", "/").replace("&#x3d;", "=").replace("&#x27;", "'")
}

/// A parameter of an address.
pub(crate) fn parameter(address: &str, name: &str) -> Option<String> {
    let (_, query) = address.split_once('?')?;
    let pairs: Vec<(String, String)> = serde_urlencoded::from_str(query).ok()?;
    pairs.into_iter().find(|(other, _)| other == name).map(|(_, value)| value)
}
