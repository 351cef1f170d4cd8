//! Which headers pass a proxy, and which it writes itself.
//!
//! Headers of one connection stay on it (RFC 9110, section 7.6.1). Nobody outside says who they are
//! or whence they come: identity headers are dropped, `X-Forwarded-…` are written anew, and only a proxy
//! that we were told to trust may have begun them (HTTP-08). `Forwarded` (RFC 7239) is dropped and not
//! written: it would say the same again, to readers who all know the others.

use std::fmt::Write as _;
use std::net::IpAddr;

use bytes::BytesMut;
use hanse_http::headers::{REQUEST_ID, TRACEPARENT};
use hanse_telemetry::trace::TraceContext;
use http::header::{
    CONNECTION, CONTENT_LENGTH, HOST, HeaderMap, HeaderName, HeaderValue, TE, TRANSFER_ENCODING,
    UPGRADE,
};
use uuid::Uuid;

use crate::balance::Affinity;

/// What a proxy says of a request that it passes on.
#[derive(Clone, Copy)]
pub struct Passage<'a> {
    /// The client's address, as far as it can be trusted.
    pub client: IpAddr,
    /// The address the connection came from.
    pub peer: IpAddr,
    /// Is the peer a proxy whose forwarding headers are believed?
    pub trusted: bool,
    /// How the client came to us: `http` or `https`.
    pub scheme: &'static str,
    /// Names the request.
    pub request_id: Uuid,
    /// Where it stands in a distributed trace.
    pub trace: &'a TraceContext,
    /// Whom endpoints that stay with a caller stay with.
    pub affinity: Affinity,
}

const FOR: HeaderName = HeaderName::from_static("x-forwarded-for");
const PROTO: HeaderName = HeaderName::from_static("x-forwarded-proto");
const ASKED: HeaderName = HeaderName::from_static("x-forwarded-host");

/// Headers of one connection, whoever names them.
fn is_hop(name: &str) -> bool {
    matches!(
        name,
        "connection" | "keep-alive" | "te" | "transfer-encoding" | "upgrade" | "http2-settings"
    ) || name.starts_with("proxy-")
}

/// Headers by which a request could claim to be somebody, from somewhere, or something else.
fn is_claim(name: &str) -> bool {
    match name.as_bytes().first() {
        Some(b'x') => {
            [
                "x-user-",
                "x-hanse-",
                "x-forwarded-",
                "x-original-",
                "x-rewrite-",
                "x-auth-",
                "x-remote-",
            ]
            .iter()
            .any(|prefix| name.starts_with(prefix))
                || matches!(
                    name,
                    "x-real-ip"
                        | "x-client-ip"
                        | "x-user"
                        | "x-method-override"
                        | "x-request-id"
                        | "x-http-method-override"
                        | "x-http-method"
                )
        }
        // What a client may say to our services.
        Some(b'h') => name.starts_with("hanse-") && name != "hanse-after",
        Some(b'r') => name == "remote-user",
        Some(b'f') => name == "forwarded",
        Some(b'e') => name == "expect",
        Some(b'p') => name == "proxy",
        _ => false,
    }
}

/// Removes what is named, including what `Connection` names.
fn strip(headers: &mut HeaderMap, unwanted: impl Fn(&str) -> bool) {
    let mut named: Vec<HeaderName> = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .filter_map(|token| HeaderName::try_from(token.trim()).ok())
        .collect();
    named.extend(headers.keys().filter(|name| unwanted(name.as_str())).cloned());
    for name in named {
        headers.remove(name);
    }
}

/// Asks this request to leave HTTP? Then it says for what.
pub(crate) fn upgrade(headers: &HeaderMap) -> Option<HeaderValue> {
    let asked = headers
        .get_all(CONNECTION)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|text| text.split(','))
        .any(|token| token.trim().eq_ignore_ascii_case("upgrade"));
    headers.get(UPGRADE).filter(|_| asked).cloned()
}

/// Makes a client's headers those of a request to a peer.
pub(crate) fn request(headers: &mut HeaderMap, passage: &Passage<'_>) {
    let trailers = headers.get(TE).is_some_and(|te| te.as_bytes() == b"trailers");
    let kept = |name: &HeaderName| headers.get(name).filter(|_| passage.trusted).cloned();
    let proto = kept(&PROTO);
    let asked = kept(&ASKED).or_else(|| headers.get(HOST).cloned());
    // All values that we write lie in one piece of memory, which whoever copies the request shares.
    let mut text = BytesMut::with_capacity(160);
    for chain in headers.get_all(FOR).iter().filter(|_| passage.trusted) {
        text.extend_from_slice(chain.as_bytes());
        text.extend_from_slice(b", ");
    }
    strip(headers, |name| is_hop(name) || is_claim(name));
    // Of whom this hop tells: behind a proxy that has told of the client, of that proxy.
    let teller = if text.is_empty() { passage.client } else { passage.peer };
    // Writing to memory cannot fail.
    _ = write!(text, "{teller}");
    let forwarded_for = text.split();
    let mut id = Uuid::encode_buffer();
    text.extend_from_slice(passage.request_id.hyphenated().encode_lower(&mut id).as_bytes());
    let request_id = text.split();
    text.extend_from_slice(&passage.trace.encode());
    for (name, value) in [(FOR, forwarded_for), (REQUEST_ID, request_id), (TRACEPARENT, text)] {
        if let Ok(value) = HeaderValue::from_maybe_shared(value.freeze()) {
            headers.insert(name, value);
        }
    }
    headers.insert(PROTO, proto.unwrap_or(HeaderValue::from_static(passage.scheme)));
    if let Some(asked) = asked {
        headers.insert(ASKED, asked);
    }
    if trailers {
        headers.insert(TE, HeaderValue::from_static("trailers"));
    }
}

