//! Headers on every answer, and headers that no request may have.

use http::header::{HeaderMap, HeaderName, HeaderValue};

use crate::dispatch::Context;
use crate::error::KernelError;

/// Sent on every answer, errors included. An operation that needs another value sets it first.
static SECURITY: [(HeaderName, HeaderValue); 7] = [
    fixed(http::header::STRICT_TRANSPORT_SECURITY, "max-age=31536000; includeSubDomains"),
    fixed(
        http::header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; base-uri 'none'; object-src 'none'; form-action 'none'; frame-ancestors 'none'",
    ),
    fixed(http::header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    fixed(http::header::REFERRER_POLICY, "no-referrer"),
    fixed(http::header::X_FRAME_OPTIONS, "DENY"),
    fixed(HeaderName::from_static("cross-origin-resource-policy"), "same-origin"),
    fixed(http::header::CACHE_CONTROL, "no-store"),
];

const fn fixed(name: HeaderName, value: &'static str) -> (HeaderName, HeaderValue) {
    (name, HeaderValue::from_static(value))
}

/// Names a request.
pub const REQUEST_ID: HeaderName = HeaderName::from_static("x-request-id");
/// Where a request stands in a distributed trace (W3C).
pub const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Headers of which a request may have only one, because two readers may pick different ones.
const SINGLE: [&str; 8] = [
    "host",
    "authorization",
    "content-type",
    "content-length",
    "idempotency-key",
    "if-match",
    "hanse-after",
    "traceparent",
];

/// Adds the security headers and the request's id.
pub fn finish(headers: &mut HeaderMap, context: &Context) {
    headers.reserve(SECURITY.len() + 2);
    for (name, value) in &SECURITY {
        headers.entry(name).or_insert_with(|| value.clone());
    }
    let mut id = [0; uuid::fmt::Hyphenated::LENGTH];
    if let Ok(id) = HeaderValue::from_str(context.request_id.hyphenated().encode_lower(&mut id)) {
        headers.insert(REQUEST_ID, id);
    }
}

/// Refuses requests whose headers two programs could read differently.
///
/// # Errors
/// [`KernelError::MalformedHeader`].
pub fn check(headers: &HeaderMap) -> Result<(), KernelError> {
    for name in headers.keys() {
        // "x_user_id" and "x-user-id" are the same variable to many programs.
        if name.as_str().contains('_') {
            return Err(KernelError::MalformedHeader("with an underscore".into()));
        }
    }
    // Most requests repeat none at all.
    if headers.len() == headers.keys_len() {
        return Ok(());
    }
    for name in SINGLE {
        let mut values = headers.get_all(name).iter();
        if values.next().is_some() && values.next().is_some() {
            return Err(KernelError::MalformedHeader(name.into()));
        }
    }
    Ok(())
}
