//! The second step of a sign-in, and proving again who one is.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Committed, Cx, Json, KernelError, NoContent};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::errors::FactorError;
use super::renewal::{PasswordAge, entry};
use super::shown::{self, Shown};
use crate::mint::{Entry, Factor, mint, open, policy};
use crate::password::Plain;
use crate::service::Identity;
use crate::{accounts, sessions};

/// The next factor of a sign-in.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NextFactor { pending: "c2VhbGVkIGFuZCBvcGFxdWU".into(), shown: Shown { factor: Factor::Totp, code: "492039".into() } })]
pub struct NextFactor {
    /// The token of the first step.
    #[garde(length(min = 1, max = 2048))]
    pending: String,
    /// The factor.
    #[garde(dive)]
    shown: Shown,
}

/// The proof that a session's owner is still there.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Again { password: "a long walk by the sea".into(), shown: None })]
pub struct Again {
    /// The password.
    #[garde(length(min = 1, max = 1024))]
    password: String,
    /// A second factor, when the account has one.
    #[serde(default)]
    #[garde(dive)]
    shown: Option<Shown>,
}

/// Takes what was proven before and one more factor to the mint, as every way in does.
pub async fn continue_login(
    cx: Cx<Identity>,
    Body(next): Body<NextFactor>,
) -> Result<Answered<Committed<Json<Entry>, PasswordAge>>, FactorError> {
    let opened = open(&cx.app.home.sealer, &next.pending, cx.now());
    let opened = opened.ok_or(FactorError::InvalidPending)?;
    let user = opened.proven.user_id();
    let counters = shown::admit(&cx, user).await?;
    let kind = shown::purpose(next.shown.factor, opened.id);
    let (app, succeeded) = (Arc::clone(&cx.app), counters.clone());
    let context = cx.context.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let more = shown::check(tx, &app, user, &next.shown, opened.id).await?;
            let more = more.ok_or(FactorError::WrongCode)?;
            let proven = opened.proven.and(more).ok_or(FactorError::InvalidPending)?;
            succeeded.succeed(tx).await?;
            let minted = mint(tx, &app, proven, opened.wish).await?;
            entry(minted, &context).ok_or(FactorError::InvalidPending)
        })
        .await;
    match answer {
        Err(FactorError::WrongCode) => Err(shown::refuse(&cx, counters, user, kind).await),
        answer => answer,
    }
}

/// Proves again who one is, for what a stolen token must not be enough: the password, and a second
/// factor when the account has one.
pub async fn reauthenticate(
    cx: Cx<Identity>,
    Body(again): Body<Again>,
) -> Result<Answered<NoContent>, FactorError> {
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    if principal.actor.is_some() {
        return Err(FactorError::ProveAgain);
    }
    let (user, session) = (principal.user_id, principal.session_id);
    let account =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| accounts::find(tx, user).await).await?;
    let account = account.ok_or(FactorError::InvalidToken)?;
    let counters = shown::admit(&cx, user).await?;
    let password = Plain::new(&again.password);
    let kind = again.shown.as_ref().map(|shown| shown::purpose(shown.factor, session));
    let kind = kind.unwrap_or_default();
    let Some(proven) = cx.app.passwords.prove(Some(&account), &password).await? else {
        return Err(shown::refuse(&cx, counters, user, kind).await);
    };
    if policy::is_too_old(&cx.app.config, &account.roles, account.password_changed_at, cx.now()) {
        return Err(PasswordAge::of_session().into());
    }
    let (app, succeeded) = (Arc::clone(&cx.app), counters.clone());
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let shown = again.shown.as_ref();
            let proven = shown::complete(tx, &app, &account, proven, shown, session).await?;
            succeeded.succeed(tx).await?;
            sessions::authenticated(tx, user, session, proven.factors()).await?;
            Ok(NoContent)
        })
        .await;
    match answer {
        Err(FactorError::WrongCode) => Err(shown::refuse(&cx, counters, user, kind).await),
        answer => answer,
    }
}
