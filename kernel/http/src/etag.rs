//! `ETag` and `If-Match`: nobody overwrites what they have not seen (RFC 9110, sections 8.8.3 and
//! 13.1.1). The tag is the row's version in quotes.

use http::HeaderMap;
use http::header::IF_MATCH;

use crate::error::{ApiError, ErrorCode, KernelError};

/// The row is not at a version the client allows.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("it has changed since you read it; read it again")]
pub struct PreconditionError;

impl ApiError for PreconditionError {
    fn codes() -> Vec<ErrorCode> {
        KernelError::PreconditionFailed.code().into_iter().collect()
    }
    fn code(&self) -> Option<ErrorCode> {
        KernelError::PreconditionFailed.code()
    }
}

/// The tag of a version.
#[must_use]
pub fn etag(version: i64) -> String {
    format!("\"{version}\"")
}

/// What `If-Match` allows.
#[derive(Clone, Debug, Default)]
pub struct IfMatch(Option<Vec<String>>);

impl IfMatch {
    pub(crate) fn from_headers(headers: &HeaderMap) -> Self {
        let Some(value) = headers.get(IF_MATCH) else { return Self(None) };
        let text = value.to_str().unwrap_or_default();
        Self(Some(text.split(',').map(|tag| tag.trim().to_owned()).collect()))
    }

    /// Refuses a row whose version the client has not seen. Without the header every version passes.
    ///
    /// # Errors
    /// [`PreconditionError`].
    pub fn check(&self, version: i64) -> Result<(), PreconditionError> {
        let Some(tags) = &self.0 else { return Ok(()) };
        let current = etag(version);
        if tags.iter().any(|tag| tag == "*" || *tag == current) {
            Ok(())
        } else {
            Err(PreconditionError)
        }
    }
}
