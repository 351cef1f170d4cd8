//! A password that is too old: choosing another one within the sign-in that it was too old for.
//!
//! What was proven before, the old password and whatever second factor the account has, stands sealed in
//! the pending token of the refusal. That is good until the password has changed.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, ApiError, Body, Committed, Context, Cx, Json};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::password::replace;
use crate::account::Account;
use crate::accounts;
use crate::email::Email;
use crate::ended::Ended;
use crate::mint::{Entry, Minted, Opened, Pending, Proven, Step, mint, open};
use crate::password::{Busy, Plain, Unfit, UnfitPassword, check};
use crate::service::Identity;

/// A password proves too little, because of its age.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum PasswordAge {
    #[api(403, "IDN-028", details = details)]
    #[error("your password is too old; choose another one first")]
    PasswordTooOld { details: Value },
}

impl PasswordAge {
    /// Of a sign-in, which goes on with this token.
    fn of(pending: &Pending) -> Self {
        let Pending { pending, expires_in, .. } = pending;
        Self::PasswordTooOld { details: json!({ "pending": pending, "expires_in": expires_in }) }
    }

    /// Of a session, whose owner changes the password as ever.
    pub(super) fn of_session() -> Self {
        Self::PasswordTooOld { details: json!({}) }
    }
}

/// The answer to a sign-in, or that its password is too old. Either way what was shown is used up.
/// `None` when it is refused.
pub(crate) fn entry(
    minted: Minted,
    context: &Context,
) -> Option<Committed<Json<Entry>, PasswordAge>> {
    match minted {
        Minted::TooOld(pending) => Some(Committed::refused(&PasswordAge::of(&pending), context)),
        minted => minted.entry().map(Json).map(Committed::done),
    }
}

/// Another password for a sign-in whose password is too old.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Renewal { pending: "c2VhbGVkIGFuZCBvcGFxdWU".into(), new_password: "two ravens on a wire".into() })]
pub struct Renewal {
    /// The token of the refusal (`errors.pending`).
    #[garde(length(min = 1, max = 2048))]
    pending: String,
    /// At least 8 characters, any of them; not the one that is too old.
    #[garde(length(min = 8, max = 1024))]
    new_password: String,
}

/// Refusals of a new password in a sign-in.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum RenewalError {
    #[api(401, "IDN-012")]
    #[error("this sign-in is too old; begin again")]
    InvalidPending,
    #[api(503, "IDN-005", retry_after = seconds)]
    #[error("too many people are signing in at this moment; try again in {seconds} seconds")]
    TooBusy { seconds: u32 },
    #[api(transparent)]
    #[error(transparent)]
    NewPassword(#[from] UnfitPassword),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<Busy> for RenewalError {
    fn from(_: Busy) -> Self {
        Self::TooBusy { seconds: 2 }
    }
}

/// Sets a new password and goes on with the sign-in. All sessions end that were begun with the old one.
pub async fn renew_password(
    cx: Cx<Identity>,
    Body(renewal): Body<Renewal>,
) -> Result<Answered<Json<Entry>>, RenewalError> {
    let opened = open(&cx.app.home.sealer, &renewal.pending, cx.now());
    let opened = opened.filter(|opened| opened.step == Step::Renew);
    let opened = opened.ok_or(RenewalError::InvalidPending)?;
    let new = Renewed::prepare(&cx, opened, &Plain::new(&renewal.new_password)).await?;
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let (minted, ended) = new.set(tx, &app).await?;
            told.note(ended);
            minted.entry().map(Json).ok_or(RenewalError::InvalidPending)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// A new password for a sign-in that waits for one.
pub(crate) struct Renewed {
    opened: Opened,
    phc: String,
}

impl Renewed {
    /// Looks at the password, and hashes it.
    pub(crate) async fn prepare(
        cx: &Cx<Identity>,
        opened: Opened,
        plain: &Plain,
    ) -> Result<Self, RenewalError> {
        let user = opened.proven.user_id();
        let account =
            cx.read::<_, StoreError, _>(async |tx: &mut Tx| accounts::find(tx, user).await).await?;
        // Before the hashes: a token that was used asks for none.
        let account = account.filter(|account| opened.proven.is_of(account));
        let account = account.ok_or(RenewalError::InvalidPending)?;
        let email = Email::parse(&account.email).map_err(|_| RenewalError::InvalidPending)?;
        check(plain, &email, &account.name)?;
        if cx.app.passwords.is(&account, plain).await? {
            return Err(UnfitPassword::from(Unfit::Unchanged).into());
        }
        Ok(Self { opened, phc: cx.app.passwords.hash(plain).await? })
    }

    /// Sets it and takes the sign-in to the mint: what came of that, and the sessions that have ended.
    pub(crate) async fn set(
        self,
        tx: &mut Tx,
        app: &Identity,
    ) -> Result<(Minted, Vec<Uuid>), RenewalError> {
        let Self { opened, phc } = self;
        let account = accounts::hold(tx, opened.proven.user_id()).await?;
        let account: Account = account.ok_or(RenewalError::InvalidPending)?;
        let proven = Proven::renewed(opened.proven, &account, &phc);
        let proven = proven.ok_or(RenewalError::InvalidPending)?;
        let ended = replace(tx, app, &account, &phc, None).await?;
        let ended = ended.ok_or(RenewalError::InvalidPending)?;
        Ok((mint(tx, app, proven, opened.wish).await?, ended))
    }
}
