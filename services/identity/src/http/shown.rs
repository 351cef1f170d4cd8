//! Checking the factor that a request shows, and counting those that were wrong.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Cx, Principal};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::errors::FactorError;
use crate::account::Account;
use crate::attempts::Counters;
use crate::factors::Confirmed;
use crate::mint::policy::{self, Verdict};
use crate::mint::{Assurance, Factor, Proven};
use crate::service::Identity;
use crate::session::{Session, after};
use crate::{accounts, challenges, factors, sessions};

/// A code of a second factor.
#[derive(Clone, Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Shown { factor: Factor::Totp, code: "492039".into() })]
pub struct Shown {
    /// Which factor: `totp`, `recovery_code`, `email_code` or `sms_code`.
    #[garde(skip)]
    pub factor: Factor,
    /// The code.
    #[garde(length(min = 1, max = 64))]
    pub code: String,
}

/// What a code that is sent is for: a sign-in, a session, or setting up.
pub(crate) fn purpose(factor: Factor, of: Uuid) -> String {
    format!("{} {of}", factor.name())
}

/// Checks a code and uses it up. `None` when it is wrong, used, too old, or of a factor that the
/// account has not set up. `of` is the sign-in or session that it was sent for.
pub(crate) async fn check(
    tx: &mut Tx,
    app: &Identity,
    user: Uuid,
    shown: &Shown,
    of: Uuid,
) -> Result<Option<Proven>, StoreError> {
    let enrolled = factors::enrolled(tx, user).await?;
    if !enrolled.contains(&shown.factor) {
        return Ok(None);
    }
    let (vault, code) = (&app.vault, shown.code.trim());
    let fits = match shown.factor {
        Factor::Totp => factors::use_totp(tx, vault, user, code, Confirmed::Yes).await?,
        Factor::RecoveryCode => factors::use_recovery(tx, vault, user, code).await?,
        Factor::EmailCode | Factor::SmsCode => {
            let fits =
                challenges::use_code(tx, vault, user, &purpose(shown.factor, of), code).await?;
            if fits {
                factors::used(tx, user, shown.factor).await?;
            }
            fits
        }
        _ => false,
    };
    Ok(fits.then(|| Proven::by(shown.factor, user)))
}

/// What was proven of an account, and the code that is shown beside it, if together they are as much as
/// the account can show: a second factor, when it has one. `of` is the session or sign-in.
///
/// # Errors
/// [`FactorError::WrongCode`], [`FactorError::SecondFactor`], or a failure of the store.
pub(super) async fn complete(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    mut proven: Proven,
    shown: Option<&Shown>,
    of: Uuid,
) -> Result<Proven, FactorError> {
    if let Some(shown) = shown {
        let more = check(tx, app, account.id, shown, of).await?;
        proven = more.and_then(|more| proven.and(more)).ok_or(FactorError::WrongCode)?;
    }
    let enrolled = factors::enrolled(tx, account.id).await?;
    let least = Assurance::Single;
    match policy::judge(&app.config, &account.roles, &enrolled, proven.factors(), least) {
        Verdict::Enough => Ok(proven),
        // Whoever is told to set one up must be able to get there.
        Verdict::Enrol(_) if enrolled.is_empty() => Ok(proven),
        Verdict::More(factors) | Verdict::Enrol(factors) => {
            Err(FactorError::SecondFactor { details: FactorError::list(&factors) })
        }
    }
}

/// The counters of codes for this account; an error while too many were wrong.
pub(crate) async fn admit(cx: &Cx<Identity>, user: Uuid) -> Result<Counters, FactorError> {
    let counters = cx.app.attempts.of_factor(user);
    let wait = cx.read::<_, StoreError, _>(async |tx: &mut Tx| counters.wait(tx).await).await?;
    match wait {
        Some(seconds) => Err(FactorError::TooManyTries { seconds }),
        None => Ok(counters),
    }
}

/// Counts a wrong code, in a transaction of its own.
pub(crate) async fn refuse(
    cx: &Cx<Identity>,
    counters: Counters,
    user: Uuid,
    kind: String,
) -> FactorError {
    let counted = cx.app.home.db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
        challenges::count_wrong(tx, user, &kind).await?;
        counters.count(tx).await
    });
    match counted.await {
        Ok(()) => FactorError::WrongCode,
        Err(error) => error.into(),
    }
}

/// The account of whoever asks, held, if they have proven who they are a short time ago and are
/// nobody who acts for them: what a stolen token or a helper must not be able to change.
pub(crate) async fn recent(
    tx: &mut Tx,
    app: &Arc<Identity>,
    principal: &Principal,
) -> Result<Account, FactorError> {
    let account = accounts::hold(tx, principal.user_id).await?.ok_or(FactorError::InvalidToken)?;
    match recent_session(tx, app, principal).await? {
        Some(_) => Ok(account),
        None => Err(FactorError::ProveAgain),
    }
}

/// The session of whoever asks, if it is as [`recent`] wants it.
pub(crate) async fn recent_session(
    tx: &mut Tx,
    app: &Identity,
    principal: &Principal,
) -> Result<Option<Session>, StoreError> {
    let now = tx.now();
    let session = sessions::find(tx, principal.session_id).await?;
    Ok(session.filter(|session| {
        session.user_id == principal.user_id
            && session.revoked_at.is_none()
            && session.actor.is_none()
            && principal.actor.is_none()
            && after(session.authenticated_at, app.reauthentication()) > now
    }))
}
