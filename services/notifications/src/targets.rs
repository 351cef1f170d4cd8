//! The repository of targets: devices and systems that asked to be told.

use hanse_store::{Result, Row, Tx, params};
use jiff::Timestamp;
use sha2::{Digest as _, Sha256};
use uuid::Uuid;

use crate::channel::Channel;

/// A device or a system. What it takes to reach it is sealed.
#[derive(Clone, Debug)]
pub(crate) struct Target {
    pub(crate) id: Uuid,
    pub(crate) kind: String,
    pub(crate) name: String,
    pub(crate) sealed: String,
    pub(crate) created_at: Timestamp,
}

const INSERT: &str = "INSERT INTO targets (id, owner, kind, name, sealed, fingerprint, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (owner, fingerprint)
    DO UPDATE SET name = excluded.name, sealed = excluded.sealed RETURNING id";
const LIST: &str = "SELECT id, kind, name, sealed, created_at FROM targets WHERE owner = $1
    ORDER BY created_at, id LIMIT 100";
const FIND: &str =
    "SELECT id, kind, name, sealed, created_at FROM targets WHERE owner = $1 AND id = $2";
const SAME: &str = "SELECT id, kind, name, sealed, created_at FROM targets
    WHERE owner = $1 AND fingerprint = $2";
const DELETE: &str = "DELETE FROM targets WHERE owner = $1 AND id = $2";
const SUPPRESS: &str = "INSERT INTO suppressions (address, cause, created_at) VALUES ($1, $2, $3)
    ON CONFLICT (address) DO NOTHING";
const SUPPRESSED: &str = "SELECT cause FROM suppressions WHERE address = $1";

/// What tells an address apart without saying it.
pub(crate) fn fingerprint(address: &str) -> Vec<u8> {
    Sha256::digest(address.trim().to_lowercase().as_bytes()).to_vec()
}

/// Stores a target of somebody who is still there; one that the owner has already is changed. Returns
/// its id.
pub(crate) async fn save(tx: &mut Tx, owner: Uuid, target: &Target, address: &str) -> Result<Uuid> {
    let params = params![
        target.id,
        owner,
        &target.kind,
        &target.name,
        &target.sealed,
        fingerprint(address),
        target.created_at,
    ];
    hanse_events::hold_owner(tx, owner).await?;
    tx.one(INSERT, params).await?.at(0)
}

/// The owner's targets, oldest first.
pub(crate) async fn list(tx: &mut Tx, owner: Uuid) -> Result<Vec<Target>> {
    tx.all(LIST, params![owner]).await?.iter().map(from_row).collect()
}

/// The owner's target of this id.
pub(crate) async fn find(tx: &mut Tx, owner: Uuid, id: Uuid) -> Result<Option<Target>> {
    tx.optional(FIND, params![owner, id]).await?.as_ref().map(from_row).transpose()
}

/// The owner's target of this address.
pub(crate) async fn same(tx: &mut Tx, owner: Uuid, address: &str) -> Result<Option<Target>> {
    let row = tx.optional(SAME, params![owner, fingerprint(address)]).await?;
    row.as_ref().map(from_row).transpose()
}

/// Removes a target. False when there was none.
pub(crate) async fn delete(tx: &mut Tx, owner: Uuid, id: Uuid) -> Result<bool> {
    Ok(tx.execute(DELETE, params![owner, id]).await? == 1)
}

/// The targets of a channel; channels that need none have the nil target.
pub(crate) async fn of_channel(tx: &mut Tx, owner: Uuid, channel: Channel) -> Result<Vec<Uuid>> {
    let kinds: &[&str] = match channel {
        Channel::Push => &["web_push", "mobile"],
        Channel::Webhook => &["webhook"],
        Channel::InApp | Channel::Email | Channel::Sms => return Ok(vec![Uuid::nil()]),
    };
    let all = list(tx, owner).await?;
    Ok(all.into_iter().filter(|it| kinds.contains(&it.kind.as_str())).map(|it| it.id).collect())
}

/// Sends nothing to this address any more.
pub(crate) async fn suppress(tx: &mut Tx, address: &str, cause: &str) -> Result<()> {
    tx.execute(SUPPRESS, params![fingerprint(address), cause, tx.now()]).await.map(drop)
}

/// Why nothing is sent to this address, if so.
pub(crate) async fn suppressed(tx: &mut Tx, address: &str) -> Result<Option<String>> {
    let row = tx.optional(SUPPRESSED, params![fingerprint(address)]).await?;
    row.map(|row| row.at(0)).transpose()
}

fn from_row(row: &Row) -> Result<Target> {
    Ok(Target {
        id: row.at(0)?,
        kind: row.at(1)?,
        name: row.at(2)?,
        sealed: row.at(3)?,
        created_at: row.at(4)?,
    })
}
