//! The repository of people's lists. Every function takes the owner; there is no other way to a row.

use hanse_contracts::notifications::ListsChanged;
use hanse_events::Emit as _;
use hanse_store::{Result, Row, StoreError, Tx, Value, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::notification::{Notification, State};
use crate::people;

/// A place in a list that runs from the newest to the oldest.
pub(crate) type Place = (i64, Uuid);

/// The state of a notification that nobody has seen yet.
pub(crate) const SENT: &str = "sent";

const COLUMNS: &str = "owner, id, seq, type, title, body, link, cause, state, created_at";
const INSERT: &str = "INSERT INTO notifications
    (owner, id, seq, type, title, body, link, cause, state, unread, hidden, created_at, changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, TRUE, FALSE, $10, $10)";
const EXISTS: &str = "SELECT 1 AS one FROM notifications WHERE owner = $1 AND id = $2";
const SAVE: &str =
    "UPDATE notifications SET seq = $3, title = $4, body = $5, link = $6, state = $7,
    unread = $8, hidden = $9, changed_at = $10 WHERE owner = $1 AND id = $2";
const READ_ALL: &str =
    "UPDATE notifications SET seq = $2, state = 'read', unread = FALSE, changed_at = $3
    WHERE owner = $1 AND unread AND hidden = FALSE";
const UNREAD: &str =
    "SELECT COUNT(*) AS unread FROM notifications WHERE owner = $1 AND unread AND hidden = FALSE";
const PURGE: &str = "DELETE FROM notifications WHERE hidden AND changed_at < $1";
const OLD: &str = "DELETE FROM notifications WHERE (owner, id) IN
    (SELECT owner, id FROM notifications WHERE created_at < $1 LIMIT $2)";

/// Tells the devices of these people to look.
pub(crate) async fn tell(tx: &mut Tx, first: Uuid, last: Uuid) -> Result<()> {
    tx.emit(&ListsChanged { first, last, notification: None }).await
}

/// As [`tell`], of this notification and nothing else.
pub(crate) async fn tell_of(tx: &mut Tx, first: Uuid, last: Uuid, id: Uuid) -> Result<()> {
    tx.emit(&ListsChanged { first, last, notification: Some(id) }).await
}

/// Puts a new notification into its owner's list. False when it is there already. The caller tells the
/// owner's devices.
pub(crate) async fn insert(tx: &mut Tx, mut notification: Notification) -> Result<bool> {
    let (owner, id) = (notification.owner, notification.id);
    if tx.optional(EXISTS, params![owner, id]).await?.is_some() {
        return Ok(false);
    }
    notification.seq = people::turn(tx, owner).await?;
    let params = params![
        owner,
        id,
        notification.seq,
        notification.kind,
        notification.title,
        notification.body,
        notification.link,
        notification.cause,
        notification.state.name(),
        notification.created_at,
    ];
    tx.execute(INSERT, params).await?;
    Ok(true)
}

/// The owner's notification of this id, hidden or not.
pub(crate) async fn find(tx: &mut Tx, owner: Uuid, id: Uuid) -> Result<Option<Notification>> {
    let sql = format!("SELECT {COLUMNS} FROM notifications WHERE owner = $1 AND id = $2");
    tx.optional(sql, params![owner, id]).await?.as_ref().map(from_row).transpose()
}

/// Stores a changed notification and tells the owner's devices.
pub(crate) async fn save(tx: &mut Tx, notification: &mut Notification) -> Result<()> {
    let owner = notification.owner;
    notification.seq = people::turn(tx, owner).await?;
    let state = notification.state;
    let params = params![
        owner,
        notification.id,
        notification.seq,
        &notification.title,
        &notification.body,
        notification.link.clone(),
        state.name(),
        state.is_unread(),
        state.is_hidden(),
        tx.now(),
    ];
    tx.execute(SAVE, params).await?;
    tell(tx, owner, owner).await
}

/// Marks all of the owner's as read; they share one number. Returns how many there were.
pub(crate) async fn read_all(tx: &mut Tx, owner: Uuid) -> Result<u64> {
    if unread(tx, owner).await? == 0 {
        return Ok(0);
    }
    let seq = people::turn(tx, owner).await?;
    let read = tx.execute(READ_ALL, params![owner, seq, tx.now()]).await?;
    tell(tx, owner, owner).await?;
    Ok(read)
}

/// How many of the owner's are unread.
pub(crate) async fn unread(tx: &mut Tx, owner: Uuid) -> Result<i64> {
    tx.one(UNREAD, params![owner]).await?.at(0)
}

/// Which of a list are wanted.
#[derive(Clone, Debug, Default)]
pub(crate) struct Wanted {
    pub(crate) unread: Option<bool>,
    pub(crate) kind: Option<String>,
}

/// A stretch of the owner's list, newest first.
pub(crate) async fn newest(
    tx: &mut Tx,
    owner: Uuid,
    wanted: &Wanted,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Notification>> {
    let (micros, id) = after.unwrap_or((i64::MAX, Uuid::max()));
    let time: Value = Timestamp::from_microsecond(micros).unwrap_or(FAR_FUTURE).into();
    let mut sql = format!(
        "SELECT {COLUMNS} FROM notifications
         WHERE owner = $1 AND hidden = FALSE AND (created_at, id) < ($2, $3)"
    );
    let mut values = params![owner, time, id, limit].to_vec();
    for (column, value) in [
        ("unread", wanted.unread.map(Value::from)),
        ("type", wanted.kind.as_deref().map(Value::from)),
    ] {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {column} = ${}", values.len()));
        }
    }
    sql.push_str(" ORDER BY created_at DESC, id DESC LIMIT $4");
    tx.all(sql, &values).await?.iter().map(from_row).collect()
}

/// The owner's notifications that changed after a number, in the order of their changes. Those with the
/// number of the last one may go on after it: a limit is exceeded by them.
pub(crate) async fn changed(
    tx: &mut Tx,
    owner: Uuid,
    after: i64,
    limit: u32,
) -> Result<Vec<Notification>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM notifications WHERE owner = $1 AND seq > $2 AND seq <= coalesce(
            (SELECT MAX(seq) FROM (SELECT seq FROM notifications WHERE owner = $1 AND seq > $2
             ORDER BY seq LIMIT $3) AS next), 0)
         ORDER BY seq, id LIMIT 5000"
    );
    tx.all(sql, params![owner, after, limit]).await?.iter().map(from_row).collect()
}

