//! What was asked of somebody and is good for one answer: a code or a link that was sent, or the
//! challenge that a passkey signs.
//!
//! Only a keyed hash of the secret is stored. A code of six digits is bound to the sign-in it was sent
//! for and is gone after five wrong answers; a link's token and a passkey's challenge have 256 bits.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_store::{Result, Row, Tx, params};
use jiff::{SignedDuration, Timestamp};
use subtle::ConstantTimeEq as _;
use uuid::Uuid;

use crate::factors::Vault;
use crate::session::after;

/// How long a code is valid.
pub(crate) const CODE: SignedDuration = SignedDuration::from_mins(10);
/// How long a link is valid (AUTN-19).
pub(crate) const LINK: SignedDuration = SignedDuration::from_hours(1);
/// How long a passkey may take.
pub(crate) const PASSKEY: SignedDuration = SignedDuration::from_mins(5);
/// Wrong answers to a code before it is gone.
const TRIES: i64 = 5;
/// Live challenges of one kind that an account may have: nobody's mailbox is filled by asking again.
const MOST: i64 = 3;

const INSERT: &str = "INSERT INTO challenges
    (id, kind, user_id, hash, state, tries, created_at, expires_at)
    VALUES ($1, $2, $3, $4, $5, 0, $6, $7)";
const COUNT: &str = "SELECT count(*) AS live FROM challenges
    WHERE user_id = $1 AND kind = $2 AND expires_at > $3";
const CODES: &str = "SELECT id, hash FROM challenges
    WHERE user_id = $1 AND kind = $2 AND expires_at > $3 AND tries < $4";
const WRONG: &str = "UPDATE challenges SET tries = tries + 1 WHERE user_id = $1 AND kind = $2";
const USE: &str = "DELETE FROM challenges WHERE id = $1";
const PEEK: &str = "SELECT user_id, state FROM challenges
    WHERE hash = $1 AND kind = $2 AND expires_at > $3";
const USE_LINK: &str = "DELETE FROM challenges WHERE hash = $1 AND kind = $2 AND expires_at > $3
    RETURNING user_id, state";
const TAKE: &str = "DELETE FROM challenges WHERE hash = $1 AND kind = $2
    RETURNING user_id, state, expires_at";
const FORGET_TWIN: &str = "DELETE FROM challenges WHERE user_id = $1 AND kind = $2 AND state = $3";
const FORGET_KIND: &str = "DELETE FROM challenges WHERE user_id = $1 AND kind = $2";
const FORGET_OLD: &str = "DELETE FROM challenges WHERE expires_at <= $1";

/// What a link was for.
pub(crate) struct Answered {
    /// The account.
    pub(crate) user: Uuid,
    /// What was noted when it was sent.
    pub(crate) state: Vec<u8>,
}

/// Makes a code of six digits for `kind`. `None` when the account has had several just now.
pub(crate) async fn code(
    tx: &mut Tx,
    vault: &Vault,
    user: Uuid,
    kind: &str,
) -> Result<Option<String>> {
    if live(tx, user, kind).await? >= MOST {
        return Ok(None);
    }
    let code = format!("{:06}", u64::from_be_bytes(tx.random()) % 1_000_000);
    let hash = vault.hash(&context(user, kind), &code);
    insert(tx, user, kind, hash, Vec::new(), CODE).await?;
    Ok(Some(code))
}

/// Makes the token of a link for `kind`. `None` when the account has had several just now.
pub(crate) async fn link(
    tx: &mut Tx,
    vault: &Vault,
    user: Uuid,
    kind: &str,
    state: Vec<u8>,
) -> Result<Option<String>> {
    if live(tx, user, kind).await? >= MOST {
        return Ok(None);
    }
    let token = URL_SAFE_NO_PAD.encode(tx.random::<32>());
    insert(tx, user, kind, vault.hash(kind, &token), state, LINK).await?;
    Ok(Some(token))
}

/// Uses a code up. False when it is none that was sent to this account for this.
pub(crate) async fn use_code(
    tx: &mut Tx,
    vault: &Vault,
    user: Uuid,
    kind: &str,
    code: &str,
) -> Result<bool> {
    let (now, hash) = (tx.now(), vault.hash(&context(user, kind), code));
    for row in tx.all(CODES, params![user, kind, now, TRIES]).await? {
        let (id, stored): (Uuid, Vec<u8>) = (row.at(0)?, row.at(1)?);
        if bool::from(stored.ct_eq(&hash)) {
            // Whoever removes it has used it.
            return Ok(tx.execute(USE, params![id]).await? == 1);
        }
    }
    Ok(false)
}

/// Counts a wrong answer. In a transaction of its own: the one that refused it is undone.
pub(crate) async fn count_wrong(tx: &mut Tx, user: Uuid, kind: &str) -> Result<()> {
    tx.execute(WRONG, params![user, kind]).await.map(drop)
}

