//! People: made, read, changed, barred and removed by a provisioning client.

use std::sync::{Arc, OnceLock};

use hanse_contracts::identity::{UserDeleted, UserDisabled};
use hanse_events::Emit as _;
use hanse_http::{Cx, IfMatch, Path, Role};
use hanse_store::{StoreError, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::attributes::USER;
use super::body::ScimBody;
use super::client::{Client, base};
use super::patch::Change;
use super::people::{self, WantedPerson};
use super::query::ScimQuery;
use super::reply::{Refusal, Scim, ScimError, Told, read, told};
use super::{list, patch};
use crate::account::Account;
use crate::service::Identity;
use crate::{accounts, erasure, sessions};

/// People, by a filter.
pub async fn list_scim_users(cx: Cx<Identity>, query: ScimQuery) -> Result<Scim, StoreError> {
    list(cx, &query).await
}

/// The same, asked for by a body.
pub async fn search_scim_users(cx: Cx<Identity>, body: ScimBody) -> Result<Scim, StoreError> {
    list(cx, &ScimQuery::of(body)).await
}

async fn list(cx: Cx<Identity>, query: &ScimQuery) -> Result<Scim, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let listing = match query.listing(&USER) {
        Ok(listing) => listing,
        Err(error) => return Ok(error.into()),
    };
    let found = cx
        .scan(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            Ok::<_, Refusal>(Scim::of(list::people(tx, &base, &listing).await?))
        })
        .await;
    read(found)
}

/// A person.
pub async fn get_scim_user(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    query: ScimQuery,
) -> Result<Scim, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let found = cx
        .read(async |tx: &mut Tx| {
            client.admit(tx).await?;
            let selection = query.selection(&USER)?;
            let id = id.parse().map_err(|_| ScimError::UNKNOWN)?;
            let (shown, version) = shown(tx, &base, id).await?;
            if query.has(version) {
                return Ok(Scim::unchanged(version));
            }
            Ok(Scim::resource(selection.of(shown), version))
        })
        .await;
    read(found)
}

/// Makes an account for a person. No letter is sent: they sign in by an issuer elsewhere, or ask for a
/// password.
pub async fn create_scim_user(
    cx: Cx<Identity>,
    query: ScimQuery,
    body: ScimBody,
) -> Result<Told, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let made = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let selection = query.selection(&USER)?;
            let wanted = WantedPerson::read(&body.resource(&USER)?)?;
            let mut account =
                Account::of(tx, Some(&wanted.email), wanted.name.clone(), vec![Role::User]);
            let taken = people::is_taken(tx, &wanted, account.id).await?;
            if taken || !accounts::insert(tx, &account).await? {
                return Err(ScimError::TAKEN.into());
            }
            people::save(tx, &account, &wanted).await?;
            tx.emit(&account.registered()).await?;
            if !wanted.active {
                accounts::disable(tx, account.id).await?;
                account.disabled = true;
                tx.emit(&UserDisabled { user_id: account.id }).await?;
            }
            let (shown, version) = shown(tx, &base, account.id).await?;
            let location = format!("{base}/Users/{}", account.id);
            Ok(Scim::created(selection.of(shown), version, location))
        })
        .await;
    told(made)
}

/// Replaces what is known of a person.
pub async fn replace_scim_user(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    body: ScimBody,
) -> Result<Told, StoreError> {
    change(cx, &id, body.resource(&USER).map(Change::Whole)).await
}

/// Changes what is known of a person step by step.
pub async fn modify_scim_user(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    body: ScimBody,
) -> Result<Told, StoreError> {
    let steps = body.object().and_then(|body| patch::steps(&body, &USER));
    change(cx, &id, steps.map(Change::Steps)).await
}

/// Stores what a change makes of a person, and signs out whoever may not sign in any more.
async fn change(
    cx: Cx<Identity>,
    id: &str,
    change: Result<Change, ScimError>,
) -> Result<Told, StoreError> {
    let (client, base, if_match) = (Client::of(&cx), base(&cx), cx.if_match());
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Told::Refused(ScimError::UNKNOWN.into())) };
    let ended = Arc::new(OnceLock::new());
    let over = Arc::clone(&ended);
    let changed = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let mut account = hold(tx, id, &if_match).await?;
            let wanted = match change? {
                Change::Whole(wanted) => wanted,
                Change::Steps(steps) => patch::apply(&USER, shown(tx, &base, id).await?.0, &steps)?,
            };
            let wanted = WantedPerson::read(&wanted)?;
            if people::is_taken(tx, &wanted, id).await? {
                return Err(ScimError::TAKEN.into());
            }
            account.rename(wanted.name.clone(), tx.now());
            account.email = wanted.email.as_str().to_owned();
            people::save(tx, &account, &wanted).await?;
            tx.emit(&account.updated()).await?;
            if wanted.active {
                accounts::enable(tx, id).await?;
            } else if accounts::disable(tx, id).await? {
                tx.emit(&UserDisabled { user_id: id }).await?;
                let mut barred = sessions::revoke_others(tx, id, None).await?;
                barred.push(id);
                over.set(barred).ok();
            }
            let (shown, version) = shown(tx, &base, id).await?;
            Ok(Scim::resource(shown, version))
        })
        .await;
    cx.app.checks.forget(id);
    cx.app.refuse(ended.get().into_iter().flatten().copied().collect::<Vec<Uuid>>());
    told(changed)
}

/// Removes a person, and everything that belongs to them, everywhere.
pub async fn delete_scim_user(
    cx: Cx<Identity>,
    Path(id): Path<String>,
) -> Result<Told, StoreError> {
    let (client, if_match, app) = (Client::of(&cx), cx.if_match(), Arc::clone(&cx.app));
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Told::Refused(ScimError::UNKNOWN.into())) };
    let deleted = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let account = hold(tx, id, &if_match).await?;
            erasure::remove(tx, &app, &account).await?;
            tx.emit(&UserDeleted { user_id: id }).await?;
            Ok::<_, Refusal>(Scim::gone())
        })
        .await;
    if deleted.is_ok() {
        cx.app.refuse([id]);
    }
    told(deleted)
}

/// The account of a person that clients may change, held.
async fn hold(tx: &mut Tx, id: Uuid, if_match: &IfMatch) -> Result<Account, Refusal> {
    people::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
    let account = accounts::hold(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
    if people::is_protected(tx, &account).await? {
        return Err(ScimError::PROTECTED.into());
    }
    if_match.check(account.version)?;
    Ok(account)
}

async fn shown(tx: &mut Tx, base: &str, id: Uuid) -> Result<(Value, i64), Refusal> {
    let person = people::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
    let groups = people::groups(tx, id).await?;
    Ok((person.show(base, &groups), person.version))
}
