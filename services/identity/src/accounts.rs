//! Accounts in the store. Every function names the account it is about: there is no list.

use hanse_http::Role;
use hanse_store::{Result, Row, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::account::{Account, Kind};
use crate::email::Email;
use crate::memberships;

macro_rules! account {
    ($condition:literal) => {
        concat!(
            "SELECT id, email, name, password, version, disabled_at, created_at, updated_at,
                kind, email_verified_at, password_changed_at,
                (SELECT string_agg(role, ' ') FROM user_roles WHERE user_id = users.id) AS roles
             FROM users WHERE ",
            $condition
        )
    };
}
const BY_ID: &str = account!("id = $1");
const BY_EMAIL: &str = account!("email = $1");
// A statement that changes nothing, but takes the row: what one account causes happens in order.
const LOCK: &str = "UPDATE users SET version = version WHERE id = $1";
const INSERT: &str = "INSERT INTO users
    (id, email, name, password, version, created_at, updated_at, kind, email_verified_at,
        password_changed_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) ON CONFLICT (email) DO NOTHING";
const GRANT: &str = "INSERT INTO user_roles (user_id, role) VALUES ($1, $2)";
const SAVE: &str = "UPDATE users SET name = $2, version = $3, updated_at = $4 WHERE id = $1";
const REHASH: &str = "UPDATE users SET password = $3 WHERE id = $1 AND password = $2";
const SET_PASSWORD: &str = "UPDATE users SET password = $3, password_changed_at = $4
    WHERE id = $1 AND password = $2";
const SET_EMAIL: &str = "UPDATE users SET email = $2, email_verified_at = NULL WHERE id = $1";
const VERIFIED: &str = "UPDATE users SET email_verified_at = $2 WHERE id = $1";
const DISABLED_SINCE: &str = "SELECT id, disabled_at FROM users WHERE disabled_at > $1";
const ENABLE: &str =
    "UPDATE users SET disabled_at = NULL WHERE id = $1 AND disabled_at IS NOT NULL";
const DISABLE: &str = "UPDATE users SET disabled_at = $2 WHERE id = $1 AND disabled_at IS NULL";
const SIGNED_IN: &str = "UPDATE users SET signed_in_at = $2 WHERE id = $1 AND disabled_at IS NULL";
const ANY_ADMIN: &str = "SELECT 1 AS found FROM user_roles r JOIN users u ON u.id = r.user_id
    WHERE r.role = 'admin' AND u.disabled_at IS NULL LIMIT 1";

/// The account of this id.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Account>> {
    tx.optional(BY_ID, params![id]).await?.map(read).transpose()
}

/// The account of this address.
pub async fn find_by_email(tx: &mut Tx, email: &Email) -> Result<Option<Account>> {
    tx.optional(BY_EMAIL, params![email.as_str()]).await?.map(read).transpose()
}

/// The account of this id, held until the transaction ends. Whoever emits events about an account
/// holds it first.
pub async fn hold(tx: &mut Tx, id: Uuid) -> Result<Option<Account>> {
    if tx.execute(LOCK, params![id]).await? == 0 {
        return Ok(None);
    }
    find(tx, id).await
}

/// Adds an account. False when the address is taken.
pub async fn insert(tx: &mut Tx, account: &Account) -> Result<bool> {
    let added = tx
        .execute(
            INSERT,
            params![
                account.id,
                &account.email,
                &account.name,
                &account.password,
                account.version,
                account.created_at,
                account.updated_at,
                account.kind.name(),
                account.email_verified_at,
                account.password_changed_at,
            ],
        )
        .await?;
    if added == 0 {
        return Ok(false);
    }
    for role in &account.roles {
        tx.execute(GRANT, params![account.id, role.name()]).await?;
    }
    // That a new account is a user goes without saying.
    if account.roles.iter().any(|role| *role != Role::User) {
        memberships::tell(tx, account.id).await?;
    }
    Ok(true)
}

/// Stores what an owner may change.
pub async fn save(tx: &mut Tx, account: &Account) -> Result<()> {
    let params = params![account.id, &account.name, account.version, account.updated_at];
    tx.execute(SAVE, params).await.map(drop)
}

/// Replaces the hash `old` by another of the same password. False when it is not the account's any more.
pub async fn rehash_password(tx: &mut Tx, id: Uuid, old: &str, new: &str) -> Result<bool> {
    Ok(tx.execute(REHASH, params![id, old, new]).await? == 1)
}

/// Replaces the hash `old` by that of a password that was chosen now. False when it is not the account's
/// any more.
pub async fn set_password(tx: &mut Tx, id: Uuid, old: &str, new: &str) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(SET_PASSWORD, params![id, old, new, now]).await? == 1)
}

/// Gives it another address.
///
/// # Errors
/// [`hanse_store::StoreError::Unique`] when another account has it.
pub async fn set_email(tx: &mut Tx, id: Uuid, email: &Email) -> Result<()> {
    tx.execute(SET_EMAIL, params![id, email.as_str()]).await.map(drop)
}

/// Notes that mail to its address reaches its owner.
pub async fn verified(tx: &mut Tx, id: Uuid) -> Result<()> {
    let now = tx.now();
    tx.execute(VERIFIED, params![id, now]).await.map(drop)
}

/// Notes a sign-in and holds the account. False when it may not sign in, or is gone.
pub async fn signed_in(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(SIGNED_IN, params![id, now]).await? == 1)
}

/// Bars an account from signing in. False when it is barred already, or gone.
pub async fn disable(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let now = tx.now();
    Ok(tx.execute(DISABLE, params![id, now]).await? == 1)
}

/// Lets a barred account sign in again. False when it is not barred, or gone.
pub async fn enable(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(tx.execute(ENABLE, params![id]).await? == 1)
}

/// Accounts that were barred after `since`, and when.
pub async fn disabled_since(tx: &mut Tx, since: Timestamp) -> Result<Vec<(Uuid, Timestamp)>> {
    let rows = tx.all(DISABLED_SINCE, params![since]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// Removes an account and its roles.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<()> {
    tx.execute("DELETE FROM user_roles WHERE user_id = $1", params![id]).await?;
    tx.execute("DELETE FROM users WHERE id = $1", params![id]).await.map(drop)
}

/// Is there an administrator who can sign in?
pub async fn has_admin(tx: &mut Tx) -> Result<bool> {
    Ok(tx.optional(ANY_ADMIN, &[]).await?.is_some())
}

fn read(row: Row) -> Result<Account> {
    let roles: Option<String> = row.get("roles")?;
    let mut roles: Vec<Role> =
        roles.as_deref().unwrap_or_default().split(' ').filter_map(Role::parse).collect();
    roles.sort_unstable();
    let created_at: Timestamp = row.get("created_at")?;
    let kind: String = row.get("kind")?;
    let changed: Option<Timestamp> = row.get("password_changed_at")?;
    Ok(Account {
        id: row.get("id")?,
        email: row.get("email")?,
        name: row.get("name")?,
        password: row.get("password")?,
        version: row.get("version")?,
        disabled: row.get::<Option<Timestamp>>("disabled_at")?.is_some(),
        roles,
        kind: if kind == Kind::Service.name() { Kind::Service } else { Kind::Person },
        email_verified_at: row.get("email_verified_at")?,
        password_changed_at: changed.unwrap_or(created_at),
        created_at,
        updated_at: row.get("updated_at")?,
    })
}
