//! Roles and what they may do, in the store.
//!
//! Three roles are built in: they stand in access tokens, and the platform's own operations go by
//! them. They are given to accounts one by one. Roles that an administrator makes are names for sets
//! of permissions; they are given to accounts and to groups, and count where somebody asks
//! ([`crate::permissions`]).

use hanse_http::{Permission, Role};
use hanse_store::{Result, Row, StoreError, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::memberships;

/// A named set of permissions.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RoleDefinition {
    /// Its name, which is its identity.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// What it may do, in order.
    pub permissions: Vec<Permission>,
    /// Counts changes.
    pub version: i64,
    /// When it was made; `None` for one that is built in.
    pub created_at: Option<Timestamp>,
}

macro_rules! role {
    ($rest:literal) => {
        concat!(
            "SELECT name, description, version, created_at, (SELECT string_agg(permission, ' ')
                FROM role_permissions WHERE role = roles.name) AS permissions FROM roles WHERE ",
            $rest
        )
    };
}
const BY_NAME: &str = role!("name = $1");
const PAGE: &str = role!("name > $1 ORDER BY name LIMIT $2");
const INSERT: &str = "INSERT INTO roles (name, description, version, created_at)
    VALUES ($1, $2, $3, $4) ON CONFLICT (name) DO NOTHING";
const SAVE: &str = "UPDATE roles SET description = $2, version = version + 1 WHERE name = $1";
const ASSIGN: &str = "INSERT INTO user_roles (user_id, role) VALUES ($1, $2)
    ON CONFLICT (user_id, role) DO NOTHING";
const REVOKE: &str = "DELETE FROM user_roles WHERE user_id = $1 AND role = $2";
const HOLDERS: &str = "SELECT user_id FROM user_roles WHERE role = $1 ORDER BY user_id";
const OF_USER: &str = "SELECT role FROM user_roles WHERE user_id = $1 ORDER BY role";

/// The roles that are built in.
#[must_use]
pub fn built_in() -> Vec<RoleDefinition> {
    let role = |role: Role, description: &str, permissions: &str| RoleDefinition {
        name: role.name().to_owned(),
        description: description.to_owned(),
        permissions: permissions.split(' ').filter_map(|p| Permission::parse(p).ok()).collect(),
        version: 1,
        created_at: None,
    };
    vec![
        role(Role::User, "Everything an account can do with its own things", "own:*"),
        role(Role::Operator, "Sees and repairs the platform", "platform:*"),
        role(Role::Admin, "Manages accounts, roles and groups", "*:*"),
    ]
}

/// The role of this name.
pub async fn find(tx: &mut Tx, name: &str) -> Result<Option<RoleDefinition>> {
    if let Some(found) = built_in().into_iter().find(|role| role.name == name) {
        return Ok(Some(found));
    }
    tx.optional(BY_NAME, params![name]).await?.map(read).transpose()
}

/// Roles that administrators made, by name, after `after`.
pub async fn page(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<RoleDefinition>> {
    tx.all(PAGE, params![after, limit]).await?.into_iter().map(read).collect()
}

/// Adds a role. False when there is one of this name.
pub async fn insert(tx: &mut Tx, role: &RoleDefinition) -> Result<bool> {
    let now = tx.now();
    let params = params![&role.name, &role.description, role.version, now];
    if tx.execute(INSERT, params).await? == 0 {
        return Ok(false);
    }
    grant(tx, role).await?;
    Ok(true)
}

/// Replaces a role's description and permissions.
pub async fn save(tx: &mut Tx, role: &RoleDefinition) -> Result<()> {
    tx.execute(SAVE, params![&role.name, &role.description]).await?;
    tx.execute("DELETE FROM role_permissions WHERE role = $1", params![&role.name]).await?;
    grant(tx, role).await
}

async fn grant(tx: &mut Tx, role: &RoleDefinition) -> Result<()> {
    for permission in &role.permissions {
        let add = "INSERT INTO role_permissions (role, permission) VALUES ($1, $2)
            ON CONFLICT (role, permission) DO NOTHING";
        tx.execute(add, params![&role.name, permission.to_string()]).await?;
    }
    Ok(())
}

/// Removes a role from everybody who has it, and then itself.
pub async fn delete(tx: &mut Tx, name: &str) -> Result<()> {
    let holders = tx.all(HOLDERS, params![name]).await?;
    for statement in [
        "DELETE FROM user_roles WHERE role = $1",
        "DELETE FROM group_roles WHERE role = $1",
        "DELETE FROM role_permissions WHERE role = $1",
        "DELETE FROM roles WHERE name = $1",
    ] {
        tx.execute(statement, params![name]).await?;
    }
    for holder in holders {
        memberships::tell(tx, holder.at(0)?).await?;
    }
    Ok(())
}

/// Gives a role to an account. False when it has it.
pub async fn assign(tx: &mut Tx, user: Uuid, role: &str) -> Result<bool> {
    let assigned = tx.execute(ASSIGN, params![user, role]).await? == 1;
    if assigned {
        memberships::tell(tx, user).await?;
    }
    Ok(assigned)
}

/// Takes a role from an account. False when it has it not, or only by a group.
pub async fn revoke(tx: &mut Tx, user: Uuid, role: &str) -> Result<bool> {
    let revoked = tx.execute(REVOKE, params![user, role]).await? == 1;
    if revoked {
        memberships::tell(tx, user).await?;
    }
    Ok(revoked)
}

/// The roles that an account was given itself, built in or not.
pub async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<String>> {
    tx.all(OF_USER, params![user]).await?.iter().map(|row| row.at(0)).collect()
}

fn read(row: Row) -> Result<RoleDefinition> {
    let permissions: Option<String> = row.get("permissions")?;
    let wrong = |_| StoreError::Decode { column: "permissions".into(), wanted: "resource:action" };
    let mut permissions = permissions
        .as_deref()
        .unwrap_or_default()
        .split_ascii_whitespace()
        .map(|text| Permission::parse(text).map_err(wrong))
        .collect::<Result<Vec<_>>>()?;
    permissions.sort_unstable();
    Ok(RoleDefinition {
        name: row.get("name")?,
        description: row.get("description")?,
        permissions,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
    })
}
