//! Signing in with a password.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Committed, Cx, Json};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::UserAgent;
use super::errors::PasswordError;
use super::renewal::{PasswordAge, entry};
use crate::account::Account;
use crate::accounts;
use crate::attempts::Counters;
use crate::email::Email;
use crate::mint::{Device, Entry, Proven, Wish, mint};
use crate::password::Plain;
use crate::service::Identity;

/// Who wants to sign in.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Credentials { email: "anna@example.com".into(), password: "a long walk by the sea".into() })]
pub struct Credentials {
    /// Address of the account.
    #[garde(length(min = 1, max = 320))]
    email: String,
    /// Password.
    #[garde(length(min = 1, max = 1024))]
    password: String,
}

/// Signs in. A password that is too old is told from a wrong one only to whoever knows it.
pub async fn login_user(
    cx: Cx<Identity>,
    Body(credentials): Body<Credentials>,
    UserAgent(user_agent): UserAgent,
) -> Result<Answered<Committed<Json<Entry>, PasswordAge>>, PasswordError> {
    let Credentials { email, password } = &credentials;
    let (proven, counters) = match try_password(&cx, email, password, |_| true).await? {
        Tried::Right(proven, counters) => (proven, counters),
        Tried::Wrong => return Err(PasswordError::InvalidCredentials),
        Tried::Wait(seconds) => return Err(PasswordError::TooManyTries { seconds }),
    };
    let (app, device) = (Arc::clone(&cx.app), Device { user_agent, address: cx.context.client });
    let context = cx.context.clone();
    cx.write(async move |tx: &mut Tx| {
        counters.succeed(tx).await?;
        let minted = mint(tx, &app, proven, Wish::of(device)).await?;
        entry(minted, &context).ok_or(PasswordError::InvalidCredentials)
    })
    .await
}

/// What comes of a password that was typed beside an address.
pub(crate) enum Tried {
    /// It is the account's. The counters are told in the transaction that acts on it.
    Right(Proven, Counters),
    /// It is not, or there is no such account, or none that may. It was counted.
    Wrong,
    /// There were too many: seconds to wait.
    Wait(u32),
}

/// Tries a password for the account of an address, if that is `fit` for what it is wanted for. Unknown
/// address, wrong password and barred account are one answer, after one hash each and one count each
/// (AUTN-01).
pub(crate) async fn try_password(
    cx: &Cx<Identity>,
    email: &str,
    password: &str,
    fit: fn(&Account) -> bool,
) -> Result<Tried, PasswordError> {
    let address = Email::parse(email).ok();
    let counted_as = address.as_ref().map_or(email, Email::as_str);
    let counters = cx.app.attempts.of_login(counted_as, cx.context.client);
    let (account, wait) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let account = match &address {
                Some(address) => accounts::find_by_email(tx, address).await?,
                None => None,
            };
            Ok((account, counters.wait(tx).await?))
        })
        .await?;
    if let Some(seconds) = wait {
        return Ok(Tried::Wait(seconds));
    }
    let account = account.filter(fit);
    match cx.app.passwords.prove(account.as_ref(), &Plain::new(password)).await? {
        Some(proven) => Ok(Tried::Right(proven, counters)),
        None => {
            count(cx, counters).await?;
            Ok(Tried::Wrong)
        }
    }
}

/// Counts a failure, in a transaction of its own.
pub(super) async fn count(cx: &Cx<Identity>, counters: Counters) -> Result<(), StoreError> {
    cx.app.home.db.write(async move |tx: &mut Tx| counters.count(tx).await).await
}
