//! What a search may answer instead of an answer.

use hanse_http::{ApiError, KernelError, PreconditionError};
use hanse_search_index::IndexError;
use hanse_store::StoreError;

/// Why a search could not be answered. No question is an error.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum SearchError {
    /// There is no index, or it does not hold everything yet.
    #[api(503, "SRC-001", retry_after = 0)]
    #[error("the search index is being built; try again in {0} seconds")]
    NotReady(u32),
    /// A type that nothing here has.
    #[api(422, "SRC-002")]
    #[error("there is no type {0:?} to search for; there are thoughts, journals and tasks")]
    UnknownType(String),
    /// More searches at once than the machine has time for.
    #[api(503, "SRC-003", retry_after = 0)]
    #[error("too many searches at once; try again in {0} seconds")]
    Busy(u32),
    /// The index could not be read; it is built anew.
    #[api(503, "SRC-004", retry_after = seconds)]
    #[error("the search index could not be read")]
    Unreadable {
        /// When to try again.
        seconds: u32,
        /// Why.
        #[source]
        source: IndexError,
    },
    /// A precondition, a cursor.
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The store failed.
    #[api(transparent)]
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl From<PreconditionError> for SearchError {
    fn from(error: PreconditionError) -> Self {
        Self::Kernel(error.into())
    }
}
