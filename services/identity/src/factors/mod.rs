//! Second factors: what an account has set up, and checking what it shows.
//!
//! A factor is set up in two steps: it counts once a code of it has been shown. Every code is good for
//! one use: a TOTP step once, a recovery code until it is removed, a code that was sent until its
//! challenge is. Secrets are sealed under the master key, codes are kept as keyed hashes.

pub(crate) mod totp;

use hanse_http::Sealer;
use hanse_store::{Result, Row, StoreError, Tx, params};
use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha2::Sha256;
use uuid::Uuid;

use crate::mint::Factor;

/// Recovery codes that an account gets.
pub(crate) const RECOVERY_CODES: usize = 10;
/// Letters of a recovery code: no vowels, no two that look alike.
const LETTERS: &[u8; 25] = b"23456789bcdfghjkmnpqrstvw";
/// Characters of one, without the dash: 50 bits.
const LENGTH: usize = 11;

const ENROLLED: &str = "SELECT kind FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL
    UNION SELECT 'recovery_code' FROM recovery_codes WHERE user_id = $1
    UNION SELECT 'passkey' FROM passkeys WHERE user_id = $1";
const FIND: &str = "SELECT kind, secret, last_step, created_at, confirmed_at, last_used_at
    FROM factors WHERE user_id = $1 AND kind = $2";
const LIST: &str = "SELECT kind, secret, last_step, created_at, confirmed_at, last_used_at
    FROM factors WHERE user_id = $1 AND confirmed_at IS NOT NULL ORDER BY kind";
// Beginning again replaces what was never confirmed, and nothing else.
const BEGIN: &str = "INSERT INTO factors (user_id, kind, secret, last_step, created_at)
    VALUES ($1, $2, $3, 0, $4) ON CONFLICT (user_id, kind) DO UPDATE
    SET secret = excluded.secret, last_step = 0, created_at = excluded.created_at
    WHERE factors.confirmed_at IS NULL";
const CONFIRM: &str = "UPDATE factors SET confirmed_at = $3 WHERE user_id = $1 AND kind = $2
    AND confirmed_at IS NULL";
const USE_STEP: &str = "UPDATE factors SET last_step = $3, last_used_at = $4
    WHERE user_id = $1 AND kind = $2 AND last_step < $3";
const USED: &str = "UPDATE factors SET last_used_at = $3 WHERE user_id = $1 AND kind = $2";
const REMOVE: &str = "DELETE FROM factors WHERE user_id = $1 AND kind = $2
    AND confirmed_at IS NOT NULL";
const ADD_RECOVERY: &str = "INSERT INTO recovery_codes (user_id, hash, created_at)
    VALUES ($1, $2, $3)";
const USE_RECOVERY: &str = "DELETE FROM recovery_codes WHERE user_id = $1 AND hash = $2";
const LEFT: &str = "SELECT count(*) AS left_over FROM recovery_codes WHERE user_id = $1";

/// A second factor of an account.
#[derive(Clone, Debug)]
pub(crate) struct Enrolment {
    /// Which.
    pub(crate) kind: Factor,
    /// Sealed.
    pub(crate) secret: Vec<u8>,
    /// When it was begun.
    pub(crate) created_at: Timestamp,
    /// When it was set up.
    pub(crate) confirmed_at: Option<Timestamp>,
    /// When it last let somebody in.
    pub(crate) last_used_at: Option<Timestamp>,
}

/// Seals secrets of factors and hashes codes.
#[derive(Clone)]
pub(crate) struct Vault {
    sealer: Sealer,
    key: [u8; 32],
}

impl Vault {
    pub(crate) fn new(sealer: Sealer, key: [u8; 32]) -> Self {
        Self { sealer, key }
    }

    /// Seals the secret of one account's factor.
    pub(crate) fn seal(&self, user: Uuid, kind: Factor, secret: &[u8]) -> Vec<u8> {
        self.sealer.seal_bytes(&purpose(user, kind), secret)
    }

