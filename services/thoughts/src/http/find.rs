//! Exact search in one's own thoughts: no index, so nothing can lag behind.

use garde::Validate;
use hanse_http::{Cx, Json, Page, Query, default_limit};
use hanse_store::Tx;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dto::ThoughtView;
use super::thoughts::place;
use crate::Thoughts;
use crate::thought::{Thought, ThoughtError};
use crate::thoughts::{self, Place};

/// Thoughts that one page looks at.
const LOOKED_AT: u32 = 5_000;
/// Thoughts read at a time.
const STRETCH: u32 = 500;

/// What to look for.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchThoughts {
    /// Words, all of which must occur.
    #[garde(length(chars, min = 1, max = 512))]
    q: String,
    /// How many to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    limit: u32,
    /// The `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

pub(crate) async fn search_thoughts(
    cx: Cx<Thoughts>,
    Query(query): Query<SearchThoughts>,
) -> Result<Json<Page<ThoughtView>>, ThoughtError> {
    let owner = cx.user_id();
    let mut after: Option<Place> = cx.open_cursor(query.cursor.as_deref())?;
    let words: Vec<String> = query.q.to_lowercase().split_whitespace().map(str::to_owned).collect();
    let limit = query.limit as usize;
    let (items, next) = cx
        .scan::<_, ThoughtError, _>(async move |tx: &mut Tx| {
            let mut items = Vec::new();
            let mut looked_at = 0;
            while looked_at < LOOKED_AT {
                let stretch = thoughts::newest(tx, owner, None, after, STRETCH).await?;
                let ended = stretch.len() < STRETCH as usize;
                for thought in stretch {
                    after = Some(place(&thought));
                    if matches(&thought, &words) {
                        items.push(thought);
                        if items.len() == limit {
                            return Ok((items, after));
                        }
                    }
                }
                if ended {
                    return Ok((items, None));
                }
                looked_at += STRETCH;
            }
            Ok((items, after))
        })
        .await?;
    let next = next.map(|place| cx.seal_cursor(&place));
    Ok(Json(Page { items: items.into_iter().map(ThoughtView::from).collect(), next }))
}

fn matches(thought: &Thought, words: &[String]) -> bool {
    let text = thought.text.to_lowercase();
    words.iter().all(|word| {
        text.contains(word.as_str())
            || thought.tags.iter().any(|tag| tag.as_str().contains(word.as_str()))
    })
}
