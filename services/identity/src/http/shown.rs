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
use crate::mint::{Factor, Proven};
use crate::service::Identity;
use crate::session::after;
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
    let session = sessions::find(tx, principal.session_id).await?;
    let now = tx.now();
    let fresh = session.is_some_and(|session| {
        session.user_id == account.id
            && session.revoked_at.is_none()
            && session.actor.is_none()
            && after(session.authenticated_at, app.reauthentication()) > now
    });
    if !fresh || principal.actor.is_some() {
        return Err(FactorError::ProveAgain);
    }
    Ok(account)
}