    /// Opens what [`Vault::seal`] made for this account and factor.
    pub(crate) fn open(&self, user: Uuid, kind: Factor, sealed: &[u8]) -> Result<Vec<u8>> {
        let wrong = |_| StoreError::Refused("a factor was sealed under another master key");
        self.sealer.open_bytes(&purpose(user, kind), sealed).map_err(wrong)
    }

    /// What is stored of a code, bound to what it is for.
    pub(crate) fn hash(&self, context: &str, code: &str) -> [u8; 32] {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok().map(|mut mac| {
            mac.update(context.as_bytes());
            mac.update(&[0]);
            mac.update(code.as_bytes());
            mac.finalize().into_bytes().into()
        });
        // HMAC takes keys of any length.
        mac.unwrap_or_default()
    }
}

fn purpose(user: Uuid, kind: Factor) -> String {
    format!("factor {} of {user}", kind.name())
}

/// The second factors that an account has set up. Recovery codes are no factor by themselves: they
/// stand in for one that was lost.
pub(crate) async fn enrolled(tx: &mut Tx, user: Uuid) -> Result<Vec<Factor>> {
    let mut enrolled = Vec::new();
    for row in tx.all(ENROLLED, params![user]).await? {
        enrolled.extend(Factor::parse(&row.at::<String>(0)?));
    }
    if enrolled.contains(&Factor::Passkey) {
        enrolled.push(Factor::VerifiedPasskey);
    }
    if enrolled == [Factor::RecoveryCode] {
        enrolled.clear();
    }
    enrolled.sort_unstable();
    Ok(enrolled)
}

/// One factor of an account, set up or not.
pub(crate) async fn find(tx: &mut Tx, user: Uuid, kind: Factor) -> Result<Option<Enrolment>> {
    tx.optional(FIND, params![user, kind.name()]).await?.map(read).transpose().map(Option::flatten)
}

/// The factors that an account has set up.
pub(crate) async fn list(tx: &mut Tx, user: Uuid) -> Result<Vec<Enrolment>> {
    let rows = tx.all(LIST, params![user]).await?;
    Ok(rows.into_iter().map(read).collect::<Result<Vec<_>>>()?.into_iter().flatten().collect())
}

/// Begins to set a factor up. False when the account has it.
pub(crate) async fn begin(tx: &mut Tx, user: Uuid, kind: Factor, sealed: Vec<u8>) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(BEGIN, params![user, kind.name(), sealed, now]).await? == 1)
}

/// Ends setting it up. False when that was not begun, or has ended.
pub(crate) async fn confirm(tx: &mut Tx, user: Uuid, kind: Factor) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(CONFIRM, params![user, kind.name(), now]).await? == 1)
}

/// Removes a factor. False when the account has it not. Recovery codes go with the last one.
pub(crate) async fn remove(tx: &mut Tx, user: Uuid, kind: Factor) -> Result<bool> {
    if tx.execute(REMOVE, params![user, kind.name()]).await? == 0 {
        return Ok(false);
    }
    forget_recovery_of_none(tx, user).await?;
    Ok(true)
}

/// Recovery codes go with the last factor that they could stand in for.
pub(crate) async fn forget_recovery_of_none(tx: &mut Tx, user: Uuid) -> Result<()> {
    match enrolled(tx, user).await?.is_empty() {
        true => forget_recovery(tx, user).await,
        false => Ok(()),
    }
}

