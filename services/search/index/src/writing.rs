//! The writing half: one buffer, one indexing thread, many small commits.
//!
//! A writer costs threads and an arena of megabytes, so it exists only between the first
//! change and [`Writing::release`]. Any failure drops it together with what it had buffered;
//! the index is then exactly what its last commit says, and the caller applies the rest again.
//!
//! Commits of twenty documents every few milliseconds make many small segments, and a search
//! visits them all. Segments merge when six of similar size exist, sizes being similar within
//! a factor of eight from 128 documents up: each document is rewritten about once per factor,
//! and a million documents stay below some thirty segments.

use std::sync::{Mutex, MutexGuard, PoisonError};

use tantivy::Term;
use tantivy::index::Index as Engine;
use tantivy::indexer::{IndexWriter, IndexWriterOptions, LogMergePolicy, NoMergePolicy};

use crate::document::Change;
use crate::error::IndexError;
use crate::terms::{Class, Fields, term};

/// The smallest arena the engine accepts.
const SMALLEST_ARENA: usize = 15_000_000;

/// Serialises writers; see the module.
pub(crate) struct Writing {
    engine: Engine,
    fields: Fields,
    arena: usize,
    pending: Mutex<Pending>,
}

struct Pending {
    writer: Option<IndexWriter>,
    /// The highest change applied, and the highest committed.
    applied: u64,
    committed: u64,
    /// Something was applied since the last commit, be it an old change once more.
    dirty: bool,
}

impl Writing {
    pub(crate) fn new(engine: Engine, fields: Fields, arena: usize, committed: u64) -> Writing {
        let pending = Pending { writer: None, applied: committed, committed, dirty: false };
        let pending = Mutex::new(pending);
        Writing { engine, fields, arena: arena.max(SMALLEST_ARENA), pending }
    }

    pub(crate) fn apply(&self, change_no: u64, change: Change) -> Result<(), IndexError> {
        let mut pending = self.lock();
        let outcome = self.writer(&mut pending).and_then(|writer| {
            match change {
                Change::Put(document) => {
                    writer.delete_term(self.term(term(&document.key, Class::Key, "")));
                    writer.add_document(self.fields.document(document))?;
                }
                Change::Delete { key } => {
                    writer.delete_term(self.term(term(&key, Class::Key, "")));
                }
                Change::DeleteScope { scope } => {
                    writer.delete_term(self.term(term(&scope, Class::All, "")));
                }
            }
            Ok(())
        });
        pending.applied = pending.applied.max(change_no);
        pending.dirty = true;
        pending.settle(outcome)
    }

    /// Commits what is buffered and then runs `publish` before another writer may commit.
    pub(crate) fn commit(
        &self,
        publish: impl FnOnce(u64) -> Result<(), IndexError>,
    ) -> Result<u64, IndexError> {
        let mut pending = self.lock();
        pending.commit()?;
        publish(pending.committed)?;
        Ok(pending.committed)
    }

    /// Rewrites every segment that holds deleted documents and deletes the old files.
    pub(crate) fn purge(
        &self,
        publish: impl FnOnce(u64) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut pending = self.lock();
        pending.commit()?;
        let outcome = self.rewrite(&mut pending);
        pending.settle(outcome)?;
        publish(pending.committed)
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
    pub(crate) fn release(
        &self,
        publish: impl FnOnce(u64) -> Result<(), IndexError>,
    ) -> Result<(), IndexError> {
        let mut pending = self.lock();
        pending.commit()?;
        if let Some(writer) = pending.writer.take() {
            writer.wait_merging_threads()?;
        }
        publish(pending.committed)
    }

    fn writer<'a>(&self, pending: &'a mut Pending) -> Result<&'a mut IndexWriter, IndexError> {
        let writer = match pending.writer.take() {
            Some(writer) => writer,
            None => {
                let options = IndexWriterOptions::builder()
                    .num_worker_threads(1)
                    .num_merge_threads(1)
                    .memory_budget_per_thread(self.arena)
                    .build();
                let writer: IndexWriter = self.engine.writer_with_options(options)?;
                writer.set_merge_policy(Box::new(merge_policy()));
                writer
            }
        };
        Ok(pending.writer.insert(writer))
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
        self.settle(outcome)?;
        self.committed = applied;
        self.dirty = false;
        Ok(())
    }

    /// After a failure nothing buffered counts any more.
    fn settle(&mut self, outcome: Result<(), IndexError>) -> Result<(), IndexError> {
        if outcome.is_err() {
            self.writer = None;
            self.applied = self.committed;
            self.dirty = false;
        }
        outcome
    }
}

fn merge_policy() -> LogMergePolicy {
    let mut policy = LogMergePolicy::default();
    policy.set_min_num_segments(6);
    policy.set_min_layer_size(128);
    policy.set_level_log_size(3.0);
    policy.set_del_docs_ratio_before_merge(0.4);
    policy
}
