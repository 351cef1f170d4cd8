//! Wakes those who wait for a commit.

use tokio::sync::watch;

use crate::tx::Effects;

/// What a commit may have brought, for those who wait for it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Topic {
    /// Events were appended; the value is the last sequence number committed by this process.
    Events,
    /// Jobs were scheduled; the value only counts.
    Jobs,
    /// Anything at all; the value only counts. For what is computed from a service's own tables.
    Commits,
}

/// The waiting, by topic. A group of transactions is announced once: waking costs more than a row.
pub(crate) struct Announcer {
    events: watch::Sender<i64>,
    jobs: watch::Sender<i64>,
    commits: watch::Sender<i64>,
}

impl Announcer {
    pub(crate) fn new() -> Self {
        Self {
            events: watch::Sender::new(0),
            jobs: watch::Sender::new(0),
            commits: watch::Sender::new(0),
        }
    }

    pub(crate) fn changes(&self, topic: Topic) -> watch::Receiver<i64> {
        match topic {
            Topic::Events => self.events.subscribe(),
            Topic::Jobs => self.jobs.subscribe(),
            Topic::Commits => self.commits.subscribe(),
        }
    }

    /// Says that this has been committed.
    pub(crate) fn announce(&self, effects: Effects) {
        if let Some(sequence) = effects.last_event {
            self.events.send_if_modified(|last| {
                let newer = sequence > *last;
                *last = sequence.max(*last);
                newer
            });
        }
        if effects.jobs {
            self.jobs.send_modify(|count| *count += 1);
        }
        self.commits.send_modify(|count| *count += 1);
    }
}
