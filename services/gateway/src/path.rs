//! One canonical form of every address, for routing and for access alike.
//!
//! An address that two programs could read differently is refused, not repaired: empty and dot
//! segments, backslashes, and percent-encoding, which no address of ours needs (HTTP-07). Aliases are
//! then resolved: `/api/thoughts` and `/thoughts` are `/api/v1/thoughts`.

use std::borrow::Cow;

use hanse_http::KernelError;
use http::{Request, Uri};

/// First segments that are not services: they have their own addresses.
const RESERVED: [&str; 7] = ["app", "health", "ready", "metrics", "tracing", ".well-known", "docs"];
/// Longest address that is looked at.
const LONGEST: usize = 2048;

/// May an address have this byte?
fn is_plain(byte: u8) -> bool {
    byte.is_ascii_alphanumeric()
        || matches!(byte, b'/' | b'-' | b'.' | b'_' | b'~' | b':' | b'@')
        || matches!(
            byte,
            b'!' | b'$' | b'&' | b'\'' | b'(' | b')' | b'*' | b'+' | b',' | b';' | b'='
        )
}

/// The canonical form.
///
/// # Errors
/// [`KernelError::MalformedAddress`].
pub(crate) fn canonical(path: &str) -> Result<Cow<'_, str>, KernelError> {
    if path.len() > LONGEST || !path.starts_with('/') || !path.bytes().all(is_plain) {
        return Err(KernelError::MalformedAddress);
    }
    if path == "/" {
        return Ok(Cow::Borrowed("/docs"));
    }
    let mut segments = path.split('/').skip(1);
    if segments.clone().any(|segment| matches!(segment, "" | "." | "..") || segment.contains(';')) {
        return Err(KernelError::MalformedAddress);
    }
    let first = segments.next().unwrap_or_default();
    Ok(match first {
        "api" if segments.next() == Some("v1") => Cow::Borrowed(path),
        "api" => Cow::Owned(current(path.strip_prefix("/api").unwrap_or_default())),
        "openapi.json" => Cow::Borrowed(path),
        first if RESERVED.contains(&first) => Cow::Borrowed(path),
        _ => Cow::Owned(current(path)),
    })
}

/// An address of the current version.
fn current(path: &str) -> String {
    ["/api/v1", path].concat()
}

/// Gives the request its canonical address; the query stays.
///
/// # Errors
/// [`KernelError::MalformedAddress`].
pub(crate) fn rewrite<B>(request: &mut Request<B>, path: &str) -> Result<(), KernelError> {
    if request.uri().path() == path {
        return Ok(());
    }
    let address = match request.uri().query() {
        Some(query) => format!("{path}?{query}"),
        None => path.to_owned(),
    };
    *request.uri_mut() = Uri::try_from(address).map_err(|_| KernelError::MalformedAddress)?;
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_spelling_has_one_form_or_none() {
        for (given, wanted) in [
            ("/thoughts", "/api/v1/thoughts"),
            ("/api/thoughts/7", "/api/v1/thoughts/7"),
            ("/api/v1/thoughts", "/api/v1/thoughts"),
            ("/auth/login", "/api/v1/auth/login"),
            ("/.well-known/jwks.json", "/.well-known/jwks.json"),
            ("/health", "/health"),
            ("/", "/docs"),
        ] {
            assert_eq!(canonical(given).unwrap(), wanted);
        }
        for bad in [
            "//thoughts",
            "/thoughts/",
            "/api/../auth",
            "/./x",
            "/a%2fb",
            "/a%2e%2e/b",
            "/a\\b",
            "x",
            "/a;b",
            "/thoughts//x",
            "/%61uth",
            "/a b",
        ] {
            assert!(canonical(bad).is_err(), "{bad}");
        }
    }
}
