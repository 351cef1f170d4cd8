//! The writing half: one buffer, one indexing thread, many small commits.
//!
//! A writer costs threads and an arena of megabytes, so it exists only between the first
//! change and [`Writing::release`]. Any failure drops it together with what it had buffered;
//! the index is then exactly what its last commit says, and the caller applies the rest again.
//!
//! A delete is expensive: at the commit, every segment is opened and looked through for it. Most
//! documents are new, so a put deletes only if its key is in the last commit or among what was
//! applied since.
//!
//! Commits of twenty documents every few milliseconds make many small segments, and a search
//! visits them all. Segments merge when eight of similar size exist, sizes being similar within
//! a factor of eight from 128 documents up: each document is rewritten about once per factor,
//! and a million documents stay below some forty segments. Two threads merge, so that small merges
//! do not queue behind a large one.

use std::collections::HashSet;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::index::Index as Engine;
use tantivy::indexer::{IndexWriter, IndexWriterOptions, LogMergePolicy, NoMergePolicy};
use tantivy::{IndexReader, Term};

use crate::document::{Change, Id};
use crate::error::IndexError;
use crate::terms::{Class, Fields, term};
use crate::young::YoungDirectory;

/// The smallest arena the engine accepts.
const SMALLEST_ARENA: usize = 15_000_000;

/// A commit is settled when so many bytes are in memory.
const MOST_IN_MEMORY: usize = 16 * 1024 * 1024;

/// What writing is made of.
pub(crate) struct Parts {
    pub engine: Engine,
    pub directory: YoungDirectory,
    pub reader: IndexReader,
    pub fields: Fields,
}

/// Serialises writers; see the module.
pub(crate) struct Writing {
    engine: Engine,
    directory: YoungDirectory,
    reader: IndexReader,
    fields: Fields,
    arena: usize,
    visible: AtomicU64,
    settled: AtomicU64,
    pending: Mutex<Pending>,
}

struct Pending {
    writer: Option<IndexWriter>,
    /// The highest change applied, and the highest committed.
    applied: u64,
    committed: u64,
    /// Something was applied since the last commit, be it an old change once more.
    dirty: bool,
    /// A write failed: what the last commit holds is uncertain until a commit is loaded.
    unsure: bool,
    /// What was put since the last commit.
    keys: HashSet<Id>,
}

impl Writing {
    pub(crate) fn new(parts: Parts, arena: usize, committed: u64) -> Writing {
        let Parts { engine, directory, reader, fields } = parts;
        let keys = HashSet::new();
        let (dirty, unsure) = (false, false);
        let pending = Pending { writer: None, applied: committed, committed, dirty, unsure, keys };
        Writing {
            engine,
            directory,
            reader,
            fields,
            arena: arena.max(SMALLEST_ARENA),
            visible: AtomicU64::new(committed),
            settled: AtomicU64::new(committed),
            pending: Mutex::new(pending),
        }
    }

    /// The change searches see. It trails the commit only if loading a commit failed.
    pub(crate) fn visible(&self) -> u64 {
        self.visible.load(Ordering::Acquire)
    }

    /// The change that a crash leaves.
    pub(crate) fn settled(&self) -> u64 {
        self.settled.load(Ordering::Acquire)
    }

    pub(crate) fn settle(&self) -> Result<(), IndexError> {
        self.write_down(&self.lock())
    }

    /// Writes the last commit to the disk, before another can be made, and has it read from there, so
    /// that the memory is free.
    fn write_down(&self, pending: &Pending) -> Result<(), IndexError> {
        self.directory.settle()?;
        self.settled.store(pending.committed, Ordering::Release);
        Ok(self.reader.reload()?)
    }

    pub(crate) fn apply(&self, change_no: u64, change: Change) -> Result<(), IndexError> {
        let mut pending = self.lock();
        let outcome = self.buffer(&mut pending, change);
        pending.applied = pending.applied.max(change_no);
        pending.dirty = true;
        pending.keep_or_forget(outcome)
    }

    fn buffer(&self, pending: &mut Pending, change: Change) -> Result<(), IndexError> {
        let deleted = match &change {
            Change::Put(document) => {
                let known = !pending.keys.insert(document.key)
                    || pending.unsure
                    || self.visible() != pending.committed
                    || self.reader.searcher().doc_freq(&self.key(&document.key))? > 0;
                known.then(|| self.key(&document.key))
            }
            Change::Delete { key } => Some(self.key(key)),
            Change::DeleteScope { scope } => Some(self.term(term(scope, Class::All, ""))),
        };
        let writer = self.writer(pending)?;
        if let Some(term) = deleted {
            writer.delete_term(term);
        }
        if let Change::Put(document) = change {
            writer.add_document(self.fields.document(document))?;
        }
        Ok(())
    }

