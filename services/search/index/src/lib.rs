//! Full-text search over documents that are kept elsewhere.
//!
//! # Derived, disposable, local
//! The truth is the search service's table of documents, where event subscriptions write each
//! row exactly once, number every row change with an ever increasing `change`, and keep deletes
//! as tombstones. This index is computed from that table, belongs to one process, and may be
//! deleted at any moment: the next [`Index::open`] says so and the caller feeds it again.
//!
//! # Why index and position cannot disagree
//! Every commit carries, inside itself, the highest change it contains. There is no second
//! place to store a position and so no order of writes to get wrong. After a crash the index is
//! exactly some commit, the last that was settled; [`Opened::At`] names its change; the caller applies every change above
//! it. Applying one twice is harmless, because putting is delete-by-key, then add. The caller's
//! duty is to apply changes in order, and after an error to begin again above
//! [`Index::visible`].
//!
//! A commit stays in memory until it is settled, which writes it to the disk without syncing. That makes
//! commits cheap enough to run every few tens of milliseconds; `young` and `opening` explain why it is
//! safe.
//!
//! # Nothing leaks between scopes
//! Every term starts with its scope (`terms`), so lookups, completions, corrections and
//! suggestions stay among the scope's own words. Scores use only the scope's own living
//! documents (`matching`); the engine's own BM25 is not used, since its document counts and
//! average lengths span scopes and include the deleted. What remains is time: a search is
//! slower in a bigger index. Tests put canaries beside a scope and compare every number.
//!
//! # What it never does
//! It never decides who may search where: scopes come from the caller. It never reads a clock
//! and starts no threads but the engine's, which [`Index::release`] ends. It refuses no query.
//!
//! # Extending it
//! A new kind of filter is a class in `terms`, a clause in `query` and a list of documents
//! in `matching`. Anything that changes what is written changes the format in `opening`.

mod document;
mod error;
mod matching;
mod opening;
mod query;
mod searching;
mod segment;
mod snippet;
mod terms;
mod unsynced;
mod vocabulary;
mod words;
mod writing;
mod young;

use std::path::{Path, PathBuf};

use tantivy::IndexReader;
use tantivy::directory::DirectoryLock;

pub use document::{Change, Document, Id};
pub use error::IndexError;
pub use opening::Opened;
pub use query::{Cursor, Hit, Hits, Query, Typos};

use terms::Fields;
use writing::Writing;

/// What an operator may choose.
#[derive(Clone, Debug)]
pub struct Options {
    /// Bytes of the writer's arena: at least, and by default, 15 MB. It is only allocated as
    /// far as it is used.
    pub writer_memory: usize,
}

impl Default for Options {
    fn default() -> Options {
        Options { writer_memory: 15_000_000 }
    }
}

/// An open index. All methods may be called from any thread; they block, so not from async code.
pub struct Index {
    folder: PathBuf,
    fields: Fields,
    reader: IndexReader,
    writing: Writing,
    _lock: DirectoryLock,
}

impl Index {
    /// Opens the index in `folder`, creating what is missing and replacing what cannot be
    /// trusted. The caller then applies every change above the one [`Opened`] names, all of
    /// them unless it is [`Opened::At`].
    ///
    /// # Errors
    /// [`IndexError::Busy`] if the folder is open elsewhere; otherwise the folder is unusable.
    pub fn open(folder: &Path, options: Options) -> Result<(Index, Opened), IndexError> {
        let opening::Open { engine, directory, reader, lock, opened } = opening::open(folder)?;
        if let Opened::Rebuilt(reason) = &opened {
            tracing::warn!(%reason, "the search index is rebuilt");
        }
        let change = if let Opened::At(change) = &opened { *change } else { 0 };
        let (_, fields) = Fields::schema();
        let parts = writing::Parts { engine, directory, reader: reader.clone(), fields };
        let index = Index {
            folder: folder.to_owned(),
            fields,
            writing: Writing::new(parts, options.writer_memory, change),
            reader,
            _lock: lock,
        };
        Ok((index, opened))
    }

    /// Buffers a change. Call in order of `change_no`.
    ///
    /// # Errors
    /// Everything above [`Index::visible`] is then forgotten and must be applied again.
    pub fn apply(&self, change_no: u64, change: Change) -> Result<(), IndexError> {
        self.writing.apply(change_no, change)
    }

    /// Makes everything applied searchable and returns the highest change that is.
    ///
    /// # Errors
    /// Everything above [`Index::visible`] is then forgotten and must be applied again.
    pub fn commit(&self) -> Result<u64, IndexError> {
        self.writing.commit()
    }

    /// The highest change searches see.
    pub fn visible(&self) -> u64 {
        self.writing.visible()
    }

    /// Writes the last commit to the disk, where a crash of the process leaves it.
    ///
    /// # Errors
    /// The disk's; the commit before it is then still there.
    pub fn settle(&self) -> Result<(), IndexError> {
        self.writing.settle()
    }

    /// The highest change that a crash of the process leaves. It trails [`Index::visible`].
    pub fn settled(&self) -> u64 {
        self.writing.settled()
    }

    /// Finds documents of these scopes. Any text is a valid query; an empty one finds nothing.
    ///
    /// # Errors
    /// Only if a file cannot be read.
    pub fn search(&self, scopes: &[Id], query: &Query) -> Result<Hits, IndexError> {
        searching::search(&self.reader.searcher(), &self.fields, scopes, query)
    }

    /// Words of these scopes, folded, that complete the last word of `text`: most frequent first.
    ///
    /// # Errors
    /// Only if a file cannot be read.
    pub fn suggest(
        &self,
        scopes: &[Id],
        text: &str,
        limit: usize,
    ) -> Result<Vec<String>, IndexError> {
        searching::suggest(&self.reader.searcher(), &self.fields, scopes, text, limit)
    }

    /// Commits, then removes every trace of deleted documents from the folder's files, and settles. Costs as
    /// much as rewriting the segments they were in. Blocks of the disk itself, its snapshots
    /// and backups are beyond it.
    ///
    /// # Errors
    /// As [`Index::commit`]; traces may then remain until the next purge.
    pub fn purge(&self) -> Result<(), IndexError> {
        self.writing.purge()
    }

    /// Commits, then gives the writer's threads and memory back, after any merge under way, and settles.
    /// For idle times; the next change takes them again.
    ///
    /// # Errors
    /// As [`Index::commit`].
    pub fn release(&self) -> Result<(), IndexError> {
        self.writing.release()
    }

    /// Documents searchable, over all scopes. For metrics: never show it to a user.
    pub fn len(&self) -> u64 {
        self.reader.searcher().num_docs()
    }

    /// Whether no document is searchable.
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Bytes of all files in the folder. For metrics.
    ///
    /// # Errors
    /// If the folder cannot be listed.
    pub fn disk_bytes(&self) -> Result<u64, IndexError> {
        let mut sum = 0;
        for entry in std::fs::read_dir(&self.folder)? {
            // A merge may delete a file between its listing and its measuring.
            sum += entry?.metadata().map_or(0, |metadata| metadata.len());
        }
        Ok(sum)
    }
}
