//! API keys in the store.
//!
//! A key is `hk_` and 48 bytes in base64url: its id, and a secret of which only a keyed hash is kept.
//! Nobody sees it a second time.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_store::{Result, Row, Tx, params};
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::factors::Vault;
use crate::session::after;

/// What every key begins with, so that scanners for lost secrets find it.
pub(crate) const PREFIX: &str = "hk_";
/// How exactly the last use is known: a key that is used all the time must not write all the time.
const PRECISION: SignedDuration = SignedDuration::from_mins(1);

/// A key, without its secret.
#[derive(Clone, Debug)]
pub(crate) struct ApiKey {
    /// Identity; `sid` in the tokens it is exchanged for.
    pub(crate) id: Uuid,
    /// Whose.
    pub(crate) user_id: Uuid,
    /// Name as shown.
    pub(crate) name: String,
    /// What it reaches; `None` is everything that the account may do.
    pub(crate) scope: Option<String>,
    /// When it was made.
    pub(crate) created_at: Timestamp,
    /// When it ends.
    pub(crate) expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub(crate) last_used_at: Option<Timestamp>,
    /// When it was withdrawn.
    pub(crate) revoked_at: Option<Timestamp>,
    hash: Vec<u8>,
}

macro_rules! key {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, name, scope, created_at, expires_at, last_used_at, revoked_at, hash
             FROM api_keys WHERE ",
            $rest
        )
    };
}
const BY_ID: &str = key!("id = $1");
const OF_USER: &str = key!("user_id = $1 AND revoked_at IS NULL ORDER BY id DESC LIMIT 200");
const INSERT: &str = "INSERT INTO api_keys
    (id, user_id, name, hash, scope, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7)";
const REVOKE: &str =
    "UPDATE api_keys SET revoked_at = $3 WHERE id = $1 AND user_id = $2 AND revoked_at IS NULL";
const REVOKED_SINCE: &str = "SELECT id, revoked_at FROM api_keys WHERE revoked_at > $1";
const USED: &str = "UPDATE api_keys SET last_used_at = $2 WHERE id = $1";
const COUNT: &str = "SELECT count(*) AS live FROM api_keys
    WHERE user_id = $1 AND revoked_at IS NULL AND expires_at > $2";
const FORGET: &str = "DELETE FROM api_keys WHERE revoked_at < $1 OR expires_at < $1";

/// Makes a key. The text is the only copy of it.
pub(crate) async fn create(
    tx: &mut Tx,
    vault: &Vault,
    user: Uuid,
    name: String,
    scope: Option<String>,
    valid: SignedDuration,
) -> Result<(ApiKey, String)> {
    let (id, now, secret) = (tx.new_id(), tx.now(), tx.random::<32>());
    let text = write(id, &secret);
    let hash = vault.hash("api key", &text);
    let expires_at = after(now, valid);
    let params = params![id, user, &name, hash, scope.clone(), now, expires_at];
    tx.execute(INSERT, params).await?;
    let key = ApiKey {
        id,
        user_id: user,
        name,
        scope,
        created_at: now,
        expires_at,
        last_used_at: None,
        revoked_at: None,
        hash: hash.to_vec(),
    };
    Ok((key, text))
}

/// The live key of this text. The whole text is compared, by its hash.
pub(crate) async fn recognise(tx: &mut Tx, vault: &Vault, text: &str) -> Result<Option<ApiKey>> {
    let Some(id) = read_id(text) else { return Ok(None) };
    let row = tx.optional(BY_ID, params![id]).await?;
    let Some(key) = row.map(|row| read(&row)).transpose()? else { return Ok(None) };
    let genuine = bool::from(key.hash.ct_eq(&vault.hash("api key", text)));
    let live = key.revoked_at.is_none() && key.expires_at > tx.now();
    Ok(Some(key).filter(|_| genuine && live))
}

/// Notes that a key was used, unless that is known to the minute.
pub(crate) async fn used(tx: &mut Tx, key: &ApiKey) -> Result<()> {
    let now = tx.now();
    if key.last_used_at.is_some_and(|last| after(last, PRECISION) > now) {
        return Ok(());
    }
    tx.execute(USED, params![key.id, now]).await.map(drop)
}

/// An account's keys that were not withdrawn, newest first.
pub(crate) async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<ApiKey>> {
    tx.all(OF_USER, params![user]).await?.iter().map(read).collect()
}

/// The key of this id. The caller looks whose it is.
pub(crate) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<ApiKey>> {
    tx.optional(BY_ID, params![id]).await?.map(|row| read(&row)).transpose()
}

/// How many keys of an account are live.
pub(crate) async fn count(tx: &mut Tx, user: Uuid) -> Result<i64> {
    let now = tx.now();
    tx.one(COUNT, params![user, now]).await?.at(0)
}

/// Withdraws a key of this account. False when it has none such.
pub(crate) async fn revoke(tx: &mut Tx, user: Uuid, id: Uuid) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(REVOKE, params![id, user, now]).await? == 1)
}

/// Keys that were withdrawn after `since`, and when.
pub(crate) async fn revoked_since(tx: &mut Tx, since: Timestamp) -> Result<Vec<(Uuid, Timestamp)>> {
    let rows = tx.all(REVOKED_SINCE, params![since]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// Removes every key of an account that is being deleted.
pub(crate) async fn delete_all(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM api_keys WHERE user_id = $1", params![user]).await.map(drop)
}

/// Removes keys that ended before this time.
pub(crate) async fn forget_old(tx: &mut Tx, before: Timestamp) -> Result<()> {
    tx.execute(FORGET, params![before]).await.map(drop)
}

fn write(id: Uuid, secret: &[u8; 32]) -> String {
    format!("{PREFIX}{}", URL_SAFE_NO_PAD.encode([id.as_bytes().as_slice(), secret].concat()))
}

fn read_id(text: &str) -> Option<Uuid> {
    let bytes: [u8; 48] =
        URL_SAFE_NO_PAD.decode(text.strip_prefix(PREFIX)?).ok()?.try_into().ok()?;
    bytes.first_chunk::<16>().map(|id| Uuid::from_bytes(*id))
}

fn read(row: &Row) -> Result<ApiKey> {
    Ok(ApiKey {
        id: row.get("id")?,
        user_id: row.get("user_id")?,
        name: row.get("name")?,
        scope: row.get("scope")?,
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        last_used_at: row.get("last_used_at")?,
        revoked_at: row.get("revoked_at")?,
        hash: row.get("hash")?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_names_itself() {
        let (id, secret) = (Uuid::from_u128(7), [9; 32]);
        let text = write(id, &secret);
        assert_eq!((read_id(&text), text.len()), (Some(id), 67));
        for other in [&text[1..], &text[..66], "hk_", "", "hk_!!!!", &format!("{text}A")] {
            assert_eq!(read_id(other), None, "{other}");
        }
    }
}
