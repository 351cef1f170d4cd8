//! Groups as a provisioning client sees them, in the store: those that are open to provisioning.

use std::collections::BTreeSet;

use hanse_store::{Result, Row, Tx, params};
use serde_json::{Value, json};
use uuid::Uuid;

use super::attributes::GROUP;
use super::people::line;
use super::reply::{Refusal, ScimError, tag};
use crate::account::display_name;
use crate::groups::{self, Group};

/// Most members of a group that clients change.
const MOST_MEMBERS: usize = 10_000;
/// Most groups that clients see.
const MOST: i64 = 100_000;

/// A group.
pub(super) type Team = Group;

const OPEN: &str = "SELECT id FROM groups WHERE provisioned = TRUE ORDER BY id LIMIT $1";
const BY_NAME: &str = "SELECT id FROM groups WHERE provisioned = TRUE AND lower(name) = lower($1)
    ORDER BY id";
const MEMBERS: &str = "SELECT user_id FROM group_members WHERE group_id = $1 ORDER BY user_id";
const IS_PERSON: &str = "SELECT count(*) AS found FROM users WHERE id = $1 AND kind = 'person'";
const RULES: &str = "SELECT count(*) AS found FROM role_permissions p
    JOIN group_roles g ON g.role = p.role WHERE g.group_id = $1 AND p.permission = '*:*'";

/// What a client wants a group to be.
#[derive(Debug)]
pub(super) struct WantedTeam {
    pub(super) name: String,
    pub(super) external_id: Option<String>,
    members: BTreeSet<Uuid>,
}

/// The group of this id, if it is open to provisioning.
pub(super) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Team>> {
    Ok(groups::find(tx, id).await?.filter(|group| group.provisioned))
}

/// All of them, by id.
pub(super) async fn all(tx: &mut Tx) -> Result<Vec<Team>> {
    let rows = tx.all(OPEN, params![MOST]).await?;
    several(tx, rows).await
}

/// Those that can have this name.
pub(super) async fn by_name(tx: &mut Tx, name: &str) -> Result<Vec<Team>> {
    let rows = tx.all(BY_NAME, params![name]).await?;
    several(tx, rows).await
}

async fn several(tx: &mut Tx, rows: Vec<Row>) -> Result<Vec<Team>> {
    let mut found = Vec::new();
    for row in rows {
        found.extend(groups::find(tx, row.at(0)?).await?);
    }
    Ok(found)
}

/// Its members, by id.
pub(super) async fn members(tx: &mut Tx, id: Uuid) -> Result<Vec<Uuid>> {
    tx.all(MEMBERS, params![id]).await?.iter().map(|row| row.at(0)).collect()
}

/// May whoever is in it do everything?
pub(super) async fn is_protected(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(tx.one(RULES, params![id]).await?.at::<i64>(0)? > 0)
}

/// Makes the members of a group those that are wanted.
pub(super) async fn set_members(
    tx: &mut Tx,
    id: Uuid,
    wanted: &WantedTeam,
) -> std::result::Result<(), Refusal> {
    let old: BTreeSet<Uuid> = members(tx, id).await?.into_iter().collect();
    for member in old.difference(&wanted.members) {
        groups::remove_member(tx, id, *member).await?;
    }
    for member in wanted.members.difference(&old) {
        if tx.one(IS_PERSON, params![*member]).await?.at::<i64>(0)? == 0 {
            return Err(ScimError::value("a member is no person that is known here").into());
        }
        groups::add_member(tx, id, *member).await?;
    }
    Ok(())
}

impl Team {
    /// The resource.
    pub(super) fn show(&self, base: &str, members: &[Uuid]) -> Value {
        let location = format!("{base}/Groups/{}", self.id);
        let members: Vec<Value> = members
            .iter()
            .map(|id| json!({ "value": id, "$ref": format!("{base}/Users/{id}"), "type": "User" }))
            .collect();
        let mut shown = json!({
            "schemas": [GROUP.urn],
            "id": self.id,
            "displayName": self.name,
            "members": members,
            "meta": {
                "resourceType": GROUP.name,
                "created": self.created_at,
                "lastModified": self.updated_at,
                "location": location,
                "version": tag(self.version),
            },
        });
        if let (Some(id), Some(members)) = (&self.external_id, shown.as_object_mut()) {
            members.insert("externalId".into(), json!(id));
        }
        shown
    }
}

impl WantedTeam {
    /// What a resource says.
    ///
    /// # Errors
    /// `invalidValue`, `tooMany`.
    pub(super) fn read(resource: &Value) -> std::result::Result<Self, ScimError> {
        let name = resource.get("displayName").and_then(Value::as_str).and_then(display_name);
        let name =
            name.ok_or(ScimError::value("displayName is one line of 1 to 100 characters"))?;
        let members = resource.get("members").and_then(Value::as_array);
        let members = members
            .into_iter()
            .flatten()
            .map(member)
            .collect::<std::result::Result<BTreeSet<Uuid>, ScimError>>()?;
        if members.len() > MOST_MEMBERS {
            return Err(ScimError::TOO_MANY);
        }
        let external_id = resource.get("externalId").and_then(Value::as_str).map(str::to_owned);
        Ok(Self { name, external_id: line(external_id)?, members })
    }
}

fn member(value: &Value) -> std::result::Result<Uuid, ScimError> {
    let id = value.get("value").and_then(Value::as_str).and_then(|id| id.parse().ok());
    id.ok_or(ScimError::value("the value of a member is the id of a person"))
}
