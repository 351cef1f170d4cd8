//! Roles that administrators make.

use garde::Validate;
use hanse_http::{
    Answered, Body, Cx, Json, NoContent, Page, PageQuery, Path, Permission, Query, Role, Tagged,
};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use super::error::AdministrationError as Error;
use crate::roles::{self, RoleDefinition};
use crate::service::Identity;

/// A role.
#[derive(Debug, Serialize, JsonSchema)]
pub struct RoleView {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it may do: `resource:action`, either of them or both `*`.
    pub permissions: Vec<String>,
    /// Is it one that cannot be changed?
    pub built_in: bool,
}

/// What a role may do.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = RoleChange { description: "Writes reports".into(), permissions: vec!["reports:*".into(), "ledger:read".into()] })]
pub struct RoleChange {
    /// What it is for.
    #[garde(length(max = 400))]
    description: String,
    /// What it may do: `resource:action`, either of them or both `*`.
    #[garde(length(max = 200), inner(length(min = 1, max = 130)))]
    permissions: Vec<String>,
}

/// Roles: those that are built in on the first page, then the others by name.
pub async fn list_roles(
    cx: Cx<Identity>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RoleView>>, Error> {
    let cursor = cx.open_cursor::<String>(page.cursor.as_deref())?;
    let first = cursor.is_none();
    let (after, limit) = (cursor.unwrap_or_default(), page.limit as usize);
    let found = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            roles::page(tx, &after, limit as i64 + 1).await
        })
        .await?;
    let more = found.len() > limit;
    let own: Vec<_> = found.into_iter().take(limit).collect();
    let next = own.last().filter(|_| more).map(|last| cx.seal_cursor(&last.name));
    let built_in = if first { roles::built_in() } else { Vec::new() };
    let items = built_in.into_iter().chain(own).map(view).collect();
    Ok(Json(Page { items, next }))
}

/// Makes a role, or changes what it may do from now on.
pub async fn replace_role(
    cx: Cx<Identity>,
    Path(name): Path<String>,
    Body(change): Body<RoleChange>,
) -> Result<Answered<Tagged<RoleView>>, Error> {
    let if_match = cx.if_match();
    let permissions = change
        .permissions
        .iter()
        .map(|text| Permission::parse(text).map_err(|_| Error::InvalidPermission))
        .collect::<Result<Vec<_>, _>>()?;
    // A name stands between blanks in the store, and alone in a list.
    let plain = Permission::parse(&name).is_ok() && !name.contains([':', '*']);
    if !plain || Role::parse(&name).is_some() {
        return Err(Error::MachineRole);
    }
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let known = roles::find(tx, &name).await?;
            if_match.check(known.as_ref().map_or(0, |role| role.version))?;
            let mut role = RoleDefinition {
                name,
                description: change.description,
                permissions,
                version: known.as_ref().map_or(1, |role| role.version + 1),
                created_at: None,
            };
            match known {
                Some(_) => roles::save(tx, &role).await?,
                None if !roles::insert(tx, &role).await? => return Err(Error::NameTaken),
                None => {}
            }
            role.created_at = Some(tx.now());
            Ok(Tagged { version: role.version, value: view(role) })
        })
        .await?;
    cx.app.checks.forget_all();
    Ok(answer)
}

/// Removes a role from every account and group, and then itself.
pub async fn delete_role(
    cx: Cx<Identity>,
    Path(name): Path<String>,
) -> Result<Answered<NoContent>, Error> {
    if Role::parse(&name).is_some() {
        return Err(Error::MachineRole);
    }
    let answer = cx
        .write(async move |tx: &mut Tx| {
            roles::find(tx, &name).await?.ok_or(Error::Unknown)?;
            roles::delete(tx, &name).await?;
            Ok::<_, Error>(NoContent)
        })
        .await?;
    cx.app.checks.forget_all();
    Ok(answer)
}

fn view(role: RoleDefinition) -> RoleView {
    RoleView {
        built_in: Role::parse(&role.name).is_some(),
        name: role.name,
        description: role.description,
        permissions: role.permissions.iter().map(ToString::to_string).collect(),
    }
}
