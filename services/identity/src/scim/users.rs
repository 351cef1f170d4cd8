//! People: made, read, changed, barred and removed by a provisioning client.

use hanse_contracts::identity::{UserDeleted, UserDisabled};
use hanse_events::Emit as _;
use hanse_http::{IfMatch, Role};
use hanse_store::{Result, Tx};
use serde_json::Value;
use uuid::Uuid;

use super::attributes::{Resource, USER};
use super::list;
use super::people::{self, WantedPerson};
use super::query::Listing;
use super::reply::{Refusal, ScimError};
use super::resource::{ResourceKind, Served};
use crate::account::Account;
use crate::service::Identity;
use crate::{accounts, erasure, sessions};

/// People.
pub(super) struct Users;

impl ResourceKind for Users {
    const SCHEMA: &'static Resource = &USER;
    const SERVED: Served = Served {
        many: "/scim/v2/Users",
        one: "/scim/v2/Users/{id}",
        search: "/scim/v2/Users/.search",
        ids: [
            "list_scim_users",
            "search_scim_users",
            "get_scim_user",
            "create_scim_user",
            "replace_scim_user",
            "modify_scim_user",
            "delete_scim_user",
        ],
        body_limit: 256 * 1024,
    };
    type Held = Account;

    async fn list(tx: &mut Tx, base: &str, listing: &Listing) -> Result<Value> {
        list::people(tx, base, listing).await
    }

    async fn shown(tx: &mut Tx, base: &str, id: Uuid) -> Result<(Value, i64), Refusal> {
        let person = people::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
        let groups = people::groups(tx, id).await?;
        Ok((person.show(base, &groups), person.version))
    }

    /// No letter is sent: they sign in by an issuer elsewhere, or ask for a password.
    async fn create(tx: &mut Tx, wanted: &Value) -> Result<Uuid, Refusal> {
        let wanted = WantedPerson::read(wanted)?;
        let account = Account::of(tx, Some(&wanted.email), wanted.name.clone(), vec![Role::User]);
        let taken = people::is_taken(tx, &wanted, account.id).await?;
        if taken || !accounts::insert(tx, &account).await? {
            return Err(ScimError::TAKEN.into());
        }
        people::save(tx, &account, &wanted).await?;
        tx.emit(&account.registered()).await?;
        if !wanted.active {
            accounts::disable(tx, account.id).await?;
            tx.emit(&UserDisabled { user_id: account.id }).await?;
        }
        Ok(account.id)
    }

    async fn hold(tx: &mut Tx, id: Uuid, seen: &IfMatch) -> Result<Account, Refusal> {
        people::find(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
        let account = accounts::hold(tx, id).await?.ok_or(ScimError::UNKNOWN)?;
        if people::is_protected(tx, &account).await? {
            return Err(ScimError::PROTECTED.into());
        }
        seen.check(account.version)?;
        Ok(account)
    }

    async fn change(
        tx: &mut Tx,
        mut account: Account,
        wanted: &Value,
    ) -> Result<Vec<Uuid>, Refusal> {
        let (id, wanted) = (account.id, WantedPerson::read(wanted)?);
        if people::is_taken(tx, &wanted, id).await? {
            return Err(ScimError::TAKEN.into());
        }
        account.rename(wanted.name.clone(), tx.now());
        account.email = wanted.email.as_str().to_owned();
        people::save(tx, &account, &wanted).await?;
        tx.emit(&account.updated()).await?;
        if wanted.active {
            accounts::enable(tx, id).await?;
            return Ok(Vec::new());
        }
        if !accounts::disable(tx, id).await? {
            return Ok(Vec::new());
        }
        tx.emit(&UserDisabled { user_id: id }).await?;
        let mut ended = sessions::revoke_others(tx, id, None).await?;
        ended.push(id);
        Ok(ended)
    }

    /// Removes a person, and everything that belongs to them, everywhere.
    async fn remove(tx: &mut Tx, app: &Identity, account: Account) -> Result<Vec<Uuid>, Refusal> {
        erasure::remove(tx, app, &account).await?;
        tx.emit(&UserDeleted { user_id: account.id }).await?;
        Ok(vec![account.id])
    }

    fn forget(app: &Identity, id: Option<Uuid>) {
        if let Some(id) = id {
            app.checks.forget(id);
        }
    }
}
