//! Changing one's password.

use std::sync::Arc;

use garde::Validate;
use hanse_contracts::identity::PasswordChanged;
use hanse_events::Emit as _;
use hanse_http::{Answered, ApiError, Body, Cx, NoContent};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::errors::{FactorError, PasswordError};
use super::shown::{self, Shown};
use super::sign_in::count;
use crate::account::Account;
use crate::attempts::Counters;
use crate::email::Email;
use crate::ended::Ended;
use crate::letters::Letter;
use crate::mint::Proven;
use crate::password::{self, Plain, Unfit, UnfitPassword};
use crate::service::Identity;
use crate::{accounts, challenges, errands, sessions};

/// The old password and the new one.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = PasswordChange { current_password: "a long walk by the sea".into(), new_password: "two ravens on a wire".into(), shown: None })]
pub struct PasswordChange {
    /// What it is now.
    #[garde(length(min = 1, max = 1024))]
    current_password: String,
    /// What it shall be: at least 8 characters, any of them.
    #[garde(length(min = 8, max = 1024))]
    new_password: String,
    /// A second factor, when the account has one and the session has not just proven it.
    #[serde(default)]
    #[garde(dive)]
    shown: Option<Shown>,
}

/// Refusals of a change of one's password.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum ChangeError {
    #[api(transparent)]
    #[error(transparent)]
    Password(#[from] PasswordError),
    #[api(transparent)]
    #[error(transparent)]
    Factor(#[from] FactorError),
}

impl From<StoreError> for ChangeError {
    fn from(error: StoreError) -> Self {
        Self::Password(error.into())
    }
}

/// Whoever holds a stolen access token must not take the account with it: the current password is
/// asked for, and the second factor when the account has one, unless the session has just proven it.
pub async fn change_password(
    cx: Cx<Identity>,
    Body(change): Body<PasswordChange>,
) -> Result<Answered<NoContent>, ChangeError> {
    let principal = cx.principal().ok_or(PasswordError::InvalidToken)?.clone();
    let (user, session) = (principal.user_id, principal.session_id);
    let Changing { account, proven, phc, counters } = Changing::prepare(&cx, &change).await?;
    let codes = shown::admit(&cx, user).await?;
    let kind = change.shown.as_ref().map(|shown| shown::purpose(shown.factor, session));
    let (app, ended, tried) = (Arc::clone(&cx.app), Ended::default(), codes.clone());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let proven = match shown::recent_session(tx, &app, &principal).await? {
                Some(session) => proven.and(Proven::by_session(&session)),
                None => Some(proven),
            };
            let proven = proven.ok_or(PasswordError::InvalidToken)?;
            let shown = change.shown.as_ref();
            shown::complete(tx, &app, &account, proven, shown, session).await?;
            if shown.is_some() {
                tried.succeed(tx).await?;
            }
            let ended = replace(tx, &app, &account, &phc, Some(session)).await?;
            told.note(ended.ok_or(PasswordError::Contention)?);
            counters.succeed(tx).await?;
            Ok::<_, ChangeError>(NoContent)
        })
        .await;
    if let Err(ChangeError::Factor(FactorError::WrongCode)) = answer {
        return Err(shown::refuse(&cx, codes, user, kind.unwrap_or_default()).await.into());
    }
    ended.refuse(&cx.app);
    answer
}

/// What a change needs before its transaction.
struct Changing {
    account: Account,
    proven: Proven,
    phc: String,
    counters: Counters,
}

impl Changing {
    /// Checks the current password, whose guesses are counted as logins are, and the new one.
    async fn prepare(cx: &Cx<Identity>, change: &PasswordChange) -> Result<Self, PasswordError> {
        let user = cx.user_id();
        let account =
            cx.read::<_, StoreError, _>(async |tx: &mut Tx| accounts::find(tx, user).await).await?;
        let account = account.ok_or(PasswordError::InvalidToken)?;
        let counters = cx.app.attempts.of_login(&account.email, cx.context.client);
        let wait = cx.read::<_, StoreError, _>(async |tx: &mut Tx| counters.wait(tx).await).await?;
        if let Some(seconds) = wait {
            return Err(PasswordError::TooManyTries { seconds });
        }
        let new = Plain::new(&change.new_password);
        let email = Email::parse(&account.email).map_err(|_| PasswordError::InvalidToken)?;
        password::check(&new, &email, &account.name)?;
        let current = Plain::new(&change.current_password);
        let Some(proven) = cx.app.passwords.prove(Some(&account), &current).await? else {
            count(cx, counters).await?;
            return Err(PasswordError::InvalidCredentials);
        };
        if current == new {
            return Err(UnfitPassword::from(Unfit::Unchanged).into());
        }
        let phc = cx.app.passwords.hash(&new).await?;
        Ok(Self { account, proven, phc, counters })
    }
}

/// Replaces the password of an account as it was read, tells its owner and everybody, and ends all
/// sessions but the one that is kept: those that have ended. Links for yet another password count no more.
/// `None` when the account has another password than it had then.
pub(super) async fn replace(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    phc: &str,
    keep: Option<Uuid>,
) -> Result<Option<Vec<Uuid>>, StoreError> {
    let user = account.id;
    if !accounts::set_password(tx, user, &account.password, phc).await? {
        return Ok(None);
    }
    challenges::forget(tx, user, errands::RESET).await?;
    tx.emit(&PasswordChanged { user_id: user }).await?;
    let letter = Letter::of("identity.password_changed")
        .says("name", &account.name)
        .says("time", tx.now().to_string());
    app.letters.send(tx, user, letter).await?;
    sessions::revoke_others(tx, user, keep).await.map(Some)
}
