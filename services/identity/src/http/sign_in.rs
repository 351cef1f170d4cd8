//! Signing in with a password.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Cx, Json, Kept};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::UserAgent;
use super::errors::PasswordError;
use super::renewal::{PasswordAge, entry};
use crate::accounts;
use crate::attempts::Counters;
use crate::email::Email;
use crate::mint::{Device, Entry, Wish, mint};
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

/// Unknown address, wrong password and disabled account are one answer, after one hash each and one
/// count each (AUTN-01).
pub async fn login_user(
    cx: Cx<Identity>,
    Body(credentials): Body<Credentials>,
    UserAgent(user_agent): UserAgent,
) -> Result<Answered<Kept<Json<Entry>, PasswordAge>>, PasswordError> {
    let email = Email::parse(&credentials.email).ok();
    let counted_as = email.as_ref().map_or(credentials.email.as_str(), Email::as_str);
    let counters = cx.app.attempts.of_login(counted_as, cx.context.client);
    let (account, wait) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let account = match &email {
                Some(email) => accounts::find_by_email(tx, email).await?,
                None => None,
            };
            Ok((account, counters.wait(tx).await?))
        })
        .await?;
    if let Some(seconds) = wait {
        return Err(PasswordError::TooManyTries { seconds });
    }
    let password = Plain::new(&credentials.password);
    let Some(proven) = cx.app.passwords.prove(account.as_ref(), &password).await? else {
        return Err(refuse(&cx, counters).await);
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

/// Counts a failure and says no.
pub(super) async fn refuse(cx: &Cx<Identity>, counters: Counters) -> PasswordError {
    let db = &cx.app.home.db;
    match db.write::<_, StoreError, _>(async move |tx: &mut Tx| counters.count(tx).await).await {
        Ok(()) => PasswordError::InvalidCredentials,
        Err(error) => error.into(),
    }
}
