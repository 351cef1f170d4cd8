use crate::{ApiError as _, ErrorCode};
use hanse_macros::ApiError;
use serde_json::{Value, json};

#[derive(Debug, thiserror::Error, ApiError)]
enum QuotaError {
    #[api(429, "GTW-002", retry_after = seconds, details = windows)]
    #[error("quota is spent")]
    Spent { seconds: u32, windows: Value },
    #[api(503, "GTW-003", retry_after = 0)]
    #[error("busy")]
    TooBusy(u32),
}

#[derive(Debug, thiserror::Error, ApiError)]
enum CloseError {
    #[api(404, "PRJ-001")]
    #[error("project {0} does not exist")]
    NotFound(u64),
    #[api(internal)]
    #[error("project storage failed")]
    Storage(#[source] std::fmt::Error),
    #[api(transparent)]
    #[error(transparent)]
    Quota(#[from] QuotaError),
    #[api(409, "PRJ-004")]
    #[error("project is already closed")]
    AlreadyClosed,
}

#[derive(Debug, thiserror::Error, ApiError)]
enum Never {}

const NOT_FOUND: ErrorCode = ErrorCode { status: 404, code: "PRJ-001", title: "Not found" };

#[test]
fn codes_list_every_public_answer_and_those_of_the_error_within() {
    let codes: Vec<_> =
        CloseError::codes().iter().map(|code| (code.status, code.code, code.title)).collect();
    assert_eq!(
        codes,
        [
            (404, "PRJ-001", "Not found"),
            (429, "GTW-002", "Spent"),
            (503, "GTW-003", "Too busy"),
            (409, "PRJ-004", "Already closed"),
        ]
    );
    assert!(Never::codes().is_empty());
}

#[test]
fn each_variant_answers_for_itself() {
    assert_eq!(CloseError::NotFound(7).code(), Some(NOT_FOUND));
    assert_eq!(CloseError::AlreadyClosed.code().map(|code| code.status), Some(409));
    assert_eq!(CloseError::Storage(std::fmt::Error).code(), None);
    assert_eq!(CloseError::Storage(std::fmt::Error).retry_after(), None);
}

#[test]
fn a_transparent_variant_lets_the_error_within_answer() {
    let error = CloseError::from(QuotaError::Spent { seconds: 30, windows: json!(["minute"]) });
    assert_eq!(error.code().map(|code| code.code), Some("GTW-002"));
    assert_eq!(error.retry_after(), Some(30));
    assert_eq!(error.details(), Some(json!(["minute"])));
    assert_eq!(CloseError::from(QuotaError::TooBusy(2)).retry_after(), Some(2));
}
