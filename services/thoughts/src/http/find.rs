//! Exact search in one's own thoughts: no index, so nothing can lag behind.

use garde::Validate;
use hanse_http::{Cx, Json, Page, Query, default_limit};
use hanse_store::Tx;
use schemars::JsonSchema;
use serde::Deserialize;

use super::dto::ThoughtView;
use super::leaf::{Leaf, STRETCH, place};
use crate::Thoughts;
use crate::thought::{Thought, ThoughtError};
use crate::thoughts::{self, Place};

/// Thoughts that one page looks at.
const LOOKED_AT: u32 = 5_000;

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
    let mut leaf = Leaf::new(query.limit);
    let (leaf, next) = cx
        .scan::<_, ThoughtError, _>(async move |tx: &mut Tx| {
            let mut looked_at = 0;
            while looked_at < LOOKED_AT {
                let stretch = thoughts::newest(tx, owner, None, after, STRETCH).await?;
                let ended = stretch.len() < STRETCH as usize;
                for thought in stretch {
                    let here = place(&thought);
                    if matches(&thought, &words) {
                        if !leaf.fits(&thought) {
                            return Ok((leaf, after));
                        }
                        leaf.push(thought);
                    }
                    after = Some(here);
                    if leaf.room() == 0 {
                        return Ok((leaf, after));
                    }
                }
                if ended {
                    return Ok((leaf, None));
                }
                looked_at += STRETCH;
            }
            Ok((leaf, after))
        })
        .await?;
    let next = next.map(|place| cx.seal_cursor(&place));
    Ok(Json(leaf.page(next)))
}

fn matches(thought: &Thought, words: &[String]) -> bool {
    let text = thought.text.to_lowercase();
    words.iter().all(|word| {
        text.contains(word.as_str())
            || thought.tags.iter().any(|tag| tag.as_str().contains(word.as_str()))
    })
}
