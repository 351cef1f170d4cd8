//! The rule that puts a partition in order, whatever the broker or a zombie did to it.
//!
//! Every record claims that no event of its partition lies strictly between `previous` and its
//! sequence number. With the position `covered`, a record is
//! * the next one if `previous <= covered < sequence`: taken, and `covered` becomes `sequence`;
//! * known if `sequence <= covered`: dropped. So duplicates do no harm, in any number and order;
//! * early if `previous > covered`: something is missing before it. It waits, within bounds.
//!
//! Claims speak of the log, which never changes, so a relay that died, was paused, or published twice
//! can only repeat true claims. Pure: no I/O, no clock.

use std::collections::{BTreeMap, VecDeque};

use crate::wire::Claimed;

/// Early records that wait at most.
const WINDOW: usize = 10_000;
/// And their bytes.
const WINDOW_BYTES: usize = 32 << 20;

/// The order of one partition after a position.
#[derive(Debug, Default)]
pub(crate) struct Sequencer {
    /// The position that was confirmed: everything up to it is durable.
    base: i64,
    /// Everything up to here was taken or is not in this partition.
    covered: i64,
    /// Taken, not confirmed yet.
    ready: VecDeque<Claimed>,
    /// Early records by sequence number.
    early: BTreeMap<i64, Claimed>,
    early_bytes: usize,
}

/// What is missing.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Missing {
    /// Something after this
    pub(crate) after: i64,
    /// and not after this.
    pub(crate) upto: i64,
}

impl Sequencer {
    /// An empty sequencer at a position.
    pub(crate) fn at(position: i64) -> Self {
        Self { base: position, covered: position, ..Self::default() }
    }

    /// Can it go on from `after` without reading again what it has dropped?
    pub(crate) fn serves(&self, after: i64) -> bool {
        after >= self.base
    }

    /// Forgets what is durable now. Returns the offset after the last of it.
    pub(crate) fn confirm(&mut self, after: i64) -> Option<i64> {
        self.base = after;
        let mut next = None;
        while let Some(first) = self.ready.pop_front_if(|first| first.record.seq <= after) {
            next = Some(first.offset + 1);
        }
        if after > self.covered {
            // Another replica was ahead.
            self.covered = after;
            self.take_early();
        }
        next
    }

    /// Takes a record in. True when it was the next one.
    pub(crate) fn push(&mut self, claimed: Claimed) -> bool {
        let sequence = claimed.record.seq;
        if sequence <= self.covered {
            return false;
        }
        if claimed.previous > self.covered {
            self.wait(claimed);
            return false;
        }
        self.take(claimed);
        self.take_early();
        true
    }

    /// The records in order after the confirmed position.
    pub(crate) fn ready(&self) -> &VecDeque<Claimed> {
        &self.ready
    }

    /// How many records are in here.
    pub(crate) fn len(&self) -> usize {
        self.ready.len() + self.early.len()
    }

    /// Something is missing before what waits.
    pub(crate) fn missing(&self) -> Option<Missing> {
        let (_, first) = self.early.first_key_value()?;
        Some(Missing { after: self.covered, upto: first.previous })
    }

    fn take(&mut self, claimed: Claimed) {
        self.covered = claimed.record.seq;
        // A watermark says nothing that its successor does not say.
        self.ready.pop_back_if(|last| last.is_watermark());
        self.ready.push_back(claimed);
    }

    fn wait(&mut self, claimed: Claimed) {
        let bytes = size(&claimed);
        let sequence = claimed.record.seq;
        match self.early.get_mut(&sequence) {
            // The same event, published twice in different steps: the farther claim counts.
            Some(known) => known.previous = known.previous.min(claimed.previous),
            None => {
                self.early_bytes += bytes;
                self.early.insert(sequence, claimed);
            }
        }
        while self.early.len() > WINDOW || self.early_bytes > WINDOW_BYTES {
            let Some((_, last)) = self.early.pop_last() else { break };
            self.early_bytes = self.early_bytes.saturating_sub(size(&last));
        }
    }

    fn take_early(&mut self) {
        loop {
            while let Some(first) = self.early.first_entry()
                && *first.key() <= self.covered
            {
                self.early_bytes = self.early_bytes.saturating_sub(size(&first.remove()));
            }
            let covered = self.covered;
            let next = self.early.iter().find(|(_, early)| early.previous <= covered);
            let Some((&sequence, _)) = next else { break };
            let Some(next) = self.early.remove(&sequence) else { break };
            self.early_bytes = self.early_bytes.saturating_sub(size(&next));
            self.take(next);
        }
    }
}

fn size(claimed: &Claimed) -> usize {
    500 + claimed.record.subject.len() + claimed.record.data.as_ref().map_or(0, String::len)
}

#[cfg(test)]
mod tests;
