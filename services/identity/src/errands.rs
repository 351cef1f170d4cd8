//! Letters that must not show by the time an answer takes whether an address has an account: the
//! request only notes an errand, the same for every address, and a job looks who it is about.

use std::sync::Arc;

use hanse_jobs::{Job, Schedule as _};
use hanse_store::{Result, Tx};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::Kind;
use crate::email::Email;
use crate::letters::Letter;
use crate::service::Identity;
use crate::session::after;
use crate::{accounts, challenges};

/// The kind of the job.
pub(crate) const ERRAND: &str = "identity.errand";
/// What a link for a new password is called.
pub(crate) const RESET: &str = "reset_password";
/// What a link or code for an address is called.
pub(crate) const VERIFY: &str = "verify_email";

/// Something to be looked into after the answer.
#[derive(Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "errand")]
pub(crate) enum Errand {
    /// Somebody has forgotten the password of the account of this address, if there is one.
    Reset {
        /// Normalised.
        email: String,
    },
    /// This account says that this address is its own.
    Verify {
        /// The account.
        user: Uuid,
        /// Normalised.
        email: String,
    },
    /// Somebody tried to register this address, which has an account.
    Exists {
        /// Normalised.
        email: String,
    },
}

impl Errand {
    /// Notes it in this transaction.
    pub(crate) async fn note(self, tx: &mut Tx) -> Result<()> {
        let owner = match &self {
            Self::Verify { user, .. } => Some(*user),
            Self::Reset { .. } | Self::Exists { .. } => None,
        };
        let job = Job::new(ERRAND, self).deadline(after(tx.now(), challenges::LINK));
        match owner {
            Some(owner) => tx.schedule(job.owner(owner)).await.map(drop),
            None => tx.schedule(job).await.map(drop),
        }
    }
}

/// Does it.
pub(crate) async fn run(tx: &mut Tx, app: &Arc<Identity>, errand: &Errand) -> Result<()> {
    match errand {
        Errand::Reset { email } => reset(tx, app, email).await,
        Errand::Verify { user, email } => verify(tx, app, *user, email).await,
        Errand::Exists { email } => exists(tx, app, email).await,
    }
}

async fn reset(tx: &mut Tx, app: &Identity, email: &str) -> Result<()> {
    let Ok(email) = Email::parse(email) else { return Ok(()) };
    let Some(account) = accounts::find_by_email(tx, &email).await? else { return Ok(()) };
    if account.disabled || account.kind == Kind::Service {
        return Ok(());
    }
    // Two that come at once count each other.
    accounts::hold(tx, account.id).await?;
    let state = account.email.clone().into_bytes();
    let token = challenges::link(tx, &app.vault, account.id, RESET, state).await?;
    let Some(token) = token else { return Ok(()) };
    let letter = Letter::of("identity.reset_password")
        .says("name", &account.name)
        .tells("link", app.letters.link("oauth/reset-password", &token))
        .until(after(tx.now(), challenges::LINK));
    app.letters.send(tx, account.id, letter).await
}

async fn verify(tx: &mut Tx, app: &Identity, user: Uuid, email: &str) -> Result<()> {
    let Ok(parsed) = Email::parse(email) else { return Ok(()) };
    let Some(account) = accounts::hold(tx, user).await? else { return Ok(()) };
    let holder = accounts::find_by_email(tx, &parsed).await?;
    if holder.is_some_and(|holder| holder.id != user) {
        return exists(tx, app, email).await;
    }
    let state = email.as_bytes().to_vec();
    let token = challenges::link(tx, &app.vault, user, VERIFY, state).await?;
    // A code is for the account's own address only: it says nothing about which address it went to.
    let own = account.email == email;
    let code = match own {
        true => challenges::code(tx, &app.vault, user, "verify_email_code").await?,
        false => None,
    };
    let Some(token) = token else { return Ok(()) };
    let letter = Letter::of("identity.verify_email")
        .to(email)
        .says("name", &account.name)
        .tells("link", app.letters.link("oauth/verify-email", &token))
        .tells("code", code.unwrap_or_default())
        .until(after(tx.now(), challenges::LINK));
    app.letters.send(tx, user, letter).await
}

async fn exists(tx: &mut Tx, app: &Identity, email: &str) -> Result<()> {
    let Ok(email) = Email::parse(email) else { return Ok(()) };
    let Some(account) = accounts::find_by_email(tx, &email).await? else { return Ok(()) };
    let letter = Letter::of("identity.account_exists").says("name", &account.name);
    app.letters.send(tx, account.id, letter).await
}