/// Checks a TOTP code and uses its step up. With `confirmed`, only of a factor that is set up.
pub(crate) async fn use_totp(
    tx: &mut Tx,
    vault: &Vault,
    user: Uuid,
    code: &str,
    confirmed: Confirmed,
) -> Result<bool> {
    let Some(enrolment) = find(tx, user, Factor::Totp).await? else { return Ok(false) };
    if enrolment.confirmed_at.is_some() != (confirmed == Confirmed::Yes) {
        return Ok(false);
    }
    let key = vault.open(user, Factor::Totp, &enrolment.secret)?;
    let now = tx.now();
    let Some(step) = totp::matching_step(&key, code, now) else { return Ok(false) };
    // Two requests with the same code change the row one after the other: the second changes nothing.
    Ok(tx.execute(USE_STEP, params![user, Factor::Totp.name(), step, now]).await? == 1)
}

/// Is the factor to be one that is set up, or one that is being set up?
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Confirmed {
    Yes,
    NotYet,
}

/// Notes that a factor let somebody in.
pub(crate) async fn used(tx: &mut Tx, user: Uuid, kind: Factor) -> Result<()> {
    let now = tx.now();
    tx.execute(USED, params![user, kind.name(), now]).await.map(drop)
}

/// Makes new recovery codes; earlier ones count no more. They are shown once.
pub(crate) async fn renew_recovery(tx: &mut Tx, vault: &Vault, user: Uuid) -> Result<Vec<String>> {
    forget_recovery(tx, user).await?;
    let now = tx.now();
    let mut codes = Vec::new();
    for _ in 0..RECOVERY_CODES {
        let code = recovery_code(&tx.random::<LENGTH>());
        let hash = vault.hash(&recovery(user), &normal(&code));
        tx.execute(ADD_RECOVERY, params![user, hash, now]).await?;
        codes.push(code);
    }
    Ok(codes)
}

/// Uses a recovery code up. False when it is none of the account's.
pub(crate) async fn use_recovery(
    tx: &mut Tx,
    vault: &Vault,
    user: Uuid,
    code: &str,
) -> Result<bool> {
    let hash = vault.hash(&recovery(user), &normal(code));
    Ok(tx.execute(USE_RECOVERY, params![user, hash]).await? == 1)
}

/// How many recovery codes an account has left.
pub(crate) async fn recovery_left(tx: &mut Tx, user: Uuid) -> Result<i64> {
    tx.one(LEFT, params![user]).await?.at(0)
}

async fn forget_recovery(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM recovery_codes WHERE user_id = $1", params![user]).await.map(drop)
}

/// Removes every factor of an account that is being deleted.
pub(crate) async fn delete_all(tx: &mut Tx, user: Uuid) -> Result<()> {
    for table in [
        "DELETE FROM factors WHERE user_id = $1",
        "DELETE FROM recovery_codes WHERE user_id = $1",
        "DELETE FROM passkeys WHERE user_id = $1",
        "DELETE FROM challenges WHERE user_id = $1",
    ] {
        tx.execute(table, params![user]).await?;
    }
    Ok(())
}

fn recovery(user: Uuid) -> String {
    format!("recovery code of {user}")
}

/// A code of these random bytes: `xxxxx-xxxxxx`. 256 is not a multiple of 25; the bias costs less than
/// a bit of 50.
fn recovery_code(random: &[u8; LENGTH]) -> String {
    let mut code = String::new();
    for (place, byte) in random.iter().enumerate() {
        if place == LENGTH / 2 {
            code.push('-');
        }
        code.extend(LETTERS.get(usize::from(*byte) % LETTERS.len()).map(|b| char::from(*b)));
    }
    code
}

/// A code however it was typed.
fn normal(code: &str) -> String {
    code.chars().filter(char::is_ascii_alphanumeric).collect::<String>().to_ascii_lowercase()
}

fn read(row: Row) -> Result<Option<Enrolment>> {
    let kind: String = row.get("kind")?;
    let Some(kind) = Factor::parse(&kind) else { return Ok(None) };
    Ok(Some(Enrolment {
        kind,
        secret: row.get("secret")?,
        created_at: row.get("created_at")?,
        confirmed_at: row.get("confirmed_at")?,
        last_used_at: row.get("last_used_at")?,
    }))
}
