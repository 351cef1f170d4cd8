//! Groups: accounts that have roles together.

use garde::Validate;
use hanse_http::{
    Answered, Body, Created, Cx, Json, NoContent, Page, PageQuery, Path, Query, Tagged,
};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::AdministrationError as Error;
use super::{built_in, known_roles};
use crate::account::display_name;
use crate::accounts;
use crate::groups::{self, Group};
use crate::service::Identity;

/// A group.
#[derive(Debug, Serialize, JsonSchema)]
pub struct GroupView {
    /// Identity.
    pub id: Uuid,
    /// Name as shown; no two groups have the same.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// The roles of every member.
    pub roles: Vec<String>,
    /// May provisioning clients (SCIM) see it and change who is in it?
    pub provisioned: bool,
}

/// What an administrator says of a group.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = GroupChange { name: "Editors".into(), description: String::new(), roles: vec!["editor".into()], provisioned: None })]
pub struct GroupChange {
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
    /// What it is for.
    #[serde(default)]
    #[garde(length(max = 400))]
    description: String,
    /// The roles of every member, none of them built in.
    #[serde(default)]
    #[garde(length(max = 50), inner(length(min = 1, max = 64)))]
    roles: Vec<String>,
    /// May provisioning clients (SCIM) see it and change who is in it? As before where it is not
    /// said; a new group is closed to them.
    #[serde(default)]
    #[garde(skip)]
    provisioned: Option<bool>,
}

/// Who joins and who leaves.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = MembersChange { add: vec![Uuid::nil()], remove: vec![] })]
pub struct MembersChange {
    /// Accounts that become members.
    #[serde(default)]
    #[garde(length(max = 1000))]
    add: Vec<Uuid>,
    /// Accounts that are members no more.
    #[serde(default)]
    #[garde(length(max = 1000))]
    remove: Vec<Uuid>,
}

/// Groups by name.
pub async fn list_groups(
    cx: Cx<Identity>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<GroupView>>, Error> {
    let after = cx.open_cursor::<String>(page.cursor.as_deref())?.unwrap_or_default();
    let limit = page.limit as usize;
    let found = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let mut views = Vec::new();
            for group in groups::page(tx, &after, limit as i64 + 1).await? {
                views.push(view(tx, group).await?);
            }
            Ok(views)
        })
        .await?;
    let more = found.len() > limit;
    let items: Vec<_> = found.into_iter().take(limit).collect();
    let next = items.last().filter(|_| more).map(|last| cx.seal_cursor(&last.name));
    Ok(Json(Page { items, next }))
}

/// Makes a group.
pub async fn create_group(
    cx: Cx<Identity>,
    Body(new): Body<GroupChange>,
) -> Result<Answered<Created<GroupView>>, Error> {
    let name = display_name(&new.name).ok_or(Error::InvalidName)?;
    cx.write(async move |tx: &mut Tx| {
        check(tx, &new.roles).await?;
        let (id, now) = (tx.new_id(), tx.now());
        let group = Group {
            id,
            name,
            description: new.description,
            external_id: None,
            provisioned: new.provisioned.unwrap_or_default(),
            version: 1,
            created_at: now,
            updated_at: now,
        };
        if !groups::insert(tx, &group).await? {
            return Err(Error::NameTaken);
        }
        groups::set_roles(tx, id, &new.roles).await?;
        let location = format!("/api/v1/groups/{id}");
        Ok(Created { location, version: 2, value: view(tx, group).await? })
    })
    .await
}

/// Changes a group. Its members have its roles, and no others of it, from now on.
pub async fn replace_group(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Body(change): Body<GroupChange>,
) -> Result<Answered<Tagged<GroupView>>, Error> {
    let name = display_name(&change.name).ok_or(Error::InvalidName)?;
    let if_match = cx.if_match();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let mut group = groups::find(tx, id).await?.ok_or(Error::Unknown)?;
            if_match.check(group.version)?;
            check(tx, &change.roles).await?;
            if groups::find_by_name(tx, &name).await?.is_some_and(|other| other.id != id) {
                return Err(Error::NameTaken);
            }
            (group.name, group.description) = (name, change.description);
            group.provisioned = change.provisioned.unwrap_or(group.provisioned);
            groups::save(tx, &group).await?;
            groups::set_roles(tx, id, &change.roles).await?;
            let group = groups::find(tx, id).await?.ok_or(Error::Unknown)?;
            Ok(Tagged { version: group.version, value: view(tx, group).await? })
        })
        .await?;
    cx.app.checks.forget_all();
    Ok(answer)
}

/// Removes a group; its members stay.
pub async fn delete_group(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, Error> {
    let answer = cx
        .write(async move |tx: &mut Tx| match groups::delete(tx, id).await? {
            true => Ok(NoContent),
            false => Err(Error::Unknown),
        })
        .await?;
    cx.app.checks.forget_all();
    Ok(answer)
}

/// Members of a group by id.
pub async fn list_members(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<Uuid>>, Error> {
    let after = cx.open_cursor::<Uuid>(page.cursor.as_deref())?.unwrap_or(Uuid::nil());
    let limit = page.limit as usize;
    let found = cx
        .read::<_, Error, _>(async |tx: &mut Tx| {
            groups::find(tx, id).await?.ok_or(Error::Unknown)?;
            Ok(groups::members(tx, id, after, limit as i64 + 1).await?)
        })
        .await?;
    let more = found.len() > limit;
    let items: Vec<_> = found.into_iter().take(limit).collect();
    let next = items.last().filter(|_| more).map(|last| cx.seal_cursor(last));
    Ok(Json(Page { items, next }))
}

/// Adds and removes members. Who is one already, or is none, stays so.
pub async fn change_members(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Body(change): Body<MembersChange>,
) -> Result<Answered<NoContent>, Error> {
    let answer = cx
        .write(async move |tx: &mut Tx| {
            groups::find(tx, id).await?.ok_or(Error::Unknown)?;
            for user in change.add {
                accounts::find(tx, user).await?.ok_or(Error::UnknownUser)?;
                groups::add_member(tx, id, user).await?;
            }
            for user in change.remove {
                groups::remove_member(tx, id, user).await?;
            }
            Ok::<_, Error>(NoContent)
        })
        .await?;
    cx.app.checks.forget_all();
    Ok(answer)
}

async fn check(tx: &mut Tx, roles: &[String]) -> Result<(), Error> {
    known_roles(tx, roles).await?;
    if built_in(roles).is_empty() { Ok(()) } else { Err(Error::MachineRole) }
}

async fn view(tx: &mut Tx, group: Group) -> Result<GroupView, StoreError> {
    Ok(GroupView {
        roles: groups::roles(tx, group.id).await?,
        id: group.id,
        name: group.name,
        description: group.description,
        provisioned: group.provisioned,
    })
}
