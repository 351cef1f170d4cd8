//! Errors as clients see them: RFC 9457 problems with a stable code that has a page in `docs/errors/`.
//!
//! A service's error enum derives [`ApiError`](macro@crate::ApiError); one table gives status, code and title.
//! An error without a code is internal: its chain of causes is logged once, here, and the client
//! learns only that it happened.

use std::error::Error;

use hanse_store::StoreError;
use serde_json::{Map, Value, json};
use uuid::Uuid;

use crate::dispatch::{Context, ResponseBody};
use crate::reply::Answer;

/// One line of the table of errors.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ErrorCode {
    /// HTTP status.
    pub status: u16,
    /// Stable code, such as `THT-001`.
    pub code: &'static str,
    /// A few words that never change.
    pub title: &'static str,
}

/// An error that knows what to tell a client.
pub trait ApiError: Error + Send + Sync + 'static {
    /// Every code this type can answer with.
    fn codes() -> Vec<ErrorCode>
    where
        Self: Sized;
    /// The code of this value; `None` means internal.
    fn code(&self) -> Option<ErrorCode>;
    /// Seconds after which a retry makes sense.
    fn retry_after(&self) -> Option<u32> {
        None
    }
    /// More about the problem, for machines (the `errors` member).
    fn details(&self) -> Option<Value> {
        None
    }
}

/// What the kernel itself refuses. Services need not repeat these.
#[derive(Debug, thiserror::Error, crate::ApiError)]
pub enum KernelError {
    #[api(404, "HTT-001")]
    #[error("there is nothing at this address")]
    UnknownAddress,
    #[api(405, "HTT-002")]
    #[error("this address does not take this method")]
    MethodNotAllowed,
    #[api(413, "HTT-003")]
    #[error("the body is larger than {0} bytes")]
    BodyTooLarge(usize),
    #[api(415, "HTT-004")]
    #[error("the body must be sent as {0}, without compression")]
    UnsupportedContent(&'static str),
    #[api(400, "HTT-005")]
    #[error("the body cannot be read: {0}")]
    MalformedBody(String),
    #[api(400, "HTT-006")]
    #[error("the query cannot be read: {0}")]
    MalformedQuery(String),
    #[api(422, "HTT-007")]
    #[error("some values are not allowed")]
    InvalidValues(Value),
    #[api(400, "HTT-008")]
    #[error("the header {0} is malformed or sent twice")]
    MalformedHeader(String),
    #[api(408, "HTT-009")]
    #[error("the body did not arrive in time")]
    BodyTimeout,
    #[api(401, "HTT-010")]
    #[error("sign in to do this")]
    Unauthenticated,
    #[api(401, "HTT-011")]
    #[error("the access token is not valid any more; refresh it or sign in again")]
    InvalidToken,
    #[api(403, "HTT-012")]
    #[error("your account may not do this")]
    Forbidden,
    #[api(412, "HTT-013")]
    #[error("it has changed since you read it; read it again")]
    PreconditionFailed,
    #[api(422, "HTT-014")]
    #[error("this idempotency key was used with another request")]
    IdempotencyKeyReused,
    #[api(429, "HTT-015")]
    #[error("too many requests; wait {0} seconds")]
    TooManyRequests(u32),
    #[api(400, "HTT-016")]
    #[error("this cursor is not one of ours, or belongs to another list")]
    InvalidCursor,
    #[api(503, "HTT-017")]
    #[error("the service is busy or restarting; try again soon")]
    Unavailable,
    #[api(507, "HTT-018")]
    #[error("there is no room to store this")]
    InsufficientStorage,
    #[api(409, "HTT-019")]
    #[error("somebody else changed the same thing at the same time; try again")]
    Contention,
    #[api(500, "HTT-999")]
    #[error("something went wrong on our side")]
    Internal,
    #[api(400, "HTT-021")]
    #[error("the address cannot be read")]
    MalformedAddress,
    #[api(403, "HTT-022")]
    #[error("this token does not reach so far; it needs the scope {0}")]
    OutOfScope(String),
    #[api(403, "HTT-025")]
    #[error("a page of another origin may not open a WebSocket here")]
    ForeignOrigin,
}

/// The codes that any operation may answer with.
#[must_use]
pub fn kernel_codes() -> Vec<ErrorCode> {
    KernelError::codes()
}

impl ApiError for StoreError {
    fn codes() -> Vec<ErrorCode> {
        Vec::new()
    }

    fn code(&self) -> Option<ErrorCode> {
        match self {
            Self::Stopped { .. } | Self::Overloaded | Self::Unavailable(_) => {
                KernelError::Unavailable.code()
            }
            Self::Full => KernelError::InsufficientStorage.code(),
            Self::Contention(_) | Self::Unique(_) => KernelError::Contention.code(),
            Self::Erased => KernelError::InvalidToken.code(),
            _ => None,
        }
    }

    fn retry_after(&self) -> Option<u32> {
        self.is_temporary().then_some(2)
    }
}

/// An error ready to be sent.
#[derive(Debug)]
pub struct Problem {
    code: ErrorCode,
    detail: String,
    retry_after: Option<u32>,
    details: Option<Value>,
}

impl Problem {
    /// Turns an error into what the client may know of it, and logs the rest.
    pub fn of<E: ApiError + ?Sized>(error: &E) -> Self {
        match error.code() {
            Some(code) => {
                if code.status >= 500 {
                    tracing::error!(
                        code = code.code,
                        cause = chain(error),
                        "a request could not be served"
                    );
                }
                let detail = error.to_string();
                Self { code, detail, retry_after: error.retry_after(), details: error.details() }
            }
            None => {
                tracing::error!(cause = chain(error), "a request failed");
                Self::of(&KernelError::Internal)
            }
        }
    }

    /// Adds a machine-readable member.
    #[must_use]
    pub fn with_details(mut self, details: Value) -> Self {
        self.details = Some(details);
        self
    }

    /// Says when a retry makes sense.
    #[must_use]
    pub fn after(mut self, seconds: u32) -> Self {
        self.retry_after = Some(seconds);
        self
    }

    /// The status it will be sent with.
    #[must_use]
    pub fn status(&self) -> u16 {
        self.code.status
    }

    /// The response, with the request's id so that it can be found in the log.
    #[must_use]
    pub fn respond(self, context: &Context) -> http::Response<ResponseBody> {
        self.answer(context.request_id).into_response()
    }

    /// The same in a form that can be stored.
    pub(crate) fn answer(self, request_id: Uuid) -> Answer {
        let mut body = Map::new();
        body.insert("type".into(), json!(format!("/docs/errors/{}", self.code.code)));
        body.insert("title".into(), json!(self.code.title));
        body.insert("status".into(), json!(self.code.status));
        body.insert("code".into(), json!(self.code.code));
        body.insert("detail".into(), json!(self.detail));
        body.insert("request_id".into(), json!(request_id.to_string()));
        if let Some(details) = self.details {
            body.insert("errors".into(), details);
        }
        let body = Value::Object(body).to_string();
        let mut answer = Answer::text(self.code.status, "application/problem+json", body);
        if let Some(seconds) = self.retry_after {
            answer = answer.with("retry-after", seconds.to_string());
        }
        if self.code.status == 401 {
            answer = answer.with("www-authenticate", "Bearer realm=\"hanse\"");
        }
        answer
    }
}

fn chain<E: Error + ?Sized>(error: &E) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        text = format!("{text}: {cause}");
        source = cause.source();
    }
    text
}
