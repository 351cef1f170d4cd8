//! Groups of accounts in the store. Only administrators and provisioning clients come here: nothing of
//! a group is its members' own.

use hanse_store::{Result, Row, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::memberships;

/// Accounts that have roles together.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Group {
    /// Identity.
    pub id: Uuid,
    /// Name as shown; no two groups have the same.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// A provisioning client's name for it.
    pub external_id: Option<String>,
    /// May provisioning clients see it and change who is in it?
    pub provisioned: bool,
    /// Counts changes of the group and of its members.
    pub version: i64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

macro_rules! group {
    ($rest:literal) => {
        concat!(
            "SELECT id, name, description, external_id, provisioned, version, created_at,
                updated_at
             FROM groups WHERE ",
            $rest
        )
    };
}
const BY_ID: &str = group!("id = $1");
const BY_NAME: &str = group!("name = $1");
const PAGE: &str = group!("name > $1 ORDER BY name LIMIT $2");
const OF_USER: &str =
    group!("id IN (SELECT group_id FROM group_members WHERE user_id = $1) ORDER BY name");
const INSERT: &str = "INSERT INTO groups
    (id, name, description, external_id, version, created_at, updated_at, provisioned)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT (name) DO NOTHING";
const SAVE: &str = "UPDATE groups SET name = $2, description = $3, external_id = $4,
    version = version + 1, updated_at = $5, provisioned = $6 WHERE id = $1";
const TOUCH: &str = "UPDATE groups SET version = version + 1, updated_at = $2 WHERE id = $1";
const ADD: &str = "INSERT INTO group_members (group_id, user_id) VALUES ($1, $2)
    ON CONFLICT (group_id, user_id) DO NOTHING";
const REMOVE: &str = "DELETE FROM group_members WHERE group_id = $1 AND user_id = $2";
const MEMBERS: &str = "SELECT user_id FROM group_members WHERE group_id = $1 AND user_id > $2
    ORDER BY user_id LIMIT $3";
const ALL_MEMBERS: &str = "SELECT user_id FROM group_members WHERE group_id = $1 ORDER BY user_id";
const ROLES: &str = "SELECT role FROM group_roles WHERE group_id = $1 ORDER BY role";
const ASSIGN: &str = "INSERT INTO group_roles (group_id, role) VALUES ($1, $2)
    ON CONFLICT (group_id, role) DO NOTHING";

/// The group of this id.
pub async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Group>> {
    tx.optional(BY_ID, params![id]).await?.map(read).transpose()
}

/// The group of this name.
pub async fn find_by_name(tx: &mut Tx, name: &str) -> Result<Option<Group>> {
    tx.optional(BY_NAME, params![name]).await?.map(read).transpose()
}

/// Groups by name, after `after`.
pub async fn page(tx: &mut Tx, after: &str, limit: i64) -> Result<Vec<Group>> {
    tx.all(PAGE, params![after, limit]).await?.into_iter().map(read).collect()
}

/// The groups of an account, by name.
pub async fn of_user(tx: &mut Tx, user: Uuid) -> Result<Vec<Group>> {
    tx.all(OF_USER, params![user]).await?.into_iter().map(read).collect()
}

/// Adds a group. False when there is one of this name.
pub async fn insert(tx: &mut Tx, group: &Group) -> Result<bool> {
    let params = params![
        group.id,
        &group.name,
        &group.description,
        group.external_id.clone(),
        group.version,
        group.created_at,
        group.updated_at,
        group.provisioned,
    ];
    Ok(tx.execute(INSERT, params).await? == 1)
}

/// Stores name, description, external id, and whether it is open to provisioning.
///
/// # Errors
/// [`hanse_store::StoreError::Unique`] when another group has this name.
pub async fn save(tx: &mut Tx, group: &Group) -> Result<()> {
    let now = tx.now();
    let params = params![
        group.id,
        &group.name,
        &group.description,
        group.external_id.clone(),
        now,
        group.provisioned,
    ];
    tx.execute(SAVE, params).await.map(drop)
}

/// Removes a group. Its members stay.
pub async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool> {
    let members = tx.all(ALL_MEMBERS, params![id]).await?;
    tx.execute("DELETE FROM group_members WHERE group_id = $1", params![id]).await?;
    tx.execute("DELETE FROM group_roles WHERE group_id = $1", params![id]).await?;
    for member in members {
        memberships::tell(tx, member.at(0)?).await?;
    }
    Ok(tx.execute("DELETE FROM groups WHERE id = $1", params![id]).await? == 1)
}

/// Makes an account a member. False when it is one.
pub async fn add_member(tx: &mut Tx, group: Uuid, user: Uuid) -> Result<bool> {
    let added = tx.execute(ADD, params![group, user]).await? == 1;
    if added {
        touch(tx, group).await?;
        memberships::tell(tx, user).await?;
    }
    Ok(added)
}

/// Ends a membership. False when there is none.
pub async fn remove_member(tx: &mut Tx, group: Uuid, user: Uuid) -> Result<bool> {
    let removed = tx.execute(REMOVE, params![group, user]).await? == 1;
    if removed {
        touch(tx, group).await?;
        memberships::tell(tx, user).await?;
    }
    Ok(removed)
}

/// Members by id, after `after`.
pub async fn members(tx: &mut Tx, group: Uuid, after: Uuid, limit: i64) -> Result<Vec<Uuid>> {
    tx.all(MEMBERS, params![group, after, limit]).await?.iter().map(|row| row.at(0)).collect()
}

/// Ends every membership of an account that is being deleted.
pub async fn forget_user(tx: &mut Tx, user: Uuid) -> Result<()> {
    tx.execute("DELETE FROM group_members WHERE user_id = $1", params![user]).await.map(drop)
}

/// The roles of every member.
pub async fn roles(tx: &mut Tx, group: Uuid) -> Result<Vec<String>> {
    tx.all(ROLES, params![group]).await?.iter().map(|row| row.at(0)).collect()
}

/// Replaces the roles of every member.
pub async fn set_roles(tx: &mut Tx, group: Uuid, roles: &[String]) -> Result<()> {
    tx.execute("DELETE FROM group_roles WHERE group_id = $1", params![group]).await?;
    for role in roles {
        tx.execute(ASSIGN, params![group, role]).await?;
    }
    touch(tx, group).await
}

async fn touch(tx: &mut Tx, group: Uuid) -> Result<()> {
    let now = tx.now();
    tx.execute(TOUCH, params![group, now]).await.map(drop)
}

fn read(row: Row) -> Result<Group> {
    Ok(Group {
        id: row.get("id")?,
        name: row.get("name")?,
        description: row.get("description")?,
        external_id: row.get("external_id")?,
        provisioned: row.get("provisioned")?,
        version: row.get("version")?,
        created_at: row.get("created_at")?,
        updated_at: row.get("updated_at")?,
    })
}
