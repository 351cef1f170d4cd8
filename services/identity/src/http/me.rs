//! One's own account. `/users/me` and `/auth/profile` are the same thing under two names.

use garde::Validate;
use hanse_contracts::identity::UserDeleted;
use hanse_events::Emit as _;
use hanse_http::{Answered, Body, Cx, KernelError, NoContent, Tagged};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use std::sync::Arc;

use super::errors::ProfileError;
use crate::account::{Account, display_name};
use crate::mint::User;
use crate::service::Identity;
use crate::{accounts, erasure};

/// What an owner may change.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Profile { name: "Anna Berg".into() })]
pub struct Profile {
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
}

/// My account.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Me {
    /// The account.
    #[serde(flatten)]
    pub user: User,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// My account.
pub async fn get_me(cx: Cx<Identity>) -> Result<Tagged<Me>, ProfileError> {
    let user = cx.user_id();
    let account =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| accounts::find(tx, user).await).await?;
    Ok(view(&account.ok_or(KernelError::InvalidToken)?))
}

/// The same as [`get_me`].
pub async fn get_profile(cx: Cx<Identity>) -> Result<Tagged<Me>, ProfileError> {
    get_me(cx).await
}

/// Changes what an owner may change.
pub async fn replace_me(
    cx: Cx<Identity>,
    Body(profile): Body<Profile>,
) -> Result<Answered<Tagged<Me>>, ProfileError> {
    let (user, if_match) = (cx.user_id(), cx.if_match());
    let name = display_name(&profile.name).ok_or(ProfileError::InvalidName)?;
    cx.write(async move |tx: &mut Tx| {
        let account = accounts::hold(tx, user).await?;
        let mut account = account.ok_or(KernelError::InvalidToken)?;
        if_match.check(account.version)?;
        account.rename(name, tx.now());
        accounts::save(tx, &account).await?;
        tx.emit(&account.updated()).await?;
        Ok(view(&account))
    })
    .await
}

/// The same as [`replace_me`].
pub async fn replace_profile(
    cx: Cx<Identity>,
    body: Body<Profile>,
) -> Result<Answered<Tagged<Me>>, ProfileError> {
    replace_me(cx, body).await
}

/// Deletes the account. Every service that keeps something of it hears of it and does the same.
pub async fn delete_me(cx: Cx<Identity>) -> Result<Answered<NoContent>, ProfileError> {
    let (user, if_match) = (cx.user_id(), cx.if_match());
    // Whoever acts for somebody does not end their account.
    if cx.principal().is_some_and(|principal| principal.actor.is_some()) {
        return Err(ProfileError::ProveAgain);
    }
    let app = Arc::clone(&cx.app);
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let account = accounts::hold(tx, user).await?;
            let account = account.ok_or(KernelError::InvalidToken)?;
            if_match.check(account.version)?;
            erasure::remove(tx, &app, &account).await?;
            tx.emit(&UserDeleted { user_id: user }).await?;
            Ok::<_, ProfileError>(NoContent)
        })
        .await?;
    cx.app.refuse([user]);
    Ok(answer)
}

fn view(account: &Account) -> Tagged<Me> {
    let (created_at, updated_at) = (account.created_at, account.updated_at);
    let value = Me { user: User::from(account), created_at, updated_at };
    Tagged { version: account.version, value }
}
