//! What analytics refuses.

use hanse_http::{ApiError, KernelError};
use hanse_store::StoreError;

/// What analytics refuses.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum AnalyticsError {
    /// `from` is after `to`.
    #[api(422, "ANL-001")]
    #[error("the period ends before it begins")]
    PeriodReversed,
    /// The period is longer than an answer may be.
    #[api(422, "ANL-002")]
    #[error("the period is longer than {0} days; ask for parts of it")]
    PeriodTooLong(i64),
    /// The kernel's answer.
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The store's answer.
    #[api(transparent)]
    #[error(transparent)]
    Store(#[from] StoreError),
}
