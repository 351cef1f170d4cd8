//! What the caller hands over: documents, and the changes made to them.

/// Sixteen opaque bytes: the id of a document, or of the owner or project it belongs to.
pub type Id = [u8; 16];

/// One searchable thing, complete: putting it replaces whatever had its key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Document {
    /// Identifies the document across all kinds and scopes.
    pub key: Id,
    /// The sort of thing it is, such as `thoughts`; searches may ask for some kinds only.
    pub kind: String,
    /// Who may find it: an owner or project id. A document is in exactly one scope.
    pub scope: Id,
    /// Matches here weigh more.
    pub title: String,
    /// Plain text. Title and body beyond 64 KiB together are not searchable.
    pub body: String,
    /// Nested by `/`: `work/atlas` is also found by `work`.
    pub tags: Vec<String>,
    /// Microseconds since the epoch; breaks ties, newest first.
    pub time_us: i64,
}

/// One change to the index. Every change may be applied twice without harm.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// Adds the document, or replaces the one with its key.
    Put(Document),
    /// Removes the document with this key, if there is one.
    Delete {
        /// The key it was put with.
        key: Id,
    },
    /// Removes every document of a scope.
    DeleteScope {
        /// The scope they were put with.
        scope: Id,
    },
}