/// One notification as it stands in the lists of many.
pub(crate) async fn of_all(
    tx: &mut Tx,
    id: Uuid,
    first: Uuid,
    last: Uuid,
) -> Result<Vec<Notification>> {
    let sql = format!(
        "SELECT {COLUMNS} FROM notifications WHERE id = $1 AND owner >= $2 AND owner <= $3
         LIMIT 5000"
    );
    tx.all(sql, params![id, first, last]).await?.iter().map(from_row).collect()
}

/// Drops what has been hidden, and what is older than anybody looks at. Returns how many rows went.
pub(crate) async fn purge(
    tx: &mut Tx,
    hidden: Timestamp,
    old: Timestamp,
    limit: u32,
) -> Result<u64> {
    let gone = tx.execute(PURGE, params![hidden]).await?;
    Ok(gone + tx.execute(OLD, params![old, limit]).await?)
}

/// Removes everything of the owner's.
pub(crate) async fn delete_all(tx: &mut Tx, owner: Uuid) -> Result<()> {
    for sql in [
        "DELETE FROM notifications WHERE owner = $1",
        "DELETE FROM deliveries WHERE owner = $1",
        "DELETE FROM delivery_steps WHERE owner = $1",
        "DELETE FROM memberships WHERE user_id = $1",
        "DELETE FROM targets WHERE owner = $1",
        "DELETE FROM notification_preferences WHERE user_id = $1",
        "DELETE FROM people WHERE user_id = $1",
    ] {
        tx.execute(sql, params![owner]).await?;
    }
    Ok(())
}

/// Later than any notification, and still a time that PostgreSQL knows.
const FAR_FUTURE: Timestamp = Timestamp::constant(253_370_764_800, 0);

fn from_row(row: &Row) -> Result<Notification> {
    let wrong = || StoreError::Decode { column: "state".into(), wanted: "a state" };
    Ok(Notification {
        owner: row.at(0)?,
        id: row.at(1)?,
        seq: row.at(2)?,
        kind: row.at(3)?,
        title: row.at(4)?,
        body: row.at(5)?,
        link: row.at(6)?,
        cause: row.at(7)?,
        state: State::parse(&row.at::<String>(8)?).ok_or_else(wrong)?,
        created_at: row.at(9)?,
    })
}
