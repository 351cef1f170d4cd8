//! What the server can do and what its resources are made of (RFC 7644, section 4). Nothing of it is
//! about anybody, so anybody may read it.

use hanse_http::{Cx, Path};
use hanse_store::StoreError;
use serde_json::{Value, json};

use super::attributes::RESOURCES;
use super::client::base;
use super::query::{LARGEST_PAGE, ScimQuery};
use super::reply::{Scim, ScimError};
use crate::service::Identity;

/// What the server can do.
pub async fn get_scim_config(cx: Cx<Identity>) -> Result<Scim, StoreError> {
    let cannot = json!({ "supported": false });
    Ok(Scim::of(json!({
        "schemas": ["urn:ietf:params:scim:schemas:core:2.0:ServiceProviderConfig"],
        "patch": { "supported": true },
        "bulk": { "supported": false, "maxOperations": 0, "maxPayloadSize": 0 },
        "filter": { "supported": true, "maxResults": LARGEST_PAGE },
        "changePassword": cannot,
        "sort": { "supported": true },
        "etag": { "supported": true },
        "authenticationSchemes": [{
            "type": "oauthbearertoken",
            "name": "A machine's key",
            "description": "An API key of a machine's account, or a token of a program that acts as \
                            one, whose scope names scim:read or scim:write",
            "specUri": "https://www.rfc-editor.org/info/rfc6750",
            "primary": true,
        }],
        "meta": {
            "resourceType": "ServiceProviderConfig",
            "location": format!("{}/ServiceProviderConfig", base(&cx)),
        },
    })))
}

/// The kinds of resources.
pub async fn list_scim_resource_types(
    cx: Cx<Identity>,
    query: ScimQuery,
) -> Result<Scim, StoreError> {
    let base = base(&cx);
    Ok(all(&query, RESOURCES.iter().map(|resource| resource.resource_type(&base)).collect()))
}

/// A kind of resources.
pub async fn get_scim_resource_type(
    cx: Cx<Identity>,
    Path(name): Path<String>,
) -> Result<Scim, StoreError> {
    let found = RESOURCES.iter().find(|resource| resource.name == name);
    Ok(found.map_or_else(
        || ScimError::UNKNOWN.into(),
        |resource| Scim::of(resource.resource_type(&base(&cx))),
    ))
}

/// What resources are made of.
pub async fn list_scim_schemas(cx: Cx<Identity>, query: ScimQuery) -> Result<Scim, StoreError> {
    let base = base(&cx);
    Ok(all(&query, RESOURCES.iter().map(|resource| resource.schema(&base)).collect()))
}

/// What resources of a kind are made of.
pub async fn get_scim_schema(
    cx: Cx<Identity>,
    Path(urn): Path<String>,
) -> Result<Scim, StoreError> {
    let found = RESOURCES.iter().find(|resource| resource.urn == urn);
    Ok(found.map_or_else(
        || ScimError::UNKNOWN.into(),
        |resource| Scim::of(resource.schema(&base(&cx))),
    ))
}

/// Whatever else is asked for is not there, in the protocol's words.
pub async fn get_unknown_scim(_: Cx<Identity>) -> Result<Scim, StoreError> {
    Ok(ScimError::UNKNOWN.into())
}

/// Searching for everything at once is not offered.
pub async fn search_scim(_: Cx<Identity>) -> Result<Scim, StoreError> {
    Ok(ScimError::NOT_OFFERED.into())
}

fn all(query: &ScimQuery, resources: Vec<Value>) -> Scim {
    if query.is_filtered() {
        return ScimError::NO_FILTER.into();
    }
    Scim::of(json!({
        "schemas": ["urn:ietf:params:scim:api:messages:2.0:ListResponse"],
        "totalResults": resources.len(),
        "startIndex": 1,
        "itemsPerPage": resources.len(),
        "Resources": resources,
    }))
}
