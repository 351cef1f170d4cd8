//! What I prefer, for the programs that I use.

use garde::Validate;
use hanse_http::{Answered, Body, Cx, Json, KernelError};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::errors::ProfileError;
use crate::service::Identity;
use crate::{accounts, preferences};

/// Most bytes of preferences.
const LARGEST: usize = 8 * 1024;

/// What I prefer.
#[derive(Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = Preferences::example())]
pub struct Preferences {
    /// Anything that programs want to find again, up to 8 KiB.
    #[garde(custom(small))]
    preferences: Map<String, Value>,
}

impl Preferences {
    fn example() -> Self {
        let mut preferences = Map::new();
        preferences.insert("locale".into(), "de".into());
        Self { preferences }
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that garde calls")]
fn small(value: &Map<String, Value>, _: &()) -> garde::Result {
    let size = serde_json::to_string(value).map_or(usize::MAX, |text| text.len());
    if size <= LARGEST { Ok(()) } else { Err(garde::Error::new("is longer than 8 KiB")) }
}

/// What I prefer.
pub async fn get_preferences(cx: Cx<Identity>) -> Result<Json<Preferences>, ProfileError> {
    let user = cx.user_id();
    let found =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| preferences::find(tx, user).await).await?;
    Ok(Json(Preferences { preferences: found }))
}

/// Replaces them all.
pub async fn replace_preferences(
    cx: Cx<Identity>,
    Body(new): Body<Preferences>,
) -> Result<Answered<Json<Preferences>>, ProfileError> {
    let user = cx.user_id();
    cx.write(async move |tx: &mut Tx| {
        accounts::hold(tx, user).await?.ok_or(KernelError::InvalidToken)?;
        preferences::save(tx, user, &new.preferences).await?;
        Ok(Json(new))
    })
    .await
}
