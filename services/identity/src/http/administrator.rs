//! Making the first administrator.

use std::sync::Arc;

use garde::Validate;
use hanse_http::{Answered, Body, Created, Cx, Role};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::device::UserAgent;
use super::errors::AccountError;
use super::registration::enter;
use crate::draft::Draft;
use crate::mint::{Device, Entry};
use crate::service::Identity;
use crate::setup;

/// The first administrator.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NewAdministrator { token: "LmZ1biBmYWN0OiBub3QgYSByZWFsIHRva2VuIG9mIG91cnM".into(), email: "admin@example.com".into(), password: "a long walk by the sea".into(), name: "Operations".into() })]
pub struct NewAdministrator {
    /// The one-time token.
    #[garde(length(min = 1, max = 128))]
    token: String,
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

/// Works once, and only while there is no administrator (AUTN-20).
pub async fn create_administrator(
    cx: Cx<Identity>,
    Body(new): Body<NewAdministrator>,
    UserAgent(user_agent): UserAgent,
) -> Result<Answered<Created<Entry>>, AccountError> {
    let token = new.token;
    // Before the hash, which is what an unauthorised caller must not be able to ask for.
    let valid =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| setup::is_valid(tx, &token).await).await?;
    if !valid {
        return Err(AccountError::InvalidSetupToken);
    }
    let draft = Draft::check(&new.email, &new.password, &new.name)?;
    let phc = cx.app.passwords.hash(&draft.password).await?;
    let (app, device) = (Arc::clone(&cx.app), Device { user_agent, address: cx.context.client });
    cx.write(async move |tx: &mut Tx| {
        if !setup::redeem(tx, &token).await? {
            return Err(AccountError::InvalidSetupToken);
        }
        let roles = vec![Role::User, Role::Operator, Role::Admin];
        let account = draft.create(tx, phc, roles).await?;
        enter(tx, &app, &account, device).await
    })
    .await
}
