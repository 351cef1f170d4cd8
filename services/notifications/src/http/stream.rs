//! A list as it changes.

use std::time::Duration;

use futures_util::stream::unfold;
use garde::Validate;
use hanse_http::{
    Cx, KernelError, Listener, Live, LiveEvent, LiveEvents, Principal, Query, Verifier,
};
use hanse_store::{Db, StoreError, Tx};
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use crate::error::NotificationError;
use crate::live::{Changed, Changes, Listening};
use crate::{App, list, people};

/// How often a client hears that the connection lives; its account is looked at as often.
const BEAT: Duration = Duration::from_secs(15);
/// Changes that are read at a time.
const AT_ONCE: u32 = 50;

/// Where to begin.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct StreamNotifications {
    /// As `Last-Event-ID`, for clients that cannot send that.
    #[garde(range(min = 0))]
    after: Option<i64>,
}

pub(crate) async fn stream_notifications(
    cx: Cx<App>,
    Query(query): Query<StreamNotifications>,
    listener: Listener,
) -> Result<Live, NotificationError> {
    let owner = cx.user_id();
    let principal = cx.principal().cloned().ok_or(KernelError::Unauthenticated)?;
    let most = cx.app.desk.config.streams_per_person;
    // From here on every change wakes us; what was before is read now.
    let listening = cx.app.live.listen(owner, most).ok_or(NotificationError::TooManyStreams)?;
    let now = cx.read::<_, StoreError, _>(async |tx: &mut Tx| people::seq(tx, owner).await).await?;
    listening.begin(now);
    // Nobody has seen what has not happened: a wrong number would hide what comes.
    let seen = listener.last.or(query.after).map_or(now, |last| last.min(now));
    let follower = Follower {
        db: hanse_http::Service::home(&*cx.app).db.clone(),
        verifier: cx.app.verifier.clone(),
        principal,
        owner,
        listening,
        seen,
        ready: Vec::new(),
        look: true,
    };
    Ok(listener.tell(follower.events()))
}

/// One device that follows.
struct Follower {
    db: Db,
    verifier: Verifier,
    principal: Principal,
    owner: Uuid,
    listening: Listening,
    /// The number of the last change that it was told.
    seen: i64,
    /// What it is told next, the last first.
    ready: Vec<LiveEvent>,
    /// There may be more to read.
    look: bool,
}

impl Follower {
    fn events(self) -> LiveEvents {
        Box::pin(unfold(self, |mut follower| async move {
            let event = follower.next().await?;
            Some((event, follower))
        }))
    }

    /// The next thing to tell; nothing more when the account may not listen any more (HTTP-14).
    async fn next(&mut self) -> Option<LiveEvent> {
        loop {
            if !self.verifier.still_holds(&self.principal) {
                return None;
            }
            if let Some(event) = self.ready.pop() {
                return Some(event);
            }
            if std::mem::take(&mut self.look) {
                self.read().await?;
                continue;
            }
            tokio::select! {
                changes = self.listening.changed() => self.hear(&changes),
                () = tokio::time::sleep(BEAT) => {
                    return self.verifier.still_holds(&self.principal).then_some(LiveEvent::Beat);
                }
            }
        }
    }

    async fn read(&mut self) -> Option<()> {
        let (owner, seen) = (self.owner, self.seen);
        let changed = self
            .db
            .read::<_, StoreError, _>(async |tx: &mut Tx| {
                list::changed(tx, owner, seen, AT_ONCE).await
            })
            .await;
        let changed = match changed {
            Ok(changed) => changed,
            Err(error) => {
                tracing::warn!(
                    error = &error as &dyn std::error::Error,
                    "a list cannot be followed"
                );
                return None;
            }
        };
        self.look = changed.len() >= AT_ONCE as usize;
        let rows: Vec<Changed> = changed.into_iter().map(Into::into).collect();
        self.tell(&rows);
        Some(())
    }

    /// Takes what came along, when it is the next thing.
    fn hear(&mut self, changes: &Changes) {
        if changes.rows.is_empty() || changes.after > self.seen {
            self.look = true;
        } else if changes.to > self.seen {
            let begin = changes.rows.partition_point(|row| row.seq <= self.seen);
            self.tell(changes.rows.get(begin..).unwrap_or_default());
        }
    }

    fn tell(&mut self, rows: &[Changed]) {
        self.seen = rows.last().map_or(self.seen, |last| last.seq);
        // Several changes may share a number; only the last of them may be gone on from.
        let mut later = None;
        for Changed { seq, data } in rows.iter().rev() {
            let id = (later.replace(*seq) != Some(*seq)).then_some(*seq);
            let data = data.clone();
            self.ready.push(LiveEvent::Told { id, kind: "notification", data });
        }
    }
}
