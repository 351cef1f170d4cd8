//! What OAuth endpoints answer: the standards' own shapes, errors too (RFC 6749, section 5.2).

use hanse_http::{Answer, OperationDoc, Reply};
use serde::Serialize;
use serde_json::json;

/// A refusal in the words of the standards.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct OAuthError {
    status: u16,
    error: &'static str,
    description: &'static str,
}

impl OAuthError {
    pub(super) const INVALID_CLIENT: Self =
        Self::of(401, "invalid_client", "the client is not known, or its secret is wrong");
    pub(super) const UNAUTHORIZED_CLIENT: Self =
        Self::of(400, "unauthorized_client", "the client may not get tokens in this way");
    pub(super) const INVALID_GRANT: Self =
        Self::of(400, "invalid_grant", "it is not valid, has ended, or was used before");
    pub(super) const INVALID_SCOPE: Self =
        Self::of(400, "invalid_scope", "the scope cannot be read, or is more than can be given");
    pub(super) const UNSUPPORTED_GRANT: Self =
        Self::of(400, "unsupported_grant_type", "there is no grant of this name");
    pub(super) const INVALID_TARGET: Self =
        Self::of(400, "invalid_target", "tokens are only made for this installation");
    pub(super) const PENDING: Self =
        Self::of(400, "authorization_pending", "nobody has decided yet");
    pub(super) const SLOW_DOWN: Self = Self::of(400, "slow_down", "ask less often");
    pub(super) const DENIED: Self = Self::of(400, "access_denied", "the person said no");
    pub(super) const EXPIRED: Self = Self::of(400, "expired_token", "the code has ended");

    pub(super) const fn request(description: &'static str) -> Self {
        Self::of(400, "invalid_request", description)
    }

    const fn of(status: u16, error: &'static str, description: &'static str) -> Self {
        Self { status, error, description }
    }
}

/// What was asked for, or a refusal.
#[derive(Debug)]
pub struct OAuth<T>(pub Result<T, OAuthError>);

impl<T: Serialize + Send + 'static> Reply for OAuth<T> {
    fn describe(doc: &mut OperationDoc) {
        let content = json!({ "application/json": { "schema": { "type": "object" } } });
        doc.response(200, "Done", &[], Some(content));
    }

    fn answer(self) -> Answer {
        match self.0 {
            Ok(value) => Answer::json(200, &value),
            Err(OAuthError { status, error, description }) => {
                let body = json!({ "error": error, "error_description": description });
                let answer = Answer::json(status, &body);
                match status {
                    401 => answer.with("www-authenticate", "Basic realm=\"hanse\""),
                    _ => answer,
                }
            }
        }
    }
}

/// 200 and nothing to say.
#[derive(Debug, Serialize)]
pub struct Nothing {}
