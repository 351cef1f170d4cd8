//! What an operator may choose.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// The section `[search]`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct SearchConfig {
    /// Milliseconds between two commits of the index, at least. Less shows new things sooner and
    /// costs more.
    pub commit_every_ms: u32,
    /// Milliseconds without a change after which the index gives its memory back.
    pub release_after_ms: u32,
    /// Milliseconds that an erasure waits for others before all are purged from the index together.
    pub purge_after_ms: u32,
    /// Days that searches stay in a person's history.
    pub history_days: u32,
    /// Different searches that a person's history keeps, at most.
    pub history_entries: u32,
    /// Milliseconds that searches may wait in memory before they are written to the history.
    pub history_flush_ms: u32,
    /// Minutes that removed documents stay known as removed. An index (of another replica) that has
    /// not heard of it by then is built anew.
    pub tombstone_minutes: u32,
}

impl Default for SearchConfig {
    fn default() -> Self {
        Self {
            commit_every_ms: 20,
            release_after_ms: 5_000,
            purge_after_ms: 2_000,
            history_days: 180,
            history_entries: 1_000,
            history_flush_ms: 1_000,
            tombstone_minutes: 60,
        }
    }
}

impl SearchConfig {
    /// Mistakes that types cannot express, as (key within the section, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut mistakes = Vec::new();
        let mut expect = |key: &str, value: u32, range: std::ops::RangeInclusive<u32>| {
            if !range.contains(&value) {
                let what = format!("must be between {} and {}", range.start(), range.end());
                mistakes.push((key.to_owned(), what));
            }
        };
        expect("commit_every_ms", self.commit_every_ms, 1..=10_000);
        expect("release_after_ms", self.release_after_ms, 100..=3_600_000);
        // Within 60 seconds nothing of an erased person may be left.
        expect("purge_after_ms", self.purge_after_ms, 0..=30_000);
        expect("history_days", self.history_days, 1..=3_650);
        expect("history_entries", self.history_entries, 1..=10_000);
        expect("history_flush_ms", self.history_flush_ms, 10..=60_000);
        expect("tombstone_minutes", self.tombstone_minutes, 1..=100_000);
        mistakes
    }
}
