//! API keys: for programs, which cannot sign in.
//!
//! A key belongs to an account: a person's own, or a machine's that an administrator made. Where a
//! request enters the installation, the key is exchanged for an access token of some minutes, which
//! every process verifies as it verifies any other ([`hanse_http::KeyedFront`], ADR 0015). The token
//! says no more than the key: its scope, and the key's id as its session, so that withdrawing the key
//! ends the token.

pub(crate) mod keys;

use std::sync::Arc;

use garde::Validate;
use hanse_http::{
    Access, Answered, Body, Created, Cx, Draft, ExchangedKey, Json, KernelError, KeyToExchange,
    Method, NoContent, Page, Path, Query, Role, Scope, op,
};
use hanse_store::{StoreError, Tx};
use jiff::{SignedDuration, Timestamp};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::account::{Kind, display_name};
use crate::accounts;
use crate::administration::AdministrationError as Error;
use crate::http::shown;
use crate::mint::{Delegation, Factor, Proven, delegate};
use crate::service::Identity;
use keys::ApiKey;

/// Live keys that an account may have.
const MOST: i64 = 100;

/// Its operations.
pub(crate) fn operations() -> Vec<Draft<Identity>> {
    vec![
        op(Method::GET, "/api-keys", Access::User, list_api_keys).summary("API keys of an account"),
        op(Method::POST, "/api-keys", Access::User, create_api_key)
            .summary("Make an API key; it is shown once"),
        op(Method::DELETE, "/api-keys/{id}", Access::User, delete_api_key)
            .summary("Withdraw an API key"),
        op(Method::POST, "/auth/exchange-key", Access::Peer, exchange_key)
            .summary("The access token that an API key stands for"),
    ]
}

/// An API key.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ApiKeyView {
    /// Identity.
    pub id: Uuid,
    /// Name as shown.
    pub name: String,
    /// What it reaches; null is everything that the account may do.
    pub scope: Option<String>,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it ends.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub last_used_at: Option<Timestamp>,
}

/// A new key, and its text.
#[derive(Debug, Serialize, JsonSchema)]
pub struct NewKeyView {
    /// The key.
    #[serde(flatten)]
    pub key: ApiKeyView,
    /// Send it as `Authorization: Bearer …`. Nobody sees it a second time.
    pub secret: String,
}

/// A key to make.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = NewApiKey { name: "Backup".into(), scope: Some("thoughts:read".into()), valid_days: 90, user_id: None })]
pub struct NewApiKey {
    /// Name to show.
    #[garde(length(min = 1, max = 400))]
    name: String,
    /// What it reaches, as permissions between blanks; nothing is everything that the account may do.
    #[serde(default)]
    #[garde(length(min = 1, max = 1000))]
    scope: Option<String>,
    /// Days that it is valid.
    #[garde(range(min = 1, max = 3650))]
    valid_days: u32,
    /// The machine that it is for. Only administrators name one.
    #[serde(default)]
    #[garde(skip)]
    user_id: Option<Uuid>,
}

/// Whose keys.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyQuery {
    /// The machine. Only administrators name one; mine when nobody is named.
    #[garde(skip)]
    user_id: Option<Uuid>,
}

/// Keys that were not withdrawn, newest first, at most 200.
pub async fn list_api_keys(
    cx: Cx<Identity>,
    Query(query): Query<KeyQuery>,
) -> Result<Json<Page<ApiKeyView>>, Error> {
    let (me, is_admin) = (cx.user_id(), cx.caller().is(Role::Admin));
    let found = cx
        .read::<_, Error, _>(async |tx: &mut Tx| {
            let user = holder(tx, me, is_admin, query.user_id).await?;
            Ok(keys::of_user(tx, user).await?)
        })
        .await?;
    Ok(Json(Page { items: found.into_iter().map(view).collect(), next: None }))
}

