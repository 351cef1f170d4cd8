//! One's e-mail address: showing that it is one's own, and changing it.

use std::sync::Arc;

use garde::Validate;
use hanse_events::Emit as _;
use hanse_http::{Answered, Body, Cx, KernelError, NoContent};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::errors::{FactorError, LinkError};
use super::shown;
use crate::account::Account;
use crate::email::Email;
use crate::ended::Ended;
use crate::errands::{Errand, VERIFY};
use crate::letters::Letter;
use crate::service::Identity;
use crate::{accounts, challenges, sessions};

/// The address to verify.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Address { email: "anna.berg@example.com".into() })]
pub struct Address {
    /// The account's own, to be verified; or another, to which the account changes when that has been.
    #[garde(length(min = 3, max = 320))]
    email: String,
}

/// What the letter carried.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Verification { token: "LmZ1biBmYWN0OiBub3QgYSByZWFsIHRva2VuIG9mIG91cnM".into() })]
pub struct Verification {
    /// The token of the link.
    #[garde(length(min = 1, max = 128))]
    token: String,
}

/// Sends a link to an address. The answer is the same when somebody else has an account with it; its
/// owner is told then.
pub async fn change_email(
    cx: Cx<Identity>,
    Body(address): Body<Address>,
) -> Result<Answered<NoContent>, FactorError> {
    let email = Email::parse(&address.email).map_err(|_| FactorError::InvalidAddress)?;
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let counters = cx.app.attempts.of_letters(cx.context.client);
    let wait = cx.read::<_, StoreError, _>(async |tx: &mut Tx| counters.wait(tx).await).await?;
    if let Some(seconds) = wait {
        return Err(FactorError::TooManyTries { seconds });
    }
    let app = Arc::clone(&cx.app);
    cx.write(async move |tx: &mut Tx| {
        let account = accounts::find(tx, principal.user_id).await?;
        let account = account.ok_or(FactorError::InvalidToken)?;
        if account.email != email.as_str() {
            shown::recent(tx, &app, &principal).await?;
        }
        counters.count(tx).await?;
        Errand::Verify { user: account.id, email: email.as_str().to_owned() }.note(tx).await?;
        Ok(NoContent)
    })
    .await
}

/// Takes the link of [`change_email`]. When the address is another one, the old one is told and every
/// session ends.
pub async fn verify_email(
    cx: Cx<Identity>,
    Body(verification): Body<Verification>,
) -> Result<Answered<NoContent>, LinkError> {
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            told.note(verify(tx, &app, &verification.token).await?);
            Ok::<_, LinkError>(NoContent)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// Uses the link up: the sessions that have ended, if the address is another one.
pub(crate) async fn verify(
    tx: &mut Tx,
    app: &Identity,
    token: &str,
) -> Result<Vec<Uuid>, LinkError> {
    let known = challenges::peek_link(tx, &app.vault, VERIFY, token).await?;
    let user = known.ok_or(LinkError::InvalidLink)?.user;
    let account = accounts::hold(tx, user).await?.ok_or(LinkError::InvalidLink)?;
    let link = challenges::use_link(tx, &app.vault, VERIFY, token).await?;
    let link = link.ok_or(LinkError::InvalidLink)?;
    let email = String::from_utf8_lossy(&link.state).into_owned();
    let email = Email::parse(&email).map_err(|_| LinkError::InvalidLink)?;
    let ended = match email.as_str() == account.email {
        true => Vec::new(),
        false => change(tx, app, account, &email).await?,
    };
    accounts::verified(tx, user).await?;
    challenges::forget(tx, user, VERIFY).await?;
    Ok(ended)
}

/// Gives an account that is held another address: the sessions that have ended.
async fn change(
    tx: &mut Tx,
    app: &Identity,
    mut account: Account,
    email: &Email,
) -> Result<Vec<Uuid>, LinkError> {
    // Somebody else may have taken it since: then the link is worth nothing.
    if accounts::find_by_email(tx, email).await?.is_some() {
        return Err(LinkError::InvalidLink);
    }
    let user = account.id;
    let old = std::mem::replace(&mut account.email, email.as_str().to_owned());
    account.version += 1;
    account.updated_at = tx.now();
    accounts::save(tx, &account).await?;
    accounts::set_email(tx, user, email).await?;
    tx.emit(&account.updated()).await?;
    let letter = Letter::of("identity.email_changed")
        .to(&old)
        .says("name", &account.name)
        .says("old", &old)
        .says("new", &account.email);
    app.letters.send(tx, user, letter).await?;
    Ok(sessions::revoke_others(tx, user, None).await?)
}
