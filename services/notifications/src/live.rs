//! Lists as they change, on every device that is connected to any process.
//!
//! Every change of a list has a number, and the row that changed carries it. A stream is nothing but the
//! rows after a number, again and again; so a device that comes back with the last number that it has
//! seen misses nothing, and where the change was made does not matter. The service's own event log wakes
//! the streams: it is the same for all processes of the service.
//!
//! What changed is read once for all devices of a person, and once for all people whom the same message
//! was sent to, and goes to the streams with the wake-up. A stream for which that is not the next thing,
//! because it was slow or has just begun, reads for itself: rows that come along only save that.

use std::collections::{BTreeSet, HashMap};
use std::ops::RangeInclusive;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use bytes::Bytes;
use hanse_contracts::notifications::ListsChanged;
use hanse_events::{DomainEvent as _, EmbeddedLog, Log as _};
use hanse_store::{Db, Result, StoreError, Tx};
use tokio::sync::watch;
use uuid::Uuid;

use crate::http::list::NotificationView;
use crate::list;
use crate::notification::Notification;

/// How often the log is looked at for what other processes have added.
const POLL: Duration = Duration::from_millis(250);
/// Events that are read at a time.
const AT_ONCE: u32 = 1_000;
/// Changes of a list that are read for all its streams.
const SPREAD: u32 = 50;

/// The devices that listen here. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Live {
    people: Arc<Mutex<HashMap<Uuid, Listeners>>>,
}

struct Listeners {
    count: usize,
    /// The number up to which all of them have been told of.
    known: Option<i64>,
    changes: watch::Sender<Arc<Changes>>,
}

/// Every change of a list after one number, up to another.
#[derive(Debug, Default)]
pub(crate) struct Changes {
    pub(crate) after: i64,
    pub(crate) to: i64,
    /// In the order of their changes; none when it has to be looked for.
    pub(crate) rows: Vec<Changed>,
}

/// A row of a list as devices are told of it.
#[derive(Clone, Debug)]
pub(crate) struct Changed {
    /// The number of its change.
    pub(crate) seq: i64,
    /// As JSON.
    pub(crate) data: Bytes,
}

impl From<Notification> for Changed {
    fn from(notification: Notification) -> Self {
        let seq = notification.seq;
        let view = NotificationView::from(notification);
        Self { seq, data: Bytes::from(serde_json::to_vec(&view).unwrap_or_default()) }
    }
}

/// A device that listens, until it is dropped.
pub(crate) struct Listening {
    owner: Uuid,
    live: Live,
    changes: watch::Receiver<Arc<Changes>>,
}

impl Live {
    /// Listens for changes of somebody's list, unless so many devices of theirs do already.
    pub(crate) fn listen(&self, owner: Uuid, most: usize) -> Option<Listening> {
        let mut people = self.lock();
        let listeners = people.entry(owner).or_insert_with(|| Listeners {
            count: 0,
            known: None,
            changes: watch::Sender::default(),
        });
        if listeners.count >= most {
            return None;
        }
        listeners.count += 1;
        let changes = listeners.changes.subscribe();
        Some(Listening { owner, live: self.clone(), changes })
    }

    /// Has the streams of these look for themselves.
    fn wake(&self, owners: RangeInclusive<Uuid>) {
        let people = self.lock();
        for (_, listeners) in people.iter().filter(|(owner, _)| owners.contains(*owner)) {
            listeners.changes.send_replace(Arc::default());
        }
    }

    /// Tells the streams of somebody what changed.
    fn tell(&self, owner: Uuid, changes: Changes) {
        if let Some(listeners) = self.lock().get_mut(&owner) {
            listeners.known = listeners.known.max(Some(changes.to));
            listeners.changes.send_replace(Arc::new(changes));
        }
    }

    /// Reads what these events say once, and tells the streams of it.
    async fn spread(&self, db: &Db, events: &[hanse_events::Recorded]) {
        let mut alone = BTreeSet::new();
        for event in events {
            let Some(ListsChanged { first, last, notification }) = changed(event) else { continue };
            match notification {
                _ if first == last => _ = alone.insert(first),
                Some(id) => self.spread_one(db, first..=last, id).await,
                None => self.wake(first..=last),
            }
        }
        for owner in alone {
            self.spread_list(db, owner).await;
        }
    }

    /// One notification that is new in many lists.
    async fn spread_one(&self, db: &Db, owners: RangeInclusive<Uuid>, id: Uuid) {
        if !self.lock().keys().any(|owner| owners.contains(owner)) {
            return;
        }
        let (first, last) = owners.clone().into_inner();
        let rows = db
            .read::<_, StoreError, _>(async |tx: &mut Tx| list::of_all(tx, id, first, last).await);
        match rows.await {
            Err(error) => {
                complain(&error);
                self.wake(owners);
            }
            Ok(rows) => {
                for row in rows {
                    let (owner, to) = (row.owner, row.seq);
                    self.tell(owner, Changes { after: to - 1, to, rows: vec![row.into()] });
                }
            }
        }
    }

    /// Whatever is new in somebody's list.
    async fn spread_list(&self, db: &Db, owner: Uuid) {
        let known = match self.lock().get(&owner) {
            None => return,
            Some(listeners) => listeners.known,
        };
        let Some(after) = known else { return self.wake(owner..=owner) };
        let rows = db.read::<_, StoreError, _>(async |tx: &mut Tx| {
            list::changed(tx, owner, after, SPREAD).await
        });
        match rows.await {
            Err(error) => {
                complain(&error);
                self.wake(owner..=owner);
            }
            // Too much to go along: the streams read piece by piece.
            Ok(rows) if rows.len() >= SPREAD as usize => self.wake(owner..=owner),
            Ok(rows) => {
                let Some(to) = rows.last().map(|row| row.seq) else { return };
                let rows = rows.into_iter().map(Into::into).collect();
                self.tell(owner, Changes { after, to, rows });
            }
        }
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
                    position = batch.events.last().map_or(position, |event| event.seq);
                    self.spread(db, &batch.events).await;
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
    /// Waits until the list may have changed; what did, if it came along.
    pub(crate) async fn changed(&mut self) -> Arc<Changes> {
        // The sender lives as long as anybody listens.
        self.changes.changed().await.ok();
        Arc::clone(&self.changes.borrow_and_update())
    }

    /// The list has come to this number, and everybody who listens reads up to it by themselves.
    pub(crate) fn begin(&self, seq: i64) {
        if let Some(listeners) = self.live.lock().get_mut(&self.owner) {
            listeners.known.get_or_insert(seq);
        }
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

fn changed(event: &hanse_events::Recorded) -> Option<ListsChanged> {
    if event.kind != ListsChanged::TYPE {
        return None;
    }
    serde_json::from_str(event.data.as_deref()?).ok()
}

async fn newest(db: &Db) -> Result<i64> {
    let sql = "SELECT coalesce(max(seq), 0) AS seq FROM events";
    db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0)).await
}

fn complain(error: &StoreError) {
    tracing::warn!(error = error as &dyn std::error::Error, "the log of lists cannot be read");
}
