//! Which account elsewhere signs in to which account here.

use hanse_store::{Result, Row, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

const FIND: &str = "SELECT user_id FROM external_identities WHERE issuer = $1 AND subject = $2";
const LINK: &str = "INSERT INTO external_identities (issuer, subject, user_id, created_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (issuer, subject) DO NOTHING";
const OF_USER: &str = "SELECT issuer, subject, created_at FROM external_identities
    WHERE user_id = $1 ORDER BY created_at, issuer, subject";
const UNLINK: &str = "DELETE FROM external_identities
    WHERE user_id = $1 AND issuer = $2 AND subject = $3";
const FORGET: &str = "DELETE FROM external_identities WHERE user_id = $1";

/// An account elsewhere that signs in to one here.
#[derive(Clone, Debug)]
pub(super) struct Link {
    /// The issuer's id in the configuration.
    pub(super) issuer: String,
    /// The issuer's name for the person.
    pub(super) subject: String,
    /// When it was linked.
    pub(super) created_at: Timestamp,
}

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

/// The links of an account, oldest first.
pub(super) async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<Link>> {
    let rows = tx.all(OF_USER, params![user]).await?;
    let link =
        |row: &Row| Ok(Link { issuer: row.at(0)?, subject: row.at(1)?, created_at: row.at(2)? });
    rows.iter().map(link).collect()
}

/// Ends a link of an account.
pub(super) async fn unlink(tx: &mut Tx, user: Uuid, link: &Link) -> Result<()> {
    tx.execute(UNLINK, params![user, &link.issuer, &link.subject]).await.map(drop)
}

/// Forgets the links of an account that is being deleted.
pub(crate) async fn forget_user(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute(FORGET, params![user]).await.map(drop)
}