/// Makes a key, for whoever has just proven who they are.
pub async fn create_api_key(
    cx: Cx<Identity>,
    Body(new): Body<NewApiKey>,
) -> Result<Answered<Created<NewKeyView>>, Error> {
    let name = display_name(&new.name).ok_or(Error::InvalidName)?;
    let scope = new.scope.as_deref().map(Scope::parse).transpose();
    let scope = scope.map_err(|_| Error::InvalidPermission)?.map(|scope| scope.to_string());
    let principal = cx.principal().ok_or(KernelError::Unauthenticated)?.clone();
    let (app, is_admin) = (Arc::clone(&cx.app), cx.caller().is(Role::Admin));
    cx.write(async move |tx: &mut Tx| {
        shown::recent(tx, &app, &principal).await.map_err(|_| Error::ProveAgain)?;
        let user = holder(tx, principal.user_id, is_admin, new.user_id).await?;
        if keys::count(tx, user).await? >= MOST {
            return Err(Error::NameTaken);
        }
        let valid = SignedDuration::from_hours(24 * i64::from(new.valid_days));
        let (key, secret) = keys::create(tx, &app.vault, user, name, scope, valid).await?;
        let location = format!("/api/v1/api-keys/{}", key.id);
        Ok(Created { location, version: 1, value: NewKeyView { key: view(key), secret } })
    })
    .await
}

/// Withdraws a key. The tokens it was exchanged for end at once.
pub async fn delete_api_key(
    cx: Cx<Identity>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, Error> {
    let (me, is_admin) = (cx.user_id(), cx.caller().is(Role::Admin));
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let key = keys::find(tx, id).await?.ok_or(Error::Unknown)?;
            // Somebody else's key is none of mine, and an administrator reaches those of machines.
            let user = holder(tx, me, is_admin, Some(key.user_id)).await;
            let user = user.map_err(|_| Error::Unknown)?;
            match keys::revoke(tx, user, id).await? {
                true => Ok(NoContent),
                false => Err(Error::Unknown),
            }
        })
        .await?;
    cx.app.refuse([id]);
    Ok(answer)
}

/// The access token of a key, for the doors of this installation. A key that is none, has ended or
/// belongs to somebody who may not sign in gets none.
pub async fn exchange_key(
    cx: Cx<Identity>,
    Body(asked): Body<KeyToExchange>,
) -> Result<Json<ExchangedKey>, StoreError> {
    let app = Arc::clone(&cx.app);
    let lifetime = app.access_lifetime();
    let token = cx
        .app
        .home
        .db
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let Some(key) = keys::recognise(tx, &app.vault, &asked.key).await? else {
                return Ok(None);
            };
            // A scope that cannot be read must not become none, which is everything.
            let scope = key.scope.as_deref().map(Scope::parse).transpose();
            let Ok(scope) = scope else { return Ok(None) };
            keys::used(tx, &key).await?;
            let proven = Proven::by(Factor::Machine, key.user_id);
            let left = key.expires_at.duration_since(tx.now());
            let delegation = Delegation {
                source: key.id,
                client_id: None,
                scope,
                actor: None,
                authenticated_at: None,
                lifetime: left,
            };
            delegate(tx, &app, &proven, delegation).await
        })
        .await?;
    let expires_in = u32::try_from(lifetime.as_secs()).unwrap_or_default();
    Ok(Json(ExchangedKey { access_token: token, expires_in }))
}

/// Whose keys somebody may see and make: their own, and an administrator those of machines.
async fn holder(
    tx: &mut Tx,
    me: Uuid,
    is_admin: bool,
    wanted: Option<Uuid>,
) -> Result<Uuid, Error> {
    let user = wanted.unwrap_or(me);
    if user == me {
        return Ok(user);
    }
    if !is_admin {
        return Err(KernelError::Forbidden.into());
    }
    let account = accounts::find(tx, user).await?.ok_or(Error::UnknownUser)?;
    // Nobody makes a key that acts for another person.
    if account.kind == Kind::Service { Ok(user) } else { Err(KernelError::Forbidden.into()) }
}

fn view(key: ApiKey) -> ApiKeyView {
    ApiKeyView {
        id: key.id,
        name: key.name,
        scope: key.scope,
        created_at: key.created_at,
        expires_at: key.expires_at,
        last_used_at: key.last_used_at,
    }
}
