//! The repository of deliveries: what went, or is to go, another way than the list.

use std::collections::BTreeMap;

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
    /// Of one that is to be sent, or gathered with others first.
    pub(crate) fn waiting(gathered: bool) -> Self {
        if gathered { Self::Held } else { Self::Queued }
    }

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
const REPORT: &str = "UPDATE deliveries SET state = $5, cause = $6, changed_at = $7
    WHERE owner = $1 AND notification = $2 AND channel = $3 AND target = $4
      AND state IN ('sent', 'delivered', 'opened')";
const RECENT: &str = "SELECT channel, COUNT(*) AS recent FROM deliveries
    WHERE owner = $1 AND type = $2 AND created_at > $3 GROUP BY channel";
const HELD: &str = "SELECT notification, title FROM deliveries
    WHERE owner = $1 AND channel = $2 AND state = 'held' ORDER BY created_at, notification LIMIT 200";
const COUNTS: &str = "SELECT channel, state, COUNT(*) AS count FROM deliveries
    WHERE sending = $1 GROUP BY channel, state ORDER BY channel, state";
const COLUMNS: &str =
    "owner, notification, channel, target, type, state, attempts, cause, created_at, changed_at";
const PURGE: &str = "DELETE FROM deliveries WHERE (owner, notification, channel, target) IN
    (SELECT owner, notification, channel, target FROM deliveries WHERE changed_at < $1 LIMIT $2)";
const PURGE_STEPS: &str = "DELETE FROM delivery_steps WHERE (owner, notification, channel, target, number)
    IN (SELECT owner, notification, channel, target, number FROM delivery_steps WHERE at < $1 LIMIT $2)";

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

/// A try of a delivery, or a report of what became of it.
#[derive(Clone, Debug)]
pub(crate) struct Step {
    pub(crate) number: i64,
    pub(crate) state: String,
    pub(crate) cause: Option<String>,
    pub(crate) at: Timestamp,
}

/// Steps of one delivery that are kept: more than it can be tried.
const STEPS: u32 = 40;
const ADD_STEP: &str = "INSERT INTO delivery_steps
    (owner, notification, channel, target, number, state, cause, at)
    SELECT $1, $2, $3, $4, coalesce(MAX(number), 0) + 1, $5, $6, $7 FROM delivery_steps
    WHERE owner = $1 AND notification = $2 AND channel = $3 AND target = $4
    HAVING coalesce(MAX(number), 0) < $8";
const STEPS_OF: &str = "SELECT number, state, cause, at FROM delivery_steps
    WHERE owner = $1 AND notification = $2 AND channel = $3 AND target = $4 ORDER BY number";

async fn add_step(tx: &mut Tx, key: &Key, state: &str, cause: Option<&str>) -> Result<()> {
    let Key { owner, notification, channel, target } = *key;
    let now = tx.now();
    let params = params![owner, notification, channel.name(), target, state, cause, now, STEPS];
    tx.execute(ADD_STEP, params).await.map(drop)
}

/// Every try of a delivery and every report of it, in order.
pub(crate) async fn steps(tx: &mut Tx, seen: &Seen) -> Result<Vec<Step>> {
    let params = params![seen.owner, seen.notification, &seen.channel, seen.target];
    let step = |row: &Row| {
        Ok(Step { number: row.at(0)?, state: row.at(1)?, cause: row.at(2)?, at: row.at(3)? })
    };
    tx.all(STEPS_OF, params).await?.iter().map(step).collect()
}

/// Is this delivery to be sent? One that failed is when somebody has its job tried again.
pub(crate) async fn is_open(tx: &mut Tx, key: &Key) -> Result<bool> {
    let params = params![key.owner, key.notification, key.channel.name(), key.target];
    let row = tx.optional(STATE, params).await?;
    Ok(row
        .map(|row| row.at::<String>(0))
        .transpose()?
        .is_some_and(|it| it == "queued" || it == "failed"))
}

/// Notes how a try ended, if the delivery is still there: its owner may have left meanwhile.
pub(crate) async fn mark(
    tx: &mut Tx,
    key: &Key,
    progress: Progress,
    cause: Option<&str>,
) -> Result<()> {
    let Key { owner, notification, channel, target } = *key;
    let name = progress.name();
    let params = params![owner, notification, channel.name(), target, name, cause, tx.now()];
    if tx.execute(MARK, params).await? == 0 {
        return Ok(());
    }
    let tried = if cause.is_some() { Progress::Failed } else { progress };
    add_step(tx, key, tried.name(), cause).await
}

