//! Sessions in the store, always by the account they belong to, except where a token proves that
//! its holder knows the session.

use hanse_events::Emit as _;
use hanse_store::{Result, Row, StoreError, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::mint::{Factor, factor};
use crate::session::Session;

macro_rules! session {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, nonce, generation, rotated_at, expires_at, revoked_at, user_agent,
                address, created_at, last_used_at, factors, authenticated_at, client_id, scope, actor
             FROM sessions WHERE ",
            $rest
        )
    };
}
const BY_ID: &str = session!("id = $1");
const LIVE_OF_USER: &str =
    session!("user_id = $1 AND revoked_at IS NULL AND expires_at > $2 ORDER BY id");
const LIVE_PAGE: &str = session!(
    "user_id = $1 AND revoked_at IS NULL AND expires_at > $2 AND id < $3
     ORDER BY id DESC LIMIT $4"
);
const ROTATE: &str = "UPDATE sessions
    SET generation = $3, rotated_at = $4, expires_at = $5, last_used_at = $6
    WHERE id = $1 AND generation = $2 AND revoked_at IS NULL";
const REVOKE: &str = "UPDATE sessions SET revoked_at = $3
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL AND expires_at > $3";
const AUTHENTICATED: &str = "UPDATE sessions SET authenticated_at = $3, factors = $4
    WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
const DEVICES: &str = "SELECT count(*), count(CASE WHEN user_agent = $2 THEN 1 END)
    FROM sessions WHERE user_id = $1";
const REVOKED_SINCE: &str = "SELECT id, revoked_at FROM sessions WHERE revoked_at > $1";

/// The session a refresh token speaks of. Its holder proves knowledge of it by the token itself.
pub(crate) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Session>> {
    tx.optional(BY_ID, params![id]).await?.map(read).transpose()
}

/// A page of an account's live sessions, newest first.
pub(crate) async fn page(
    tx: &mut Tx,
    user: Uuid,
    before: Uuid,
    limit: i64,
) -> Result<Vec<Session>> {
    let now = tx.now();
    tx.all(LIVE_PAGE, params![user, now, before, limit]).await?.into_iter().map(read).collect()
}

/// Stores the next generation. False when another request was first.
pub(crate) async fn rotate(tx: &mut Tx, session: &Session) -> Result<bool> {
    let before = session.generation.saturating_sub(1);
    let params = params![
        session.id,
        before,
        session.generation,
        session.rotated_at,
        session.expires_at,
        session.last_used_at,
    ];
    Ok(tx.execute(ROTATE, params).await? == 1)
}

/// Notes that its owner has just proven again who they are, and by what.
pub(crate) async fn authenticated(
    tx: &mut Tx,
    user: Uuid,
    id: Uuid,
    factors: &[Factor],
) -> Result<()> {
    let now = tx.now();
    let factors = factor::write(factors);
    tx.execute(AUTHENTICATED, params![id, user, now, factors]).await.map(drop)
}

/// Has this account signed in from a device that calls itself so before? None at all counts as yes:
/// there is nobody to be told.
pub(crate) async fn knows_device(tx: &mut Tx, user: Uuid, agent: &str) -> Result<bool> {
    let row = tx.one(DEVICES, params![user, agent]).await?;
    let (all, same): (i64, i64) = (row.at(0)?, row.at(1)?);
    Ok(all == 0 || same > 0)
}

/// Ends a session of this account and tells others. `None` when it has none such that lives. The
/// account is held by the caller.
pub(crate) async fn revoke(tx: &mut Tx, user: Uuid, id: Uuid) -> Result<Option<Uuid>> {
    let now = tx.now();
    if tx.execute(REVOKE, params![id, user, now]).await? == 0 {
        return Ok(None);
    }
    let session = find(tx, id).await?.ok_or(StoreError::Missing)?;
    tx.emit(&session.revoked()).await?;
    Ok(Some(id))
}

/// Ends every live session of this account but one, and tells others. The account is held by the
/// caller.
pub(crate) async fn revoke_others(
    tx: &mut Tx,
    user: Uuid,
    keep: Option<Uuid>,
) -> Result<Vec<Uuid>> {
    let now = tx.now();
    let rows = tx.all(LIVE_OF_USER, params![user, now]).await?;
    let mut ended = Vec::new();
    for session in rows.into_iter().map(read) {
        let id = session?.id;
        if Some(id) != keep {
            ended.extend(revoke(tx, user, id).await?);
        }
    }
    Ok(ended)
}

/// Removes every session of an account that is being deleted.
pub(crate) async fn delete_all(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM sessions WHERE user_id = $1", params![user]).await.map(drop)
}

/// Sessions that were ended after `since`, and when.
pub(crate) async fn revoked_since(tx: &mut Tx, since: Timestamp) -> Result<Vec<(Uuid, Timestamp)>> {
    let rows = tx.all(REVOKED_SINCE, params![since]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

fn read(row: Row) -> Result<Session> {
    let nonce: Vec<u8> = row.get("nonce")?;
    let wrong = |_| StoreError::Decode { column: "nonce".into(), wanted: "16 bytes" };
    Ok(Session {
        id: row.get("id")?,
        user_id: row.get("user_id")?,
        nonce: nonce.try_into().map_err(wrong)?,
        generation: row.get("generation")?,
        rotated_at: row.get("rotated_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
        user_agent: row.get("user_agent")?,
        address: row.get("address")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
        factors: factor::read(&row.get::<String>("factors")?),
        authenticated_at: row
            .get::<Option<Timestamp>>("authenticated_at")?
            .map_or_else(|| row.get("created_at"), Ok)?,
        client_id: row.get("client_id")?,
        scope: row.get("scope")?,
        actor: row.get("actor")?,
    })
}
