//! The answer to a browser: a page, or the way to the next one.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::header::{CONTENT_SECURITY_POLICY, HeaderName, HeaderValue, SET_COOKIE};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::SetCookie;
use crate::dispatch::{Context, ResponseBody};
use crate::reply::{Answer, OperationDoc, Reply};

/// The style of pages: its text stands in each of them, its hash in their policy.
#[derive(Clone, Copy, Debug)]
pub struct Style(pub &'static str);

impl Style {
    fn source(self) -> String {
        format!("'sha256-{}'", STANDARD.encode(Sha256::digest(self.0)))
    }
}

/// A script in a file of its own, for pages that are [scripted](Html::scripted).
#[derive(Clone, Copy, Debug)]
pub struct Script(pub &'static str);

impl Reply for Script {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "text/javascript": { "schema": { "type": "string" } } });
        doc.response(200, "A script", &[], Some(content));
    }

    fn answer(self) -> Answer {
        Answer::text(200, "text/javascript; charset=utf-8", self.0.to_owned())
    }
}

/// A page, or a redirection.
#[derive(Clone, Debug)]
pub struct Html {
    answer: Answer,
    policy: Option<String>,
    cookies: Vec<SetCookie>,
    clears: bool,
}

impl Html {
    /// A page. `leads_to` is an origin (`https://app.example.com`, or `app:` for an application's own
    /// scheme) to which what is submitted here may be redirected in the end; browsers hold the whole
    /// way to the policy.
    #[must_use]
    pub fn page(status: u16, body: String, style: Style, leads_to: Option<&str>) -> Self {
        // An origin with a separator in it would be another policy.
        let origin = leads_to.filter(|text| !text.contains([' ', ';', ',', '\'', '"', '\r', '\n']));
        let policy = format!(
            "default-src 'none'; style-src {}; form-action 'self' {}; base-uri 'none'; \
             frame-ancestors 'none'",
            style.source(),
            origin.unwrap_or_default()
        );
        let answer = Answer::text(status, "text/html; charset=utf-8", body);
        Self { answer, policy: Some(policy), cookies: Vec::new(), clears: false }
    }

    /// 303: go on there. The address is ours, or was compared with what its owner registered.
    #[must_use]
    pub fn see_other(location: &str) -> Self {
        let answer = Answer::empty(303).with("location", location);
        Self { answer, policy: None, cookies: Vec::new(), clears: false }
    }

    /// The same page with scripts in files of this origin: none in the page itself, and none that
    /// makes markup of text.
    #[must_use]
    pub fn scripted(mut self) -> Self {
        if let Some(policy) = &mut self.policy {
            policy.push_str("; script-src 'self'; require-trusted-types-for 'script'");
        }
        self
    }

    /// The same with a cookie.
    #[must_use]
    pub fn cookie(mut self, cookie: SetCookie) -> Self {
        self.cookies.push(cookie);
        self
    }

    /// The same, and the browser forgets what it keeps of this site: nobody finds it with the back
    /// button.
    #[must_use]
    pub fn clearing(mut self) -> Self {
        self.clears = true;
        self
    }
}

impl Reply for Html {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "text/html": { "schema": { "type": "string" } } });
        doc.response(200, "A page", &[], Some(content));
        doc.response(303, "The way to the next page", &[("Location", "Where it is")], None);
    }

    fn answer(self) -> Answer {
        self.answer
    }

    fn respond(self, _context: &Context) -> http::Response<ResponseBody> {
        let mut response = self.answer.into_response();
        let headers = response.headers_mut();
        if let Some(policy) = self.policy.and_then(|policy| HeaderValue::try_from(policy).ok()) {
            headers.insert(CONTENT_SECURITY_POLICY, policy);
        }
        if self.clears {
            let name = HeaderName::from_static("clear-site-data");
            headers.insert(name, HeaderValue::from_static("\"cache\", \"storage\""));
        }
        let opener = HeaderName::from_static("cross-origin-opener-policy");
        headers.insert(opener, HeaderValue::from_static("same-origin"));
        for cookie in &self.cookies {
            if let Ok(value) = HeaderValue::try_from(cookie.text()) {
                headers.append(SET_COOKIE, value);
            }
        }
        response
    }
}
