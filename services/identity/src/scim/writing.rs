//! Operations that change something: making, replacing, patching and removing a resource.

use std::sync::Arc;

use hanse_http::{Cx, Path};
use hanse_store::{StoreError, Tx};
use uuid::Uuid;

use super::body::ScimBody;
use super::client::{Client, base};
use super::patch::{self, Change};
use super::query::ScimQuery;
use super::reply::{Refusal, Scim, ScimError, Told, told};
use super::resource::ResourceKind;
use crate::ended::Ended;
use crate::service::Identity;

/// Makes a resource.
pub async fn create<K: ResourceKind>(
    cx: Cx<Identity>,
    query: ScimQuery,
    body: ScimBody,
) -> Result<Told, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let made = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let selection = query.selection(K::SCHEMA)?;
            let id = K::create(tx, &body.resource(K::SCHEMA)?).await?;
            let (shown, version) = K::shown(tx, &base, id).await?;
            let location = format!("{base}{}/{id}", K::SCHEMA.endpoint);
            Ok(Scim::created(selection.of(shown), version, location))
        })
        .await;
    K::forget(&cx.app, None);
    told(made)
}

/// Replaces what is known of it.
pub async fn replace<K: ResourceKind>(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    body: ScimBody,
) -> Result<Told, StoreError> {
    change::<K>(cx, &id, body.resource(K::SCHEMA).map(Change::Whole)).await
}

/// Changes what is known of it step by step.
pub async fn modify<K: ResourceKind>(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    body: ScimBody,
) -> Result<Told, StoreError> {
    let steps = body.object().and_then(|body| patch::steps(&body, K::SCHEMA));
    change::<K>(cx, &id, steps.map(Change::Steps)).await
}

/// Stores what a change makes of it, and signs out whoever may not sign in any more.
async fn change<K: ResourceKind>(
    cx: Cx<Identity>,
    id: &str,
    change: Result<Change, ScimError>,
) -> Result<Told, StoreError> {
    let (client, base, seen) = (Client::of(&cx), base(&cx), cx.if_match());
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Told::Refused(ScimError::UNKNOWN.into())) };
    let ended = Ended::default();
    let over = ended.clone();
    let changed = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let held = K::hold(tx, id, &seen).await?;
            let wanted = match change? {
                Change::Whole(wanted) => wanted,
                Change::Steps(steps) => {
                    patch::apply(K::SCHEMA, K::shown(tx, &base, id).await?.0, &steps)?
                }
            };
            over.note(K::change(tx, held, &wanted).await?);
            let (shown, version) = K::shown(tx, &base, id).await?;
            Ok(Scim::resource(shown, version))
        })
        .await;
    finish::<K>(&cx, id, &ended);
    told(changed)
}

/// Removes it.
pub async fn delete<K: ResourceKind>(
    cx: Cx<Identity>,
    Path(id): Path<String>,
) -> Result<Told, StoreError> {
    let (client, seen, app) = (Client::of(&cx), cx.if_match(), Arc::clone(&cx.app));
    let Ok(id) = id.parse::<Uuid>() else { return Ok(Told::Refused(ScimError::UNKNOWN.into())) };
    let ended = Ended::default();
    let over = ended.clone();
    let deleted = cx
        .write(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            let held = K::hold(tx, id, &seen).await?;
            over.note(K::remove(tx, &app, held).await?);
            Ok::<_, Refusal>(Scim::gone())
        })
        .await;
    finish::<K>(&cx, id, &ended);
    told(deleted)
}

/// What this process remembers is not true any more.
fn finish<K: ResourceKind>(cx: &Cx<Identity>, id: Uuid, ended: &Ended) {
    K::forget(&cx.app, Some(id));
    ended.refuse(&cx.app);
}
