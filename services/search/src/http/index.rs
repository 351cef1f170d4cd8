//! What an operator sees of the index, and how an administrator has it built anew.

use hanse_http::{Answer, Answered, Cx, Json, OperationDoc, Reply};
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::documents;
use crate::error::SearchError;

/// The state of this process's search index.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchIndex {
    /// `ready`; `building` while it does not hold everything; `missing`.
    #[schemars(example = &"ready")]
    state: &'static str,
    /// Documents that can be found.
    #[schemars(example = 15_000)]
    documents: u64,
    /// Bytes of its files.
    #[schemars(example = 4_200_000)]
    disk_bytes: u64,
    /// The last change it holds.
    #[schemars(example = 15_020)]
    change: u64,
    /// Changes it does not hold yet, at most.
    #[schemars(example = 0)]
    behind: u64,
}

/// What was begun.
#[derive(Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Rebuilding {
    /// Always `building`.
    #[schemars(example = &"building")]
    state: String,
}

/// 202: begun.
pub(crate) struct Accepted(Rebuilding);

impl Reply for Accepted {
    fn describe(doc: &mut OperationDoc) {
        doc.answers::<Rebuilding>(202, "Begun", &[]);
    }
    fn answer(self) -> Answer {
        Answer::json(202, &self.0)
    }
}

pub(crate) async fn get_search_index(cx: Cx<App>) -> Result<Json<SearchIndex>, SearchError> {
    let standing =
        cx.read::<_, StoreError, _>(async |tx: &mut Tx| documents::standing(tx).await).await?;
    let (index, whole) = cx.app.shelf.current();
    let change = index.as_ref().map_or(0, |index| index.visible());
    Ok(Json(SearchIndex {
        state: match (&index, whole) {
            (None, _) => "missing",
            (Some(_), false) => "building",
            (Some(_), true) => "ready",
        },
        documents: index.as_ref().map_or(0, |index| index.len()),
        disk_bytes: index.as_ref().and_then(|index| index.disk_bytes().ok()).unwrap_or(0),
        change,
        behind: standing.last.saturating_sub(change),
    }))
}

pub(crate) async fn rebuild_search_index(cx: Cx<App>) -> Result<Answered<Accepted>, SearchError> {
    cx.write(async move |tx: &mut Tx| {
        crate::subscription().replay(tx).await?;
        Ok(Accepted(Rebuilding { state: "building".to_owned() }))
    })
    .await
}
