//! Lists as they change, on every device that is connected to any process.
//!
//! Every change of a list has a number, and the row that changed carries it. A stream is nothing but the
//! rows after a number, again and again; so a device that comes back with the last number that it has
//! seen misses nothing, and where the change was made does not matter. The service's own event log wakes
//! the streams: it is the same for all processes of the service.

use std::collections::HashMap;
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hanse_contracts::notifications::ListsChanged;
use hanse_events::{DomainEvent as _, EmbeddedLog, Log as _};
use hanse_store::{Db, Result, StoreError, Tx};
use tokio::sync::watch;
use uuid::Uuid;

/// How often the log is looked at for what other processes have added.
const POLL: Duration = Duration::from_millis(250);
/// Events that are read at a time.
const AT_ONCE: u32 = 1_000;

/// The devices that listen here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Live {
    people: Arc<Mutex<HashMap<Uuid, Listeners>>>,
}

struct Listeners {
    count: usize,
    changes: watch::Sender<u64>,
}

/// A device that listens, until it is dropped.
pub(crate) struct Listening {
    owner: Uuid,
    live: Live,
    changes: watch::Receiver<u64>,
}

impl Live {
    /// Listens for changes of somebody's list, unless so many devices of theirs do already.
    pub(crate) fn listen(&self, owner: Uuid, most: usize) -> Option<Listening> {
        let mut people = self.lock();
        let listeners = people
            .entry(owner)
            .or_insert_with(|| Listeners { count: 0, changes: watch::Sender::new(0) });
        if listeners.count >= most {
            return None;
        }
        listeners.count += 1;
        let changes = listeners.changes.subscribe();
        Some(Listening { owner, live: self.clone(), changes })
    }

    fn wake(&self, owners: RangeInclusive<Uuid>) {
        let people = self.lock();
        let wake = |listeners: &Listeners| listeners.changes.send_modify(|count| *count += 1);
        if owners.start() == owners.end() {
            people.get(owners.start()).map(wake);
            return;
        }
        people.iter().filter(|(owner, _)| owners.contains(*owner)).for_each(|(_, it)| wake(it));
    }

    /// Wakes the streams of those whose lists change, until the future is dropped.
    pub(crate) async fn run(&self, db: &Db) {
        let log = EmbeddedLog::new(db.clone());
        let mut changes = log.changes();
        let mut position = loop {
            match newest(db).await {
                Ok(position) => break position,
                Err(error) => complain(&error),
            }
            tokio::time::sleep(POLL).await;
        };
        // Whoever began to listen before is told to look.
        self.wake(Uuid::nil()..=Uuid::max());
        loop {
            changes.mark_unchanged();
            match log.read(position, AT_ONCE).await {
                Ok(batch) => {
                    let more = batch.events.len() >= AT_ONCE as usize;
                    for event in batch.events {
                        position = event.seq;
                        if let Some(owners) = owners(&event) {
                            self.wake(owners);
                        }
                    }
                    if more {
                        continue;
                    }
                }
                Err(error) => complain(&error),
            }
            tokio::select! {
                _ = changes.changed() => {}
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<Uuid, Listeners>> {
        self.people.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Listening {
    /// Waits until the list may have changed.
    pub(crate) async fn changed(&mut self) {
        // The sender lives as long as anybody listens.
        self.changes.changed().await.ok();
    }
}

impl Drop for Listening {
    fn drop(&mut self) {
        let mut people = self.live.lock();
        if let Some(listeners) = people.get_mut(&self.owner) {
            listeners.count -= 1;
            if listeners.count == 0 {
                people.remove(&self.owner);
            }
        }
    }
}

fn owners(event: &hanse_events::Recorded) -> Option<RangeInclusive<Uuid>> {
    if event.kind != ListsChanged::TYPE {
        return None;
    }
    let changed: ListsChanged = serde_json::from_str(event.data.as_deref()?).ok()?;
    Some(changed.first..=changed.last)
}

async fn newest(db: &Db) -> Result<i64> {
    let sql = "SELECT coalesce(max(seq), 0) AS seq FROM events";
    db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0)).await
}

fn complain(error: &StoreError) {
    tracing::warn!(error = error as &dyn std::error::Error, "the log of lists cannot be read");
}
