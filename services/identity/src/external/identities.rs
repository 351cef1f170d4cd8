//! Which account elsewhere signs in to which account here.

use hanse_store::{Result, Tx, params};
use uuid::Uuid;

const FIND: &str = "SELECT user_id FROM external_identities WHERE issuer = $1 AND subject = $2";
const LINK: &str = "INSERT INTO external_identities (issuer, subject, user_id, created_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, subject) DO NOTHING";
const FORGET: &str = "DELETE FROM external_identities WHERE user_id = $1";

/// The account here.
pub(super) async fn find(tx: &mut Tx, issuer: &str, subject: &str) -> Result<Option<Uuid>> {
    let row = tx.optional(FIND, params![issuer, subject]).await?;
    row.map(|row| row.at(0)).transpose()
}

/// Links the two. False when it is linked already.
pub(super) async fn link(tx: &mut Tx, issuer: &str, subject: &str, user: Uuid) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(LINK, params![issuer, subject, user, now]).await? == 1)
}

/// Forgets the links of an account that is being deleted.
pub(crate) async fn forget_user(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute(FORGET, params![user]).await.map(drop)
}