/// Notes what a provider reports of a delivery that was sent: `delivered`, `opened`, `bounced`,
/// `complained`. False when there is none.
pub(crate) async fn report(
    tx: &mut Tx,
    key: &Key,
    state: &str,
    cause: Option<&str>,
) -> Result<bool> {
    let Key { owner, notification, channel, target } = *key;
    let params = params![owner, notification, channel.name(), target, state, cause, tx.now()];
    if tx.execute(REPORT, params).await? == 0 {
        return Ok(false);
    }
    add_step(tx, key, state, cause).await?;
    Ok(true)
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

/// Deliveries of a sending or a rule, by channel and state.
pub(crate) async fn by_channel(
    tx: &mut Tx,
    sending: Uuid,
) -> Result<BTreeMap<String, BTreeMap<String, i64>>> {
    let mut counts: BTreeMap<String, BTreeMap<String, i64>> = BTreeMap::new();
    for row in tx.all(COUNTS, params![sending]).await? {
        counts.entry(row.at(0)?).or_default().insert(row.at(1)?, row.at(2)?);
    }
    Ok(counts)
}

/// A delivery and how it stands.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) owner: Uuid,
    pub(crate) notification: Uuid,
    pub(crate) channel: String,
    pub(crate) target: Uuid,
    pub(crate) kind: String,
    pub(crate) state: String,
    pub(crate) attempts: i64,
    pub(crate) cause: Option<String>,
    pub(crate) created_at: Timestamp,
    pub(crate) changed_at: Timestamp,
}

/// The latest failures of a sending.
pub(crate) async fn failures(tx: &mut Tx, sending: Uuid) -> Result<Vec<Seen>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE sending = $1 AND state = 'failed'
         ORDER BY changed_at DESC LIMIT 20"
    );
    tx.all(sql, params![sending]).await?.iter().map(from_row).collect()
}

/// The deliveries of one notification of the owner's.
pub(crate) async fn of(tx: &mut Tx, owner: Uuid, notification: Uuid) -> Result<Vec<Seen>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE owner = $1 AND notification = $2
         ORDER BY channel, target LIMIT 100"
    );
    tx.all(sql, params![owner, notification]).await?.iter().map(from_row).collect()
}

/// A place among the deliveries of a sending: owner, notification, channel, target.
pub(crate) type Place = (Uuid, Uuid, String, Uuid);

/// Deliveries of a sending or a rule after a place, those in a state only if one is given.
pub(crate) async fn page(
    tx: &mut Tx,
    sending: Uuid,
    state: Option<&str>,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Seen>> {
    let (owner, notification, channel, target) = after.unwrap_or_default();
    let mut params = params![sending, owner, notification, channel, target, limit].to_vec();
    let mut of_state = "";
    if let Some(state) = state {
        params.push(state.into());
        of_state = "AND state = $7";
    }
    let sql = format!(
        "SELECT {COLUMNS} FROM deliveries WHERE sending = $1
         AND (owner, notification, channel, target) > ($2, $3, $4, $5) {of_state}
         ORDER BY owner, notification, channel, target LIMIT $6"
    );
    tx.all(sql, &params).await?.iter().map(from_row).collect()
}

fn from_row(row: &Row) -> Result<Seen> {
    Ok(Seen {
        owner: row.at(0)?,
        notification: row.at(1)?,
        channel: row.at(2)?,
        target: row.at(3)?,
        kind: row.at(4)?,
        state: row.at(5)?,
        attempts: row.at(6)?,
        cause: row.at(7)?,
        created_at: row.at(8)?,
        changed_at: row.at(9)?,
    })
}

/// Drops old deliveries and steps. Returns how many rows of the kind that has more of them.
pub(crate) async fn purge(tx: &mut Tx, old: Timestamp, limit: u32) -> Result<u64> {
    let steps = tx.execute(PURGE_STEPS, params![old, limit]).await?;
    Ok(steps.max(tx.execute(PURGE, params![old, limit]).await?))
}
