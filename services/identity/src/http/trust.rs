//! What processes without identity need to verify access tokens themselves.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use garde::Validate;
use hanse_contracts::identity::{Ended, Trust, TrustedKey};
use hanse_http::{Cx, Json, Query};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Deserialize;

use crate::service::{Identity, ended_since};
use crate::session::after;

/// From where on.
#[derive(Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Since {
    /// Only what ended after this time; all whose tokens could still be valid when it is missing.
    #[garde(skip)]
    since: Option<Timestamp>,
}

/// The keys that sign, and whose tokens count no more. What ends while this is read may be missing:
/// ask again from a little before `as_of`.
pub async fn get_trust(
    cx: Cx<Identity>,
    Query(Since { since }): Query<Since>,
) -> Result<Json<Trust>, StoreError> {
    let as_of = cx.now();
    let life = cx.app.access_lifetime();
    let oldest = after(as_of, -life);
    let since = since.map_or(oldest, |since| since.max(oldest));
    let ended =
        cx.read::<_, StoreError, _>(async move |tx: &mut Tx| ended_since(tx, since).await).await?;
    let keys = cx.app.keys.public().into_iter();
    Ok(Json(Trust {
        as_of,
        keys: keys
            .map(|(id, key)| TrustedKey { id, public: URL_SAFE_NO_PAD.encode(key) })
            .collect(),
        ended: ended.into_iter().map(|(id, at)| Ended { id, until: after(at, life) }).collect(),
    }))
}