/// Whose link this is, without using it up.
pub(crate) async fn peek_link(
    tx: &mut Tx,
    vault: &Vault,
    kind: &str,
    token: &str,
) -> Result<Option<Answered>> {
    let now = tx.now();
    let row = tx.optional(PEEK, params![vault.hash(kind, token), kind, now]).await?;
    row.map_or(Ok(None), |row| answered(&row))
}

/// Uses a link up. `None` when it is none of this kind, or was used, or is too old.
pub(crate) async fn use_link(
    tx: &mut Tx,
    vault: &Vault,
    kind: &str,
    token: &str,
) -> Result<Option<Answered>> {
    let now = tx.now();
    let row = tx.optional(USE_LINK, params![vault.hash(kind, token), kind, now]).await?;
    row.map_or(Ok(None), |row| answered(&row))
}

fn answered(row: &Row) -> Result<Option<Answered>> {
    let (user, state): (Option<Uuid>, Vec<u8>) = (row.at(0)?, row.at(1)?);
    Ok(user.map(|user| Answered { user, state }))
}

/// Makes a challenge for a passkey: of `user` in the session or sign-in `of`, or of whoever comes. One
/// that was made before for the same is withdrawn, and so is what nobody answered in time: strangers
/// cannot fill the table with more than they ask for in some minutes.
pub(crate) async fn passkey(
    tx: &mut Tx,
    vault: &Vault,
    kind: &str,
    whose: Option<(Uuid, Uuid)>,
) -> Result<String> {
    forget_expired(tx).await?;
    let challenge = URL_SAFE_NO_PAD.encode(tx.random::<32>());
    let (id, now, hash) = (tx.new_id(), tx.now(), vault.hash(kind, &challenge));
    let user = whose.map(|(user, _)| user);
    let state = whose.map(|(_, of)| of.as_bytes().to_vec()).unwrap_or_default();
    if let Some(user) = user {
        tx.execute(FORGET_TWIN, params![user, kind, state.clone()]).await?;
    }
    tx.execute(INSERT, params![id, kind, user, hash, state, now, after(now, PASSKEY)]).await?;
    Ok(challenge)
}

/// Takes a passkey's challenge out, whatever becomes of the answer: it is good for one (AUTN-18). True
/// when it was made for the same, a short time ago.
pub(crate) async fn take_passkey(
    tx: &mut Tx,
    vault: &Vault,
    kind: &str,
    challenge: &str,
    whose: Option<(Uuid, Uuid)>,
) -> Result<bool> {
    let now = tx.now();
    let hash = vault.hash(kind, challenge);
    let Some(row) = tx.optional(TAKE, params![hash, kind]).await? else { return Ok(false) };
    let (user, state, ends): (Option<Uuid>, Vec<u8>, Timestamp) =
        (row.at(0)?, row.at(1)?, row.at(2)?);
    let of = whose.map(|(_, of)| of.as_bytes().to_vec()).unwrap_or_default();
    Ok(user == whose.map(|(user, _)| user) && state == of && ends > now)
}

/// Is it the first of this kind for the account within this time? It counts from now on.
pub(crate) async fn once(
    tx: &mut Tx,
    user: Uuid,
    kind: &str,
    within: SignedDuration,
) -> Result<bool> {
    if live(tx, user, kind).await? > 0 {
        return Ok(false);
    }
    // Nobody is told what would answer it.
    let secret = tx.random();
    insert(tx, user, kind, secret, Vec::new(), within).await?;
    Ok(true)
}

/// Withdraws everything of this kind that an account was sent.
pub(crate) async fn forget(tx: &mut Tx, user: Uuid, kind: &str) -> Result<()> {
    tx.execute(FORGET_KIND, params![user, kind]).await.map(drop)
}

/// Removes what nobody answered in time.
pub(crate) async fn forget_expired(tx: &mut Tx) -> Result<()> {
    let now = tx.now();
    tx.execute(FORGET_OLD, params![now]).await.map(drop)
}

async fn live(tx: &mut Tx, user: Uuid, kind: &str) -> Result<i64> {
    let now = tx.now();
    tx.one(COUNT, params![user, kind, now]).await?.at(0)
}

async fn insert(
    tx: &mut Tx,
    user: Uuid,
    kind: &str,
    hash: [u8; 32],
    state: Vec<u8>,
    valid: SignedDuration,
) -> Result<()> {
    let (id, now) = (tx.new_id(), tx.now());
    let params = params![id, kind, user, hash, state, now, after(now, valid)];
    tx.execute(INSERT, params).await.map(drop)
}

fn context(user: Uuid, kind: &str) -> String {
    format!("{kind} of {user}")
}
