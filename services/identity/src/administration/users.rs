//! Accounts as administrators manage them.

use std::sync::Arc;

use garde::Validate;
use hanse_contracts::identity::{UserDeleted, UserDisabled};
use hanse_events::Emit as _;
use hanse_http::{
    Answered, Body, Created, Cx, Json, NoContent, Page, Path, Query, Role, Tagged, default_limit,
};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::error::AdministrationError as Error;
use super::{built_in, known_roles};
use crate::account::{Account, Kind, display_name};
use crate::directory::{self, Filter, Status};
use crate::email::Email;
use crate::ended::Ended;
use crate::errands::Errand;
use crate::service::Identity;
use crate::{accounts, erasure, roles, sessions};

/// An account as an administrator sees it.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ManagedUser {
    /// Identity.
    pub id: Uuid,
    /// Address to sign in with.
    pub email: String,
    /// Has its owner shown that mail to it reaches them?
    pub email_verified: bool,
    /// Name as shown.
    pub name: String,
    /// A person, or a machine.
    pub kind: Kind,
    /// May it not sign in?
    pub disabled: bool,
    /// Every role that it was given itself, built in or not.
    pub roles: Vec<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was last changed.
    pub updated_at: Timestamp,
}

/// Which accounts.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct UserQuery {
    /// Begin of the address or of a word of the name.
    #[garde(length(max = 200))]
    q: Option<String>,
    /// Only those that were given this role.
    #[garde(length(max = 64))]
    role: Option<String>,
    /// Only those that may, or may not, sign in.
    #[garde(skip)]
    status: Option<Status>,
    /// Only people, or only machines.
    #[garde(skip)]
    kind: Option<Kind>,
    /// How many items to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    limit: u32,
    /// Where to go on: the `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

/// An account that an administrator makes.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = ManagedNew { email: Some("ben@example.com".into()), name: "Ben".into(), kind: Kind::Person, roles: vec![] })]
pub struct ManagedNew {
    /// Address to sign in with; a person gets a link there to choose a password. A machine has none.
    #[serde(default)]
    #[garde(length(min = 3, max = 320))]
    email: Option<String>,
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
    /// A person, or a machine.
    #[serde(default = "person")]
    #[garde(skip)]
    kind: Kind,
    /// Roles besides `user`, which everybody has.
    #[serde(default)]
    #[garde(length(max = 50), inner(length(min = 1, max = 64)))]
    roles: Vec<String>,
}

fn person() -> Kind {
    Kind::Person
}

/// What an administrator may change.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = ManagedChange { name: "Ben".into(), disabled: false, roles: vec!["user".into(), "editor".into()] })]
pub struct ManagedChange {
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
    /// May it not sign in?
    #[garde(skip)]
    disabled: bool,
    /// All its roles.
    #[garde(length(max = 50), inner(length(min = 1, max = 64)))]
    roles: Vec<String>,
}

/// Accounts by address.
pub async fn list_users(
    cx: Cx<Identity>,
    Query(query): Query<UserQuery>,
) -> Result<Json<Page<ManagedUser>>, Error> {
    let after = cx.open_cursor::<String>(query.cursor.as_deref())?.unwrap_or_default();
    let limit = query.limit as usize;
    let filter = Filter {
        text: query.q.map(|text| text.trim().to_lowercase()),
        role: query.role,
        status: query.status,
        kind: query.kind,
    };
    let found = cx
        .scan::<_, StoreError, _>(async move |tx: &mut Tx| {
            let mut views = Vec::new();
            for account in directory::page(tx, &filter, &after, limit as i64 + 1).await? {
                views.push(view(tx, account).await?);
            }
            Ok(views)
        })
        .await?;
    let more = found.len() > limit;
    let items: Vec<_> = found.into_iter().take(limit).collect();
    let next = items.last().filter(|_| more).map(|last| cx.seal_cursor(&last.email));
    Ok(Json(Page { items, next }))
}

