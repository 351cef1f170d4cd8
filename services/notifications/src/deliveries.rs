//! The repository of deliveries: what went, or is to go, another way than the list.

use hanse_store::{Result, Row, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::channel::Channel;

/// Which delivery.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Key {
    pub(crate) owner: Uuid,
    pub(crate) notification: Uuid,
    pub(crate) channel: Channel,
    /// The target; nil where the channel needs none.
    pub(crate) target: Uuid,
}

/// How far a delivery has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Progress {
    /// To be sent.
    Queued,
    /// To be gathered.
    Held,
    /// The next server has it.
    Sent,
    /// It will not be sent.
    Failed,
}

impl Progress {
    pub(crate) fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Failed => "failed",
        }
    }
}

/// A new delivery.
pub(crate) struct New<'a> {
    pub(crate) key: Key,
    pub(crate) kind: &'a str,
    pub(crate) title: &'a str,
    pub(crate) sending: Option<Uuid>,
    pub(crate) progress: Progress,
}

const INSERT: &str =
    "INSERT INTO deliveries (owner, notification, channel, target, type, title, sending,
    state, attempts, created_at, changed_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, 0, $9, $9)
    ON CONFLICT (owner, notification, channel, target) DO NOTHING";
const STATE: &str = "SELECT state FROM deliveries
    WHERE owner = $1 AND notification = $2 AND channel = $3 AND target = $4";
const MARK: &str =
    "UPDATE deliveries SET state = $5, attempts = attempts + 1, cause = $6, changed_at = $7
    WHERE owner = $1 AND notification = $2 AND channel = $3 AND target = $4";
const REPORT: &str = "UPDATE deliveries SET state = $4, cause = $5, changed_at = $6
    WHERE owner = $1 AND notification = $2 AND channel = $3 AND state IN ('sent', 'delivered', 'opened')";
const RECENT: &str = "SELECT channel, COUNT(*) AS recent FROM deliveries
    WHERE owner = $1 AND type = $2 AND created_at > $3 GROUP BY channel";
const HELD: &str = "SELECT notification, title FROM deliveries
    WHERE owner = $1 AND channel = $2 AND state = 'held' ORDER BY created_at, notification LIMIT 200";
const COUNTS: &str = "SELECT channel, state, COUNT(*) AS count FROM deliveries
    WHERE sending = $1 GROUP BY channel, state ORDER BY channel, state";
const FAILURES: &str = "SELECT owner, notification, channel, state, attempts, cause, changed_at
    FROM deliveries WHERE sending = $1 AND state = 'failed' ORDER BY changed_at DESC LIMIT 20";
const OF: &str = "SELECT channel, target, state, attempts, cause, created_at, changed_at
    FROM deliveries WHERE owner = $1 AND notification = $2 ORDER BY channel, target LIMIT 100";
const PURGE: &str = "DELETE FROM deliveries WHERE (owner, notification, channel, target) IN
    (SELECT owner, notification, channel, target FROM deliveries WHERE changed_at < $1 LIMIT $2)";

/// Stores a new delivery. False when it is there already.
pub(crate) async fn insert(tx: &mut Tx, new: &New<'_>) -> Result<bool> {
    let Key { owner, notification, channel, target } = new.key;
    let params = params![
        owner,
        notification,
        channel.name(),
        target,
        new.kind,
        new.title,
        new.sending,
        new.progress.name(),
        tx.now(),
    ];
    Ok(tx.execute(INSERT, params).await? == 1)
}

/// Is this delivery still to be sent?
pub(crate) async fn is_open(tx: &mut Tx, key: &Key) -> Result<bool> {
    let params = params![key.owner, key.notification, key.channel.name(), key.target];
    let row = tx.optional(STATE, params).await?;
    Ok(row.map(|row| row.at::<String>(0)).transpose()?.is_some_and(|state| state == "queued"))
}

/// Notes how a try ended.
pub(crate) async fn mark(
    tx: &mut Tx,
    key: &Key,
    progress: Progress,
    cause: Option<&str>,
) -> Result<()> {
    let Key { owner, notification, channel, target } = *key;
    let name = progress.name();
    let params = params![owner, notification, channel.name(), target, name, cause, tx.now()];
    tx.execute(MARK, params).await.map(drop)
}

/// Notes what a provider reports of a delivery that was sent: `delivered`, `opened`, `bounced`,
/// `complained`. Returns how many there are, 0 or 1.
pub(crate) async fn report(
    tx: &mut Tx,
    owner: Uuid,
    notification: Uuid,
    channel: Channel,
    state: &str,
    cause: Option<&str>,
) -> Result<u64> {
    let params = params![owner, notification, channel.name(), state, cause, tx.now()];
    tx.execute(REPORT, params).await
}

/// The most messages of a type that went to somebody by any one channel since a time.
pub(crate) async fn recent(tx: &mut Tx, owner: Uuid, kind: &str, since: Timestamp) -> Result<i64> {
    let rows = tx.all(RECENT, params![owner, kind, since]).await?;
    rows.iter().map(|row| row.at::<i64>(1)).try_fold(0, |most, count| Ok(most.max(count?)))
}

/// What waits to be gathered: notification and title.
pub(crate) async fn held(
    tx: &mut Tx,
    owner: Uuid,
    channel: Channel,
) -> Result<Vec<(Uuid, String)>> {
    let rows = tx.all(HELD, params![owner, channel.name()]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// Deliveries of a sending by channel and state.
pub(crate) async fn counts(tx: &mut Tx, sending: Uuid) -> Result<Vec<(String, String, i64)>> {
    let rows = tx.all(COUNTS, params![sending]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?, row.at(2)?))).collect()
}

/// A delivery as an administrator sees it.
pub(crate) struct Seen {
    pub(crate) owner: Uuid,
    pub(crate) notification: Uuid,
    pub(crate) channel: String,
    pub(crate) state: String,
    pub(crate) attempts: i64,
    pub(crate) cause: Option<String>,
    pub(crate) changed_at: Timestamp,
}

/// The latest failures of a sending.
pub(crate) async fn failures(tx: &mut Tx, sending: Uuid) -> Result<Vec<Seen>> {
    let seen = |row: &Row| {
        Ok(Seen {
            owner: row.at(0)?,
            notification: row.at(1)?,
            channel: row.at(2)?,
            state: row.at(3)?,
            attempts: row.at(4)?,
            cause: row.at(5)?,
            changed_at: row.at(6)?,
        })
    };
    tx.all(FAILURES, params![sending]).await?.iter().map(seen).collect()
}

/// The deliveries of one notification of the owner's.
pub(crate) async fn of(tx: &mut Tx, owner: Uuid, notification: Uuid) -> Result<Vec<Seen>> {
    let seen = |row: &Row| {
        Ok(Seen {
            owner,
            notification,
            channel: row.at(0)?,
            state: row.at(2)?,
            attempts: row.at(3)?,
            cause: row.at(4)?,
            changed_at: row.at(6)?,
        })
    };
    tx.all(OF, params![owner, notification]).await?.iter().map(seen).collect()
}

/// Drops old deliveries.
pub(crate) async fn purge(tx: &mut Tx, old: Timestamp, limit: u32) -> Result<u64> {
    tx.execute(PURGE, params![old, limit]).await
}
