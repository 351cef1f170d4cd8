//! Which sessions belong to which program, and how they end. What a session is limited to stands in
//! the session itself.

use hanse_store::{Result, Tx, params};
use uuid::Uuid;

use crate::{accounts, sessions};

const INSERT: &str = "INSERT INTO oauth_grants (session_id, client_id, user_id, browser)
    VALUES ($1, $2, $3, $4)";
const OF_USER: &str = "SELECT session_id FROM oauth_grants WHERE user_id = $1 AND client_id = $2";
const OF_CLIENT: &str =
    "SELECT session_id, user_id FROM oauth_grants WHERE client_id = $1 LIMIT 500";
const OF_BROWSER: &str =
    "SELECT session_id, client_id, user_id FROM oauth_grants WHERE browser = $1";
const FORGET: &str = "DELETE FROM oauth_grants
    WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = oauth_grants.session_id)";

/// A session of a program.
#[derive(Clone, Copy, Debug)]
pub(super) struct ClientSession {
    pub(super) session_id: Uuid,
    pub(super) client_id: Uuid,
    pub(super) user_id: Uuid,
    /// The session of the browser that it was granted in.
    pub(super) browser: Uuid,
}

/// Notes that a session belongs to a program.
pub(super) async fn insert(tx: &mut Tx, granted: ClientSession) -> Result<()> {
    let ClientSession { session_id, client_id, user_id, browser } = granted;
    tx.execute(INSERT, params![session_id, client_id, user_id, browser]).await.map(drop)
}

/// The sessions that were granted in this browser.
pub(super) async fn of_browser(tx: &mut Tx, browser: Uuid) -> Result<Vec<ClientSession>> {
    let rows = tx.all(OF_BROWSER, params![browser]).await?;
    let read = |row: &hanse_store::Row| -> Result<ClientSession> {
        let (session_id, client_id, user_id) = (row.at(0)?, row.at(1)?, row.at(2)?);
        Ok(ClientSession { session_id, client_id, user_id, browser })
    };
    rows.iter().map(read).collect()
}

/// Ends every session that this program has of this person.
pub(super) async fn end_of_user(tx: &mut Tx, user: Uuid, client: Uuid) -> Result<Vec<Uuid>> {
    let mut ended = Vec::new();
    for row in tx.all(OF_USER, params![user, client]).await? {
        ended.extend(end(tx, user, row.at(0)?).await?);
    }
    Ok(ended)
}

/// Ends some sessions of a program that is being removed. None are left when none are returned.
pub(super) async fn end_of_client(tx: &mut Tx, client: Uuid) -> Result<Vec<Uuid>> {
    let mut ended = Vec::new();
    for row in tx.all(OF_CLIENT, params![client]).await? {
        let (session, user): (Uuid, Uuid) = (row.at(0)?, row.at(1)?);
        end(tx, user, session).await?;
        tx.execute("DELETE FROM oauth_grants WHERE session_id = $1", params![session]).await?;
        ended.push(session);
    }
    Ok(ended)
}

/// Ends one session, with its account held. `None` when it has ended already.
pub(super) async fn end(tx: &mut Tx, user: Uuid, session: Uuid) -> Result<Option<Uuid>> {
    match accounts::hold(tx, user).await? {
        Some(_) => sessions::revoke(tx, user, session).await,
        None => Ok(None),
    }
}

/// Forgets what belonged to sessions that were forgotten.
pub(super) async fn forget_ended(tx: &mut Tx) -> Result<()> {
    tx.execute(FORGET, &[]).await.map(drop)
}

/// Forgets the sessions of somebody who is being deleted.
pub(super) async fn forget_user(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM oauth_grants WHERE user_id = $1", params![user]).await.map(drop)
}