/// Makes a peer's headers those of an answer to a client.
pub(crate) fn answer(headers: &mut HeaderMap) {
    strip(headers, is_hop);
}

/// An answer whose end two readers could see in different places (RFC 9112, section 6.3).
pub(crate) fn ambiguous(headers: &HeaderMap) -> Option<&'static str> {
    let mut lengths = headers.get_all(CONTENT_LENGTH).iter();
    let length = lengths.next();
    if length.is_some() && lengths.next().is_some() {
        return Some("two lengths");
    }
    let mut codings = headers.get_all(TRANSFER_ENCODING).iter();
    match (codings.next(), codings.next()) {
        (None, _) => None,
        (Some(_), _) if length.is_some() => Some("a length and a transfer coding"),
        (Some(coding), None) if coding.as_bytes().eq_ignore_ascii_case(b"chunked") => None,
        _ => Some("a transfer coding other than chunked"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn map(lines: &[(&'static str, &'static str)]) -> HeaderMap {
        let mut map = HeaderMap::new();
        for (name, value) in lines {
            map.append(HeaderName::from_static(name), HeaderValue::from_static(value));
        }
        map
    }

    fn pass(mut headers: HeaderMap, trusted: bool) -> HeaderMap {
        let trace = TraceContext { trace_id: [1; 16], span_id: [2; 8], sampled: false };
        let passage = Passage {
            client: [192, 0, 2, 7].into(),
            peer: [10, 0, 0, 9].into(),
            trusted,
            scheme: "http",
            request_id: Uuid::from_u128(5),
            trace: &trace,
            affinity: Affinity(0),
        };
        request(&mut headers, &passage);
        headers
    }

    #[test]
    fn headers_of_one_connection_and_claims_stay_behind() {
        let given = map(&[
            ("host", "hanse.example"),
            ("connection", "close, X-Secret-Hop"),
            ("x-secret-hop", "1"),
            ("keep-alive", "timeout=5"),
            ("proxy-authorization", "Basic x"),
            ("te", "gzip"),
            ("x-user-id", "root"),
            ("x-hanse-roles", "admin"),
            ("hanse-position", "9"),
            ("hanse-after", "7"),
            ("x-real-ip", "10.1.1.1"),
            ("x-original-url", "/admin"),
            ("x-forwarded-for", "10.1.1.1"),
            ("x-forwarded-host", "evil.example"),
            ("forwarded", "for=10.1.1.1"),
            ("x-request-id", "mine"),
            ("authorization", "Bearer t"),
        ]);
        let passed = pass(given, false);
        let mut names: Vec<_> = passed.keys().map(HeaderName::as_str).collect();
        names.sort_unstable();
        assert_eq!(
            names,
            [
                "authorization",
                "hanse-after",
                "host",
                "traceparent",
                "x-forwarded-for",
                "x-forwarded-host",
                "x-forwarded-proto",
                "x-request-id"
            ]
        );
        assert_eq!(passed["x-forwarded-for"], "192.0.2.7");
        assert_eq!(passed["x-forwarded-host"], "hanse.example");
        assert_eq!(passed["x-request-id"], Uuid::from_u128(5).to_string());
    }

    #[test]
    fn a_trusted_proxy_may_have_begun_the_chain() {
        let given = map(&[
            ("host", "inside"),
            ("te", "trailers"),
            ("x-forwarded-for", "192.0.2.7"),
            ("x-forwarded-for", "10.0.0.8"),
            ("x-forwarded-proto", "https"),
            ("x-forwarded-host", "hanse.example"),
            ("forwarded", "for=192.0.2.7"),
        ]);
        let passed = pass(given, true);
        assert_eq!(passed["x-forwarded-for"], "192.0.2.7, 10.0.0.8, 10.0.0.9");
        assert_eq!(passed["x-forwarded-proto"], "https");
        assert_eq!(passed["te"], "trailers");
        assert!(!passed.contains_key("forwarded"));
    }

    #[test]
    fn an_answer_has_one_end() {
        assert_eq!(ambiguous(&map(&[("content-length", "5")])), None);
        assert_eq!(ambiguous(&map(&[("transfer-encoding", "Chunked")])), None);
        for bad in [
            &[("content-length", "5"), ("content-length", "5")][..],
            &[("content-length", "5"), ("transfer-encoding", "chunked")],
            &[("transfer-encoding", "gzip, chunked")],
            &[("transfer-encoding", "chunked"), ("transfer-encoding", "chunked")],
        ] {
            assert!(ambiguous(&map(bad)).is_some(), "{bad:?}");
        }
    }
}
