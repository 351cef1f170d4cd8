//! What can go wrong. Nothing here is the searching person's fault: no query is an error.

use std::path::PathBuf;

/// Why the index could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum IndexError {
    /// Another process, or another [`Index`](crate::Index) of this one, has the folder open.
    #[error("the search index in {0} is open elsewhere")]
    Busy(PathBuf),
    /// The folder or a file in it cannot be read or written.
    #[error("the search index folder failed")]
    Folder(#[from] std::io::Error),
    /// The engine failed: usually a full disk. After a failed write, every change above
    /// [`visible`](crate::Index::visible) must be applied again.
    #[error("the search index failed")]
    Engine(#[from] tantivy::TantivyError),
}
