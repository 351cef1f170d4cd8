//! Passkeys in the store.

use hanse_store::{Result, Row, StoreError, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use super::webauthn::{PublicKey, Registered, Used};

/// Passkeys that an account may have.
pub(crate) const MOST: usize = 20;

macro_rules! passkey {
    ($rest:literal) => {
        concat!(
            "SELECT id, user_id, credential_id, public_key, name, transports, counter,
             backup_eligible, backed_up, created_at, last_used_at FROM passkeys WHERE ",
            $rest
        )
    };
}
const OF_USER: &str = passkey!("user_id = $1 ORDER BY id");
const BY_CREDENTIAL: &str = passkey!("credential_id = $1");
const BY_ID: &str = passkey!("id = $1 AND user_id = $2");
const INSERT: &str =
    "INSERT INTO passkeys (id, user_id, credential_id, public_key, name, transports,
    counter, backup_eligible, backed_up, created_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (credential_id) DO NOTHING";
// Of two uses at once with one count, the second changes nothing.
const USED: &str = "UPDATE passkeys SET counter = $3, backed_up = $4, last_used_at = $5
    WHERE id = $1 AND counter = $2";
const RENAME: &str = "UPDATE passkeys SET name = $3 WHERE id = $1 AND user_id = $2";
const REMOVE: &str = "DELETE FROM passkeys WHERE id = $1 AND user_id = $2";

/// A passkey of an account.
#[derive(Clone, Debug)]
pub(crate) struct Passkey {
    /// Identity.
    pub(crate) id: Uuid,
    /// Whose.
    pub(crate) user_id: Uuid,
    /// The authenticator's name for it.
    pub(crate) credential_id: Vec<u8>,
    pub(crate) public_key: PublicKey,
    /// Its owner's name for it.
    pub(crate) name: String,
    /// How browsers reach the authenticator.
    pub(crate) transports: Vec<String>,
    pub(crate) counter: u32,
    pub(crate) backup_eligible: bool,
    pub(crate) backed_up: bool,
    pub(crate) created_at: Timestamp,
    pub(crate) last_used_at: Option<Timestamp>,
}

/// The passkeys of an account, oldest first.
pub(crate) async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<Passkey>> {
    tx.all(OF_USER, params![user]).await?.into_iter().map(read).collect()
}

/// One passkey of an account.
pub(crate) async fn find(tx: &mut Tx, user: Uuid, id: Uuid) -> Result<Option<Passkey>> {
    tx.optional(BY_ID, params![id, user]).await?.map(read).transpose()
}

/// The passkey that an authenticator calls by this name. Whose it is says itself: only its key proves
/// anything.
pub(crate) async fn by_credential(tx: &mut Tx, id: &[u8]) -> Result<Option<Passkey>> {
    tx.optional(BY_CREDENTIAL, params![id.to_vec()]).await?.map(read).transpose()
}

/// Keeps a new passkey. `None` when somebody has one of this name, whoever that is.
pub(crate) async fn insert(
    tx: &mut Tx,
    user: Uuid,
    name: String,
    transports: Vec<String>,
    registered: Registered,
) -> Result<Option<Passkey>> {
    let passkey = Passkey {
        id: tx.new_id(),
        user_id: user,
        credential_id: registered.credential_id,
        public_key: registered.public_key,
        name,
        transports,
        counter: registered.counter,
        backup_eligible: registered.backup_eligible,
        backed_up: registered.backed_up,
        created_at: tx.now(),
        last_used_at: None,
    };
    let key = serde_json::to_string(&passkey.public_key)
        .map_err(|_| StoreError::Refused("a passkey's key cannot be written"))?;
    let params = params![
        passkey.id,
        user,
        passkey.credential_id.clone(),
        key,
        &passkey.name,
        passkey.transports.join(" "),
        i64::from(passkey.counter),
        passkey.backup_eligible,
        passkey.backed_up,
        passkey.created_at,
    ];
    Ok((tx.execute(INSERT, params).await? == 1).then_some(passkey))
}

/// Notes a use. False when it was used or removed meanwhile.
pub(crate) async fn used(tx: &mut Tx, passkey: &Passkey, used: Used) -> Result<bool> {
    let now = tx.now();
    let (before, count) = (i64::from(passkey.counter), i64::from(used.counter));
    Ok(tx.execute(USED, params![passkey.id, before, count, used.backed_up, now]).await? == 1)
}

/// Gives a passkey another name. False when the account has it not.
pub(crate) async fn rename(tx: &mut Tx, user: Uuid, id: Uuid, name: &str) -> Result<bool> {
    Ok(tx.execute(RENAME, params![id, user, name]).await? == 1)
}

/// Removes a passkey. False when the account has it not.
pub(crate) async fn remove(tx: &mut Tx, user: Uuid, id: Uuid) -> Result<bool> {
    Ok(tx.execute(REMOVE, params![id, user]).await? == 1)
}

fn read(row: Row) -> Result<Passkey> {
    let wrong = |column: &str, wanted| StoreError::Decode { column: column.into(), wanted };
    let key: String = row.get("public_key")?;
    let counter: i64 = row.get("counter")?;
    let transports: String = row.get("transports")?;
    Ok(Passkey {
        id: row.get("id")?,
        user_id: row.get("user_id")?,
        credential_id: row.get("credential_id")?,
        public_key: serde_json::from_str(&key).map_err(|_| wrong("public_key", "a key"))?,
        name: row.get("name")?,
        transports: transports.split_ascii_whitespace().map(str::to_owned).collect(),
        counter: u32::try_from(counter).map_err(|_| wrong("counter", "32 bits"))?,
        backup_eligible: row.get("backup_eligible")?,
        backed_up: row.get("backed_up")?,
        created_at: row.get("created_at")?,
        last_used_at: row.get("last_used_at")?,
    })
}
