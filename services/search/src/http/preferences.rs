//! How a person wants to search.

use garde::Validate;
use hanse_http::{Answered, Body, Cx, Tagged};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::SearchError;
use crate::kind;
use crate::preferences::{self, Preferences};

/// How a person wants to search.
#[derive(Debug, Serialize, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(example = serde_json::json!({"record_history": true, "default_types": ["thoughts"]}))]
pub(crate) struct SearchPreferences {
    /// Keep a history of my searches. Switching it off keeps what is there; delete the history to
    /// remove that, too.
    #[garde(skip)]
    #[schemars(example = true)]
    record_history: bool,
    /// Types to search when a search names none; empty means all.
    #[garde(length(max = 20), inner(length(max = 40)))]
    #[schemars(example = ["thoughts"])]
    default_types: Vec<String>,
}

pub(crate) async fn get_search_preferences(
    cx: Cx<App>,
) -> Result<Tagged<SearchPreferences>, SearchError> {
    let owner = cx.user_id();
    let found =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| preferences::of(tx, owner).await).await?;
    Ok(tagged(found))
}

pub(crate) async fn put_search_preferences(
    cx: Cx<App>,
    Body(body): Body<SearchPreferences>,
) -> Result<Answered<Tagged<SearchPreferences>>, SearchError> {
    let (owner, if_match) = (cx.user_id(), cx.if_match());
    let default_types = kind::parse(&body.default_types.join(","))?;
    let record_history = body.record_history;
    cx.write(async move |tx: &mut Tx| {
        let known = preferences::of(tx, owner).await?;
        if_match.check(known.version)?;
        let chosen = Preferences { record_history, default_types, version: known.version + 1 };
        preferences::save(tx, owner, &chosen).await?;
        Ok(tagged(chosen))
    })
    .await
}

fn tagged(preferences: Preferences) -> Tagged<SearchPreferences> {
    let Preferences { record_history, default_types, version } = preferences;
    Tagged { version, value: SearchPreferences { record_history, default_types } }
}
