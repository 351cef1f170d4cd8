//! Administration from the command line, directly on the store of identity.
//!
//! These functions do what the operations do, and tell others the same events. Processes that are
//! running learn of what was revoked within seconds, because they look.

use hanse_contracts::identity::{PasswordChanged, UserDisabled};
use hanse_events::Emit as _;
use hanse_http::{Role, Sealer, Verifier};
use hanse_runtime::{BoxError, Secrets};
use hanse_store::{Db, Ids, StoreError, Tx};
use jiff::SignedDuration;
use uuid::Uuid;

use crate::config::IdentityConfig;
use crate::draft::{Draft, DraftError};
use crate::email::Email;
use crate::keys::KeyRing;
pub use crate::keys::SigningKey;
use crate::password::{self, Passwords, Plain, UnfitPassword};
use crate::{accounts, sessions, setup};

/// Why it was not done.
#[derive(Debug, thiserror::Error)]
pub enum AdminError {
    /// The account cannot be made.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The new password is not taken.
    #[error(transparent)]
    Password(#[from] UnfitPassword),
    /// Nobody has this address.
    #[error("there is no account with the address {0}")]
    UnknownUser(String),
    /// It would lock everybody out.
    #[error("this is the last administrator; make another one first")]
    LastAdministrator,
    /// The password cannot be hashed.
    #[error("the password could not be hashed")]
    Hashing(#[source] BoxError),
    /// The store failed.
    #[error("the store of identity failed")]
    Storage(#[from] StoreError),
}

/// An account to make.
#[derive(Clone, Copy)]
pub struct NewAccount<'a> {
    /// Address to sign in with.
    pub email: &'a str,
    /// Name to show.
    pub name: &'a str,
    /// Password, held to the same rules as anybody's.
    pub password: &'a str,
}

/// Makes an account. Every account has the role `user`, whatever `roles` says besides.
///
/// # Errors
/// [`AdminError::Draft`] when it cannot be made.
pub async fn create_user(
    db: &Db,
    config: &IdentityConfig,
    new: NewAccount<'_>,
    roles: &[Role],
) -> Result<Uuid, AdminError> {
    let draft = Draft::check(new.email, new.password, new.name)?;
    let phc = hash(db, config, &draft.password).await?;
    let mut roles = [&[Role::User], roles].concat();
    roles.sort_unstable();
    roles.dedup();
    let account = db.write(async move |tx: &mut Tx| draft.create(tx, phc, roles).await).await?;
    Ok(account.id)
}

/// A new password for this account: twenty letters and digits that nobody guesses.
///
/// It is drawn until it is taken: the list of breached passwords is short because it takes one in some
/// hundreds of others for one of its own.
#[must_use]
pub fn new_password(ids: &Ids, email: &str, name: &str) -> String {
    const LETTERS: &[u8; 32] = b"abcdefghijkmnpqrstuvwxyz23456789";
    loop {
        let bytes: [u8; 20] = ids.random();
        let letters = bytes.iter().filter_map(|byte| LETTERS.get(usize::from(*byte % 32)));
        let drawn: String = letters.map(|letter| char::from(*letter)).collect();
        // What is wrong with the address is said when the account is made.
        let Ok(email) = Email::parse(email) else { return drawn };
        if password::check(&Plain::new(&drawn), &email, name).is_ok() {
            return drawn;
        }
    }
}

/// Makes accounts for a benchmark, all with this password, in one transaction: `seed-<n>@example.com`,
/// numbered from `first`.
///
/// # Errors
/// [`AdminError::Draft`] when they cannot be made.
pub async fn seed_accounts(
    db: &Db,
    config: &IdentityConfig,
    password: &str,
    first: u32,
    count: u32,
) -> Result<Vec<Uuid>, AdminError> {
    let emails = (first..first + count).map(|n| format!("seed-{n}@example.com"));
    let drafts = emails
        .map(|email| Draft::check(&email, password, "Seed"))
        .collect::<Result<Vec<_>, _>>()?;
    let Some(draft) = drafts.first() else { return Ok(Vec::new()) };
    let phc = hash(db, config, &draft.password).await?;
    db.write(async move |tx: &mut Tx| {
        let mut made = Vec::new();
        for draft in drafts {
            made.push(draft.create(tx, phc.clone(), vec![Role::User]).await?.id);
        }
        Ok(made)
    })
    .await
}

/// Bars an account from signing in, and ends its sessions.
///
/// # Errors
/// [`AdminError::UnknownUser`], [`AdminError::LastAdministrator`].
pub async fn disable_user(db: &Db, email: &str) -> Result<(), AdminError> {
    let email = parse(email)?;
    db.write(async move |tx: &mut Tx| {
        let user = hold(tx, &email).await?;
        if !accounts::disable(tx, user).await? {
            return Ok(());
        }
        let admin = accounts::find(tx, user).await?.is_some_and(|a| a.roles.contains(&Role::Admin));
        if admin && !accounts::has_admin(tx).await? {
            return Err(AdminError::LastAdministrator);
        }
        sessions::revoke_others(tx, user, None).await?;
        tx.emit(&UserDisabled { user_id: user }).await?;
        Ok(())
    })
    .await
}

/// Gives an account a new password, and ends its sessions.
///
/// # Errors
/// [`AdminError::UnknownUser`], [`AdminError::Password`].
pub async fn reset_password(
    db: &Db,
    config: &IdentityConfig,
    email: &str,
    new: &str,
) -> Result<(), AdminError> {
    let email = parse(email)?;
    let plain = Plain::new(new);
    password::check(&plain, &email, "")?;
    let phc = hash(db, config, &plain).await?;
    db.write(async move |tx: &mut Tx| {
        let user = hold(tx, &email).await?;
        let account = accounts::find(tx, user).await?.ok_or(StoreError::Missing)?;
        accounts::set_password(tx, user, &account.password, &phc).await?;
        sessions::revoke_others(tx, user, None).await?;
        tx.emit(&PasswordChanged { user_id: user }).await?;
        Ok(())
    })
    .await
}

/// Is there an administrator who can sign in?
///
/// # Errors
/// A failure of the store.
pub async fn has_admin(db: &Db) -> Result<bool, StoreError> {
    db.read(async |tx: &mut Tx| accounts::has_admin(tx).await).await
}

/// A one-time token for `POST /auth/setup`; earlier ones count no more. `None` when there is an
/// administrator.
///
/// # Errors
/// A failure of the store.
pub async fn issue_setup_token(
    db: &Db,
    config: &IdentityConfig,
) -> Result<Option<String>, StoreError> {
    let valid = SignedDuration::from_hours(i64::from(config.setup_hours));
    db.write(async move |tx: &mut Tx| setup::issue(tx, valid).await).await
}

/// Withdraws every signing key and makes a new one: all access tokens end, refresh tokens do not.
/// For the day a key is feared to be known.
///
/// # Errors
/// A failure of the store.
pub async fn replace_signing_keys(
    db: &Db,
    config: &IdentityConfig,
    secrets: &Secrets,
) -> Result<(), StoreError> {
    ring(db, config, secrets).replace(db).await
}

/// The signing keys that are stored.
///
/// # Errors
/// A failure of the store, or keys that were sealed under another master key.
pub async fn list_signing_keys(
    db: &Db,
    config: &IdentityConfig,
    secrets: &Secrets,
) -> Result<Vec<SigningKey>, StoreError> {
    ring(db, config, secrets).list(db).await
}

/// A ring whose keys verify nothing in this process.
fn ring(db: &Db, config: &IdentityConfig, secrets: &Secrets) -> KeyRing {
    let verifier = Verifier::new("", "", db.clock().clone());
    KeyRing::new(config, seed_sealer(db, secrets), verifier, db.ids().clone())
}

/// Seals the seeds of signing keys.
pub(crate) fn seed_sealer(db: &Db, secrets: &Secrets) -> Sealer {
    Sealer::new(secrets.derive("identity signing keys"), db.ids().clone())
}

fn parse(email: &str) -> Result<Email, AdminError> {
    Email::parse(email).map_err(|_| AdminError::UnknownUser(email.to_owned()))
}

async fn hold(tx: &mut Tx, email: &Email) -> Result<Uuid, AdminError> {
    let unknown = || AdminError::UnknownUser(email.as_str().to_owned());
    let account = accounts::find_by_email(tx, email).await?.ok_or_else(unknown)?;
    accounts::hold(tx, account.id).await?.ok_or_else(unknown)?;
    Ok(account.id)
}

async fn hash(db: &Db, config: &IdentityConfig, plain: &Plain) -> Result<String, AdminError> {
    let passwords = Passwords::new(config, db.ids().clone()).map_err(AdminError::Hashing)?;
    passwords.hash(plain).await.map_err(|error| AdminError::Hashing(error.into()))
}

#[cfg(test)]
mod tests {
    use hanse_store::Clock;

    use super::*;

    /// An operator is never given a password that is then refused.
    #[test]
    fn a_new_password_is_always_taken() {
        let ids = Ids::system(Clock::system());
        let email = Email::parse("harbour-master@example.com").unwrap();
        for _ in 0..2_000 {
            let drawn = new_password(&ids, email.as_str(), "Harbour master");
            assert_eq!(drawn.len(), 20);
            password::check(&Plain::new(&drawn), &email, "Harbour master").unwrap();
        }
    }
}
