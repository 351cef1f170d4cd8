//! Authorization codes: good once, for a minute, for one program, address and verifier (AUTN-14).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::Scope;
use hanse_store::{Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::client::hash;
use super::request::Asked;
use crate::session::after;

/// How long a code waits.
const LIFE: SignedDuration = SignedDuration::from_secs(60);
/// How long it is remembered, to notice that somebody has a copy.
const REMEMBERED: SignedDuration = SignedDuration::from_hours(1);

const INSERT: &str = "INSERT INTO oauth_codes (hash, client_id, browser, redirect_uri,
    challenge, scope, nonce, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const FIND: &str = "SELECT client_id, browser, redirect_uri, challenge, scope, nonce, expires_at,
    session_id FROM oauth_codes WHERE hash = $1";
const USE: &str = "UPDATE oauth_codes SET session_id = $2 WHERE hash = $1 AND session_id IS NULL";
const FORGET: &str = "DELETE FROM oauth_codes WHERE expires_at < $1";

/// A code that was shown.
pub(super) struct Code {
    pub(super) client_id: Uuid,
    /// The session of the browser that it was made in.
    pub(super) browser: Uuid,
    pub(super) scope: Scope,
    pub(super) nonce: Option<String>,
    /// The session that it was exchanged for before.
    pub(super) used_for: Option<Uuid>,
    redirect_uri: String,
    challenge: String,
    expires_at: Timestamp,
    hash: [u8; 32],
}

/// A code for what was asked.
pub(super) async fn issue(tx: &mut Tx, asked: &Asked, browser: Uuid) -> Result<String> {
    let code = URL_SAFE_NO_PAD.encode(tx.random::<32>());
    let expires_at = after(tx.now(), LIFE);
    let params = params![
        hash(&code),
        asked.client.id,
        browser,
        &asked.redirect_uri,
        &asked.challenge,
        asked.scope.to_string(),
        asked.query.nonce.clone(),
        expires_at,
    ];
    tx.execute(INSERT, params).await?;
    Ok(code)
}

/// The code of this text.
pub(super) async fn find(tx: &mut Tx, text: &str) -> Result<Option<Code>> {
    let hash = hash(text);
    let Some(row) = tx.optional(FIND, params![hash]).await? else { return Ok(None) };
    let unreadable = |_| StoreError::Refused("a code's scope cannot be read");
    Ok(Some(Code {
        client_id: row.at(0)?,
        browser: row.at(1)?,
        redirect_uri: row.at(2)?,
        challenge: row.at(3)?,
        scope: Scope::parse(&row.at::<String>(4)?).map_err(unreadable)?,
        nonce: row.at(5)?,
        expires_at: row.at(6)?,
        used_for: row.at(7)?,
        hash,
    }))
}

impl Code {
    /// Is it still good for this address and verifier?
    pub(super) fn fits(&self, redirect_uri: &str, verifier: &str, now: Timestamp) -> bool {
        let length = (43..=128).contains(&verifier.len());
        let challenge = URL_SAFE_NO_PAD.encode(Sha256::digest(verifier.as_bytes()));
        now < self.expires_at
            && length
            && challenge == self.challenge
            && redirect_uri == self.redirect_uri
    }

    /// Uses it up for this session. False when somebody was first.
    pub(super) async fn spend(&self, tx: &mut Tx, session: Uuid) -> Result<bool> {
        Ok(tx.execute(USE, params![self.hash, session]).await? == 1)
    }
}

/// Forgets codes that nobody can use any more.
pub(super) async fn forget_old(tx: &mut Tx) -> Result<()> {
    let oldest = after(tx.now(), -REMEMBERED);
    tx.execute(FORGET, params![oldest]).await.map(drop)
}
