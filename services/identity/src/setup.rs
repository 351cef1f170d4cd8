//! The first administrator: made with a one-time token that the operator gets on the console. There
//! is no default account, and once there is an administrator no token is worth anything.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_store::{Result, Tx, params};
use jiff::SignedDuration;
use sha2::{Digest, Sha256};

use crate::accounts;
use crate::session::after;

const INSERT: &str = "INSERT INTO setup_tokens (hash, created_at, expires_at) VALUES ($1, $2, $3)";
const VALID: &str = "SELECT 1 AS found FROM setup_tokens WHERE hash = $1 AND expires_at > $2";
const USE: &str = "DELETE FROM setup_tokens WHERE hash = $1 AND expires_at > $2";

/// Makes a token and forgets all earlier ones. `None` when there is an administrator.
pub async fn issue(tx: &mut Tx, valid: SignedDuration) -> Result<Option<String>> {
    if accounts::has_admin(tx).await? {
        return Ok(None);
    }
    tx.execute("DELETE FROM setup_tokens", &[]).await?;
    let token = URL_SAFE_NO_PAD.encode(tx.random::<32>());
    let now = tx.now();
    tx.execute(INSERT, params![hash(&token), now, after(now, valid)]).await?;
    Ok(Some(token))
}

/// Would this token be taken?
pub async fn is_valid(tx: &mut Tx, token: &str) -> Result<bool> {
    let now = tx.now();
    let found = tx.optional(VALID, params![hash(token), now]).await?.is_some();
    Ok(found && !accounts::has_admin(tx).await?)
}

/// Uses a token up. False when it is none, or there is an administrator by now.
pub async fn redeem(tx: &mut Tx, token: &str) -> Result<bool> {
    let now = tx.now();
    let used = tx.execute(USE, params![hash(token), now]).await? == 1;
    Ok(used && !accounts::has_admin(tx).await?)
}

/// Removes tokens that nobody used in time.
pub async fn forget_expired(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    tx.execute("DELETE FROM setup_tokens WHERE expires_at <= $1", params![now]).await.map(drop)
}

fn hash(token: &str) -> [u8; 32] {
    Sha256::digest(token.as_bytes()).into()
}
