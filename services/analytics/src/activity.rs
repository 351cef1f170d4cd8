//! The activity log of an account: what happened when, without contents.

use hanse_events::{DomainEvent, Event};
use hanse_store::{Result, Tx, params};
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

const NOTE: &str =
    "INSERT INTO activity (owner, id, at, type, subject) VALUES ($1, $2, $3, $4, $5)";

/// Notes an event in its owner's log.
pub(crate) async fn note<T: DomainEvent>(tx: &mut Tx, owner: Uuid, event: &Event<T>) -> Result<()> {
    let values = params![owner, event.id, event.time, T::TYPE, &event.subject];
    tx.execute(NOTE, values).await.map(drop)
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
