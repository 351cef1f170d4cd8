//! What a person searched for.

use garde::Validate;
use hanse_http::{Answered, Cx, Json, NoContent, Page, PageQuery, Query};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::app::App;
use crate::error::SearchError;
use crate::history::{self, Asked};

/// Questions in each list of the analytics.
const LISTED: u32 = 10;

/// A question that was asked.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RecentSearch {
    /// The question.
    #[schemars(example = &"red fox")]
    query: String,
    /// How often it was asked.
    #[schemars(example = 3)]
    times: i64,
    /// Documents that matched the last time.
    #[schemars(example = 12)]
    results: i64,
    /// When it was asked last.
    searched_at: Timestamp,
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct ForgetQuery {
    /// The one question to forget; without it, all.
    #[garde(length(chars, max = 512))]
    #[schemars(example = &"red fox")]
    q: Option<String>,
}

/// A person's own searches in numbers.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchAnalytics {
    /// Searches, repetitions counted.
    #[schemars(example = 40)]
    searches: i64,
    /// Different questions.
    #[schemars(example = 12)]
    queries: i64,
    /// Questions that found nothing the last time.
    #[schemars(example = 2)]
    queries_without_results: i64,
    /// The questions asked most often.
    top: Vec<RecentSearch>,
    /// The newest questions that found nothing.
    without_results: Vec<RecentSearch>,
}

pub(crate) async fn list_recent_searches(
    cx: Cx<App>,
    Query(page): Query<PageQuery>,
) -> Result<Json<Page<RecentSearch>>, SearchError> {
    let after: Option<(Timestamp, String)> = cx.open_cursor(page.cursor.as_deref())?;
    cx.app.history.flush(&cx.app.home.db).await?;
    let (owner, limit) = (cx.user_id(), page.limit);
    let mut found = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            history::recent(tx, owner, limit + 1, after).await
        })
        .await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more);
    let next = last.map(|asked| cx.seal_cursor(&(asked.searched_at, &asked.query)));
    Ok(Json(Page { items: found.into_iter().map(RecentSearch::from).collect(), next }))
}

pub(crate) async fn delete_search_history(
    cx: Cx<App>,
    Query(query): Query<ForgetQuery>,
) -> Result<Answered<NoContent>, SearchError> {
    let owner = cx.user_id();
    let _guard = cx.app.history.hold().await;
    cx.app.history.forget(owner, query.q.as_deref());
    cx.write(async move |tx: &mut Tx| {
        history::delete(tx, owner, query.q).await?;
        Ok(NoContent)
    })
    .await
}

pub(crate) async fn get_search_analytics(
    cx: Cx<App>,
) -> Result<Json<SearchAnalytics>, SearchError> {
    cx.app.history.flush(&cx.app.home.db).await?;
    let owner = cx.user_id();
    let analytics = cx.read::<_, StoreError, _>(async |tx: &mut Tx| {
        let (searches, queries, queries_without_results) = history::totals(tx, owner).await?;
        let top = history::most_asked(tx, owner, LISTED).await?;
        let without_results = history::unanswered(tx, owner, LISTED).await?;
        Ok(SearchAnalytics {
            searches,
            queries,
            queries_without_results,
            top: top.into_iter().map(RecentSearch::from).collect(),
            without_results: without_results.into_iter().map(RecentSearch::from).collect(),
        })
    });
    Ok(Json(analytics.await?))
}

impl From<Asked> for RecentSearch {
    fn from(Asked { query, times, results, searched_at }: Asked) -> Self {
        Self { query, times, results, searched_at }
    }
}
