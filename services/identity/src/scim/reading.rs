//! Operations that look: lists, searches and one resource.

use hanse_http::{Cx, Path};
use hanse_store::{StoreError, Tx};

use super::body::ScimBody;
use super::client::{Client, base};
use super::query::ScimQuery;
use super::reply::{Refusal, Scim, ScimError, read};
use super::resource::ResourceKind;
use crate::service::Identity;

/// Resources, by a filter.
pub async fn list<K: ResourceKind>(cx: Cx<Identity>, query: ScimQuery) -> Result<Scim, StoreError> {
    by_filter::<K>(cx, &query).await
}

/// The same, asked for by a body.
pub async fn search<K: ResourceKind>(cx: Cx<Identity>, body: ScimBody) -> Result<Scim, StoreError> {
    by_filter::<K>(cx, &ScimQuery::of(body)).await
}

async fn by_filter<K: ResourceKind>(
    cx: Cx<Identity>,
    query: &ScimQuery,
) -> Result<Scim, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let listing = match query.listing(K::SCHEMA) {
        Ok(listing) => listing,
        Err(error) => return Ok(error.into()),
    };
    let found = cx
        .scan(async move |tx: &mut Tx| {
            client.admit(tx).await?;
            Ok::<_, Refusal>(Scim::of(K::list(tx, &base, &listing).await?))
        })
        .await;
    read(found)
}

/// One of them.
pub async fn get<K: ResourceKind>(
    cx: Cx<Identity>,
    Path(id): Path<String>,
    query: ScimQuery,
) -> Result<Scim, StoreError> {
    let (client, base) = (Client::of(&cx), base(&cx));
    let found = cx
        .read(async |tx: &mut Tx| {
            client.admit(tx).await?;
            let selection = query.selection(K::SCHEMA)?;
            let id = id.parse().map_err(|_| ScimError::UNKNOWN)?;
            let (shown, version) = K::shown(tx, &base, id).await?;
            if query.has(version) {
                return Ok(Scim::unchanged(version));
            }
            Ok(Scim::resource(selection.of(shown), version))
        })
        .await;
    read(found)
}
