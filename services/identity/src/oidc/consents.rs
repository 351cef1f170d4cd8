//! What people have allowed programs.

use hanse_http::Scope;
use hanse_store::{Result, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

const FIND: &str = "SELECT scope FROM oauth_consents WHERE user_id = $1 AND client_id = $2";
const GIVE: &str = "INSERT INTO oauth_consents (user_id, client_id, scope, granted_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (user_id, client_id)
    DO UPDATE SET scope = excluded.scope, granted_at = excluded.granted_at";
const LIST: &str = "SELECT c.id, c.name, o.scope, o.granted_at FROM oauth_consents o
    JOIN oauth_clients c ON c.id = o.client_id WHERE o.user_id = $1 ORDER BY c.id DESC LIMIT 200";
const TAKE_BACK: &str = "DELETE FROM oauth_consents WHERE user_id = $1 AND client_id = $2";

/// A program that somebody has let in.
pub(super) struct Consent {
    pub(super) client_id: Uuid,
    pub(super) name: String,
    pub(super) scope: String,
    pub(super) granted_at: Timestamp,
}

/// Has this person allowed this program so much?
pub(super) async fn covers(tx: &mut Tx, user: Uuid, client: Uuid, scope: &Scope) -> Result<bool> {
    let row = tx.optional(FIND, params![user, client]).await?;
    let given = row.map(|row| row.at::<String>(0)).transpose()?;
    Ok(given.and_then(|given| Scope::parse(&given).ok()).is_some_and(|given| given.contains(scope)))
}

/// Keeps what somebody allows, besides what they allowed before.
pub(super) async fn give(tx: &mut Tx, user: Uuid, client: Uuid, scope: &Scope) -> Result<()> {
    let row = tx.optional(FIND, params![user, client]).await?;
    let before = row.map(|row| row.at::<String>(0)).transpose()?.unwrap_or_default();
    let all = Scope::parse(&format!("{before} {scope}")).unwrap_or_else(|_| scope.clone());
    let now = tx.now();
    tx.execute(GIVE, params![user, client, all.to_string(), now]).await.map(drop)
}

/// The programs that this person has let in.
pub(super) async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<Consent>> {
    let rows = tx.all(LIST, params![user]).await?;
    rows.iter()
        .map(|row| {
            let (client_id, name) = (row.at(0)?, row.at(1)?);
            Ok(Consent { client_id, name, scope: row.at(2)?, granted_at: row.at(3)? })
        })
        .collect()
}

/// Takes back what this person has allowed this program. False when that is nothing.
pub(super) async fn take_back(tx: &mut Tx, user: Uuid, client: Uuid) -> Result<bool> {
    Ok(tx.execute(TAKE_BACK, params![user, client]).await? == 1)
}

/// Forgets what somebody has allowed who is being deleted.
pub(super) async fn forget_user(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM oauth_consents WHERE user_id = $1", params![user]).await.map(drop)
}
