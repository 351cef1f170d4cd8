//! Making an account.
//!
//! Without e-mail a registration cannot pretend to succeed, so an address that has an account is
//! answered with 409. That answer costs what a failed login costs: a password hash, and a failure
//! counted against the address it came from. Whoever wants to know which addresses have accounts
//! gets three answers and then one in twenty seconds. When addresses are confirmed by mail (a later
//! issue), this answer goes.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Created, Cx, Role};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::UserAgent;
use super::errors::{AccountError, PasswordError};
use super::sign_in::count;
use crate::account::Account;
use crate::attempts::Counters;
use crate::draft::{Draft, DraftError};
use crate::errands::Errand;
use crate::mint::{Device, Entry, LetterSent, Proven, Wish, mint};
use crate::service::Identity;

/// A new account.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NewUser { email: "anna@example.com".into(), password: "a long walk by the sea".into(), name: "Anna Berg".into() })]
pub struct NewUser {
    /// Address to sign in with.
    #[garde(length(min = 3, max = 320))]
    email: String,
    /// At least 8 characters, any of them; not one of those that everybody tries first.
    #[garde(length(min = 8, max = 1024))]
    password: String,
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
}

/// Anybody may make an account, unless the operator says otherwise.
pub async fn register_user(
    cx: Cx<Identity>,
    Body(new): Body<NewUser>,
    UserAgent(user_agent): UserAgent,
) -> Result<Answered<Created<Entry>>, AccountError> {
    if !cx.app.config.open_registration {
        return Err(AccountError::RegistrationClosed);
    }
    let draft = Draft::check(&new.email, &new.password, &new.name)?;
    let failures = cx.app.attempts.of_login(draft.email.as_str(), cx.context.client).of_address();
    let made = cx.app.attempts.of_registration(cx.context.client);
    let wait = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            Ok(failures.wait(tx).await?.max(made.wait(tx).await?))
        })
        .await?;
    if let Some(seconds) = wait {
        return Err(PasswordError::TooManyTries { seconds }.into());
    }
    let phc = cx.app.passwords.hash(&draft.password).await?;
    if cx.app.config.require_verified_email {
        return register_by_letter(cx, draft, phc, made).await;
    }
    let (app, device) = (Arc::clone(&cx.app), Device { user_agent, address: cx.context.client });
    let answer = cx
        .write(async move |tx: &mut Tx| {
            made.count(tx).await?;
            let account = draft.create(tx, phc, vec![Role::User]).await?;
            enter(tx, &app, &account, device).await
        })
        .await;
    if let Err(AccountError::Draft(DraftError::AddressTaken)) = answer {
        count(&cx, failures).await?;
    }
    answer
}

/// Where addresses are verified, the answer is the same whether the address has an account or not: a
/// letter goes to it, and says which (AUTN-02).
async fn register_by_letter(
    cx: Cx<Identity>,
    draft: Draft,
    phc: String,
    made: Counters,
) -> Result<Answered<Created<Entry>>, AccountError> {
    cx.write(async move |tx: &mut Tx| {
        made.count(tx).await?;
        let email = draft.email.as_str().to_owned();
        let errand = match draft.create(tx, phc, vec![Role::User]).await {
            Ok(account) => Errand::Verify { user: account.id, email: email.clone() },
            Err(DraftError::AddressTaken) => Errand::Exists { email: email.clone() },
            Err(error) => return Err(error.into()),
        };
        errand.note(tx).await?;
        let value = Entry::Letter(LetterSent { letter_to: email });
        Ok(Created { location: "/api/v1/users/me".to_owned(), version: 1, value })
    })
    .await
}

/// Signs in whoever has just made an account.
pub(super) async fn enter(
    tx: &mut Tx,
    app: &Identity,
    account: &Account,
    device: Device,
) -> Result<Created<Entry>, AccountError> {
    let minted = mint(tx, app, Proven::by_creating(account), Wish::of(device)).await?;
    let value = minted.entry().ok_or(StoreError::Missing)?;
    Ok(Created { location: "/api/v1/users/me".to_owned(), version: account.version, value })
}
