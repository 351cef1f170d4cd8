//! What can go wrong while the index is kept in step.

use hanse_search_index::IndexError;
use hanse_store::StoreError;
use tokio::task::spawn_blocking;

/// Why a round failed. The next one re-reads where things stand and goes on.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Trouble {
    #[error("the table of documents could not be read")]
    Store(#[from] StoreError),
    #[error("the index could not be written")]
    Index(#[from] IndexError),
    #[error("the work on the index was cut off")]
    CutOff,
}

/// Runs work on the index where it may block.
pub(crate) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> Result<T, IndexError> + Send + 'static,
) -> Result<T, Trouble> {
    spawn_blocking(work).await.map_err(|_| Trouble::CutOff)?.map_err(Trouble::Index)
}
