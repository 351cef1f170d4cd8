//! Devices without a browser (RFC 8628): they show a code, and a person lets them in elsewhere.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_http::Scope;
use hanse_store::{Result, Row, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use super::client::{Client, hash};
use super::reply::OAuthError;
use super::token::{Granted, TokenRequest};
use super::{clients, code_grant};
use crate::mint::Device;
use crate::pages::browser;
use crate::service::Identity;
use crate::session::after;

/// How long a code waits.
pub(super) const LIFE: SignedDuration = SignedDuration::from_mins(10);
/// Seconds between two questions of a device, at first.
pub(super) const WAIT: u32 = 5;
/// Letters of a user code: none that looks like another, and no vowels to make words of.
const LETTERS: &[u8; 20] = b"BCDFGHJKLMNPQRSTVWXZ";
/// Letters in a user code: about 34 bits, for ten minutes.
const LENGTH: usize = 8;

const INSERT: &str = "INSERT INTO oauth_devices
    (hash, user_code, client_id, scope, state, wait_seconds, expires_at)
    VALUES ($1, $2, $3, $4, 'waiting', $5, $6) ON CONFLICT (user_code) DO NOTHING";
const BY_CODE: &str = "SELECT hash, client_id, scope, state, browser, wait_seconds, polled_at,
    expires_at FROM oauth_devices WHERE hash = $1";
const BY_USER_CODE: &str = "SELECT hash, client_id, scope, state, browser, wait_seconds, polled_at,
    expires_at FROM oauth_devices WHERE user_code = $1 AND state = 'waiting' AND expires_at > $2";
const DECIDE: &str = "UPDATE oauth_devices SET state = $2, browser = $3
    WHERE hash = $1 AND state = 'waiting'";
const POLLED: &str = "UPDATE oauth_devices SET polled_at = $2, wait_seconds = $3 WHERE hash = $1";
const REMOVE: &str = "DELETE FROM oauth_devices WHERE hash = $1";
const FORGET: &str = "DELETE FROM oauth_devices WHERE expires_at < $1";

/// A device that waits.
pub(super) struct Waiting {
    hash: Vec<u8>,
    pub(super) client_id: Uuid,
    pub(super) scope: Scope,
    state: String,
    browser: Option<Uuid>,
    wait: u32,
    polled_at: Option<Timestamp>,
    expires_at: Timestamp,
}

/// The codes of a device: its own, and the one that a person types.
pub(super) async fn begin(tx: &mut Tx, client: &Client, scope: &Scope) -> Result<(String, String)> {
    let code = URL_SAFE_NO_PAD.encode(tx.random::<32>());
    let expires_at = after(tx.now(), LIFE);
    // Two devices with one user code at once are one in billions; the third try is not needed.
    for _ in 0..3 {
        let user_code = user_code(&tx.random::<32>());
        let wait = i64::from(WAIT);
        let params =
            params![hash(&code), &user_code, client.id, scope.to_string(), wait, expires_at];
        if tx.execute(INSERT, params).await? == 1 {
            return Ok((code, user_code));
        }
    }
    Err(StoreError::Overloaded)
}

/// The device that waits under what somebody typed, and its program.
pub(super) async fn by_user_code(tx: &mut Tx, typed: &str) -> Result<Option<(Waiting, Client)>> {
    let now = tx.now();
    let Some(code) = normalised(typed) else { return Ok(None) };
    let Some(row) = tx.optional(BY_USER_CODE, params![code, now]).await? else { return Ok(None) };
    let waiting = read(row)?;
    let client = clients::find(tx, waiting.client_id).await?;
    Ok(client.map(|client| (waiting, client)))
}

impl Waiting {
    /// Lets the device in, or does not. False when somebody has decided already.
    pub(super) async fn decide(&self, tx: &mut Tx, allow: bool, browser: Uuid) -> Result<bool> {
        let state = if allow { "allowed" } else { "denied" };
        Ok(tx.execute(DECIDE, params![&*self.hash, state, browser]).await? == 1)
    }
}

/// Answers a device that asks whether it was let in.
pub(super) async fn poll(
    tx: &mut Tx,
    app: &Identity,
    client: &Client,
    request: &TokenRequest,
    device: Device,
) -> Result<Granted> {
    let found = tx.optional(BY_CODE, params![hash(&request.device_code)]).await?;
    let waiting = found.map(read).transpose()?.filter(|found| found.client_id == client.id);
    let Some(waiting) = waiting else { return Ok(Granted::refused(OAuthError::INVALID_GRANT)) };
    let now = tx.now();
    if waiting.expires_at <= now {
        return Ok(Granted::refused(OAuthError::EXPIRED));
    }
    match waiting.state.as_str() {
        "allowed" => {}
        "denied" => {
            tx.execute(REMOVE, params![waiting.hash]).await?;
            return Ok(Granted::refused(OAuthError::DENIED));
        }
        _ => return pending(tx, &waiting, now).await,
    }
    if tx.execute(REMOVE, params![&*waiting.hash]).await? == 0 {
        return Ok(Granted::refused(OAuthError::INVALID_GRANT));
    }
    let browser = match waiting.browser {
        Some(browser) => browser::live(tx, browser).await?,
        None => None,
    };
    let Some(browser) = browser else { return Ok(Granted::refused(OAuthError::INVALID_GRANT)) };
    let begun = code_grant::begin(tx, app, client, &browser, &waiting.scope, device).await?;
    let Some(begun) = begun else { return Ok(Granted::refused(OAuthError::INVALID_GRANT)) };
    let tokens = code_grant::tokens(tx, app, client, &begun, None)?;
    Ok(Granted { answer: Ok(tokens), ended: Vec::new() })
}

/// A device that asks too often is told to wait longer (section 3.5).
async fn pending(tx: &mut Tx, waiting: &Waiting, now: Timestamp) -> Result<Granted> {
    let soonest = |at| after(at, SignedDuration::from_secs(i64::from(waiting.wait)));
    let hurried = waiting.polled_at.is_some_and(|at| now < soonest(at));
    let wait = waiting.wait + if hurried { WAIT } else { 0 };
    tx.execute(POLLED, params![&*waiting.hash, now, i64::from(wait)]).await?;
    Ok(Granted::refused(if hurried { OAuthError::SLOW_DOWN } else { OAuthError::PENDING }))
}

/// Forgets devices that nobody let in.
pub(super) async fn forget_old(tx: &mut Tx) -> Result<()> {
    let oldest = after(tx.now(), -LIFE);
    tx.execute(FORGET, params![oldest]).await.map(drop)
}

/// How a user code is shown: two halves.
pub(super) fn shown(code: &str) -> String {
    match code.split_at_checked(LENGTH / 2) {
        Some((first, second)) => format!("{first}-{second}"),
        None => code.to_owned(),
    }
}

/// What somebody typed, without what does not count.
fn normalised(typed: &str) -> Option<String> {
    let letters = typed.chars().filter(|c| !matches!(c, '-' | ' ')).map(|c| c.to_ascii_uppercase());
    let code: String = letters.take(LENGTH + 1).collect();
    let known = code.bytes().all(|letter| LETTERS.contains(&letter));
    (known && code.len() == LENGTH).then_some(code)
}

/// Letters from chance. A byte beyond the last whole round of letters is left out, so that each letter
/// is as likely as any.
fn user_code(random: &[u8; 32]) -> String {
    let letters = random.iter().filter(|byte| **byte < 240);
    let letters = letters.filter_map(|byte| LETTERS.get(usize::from(byte % 20)));
    letters.take(LENGTH).map(|letter| char::from(*letter)).collect()
}

fn read(row: Row) -> Result<Waiting> {
    let unreadable = |_| StoreError::Refused("a device's scope cannot be read");
    Ok(Waiting {
        hash: row.at(0)?,
        client_id: row.at(1)?,
        scope: Scope::parse(&row.at::<String>(2)?).map_err(unreadable)?,
        state: row.at(3)?,
        browser: row.at(4)?,
        wait: row.at(5)?,
        polled_at: row.at(6)?,
        expires_at: row.at(7)?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_read_as_people_type_them() {
        assert_eq!(normalised(" bcdf-ghjk ").as_deref(), Some("BCDFGHJK"));
        assert_eq!(shown("BCDFGHJK"), "BCDF-GHJK");
        for typed in ["", "BCDF-GHJ", "BCDF-GHJKL", "ABCD-EFGH", "BCDF\0GHJK", "BCDF_GHJK"] {
            assert_eq!(normalised(typed), None, "{typed:?}");
        }
        assert_eq!(user_code(&[255; 32]), "");
        assert_eq!(user_code(&[21; 32]), "CCCCCCCC");
    }
}
