//! A forgotten password.
//!
//! The first answer is the same for every address, after the same work: an errand is noted, and a job
//! looks whether the address has an account. The link does not sign in: whoever follows it sets a
//! password and then signs in like anybody, with the second factor if the account has one (AUTN-19).

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Cx, NoContent};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::errors::{AccountError, LinkError, PasswordError};
use super::password::replace;
use crate::attempts::Counters;
use crate::draft::DraftError;
use crate::email::Email;
use crate::ended::Ended;
use crate::errands::{Errand, RESET};
use crate::password::{self, Plain, Unfit, UnfitPassword};
use crate::service::Identity;
use crate::{accounts, challenges};

/// Who has forgotten a password.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Forgotten { email: "anna@example.com".into() })]
pub struct Forgotten {
    /// Address of the account.
    #[garde(length(min = 3, max = 320))]
    email: String,
}

/// The new password, and the token of the link.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NewPassword { token: "LmZ1biBmYWN0OiBub3QgYSByZWFsIHRva2VuIG9mIG91cnM".into(), new_password: "two ravens on a wire".into() })]
pub struct NewPassword {
    /// What the link carries.
    #[garde(length(min = 1, max = 128))]
    token: String,
    /// At least 8 characters, any of them; not one that is easily guessed.
    #[garde(length(min = 8, max = 1024))]
    new_password: String,
}

/// Sends a link to the address, if it has an account. It is good for an hour and once.
pub async fn reset_password(
    cx: Cx<Identity>,
    Body(forgotten): Body<Forgotten>,
) -> Result<Answered<NoContent>, AccountError> {
    let asked = Asked::of(&cx, &forgotten.email).ok_or(DraftError::InvalidAddress)?;
    if let Some(seconds) = asked.wait(&cx).await? {
        return Err(PasswordError::TooManyTries { seconds }.into());
    }
    cx.write(async move |tx: &mut Tx| {
        asked.note(tx).await?;
        Ok(NoContent)
    })
    .await
}

/// Sets a new password by a link. Every session ends, and other links count no more. That the link
/// arrived shows that the address is its owner's.
pub async fn confirm_reset(
    cx: Cx<Identity>,
    Body(new): Body<NewPassword>,
) -> Result<Answered<NoContent>, LinkError> {
    let reset = Reset::prepare(&cx, new.token, &Plain::new(&new.new_password)).await?;
    let (app, ended) = (Arc::clone(&cx.app), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            told.note(reset.set(tx, &app).await?);
            Ok::<_, LinkError>(NoContent)
        })
        .await?;
    ended.refuse(&cx.app);
    Ok(answer)
}

/// A link that somebody asks for.
pub(crate) struct Asked {
    email: Email,
    counters: Counters,
}

impl Asked {
    /// `None` when this is no address.
    pub(crate) fn of(cx: &Cx<Identity>, email: &str) -> Option<Self> {
        let counters = cx.app.attempts.of_letters(cx.context.client);
        Some(Self { email: Email::parse(email).ok()?, counters })
    }

    /// Seconds to wait, when there were too many.
    pub(crate) async fn wait(&self, cx: &Cx<Identity>) -> Result<Option<u32>, StoreError> {
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| self.counters.wait(tx).await).await
    }

    /// Notes it: the same work for every address.
    pub(crate) async fn note(&self, tx: &mut Tx) -> Result<(), StoreError> {
        self.counters.count(tx).await?;
        Errand::Reset { email: self.email.as_str().to_owned() }.note(tx).await
    }
}

/// A new password, and the link that lets somebody set it.
pub(crate) struct Reset {
    user: Uuid,
    token: String,
    phc: String,
}

impl Reset {
    /// Looks at the link and the password, and hashes it.
    pub(crate) async fn prepare(
        cx: &Cx<Identity>,
        token: String,
        plain: &Plain,
    ) -> Result<Self, LinkError> {
        // Before the hash, which is what a made-up token must not be able to ask for.
        let vault = &cx.app.vault;
        let account = cx
            .read::<_, StoreError, _>(async |tx: &mut Tx| {
                match challenges::peek_link(tx, vault, RESET, &token).await? {
                    Some(link) => accounts::find(tx, link.user).await,
                    None => Ok(None),
                }
            })
            .await?;
        let account = account.ok_or(LinkError::InvalidLink)?;
        let email = Email::parse(&account.email).map_err(|_| LinkError::InvalidLink)?;
        password::check(plain, &email, &account.name)?;
        // A link is no way around the age of passwords, where they have one.
        let aged = cx.app.config.password_age(&account.roles).is_some();
        if aged && cx.app.passwords.is(&account, plain).await? {
            return Err(UnfitPassword::from(Unfit::Unchanged).into());
        }
        Ok(Self { user: account.id, token, phc: cx.app.passwords.hash(plain).await? })
    }

    /// Uses the link up and sets the password: the sessions that have ended.
    pub(crate) async fn set(self, tx: &mut Tx, app: &Identity) -> Result<Vec<Uuid>, LinkError> {
        let user = self.user;
        let account = accounts::hold(tx, user).await?.ok_or(LinkError::InvalidLink)?;
        let link = challenges::use_link(tx, &app.vault, RESET, &self.token).await?;
        let link = link.ok_or(LinkError::InvalidLink)?;
        // A link that went to an address that the account has left is no proof any more.
        if link.state != account.email.as_bytes() || account.disabled {
            return Err(LinkError::InvalidLink);
        }
        accounts::verified(tx, user).await?;
        let ended = replace(tx, app, &account, &self.phc, None).await?;
        ended.ok_or(LinkError::InvalidLink)
    }
}