/// One account.
pub async fn get_user(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Tagged<ManagedUser>, Error> {
    cx.read(async |tx: &mut Tx| {
        let account = accounts::find(tx, id).await?.ok_or(Error::UnknownUser)?;
        tagged(tx, account).await
    })
    .await
}

/// Makes an account. A person chooses a password by a link that is sent; a machine gets keys.
pub async fn create_user(
    cx: Cx<Identity>,
    Body(new): Body<ManagedNew>,
) -> Result<Answered<Created<ManagedUser>>, Error> {
    let name = display_name(&new.name).ok_or(Error::InvalidName)?;
    let email = match (new.kind, &new.email) {
        (Kind::Person, Some(email)) => {
            Some(Email::parse(email).map_err(|_| Error::InvalidAddress)?)
        }
        (Kind::Service, None) => None,
        _ => return Err(Error::InvalidAddress),
    };
    cx.write(async move |tx: &mut Tx| {
        known_roles(tx, &new.roles).await?;
        let mut given = built_in(&new.roles);
        given.push(Role::User);
        given.sort_unstable();
        given.dedup();
        if new.kind == Kind::Service && given != [Role::User] {
            return Err(Error::MachineRole);
        }
        let mut account = Account::of(tx, email.as_ref(), name, given);
        account.kind = new.kind;
        if !accounts::insert(tx, &account).await? {
            return Err(Error::AddressTaken);
        }
        for role in &new.roles {
            roles::assign(tx, account.id, role).await?;
        }
        tx.emit(&account.registered()).await?;
        if let Some(email) = &email {
            Errand::Reset { email: email.as_str().to_owned() }.note(tx).await?;
        }
        let location = format!("/api/v1/users/{}", account.id);
        Ok(Created { location, version: account.version, value: view(tx, account).await? })
    })
    .await
}

/// Changes an account. Who loses a built-in role, or may not sign in any more, is signed out
/// everywhere.
pub async fn replace_user(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
    Body(change): Body<ManagedChange>,
) -> Result<Answered<Tagged<ManagedUser>>, Error> {
    let name = display_name(&change.name).ok_or(Error::InvalidName)?;
    let (if_match, ended) = (cx.if_match(), Ended::default());
    let told = ended.clone();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let mut account = accounts::hold(tx, id).await?.ok_or(Error::UnknownUser)?;
            if_match.check(account.version)?;
            known_roles(tx, &change.roles).await?;
            if account.kind == Kind::Service && built_in(&change.roles) != [Role::User] {
                return Err(Error::MachineRole);
            }
            let lost = give_roles(tx, &account, &change.roles).await?;
            let barred = change.disabled && accounts::disable(tx, id).await?;
            if !change.disabled {
                accounts::enable(tx, id).await?;
            }
            if !accounts::has_admin(tx).await? {
                return Err(Error::LastAdministrator);
            }
            account.rename(name, tx.now());
            accounts::save(tx, &account).await?;
            tx.emit(&account.updated()).await?;
            if barred {
                tx.emit(&UserDisabled { user_id: id }).await?;
            }
            if lost || barred {
                let mut over = sessions::revoke_others(tx, id, None).await?;
                over.extend(barred.then_some(id));
                told.note(over);
            }
            let account = accounts::find(tx, id).await?.ok_or(Error::UnknownUser)?;
            tagged(tx, account).await
        })
        .await?;
    cx.app.checks.forget(id);
    ended.refuse(&cx.app);
    Ok(answer)
}

/// Deletes an account and everything that belongs to it, everywhere.
pub async fn delete_user(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, Error> {
    let (if_match, app) = (cx.if_match(), Arc::clone(&cx.app));
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let account = accounts::hold(tx, id).await?.ok_or(Error::UnknownUser)?;
            if_match.check(account.version)?;
            erasure::remove(tx, &app, &account).await?;
            if !accounts::has_admin(tx).await? {
                return Err(Error::LastAdministrator);
            }
            tx.emit(&UserDeleted { user_id: id }).await?;
            Ok::<_, Error>(NoContent)
        })
        .await?;
    cx.app.refuse([id]);
    Ok(answer)
}

/// Gives an account exactly these roles. True when it lost one that stands in tokens.
async fn give_roles(tx: &mut Tx, account: &Account, wanted: &[String]) -> Result<bool, StoreError> {
    let mut lost = false;
    for role in roles::of_user(tx, account.id).await? {
        if !wanted.contains(&role) && role != Role::User.name() {
            roles::revoke(tx, account.id, &role).await?;
            lost |= Role::parse(&role).is_some();
        }
    }
    for role in wanted {
        roles::assign(tx, account.id, role).await?;
    }
    Ok(lost)
}

async fn tagged(tx: &mut Tx, account: Account) -> Result<Tagged<ManagedUser>, Error> {
    Ok(Tagged { version: account.version, value: view(tx, account).await? })
}

async fn view(tx: &mut Tx, account: Account) -> Result<ManagedUser, StoreError> {
    Ok(ManagedUser {
        roles: roles::of_user(tx, account.id).await?,
        id: account.id,
        email: account.email,
        email_verified: account.email_verified_at.is_some(),
        name: account.name,
        kind: account.kind,
        disabled: account.disabled,
        created_at: account.created_at,
        updated_at: account.updated_at,
    })
}
