//! The public keys (RFC 7517).

use hanse_http::{Cx, Json};
use hanse_store::StoreError;
use schemars::JsonSchema;
use serde::Serialize;

use crate::service::Identity;

/// A JSON Web Key Set.
#[derive(Debug, Serialize, JsonSchema)]
pub struct KeySet {
    /// Every key with which an access token that is still valid may be signed, and the next one.
    pub keys: Vec<serde_json::Value>,
}

/// The keys that are published.
pub async fn list_keys(cx: Cx<Identity>) -> Result<Json<KeySet>, StoreError> {
    Ok(Json(KeySet { keys: cx.app.keys.published() }))
}
