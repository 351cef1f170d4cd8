//! Tags and figures.

use hanse_events::Emit as _;
use hanse_http::{Answered, Body, Cx, Json, Path, Tagged};
use hanse_store::Tx;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::dto::{self, NewTags, ThoughtView};
use crate::Thoughts;
use crate::thought::ThoughtError;
use crate::thoughts;

/// A tag and how much is under it.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TagView {
    /// The whole tag, such as `work/ideas`.
    tag: String,
    /// Thoughts with this tag or one under it.
    thoughts: i64,
    /// Thoughts with exactly this tag.
    direct: i64,
}

/// All tags.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct TagList {
    /// By name; a tag comes before those under it.
    items: Vec<TagView>,
    /// Always null: all tags fit one answer.
    next: Option<String>,
}

pub(crate) async fn list_tags(cx: Cx<Thoughts>) -> Result<Json<TagList>, ThoughtError> {
    let owner = cx.user_id();
    let counts = cx
        .scan::<_, ThoughtError, _>(async move |tx: &mut Tx| Ok(thoughts::tags(tx, owner).await?))
        .await?;
    let items = counts
        .into_iter()
        .map(|count| TagView { tag: count.tag, thoughts: count.thoughts, direct: count.direct })
        .collect();
    Ok(Json(TagList { items, next: None }))
}

pub(crate) async fn add_thought_tags(
    cx: Cx<Thoughts>,
    Path(id): Path<Uuid>,
    Body(new): Body<NewTags>,
) -> Result<Answered<Tagged<ThoughtView>>, ThoughtError> {
    let (owner, if_match) = (cx.user_id(), cx.if_match());
    cx.write(async move |tx: &mut Tx| {
        let before = thoughts::find(tx, owner, id).await?.ok_or(ThoughtError::NotFound)?;
        if_match.check(before.version)?;
        let thought = before.clone().with_tags(&new.tags, tx.now())?;
        thoughts::save(tx, &before, &thought).await?;
        tx.emit(&dto::updated(&thought)).await?;
        Ok(Tagged { version: thought.version, value: thought.into() })
    })
    .await
}

/// Figures about all your thoughts.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct ThoughtStatistics {
    /// How many there are.
    total: i64,
    /// Characters in all of them.
    characters: i64,
    /// How many different tags there are.
    tags: i64,
    /// When the oldest was written.
    oldest: Option<Timestamp>,
    /// When the newest was written.
    newest: Option<Timestamp>,
}

pub(crate) async fn get_thought_statistics(
    cx: Cx<Thoughts>,
) -> Result<Json<ThoughtStatistics>, ThoughtError> {
    let owner = cx.user_id();
    cx.scan(async move |tx: &mut Tx| {
        let figures = thoughts::figures(tx, owner).await?;
        let tags = thoughts::tags(tx, owner).await?.iter().filter(|tag| tag.direct > 0).count();
        Ok(Json(ThoughtStatistics {
            total: figures.total,
            characters: figures.characters,
            tags: i64::try_from(tags).unwrap_or(i64::MAX),
            oldest: figures.oldest,
            newest: figures.newest,
        }))
    })
    .await
}
