//! Groups that are open to provisioning: made, read, changed and removed by a client. Which roles their
//! members have, administrators decide.

use hanse_http::{Cx, Path};
use hanse_store::{StoreError, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::attributes::GROUP;
use super::body::ScimBody;
use super::client::{Client, base};
use super::patch::Change;
use super::query::ScimQuery;
use super::reply::{Refusal, Scim, ScimError, Told, read, told};
use super::teams::{self, WantedTeam};
use super::{list, patch};
use crate::groups::{self, Group};
use crate::service::Identity;

/// Groups, by a filter.
pub async fn list_scim_groups(cx: Cx<Identity>, query: ScimQuery) -> Result<Scim, StoreError> {
    list(cx, &query).await
}

/// The same, asked for by a body.
pub async fn search_scim_groups(cx: Cx<Identity>, body: ScimBody) -> Result<Scim, StoreError> {
    list(cx, &ScimQuery::of(body)).await
}

async fn list(cx: Cx<Identity>, query: &ScimQuery) -> Result<Scim, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let listing = match query.listing(&GROUP) {
        Ok(listing) => listing,
        Err(error) => return Ok(error.into()),
    };
    let found = cx
        .scan(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            Ok::<_, Refusal>(Scim::of(list::teams(tx, &base, &listing).await?))
        })
        .await;
    read(found)
}

/// A group.
pub async fn get_scim_group(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    query: ScimQuery,
) -> Result<Scim, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let found = cx
        .read(async |tx: &mut Tx| {
            client.admit(tx).await?;
            let selection = query.selection(&GROUP)?;
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

/// Makes a group, which has no roles.
pub async fn create_scim_group(
    cx: Cx<Identity>,
    query: ScimQuery,
    body: ScimBody,
) -> Result<Told, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let made = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let selection = query.selection(&GROUP)?;
            let wanted = WantedTeam::read(&body.resource(&GROUP)?)?;
            let (id, now) = (tx.new_id(), tx.now());
            let group = Group {
                id,
                name: wanted.name.clone(),
                description: String::new(),
                external_id: wanted.external_id.clone(),
                provisioned: true,
                version: 1,
                created_at: now,
                updated_at: now,
            };
            if !groups::insert(tx, &group).await? {
                return Err(ScimError::TAKEN.into());
            }
            teams::set_members(tx, id, &wanted).await?;
            let (shown, version) = shown(tx, &base, id).await?;
            Ok(Scim::created(selection.of(shown), version, format!("{base}/Groups/{id}")))
        })
        .await;
    cx.app.checks.forget_all();
    told(made)
}

/// Replaces name and members of a group.
pub async fn replace_scim_group(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    body: ScimBody,
) -> Result<Told, StoreError> {
    change(cx, &id, body.resource(&GROUP).map(Change::Whole)).await
}

/// Changes name and members of a group step by step.
pub async fn modify_scim_group(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    body: ScimBody,
) -> Result<Told, StoreError> {
    let steps = body.object().and_then(|body| patch::steps(&body, &GROUP));
    change(cx, &id, steps.map(Change::Steps)).await
}

async fn change(
    cx: Cx<Identity>,
    id: &str,
    change: Result<Change, ScimError>,
) -> Result<Told, StoreError> {
    let (client, base, if_match) = (Client::of(&cx), base(&cx), cx.if_match());
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Told::Refused(ScimError::UNKNOWN.into())) };
    let changed = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let mut group = held(tx, id).await?;
            if_match.check(group.version)?;
            let wanted = match change? {
                Change::Whole(wanted) => wanted,
                Change::Steps(steps) => {
                    patch::apply(&GROUP, shown(tx, &base, id).await?.0, &steps)?
                }
            };
            let wanted = WantedTeam::read(&wanted)?;
            let other = groups::find_by_name(tx, &wanted.name).await?;
            if other.is_some_and(|other| other.id != id) {
                return Err(ScimError::TAKEN.into());
            }
            (group.name, group.external_id) = (wanted.name.clone(), wanted.external_id.clone());
            groups::save(tx, &group).await?;
            teams::set_members(tx, id, &wanted).await?;
            let (shown, version) = shown(tx, &base, id).await?;
            Ok(Scim::resource(shown, version))
        })
        .await;
    cx.app.checks.forget_all();
    told(changed)
}

/// Removes a group; its members stay.
pub async fn delete_scim_group(
    cx: Cx<Identity>,
    Path(id): Path<String>,
) -> Result<Told, StoreError> {
    let (client, if_match) = (Client::of(&cx), cx.if_match());
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Told::Refused(ScimError::UNKNOWN.into())) };
    let deleted = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let group = held(tx, id).await?;
            if_match.check(group.version)?;
            groups::delete(tx, id).await?;
            Ok::<_, Refusal>(Scim::gone())
        })
        .await;
    cx.app.checks.forget_all();
    told(deleted)
}

/// A group that clients may change.
async fn held(tx: &mut Tx, id: Uuid) -> Result<Group, Refusal> {
    let group = teams::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
    match teams::is_protected(tx, id).await? {
        true => Err(ScimError::PROTECTED.into()),
        false => Ok(group),
    }
}

async fn shown(tx: &mut Tx, base: &str, id: Uuid) -> Result<(Value, i64), Refusal> {
    let group = teams::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
    let members = teams::members(tx, id).await?;
    Ok((group.show(base, &members), group.version))
}
