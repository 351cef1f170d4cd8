//! A browser's request: its cookies, and whether one of our pages caused it.

use http::HeaderMap;
use http::header::{COOKIE, HOST, ORIGIN};

use crate::dispatch::Exchange;
use crate::error::Problem;
use crate::input::Input;
use crate::reply::OperationDoc;

/// The prefix that binds a cookie to this host and to encrypted connections.
const PREFIX: &str = "__Host-";
/// Most bytes of cookies that are looked at.
const LONGEST: usize = 8 * 1024;

/// What a browser says beside the request itself.
#[derive(Debug, Default)]
pub struct Visit {
    cookies: Vec<(String, String)>,
    ours: bool,
}

impl Visit {
    /// The value of a cookie of ours, by its name without the prefix. Nothing when there are two: one
    /// of them is somebody else's work.
    #[must_use]
    pub fn cookie(&self, name: &str) -> Option<&str> {
        let mut found = self.cookies.iter().filter(|(other, _)| other == name);
        let (_, value) = found.next()?;
        found.next().is_none().then_some(value)
    }

    /// Did a page of ours cause it? Every browser in use says so itself (`Sec-Fetch-Site`); an older
    /// one at least names the page's origin. Who says neither is no browser, and has no cookies that
    /// somebody else could use.
    #[must_use]
    pub fn is_ours(&self) -> bool {
        self.ours
    }
}

impl Input for Visit {
    fn describe(_: &mut OperationDoc) {}

    fn take(exchange: &Exchange) -> Result<Self, Problem> {
        let headers = &exchange.parts.headers;
        Ok(Self { cookies: cookies(headers), ours: is_ours(headers) })
    }
}

fn cookies(headers: &HeaderMap) -> Vec<(String, String)> {
    let lines = headers.get_all(COOKIE).iter().filter_map(|line| line.to_str().ok());
    let pairs = lines.filter(|line| line.len() <= LONGEST).flat_map(|line| line.split(';'));
    pairs
        .filter_map(|pair| {
            let (name, value) = pair.trim().split_once('=')?;
            Some((name.strip_prefix(PREFIX)?.to_owned(), value.to_owned()))
        })
        .collect()
}

fn is_ours(headers: &HeaderMap) -> bool {
    let text = |name: &str| headers.get(name).and_then(|value| value.to_str().ok());
    if let Some(site) = headers.get("sec-fetch-site") {
        return site == "same-origin";
    }
    let Some(origin) = text(ORIGIN.as_str()) else { return true };
    let host = origin.split_once("://").map(|(_, host)| host);
    host.is_some() && host == text(HOST.as_str())
}

/// A cookie to set.
#[derive(Clone, Debug)]
pub struct SetCookie(String);

impl SetCookie {
    /// A cookie that ends with the browser's session. `name` and `value` are URL-safe text.
    #[must_use]
    pub fn new(name: &str, value: &str) -> Self {
        Self(format!("{PREFIX}{name}={value}; Path=/; Secure; HttpOnly; SameSite=Lax"))
    }

    /// A cookie that is kept for so many seconds.
    #[must_use]
    pub fn lasting(name: &str, value: &str, seconds: u32) -> Self {
        let Self(text) = Self::new(name, value);
        Self(format!("{text}; Max-Age={seconds}"))
    }

    /// Takes a cookie away.
    #[must_use]
    pub fn removed(name: &str) -> Self {
        Self::lasting(name, "", 0)
    }

    pub(crate) fn text(&self) -> &str {
        &self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        let pairs = pairs.iter().map(|(name, value)| {
            (http::HeaderName::from_static(name), value.parse().expect("a value"))
        });
        pairs.collect()
    }

    /// WEB-01: only a page of ours counts as one.
    #[test]
    fn other_sites_are_told_from_ours() {
        for (pairs, ours) in [
            (vec![("sec-fetch-site", "same-origin")], true),
            (vec![("sec-fetch-site", "same-site")], false),
            (vec![("sec-fetch-site", "cross-site")], false),
            (vec![("sec-fetch-site", "none")], false),
            (vec![("origin", "https://a.example"), ("host", "a.example")], true),
            (vec![("origin", "https://b.example"), ("host", "a.example")], false),
            (vec![("origin", "null"), ("host", "a.example")], false),
            (vec![("host", "a.example")], true),
        ] {
            assert_eq!(is_ours(&headers(&pairs)), ours, "{pairs:?}");
        }
    }

    /// AUTN-17: only cookies with the prefix are ours, and two of a name are none.
    #[test]
    fn cookies_without_the_prefix_are_not_ours() {
        let line = "a=1; __Host-b=2; __Host-c=3; __Host-c=4; __Secure-d=5";
        let visit = Visit { cookies: cookies(&headers(&[("cookie", line)])), ours: true };
        assert_eq!(visit.cookie("b"), Some("2"));
        for name in ["a", "c", "d", "__Host-b"] {
            assert_eq!(visit.cookie(name), None, "{name}");
        }
        let set = SetCookie::lasting("b", "2", 60);
        assert_eq!(set.text(), "__Host-b=2; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=60");
    }
}
