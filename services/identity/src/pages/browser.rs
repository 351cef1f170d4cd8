//! Who is signed in in a browser.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::{SetCookie, Visit};
use hanse_store::{Result, Tx, params};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use crate::account::Account;
use crate::mint::{Assurance, rests_on_old};
use crate::service::Identity;
use crate::session::Session;
use crate::{accounts, sessions};

const COOKIE: &str = "session";

const CURRENT: &str = "SELECT session_id FROM browser_sessions WHERE hash = $1";
const INSERT: &str = "INSERT INTO browser_sessions (hash, session_id) VALUES ($1, $2)";
const FORGET_ENDED: &str = "DELETE FROM browser_sessions
    WHERE NOT EXISTS (SELECT 1 FROM sessions s WHERE s.id = browser_sessions.session_id)";

/// Somebody who is signed in in this browser.
#[derive(Clone, Debug)]
pub(crate) struct SignedInBrowser {
    pub(crate) account: Account,
    /// A session like any other: its owner finds it in their list, and a change of the password ends
    /// it. No token was ever given out for it.
    pub(crate) session: Session,
}

/// Who is signed in, if anybody is who may be.
pub(crate) async fn current(tx: &mut Tx, visit: &Visit) -> Result<Option<SignedInBrowser>> {
    let Some(secret) = visit.cookie(COOKIE) else { return Ok(None) };
    let Some(row) = tx.optional(CURRENT, params![hash(secret)]).await? else { return Ok(None) };
    live(tx, row.at(0)?).await
}

/// Who is signed in, if what was proven then would be enough today: who may let programs in. Nobody
/// whose password has become too old since.
pub(crate) async fn in_force(
    tx: &mut Tx,
    app: &Identity,
    visit: &Visit,
) -> Result<Option<SignedInBrowser>> {
    let Some(browser) = current(tx, visit).await? else { return Ok(None) };
    let factors = &browser.session.factors;
    let old = rests_on_old(tx, app, &browser.account, factors, Assurance::Single).await?;
    Ok(Some(browser).filter(|_| !old))
}

/// The session of a browser, and its account, if both still count.
pub(crate) async fn live(tx: &mut Tx, id: Uuid) -> Result<Option<SignedInBrowser>> {
    let now = tx.now();
    let Some(session) = sessions::find(tx, id).await? else { return Ok(None) };
    if session.revoked_at.is_some() || session.expires_at <= now {
        return Ok(None);
    }
    let account = accounts::find(tx, session.user_id).await?;
    let account = account.filter(|account| !account.disabled);
    Ok(account.map(|account| SignedInBrowser { account, session }))
}

/// Signs a browser in. The cookie is new each time, so that one that somebody has put there is worth
/// nothing (AUTN-17).
pub(crate) async fn begin(tx: &mut Tx, session: Uuid) -> Result<SetCookie> {
    let secret = URL_SAFE_NO_PAD.encode(tx.random::<32>());
    tx.execute(INSERT, params![hash(&secret), session]).await?;
    Ok(SetCookie::new(COOKIE, &secret))
}

/// Takes the cookie away.
pub(crate) fn end() -> SetCookie {
    SetCookie::removed(COOKIE)
}

/// Forgets browsers whose sessions were forgotten.
pub(crate) async fn forget_ended(tx: &mut Tx) -> Result<()> {
    tx.execute(FORGET_ENDED, &[]).await.map(drop)
}

fn hash(secret: &str) -> [u8; 32] {
    Sha256::digest(secret.as_bytes()).into()
}