    pub(crate) fn commit(&self) -> Result<u64, IndexError> {
        let mut pending = self.lock();
        pending.commit()?;
        let visible = self.publish(&mut pending)?;
        if self.directory.bytes() > MOST_IN_MEMORY {
            self.write_down(&pending)?;
        }
        Ok(visible)
    }

    /// Rewrites every segment that holds deleted documents and deletes the old files, on disk too.
    pub(crate) fn purge(&self) -> Result<(), IndexError> {
        let mut pending = self.lock();
        pending.commit()?;
        let outcome = self.rewrite(&mut pending);
        pending.keep_or_forget(outcome)?;
        self.publish(&mut pending)?;
        self.write_down(&pending)
    }

    /// Loads the last commit, before another can be made.
    fn publish(&self, pending: &mut Pending) -> Result<u64, IndexError> {
        self.reader.reload()?;
        pending.unsure = false;
        self.visible.store(pending.committed, Ordering::Release);
        Ok(pending.committed)
    }

    fn rewrite(&self, pending: &mut Pending) -> Result<(), IndexError> {
        if let Some(writer) = pending.writer.take() {
            // A merge under way could copy a document deleted after it began.
            writer.set_merge_policy(Box::new(NoMergePolicy));
            writer.wait_merging_threads()?;
        }
        let writer = self.writer(pending)?;
        writer.set_merge_policy(Box::new(NoMergePolicy));
        for segment in self.engine.searchable_segment_metas()? {
            if segment.has_deletes() {
                writer.merge(&[segment.id()]).wait()?;
            }
        }
        writer.garbage_collect_files().wait()?;
        writer.set_merge_policy(Box::new(merge_policy()));
        Ok(())
    }

    /// Commits, lets merges finish, and gives the writer's threads and memory back.
    pub(crate) fn release(&self) -> Result<(), IndexError> {
        let mut pending = self.lock();
        pending.commit()?;
        if let Some(writer) = pending.writer.take() {
            writer.wait_merging_threads()?;
        }
        self.publish(&mut pending)?;
        self.write_down(&pending)
    }

    fn writer<'a>(&self, pending: &'a mut Pending) -> Result<&'a mut IndexWriter, IndexError> {
        let writer = match pending.writer.take() {
            Some(writer) => writer,
            None => {
                let options = IndexWriterOptions::builder()
                    .num_worker_threads(1)
                    .num_merge_threads(2)
                    .memory_budget_per_thread(self.arena)
                    .build();
                let writer: IndexWriter = self.engine.writer_with_options(options)?;
                writer.set_merge_policy(Box::new(merge_policy()));
                writer
            }
        };
        Ok(pending.writer.insert(writer))
    }

    fn key(&self, key: &Id) -> Term {
        self.term(term(key, Class::Key, ""))
    }

    fn term(&self, text: String) -> Term {
        Term::from_field_text(self.fields.terms, &text)
    }

    fn lock(&self) -> MutexGuard<'_, Pending> {
        self.pending.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Pending {
    fn commit(&mut self) -> Result<(), IndexError> {
        if !self.dirty {
            return Ok(());
        }
        let applied = self.applied;
        let outcome = self.writer.as_mut().map_or(Ok(()), |writer| {
            let mut commit = writer.prepare_commit()?;
            commit.set_payload(&applied.to_string());
            commit.commit()?;
            Ok(())
        });
        self.keep_or_forget(outcome)?;
        self.committed = applied;
        self.dirty = false;
        self.keys.clear();
        Ok(())
    }

    /// After a failure nothing buffered counts any more.
    fn keep_or_forget(&mut self, outcome: Result<(), IndexError>) -> Result<(), IndexError> {
        if outcome.is_err() {
            self.writer = None;
            self.applied = self.committed;
            self.dirty = false;
            self.unsure = true;
            self.keys.clear();
        }
        outcome
    }
}

fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(8);
    policy.set_min_layer_size(128);
    policy.set_level_log_size(3.0);
    policy.set_del_docs_ratio_before_merge(0.4);
    policy
}
