//! The activity log of an account: what happened when, without contents.

use hanse_events::{DomainEvent, Event};
use hanse_store::{Insert, Result, Tx, params};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

/// Something an account did.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct Activity {
    /// Identity of the event.
    pub id: Uuid,
    /// When it happened.
    pub at: Timestamp,
    /// What happened, such as `thoughts.ThoughtCreated`.
    pub r#type: String,
    /// What it happened to, such as `thought/…`.
    pub subject: String,
}

const NOTE: Insert<5> = Insert { into: "activity (owner, id, at, type, subject)", then: "" };

/// Notes events in their owners' logs.
pub(crate) async fn note<T: DomainEvent>(tx: &mut Tx, events: &[(Uuid, &Event<T>)]) -> Result<()> {
    let row = |(owner, event): &(Uuid, &Event<T>)| {
        let subject = event.subject.as_str();
        [(*owner).into(), event.id.into(), event.time.into(), T::TYPE.into(), subject.into()]
    };
    let rows: Vec<_> = events.iter().map(row).collect();
    NOTE.execute(tx, &rows).await.map(drop)
}

const PAGE: &str = "SELECT id, at, type, subject FROM activity
    WHERE owner = $1 AND id < $2 AND at >= $3 ORDER BY id DESC LIMIT $4";

/// Entries of the account's log before `before`, newest first, none older than `since`.
pub(crate) async fn page(
    tx: &mut Tx,
    owner: Uuid,
    before: Option<Uuid>,
    since: Timestamp,
    limit: u32,
) -> Result<Vec<Activity>> {
    let before = before.unwrap_or(Uuid::max());
    tx.all(PAGE, params![owner, before, since, limit])
        .await?
        .iter()
        .map(|row| {
            Ok(Activity { id: row.at(0)?, at: row.at(1)?, r#type: row.at(2)?, subject: row.at(3)? })
        })
        .collect()
}

const LAST: &str = "SELECT at FROM activity WHERE owner = $1 ORDER BY id DESC LIMIT 1";

/// When the account did something last, as far as the log goes back.
pub(crate) async fn last(tx: &mut Tx, owner: Uuid) -> Result<Option<Timestamp>> {
    tx.optional(LAST, params![owner]).await?.map(|row| row.at(0)).transpose()
}
