//! Groups that are open to provisioning: made, read, changed and removed by a client. Which roles their
//! members have, administrators decide.

use hanse_http::IfMatch;
use hanse_store::{Result, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::attributes::{GROUP, Resource};
use super::list;
use super::query::Listing;
use super::reply::{Refusal, ScimError};
use super::resource::{ResourceKind, Served};
use super::teams::{self, WantedTeam};
use crate::groups::{self, Group};
use crate::service::Identity;

/// Groups.
pub(super) struct Groups;

impl ResourceKind for Groups {
    const SCHEMA: &'static Resource = &GROUP;
    const SERVED: Served = Served {
        many: "/scim/v2/Groups",
        one: "/scim/v2/Groups/{id}",
        search: "/scim/v2/Groups/.search",
        ids: [
            "list_scim_groups",
            "search_scim_groups",
            "get_scim_group",
            "create_scim_group",
            "replace_scim_group",
            "modify_scim_group",
            "delete_scim_group",
        ],
        // Ten thousand members.
        body_limit: 1024 * 1024,
    };
    type Held = Group;

    async fn list(tx: &mut Tx, base: &str, listing: &Listing) -> Result<Value> {
        list::teams(tx, base, listing).await
    }

    async fn shown(tx: &mut Tx, base: &str, id: Uuid) -> Result<(Value, i64), Refusal> {
        let group = teams::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
        let members = teams::members(tx, id).await?;
        Ok((group.show(base, &members), group.version))
    }

    /// A new group has no roles.
    async fn create(tx: &mut Tx, wanted: &Value) -> Result<Uuid, Refusal> {
        let wanted = WantedTeam::read(wanted)?;
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
        Ok(id)
    }

    async fn hold(tx: &mut Tx, id: Uuid, seen: &IfMatch) -> Result<Group, Refusal> {
        let group = teams::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
        if teams::is_protected(tx, id).await? {
            return Err(ScimError::PROTECTED.into());
        }
        seen.check(group.version)?;
        Ok(group)
    }

    async fn change(tx: &mut Tx, mut group: Group, wanted: &Value) -> Result<Vec<Uuid>, Refusal> {
        let wanted = WantedTeam::read(wanted)?;
        let other = groups::find_by_name(tx, &wanted.name).await?;
        if other.is_some_and(|other| other.id != group.id) {
            return Err(ScimError::TAKEN.into());
        }
        (group.name, group.external_id) = (wanted.name.clone(), wanted.external_id.clone());
        groups::save(tx, &group).await?;
        teams::set_members(tx, group.id, &wanted).await?;
        Ok(Vec::new())
    }

    /// Its members stay.
    async fn remove(tx: &mut Tx, _: &Identity, group: Group) -> Result<Vec<Uuid>, Refusal> {
        groups::delete(tx, group.id).await?;
        Ok(Vec::new())
    }

    fn forget(app: &Identity, _: Option<Uuid>) {
        app.checks.forget_all();
    }
}
