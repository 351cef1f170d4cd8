//! Writing, reading, changing and deleting thoughts.

use garde::Validate;
use hanse_events::Emit as _;
use hanse_http::{
    Answered, Body, Created, Cx, Json, NoContent, Page, Path, Query, Tagged, default_limit,
};
use hanse_store::Tx;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::dto::{self, NewThought, ThoughtPatch, ThoughtView};
use crate::Thoughts;
use crate::tag::Tag;
use crate::thought::{Thought, ThoughtError};
use crate::thoughts::{self, Place};

/// Which thoughts to list.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListThoughts {
    /// Only thoughts under this tag.
    #[garde(length(chars, max = 200))]
    tag: Option<String>,
    /// How many to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    limit: u32,
    /// The `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

pub(crate) async fn list_thoughts(
    cx: Cx<Thoughts>,
    Query(query): Query<ListThoughts>,
) -> Result<Json<Page<ThoughtView>>, ThoughtError> {
    let owner = cx.user_id();
    let tag = query.tag.as_deref().map(Tag::parse).transpose()?;
    let after = cx.open_cursor(query.cursor.as_deref())?;
    let limit = query.limit;
    let mut found = cx
        .read::<_, ThoughtError, _>(async |tx: &mut Tx| {
            Ok(thoughts::newest(tx, owner, tag.as_ref(), after, limit + 1).await?)
        })
        .await?;
    Ok(Json(page(&cx, &mut found, limit as usize)))
}

/// Cuts a list that was read one too far into a page.
pub(crate) fn page(cx: &Cx<Thoughts>, found: &mut Vec<Thought>, limit: usize) -> Page<ThoughtView> {
    let more = found.len() > limit;
    found.truncate(limit);
    let next = found.last().filter(|_| more).map(|last| cx.seal_cursor(&place(last)));
    Page { items: found.drain(..).map(ThoughtView::from).collect(), next }
}

pub(crate) fn place(thought: &Thought) -> Place {
    (thought.created_at.as_microsecond(), thought.id)
}

pub(crate) async fn create_thought(
    cx: Cx<Thoughts>,
    Body(new): Body<NewThought>,
) -> Result<Answered<Created<ThoughtView>>, ThoughtError> {
    let owner = cx.user_id();
    cx.write(async move |tx: &mut Tx| {
        let thought = Thought::new(tx.new_id(), owner, new.text, &new.tags, tx.now())?;
        thoughts::insert(tx, &thought).await?;
        tx.emit(&dto::created(&thought)).await?;
        Ok(Created {
            location: location(thought.id),
            version: thought.version,
            value: thought.into(),
        })
    })
    .await
}

fn location(id: Uuid) -> String {
    format!("/api/v1/thoughts/{id}")
}

pub(crate) async fn get_thought(
    cx: Cx<Thoughts>,
    Path(id): Path<Uuid>,
) -> Result<Tagged<ThoughtView>, ThoughtError> {
    let owner = cx.user_id();
    cx.read(async |tx: &mut Tx| {
        let thought = thoughts::find(tx, owner, id).await?.ok_or(ThoughtError::NotFound)?;
        Ok(Tagged { version: thought.version, value: thought.into() })
    })
    .await
}

pub(crate) async fn replace_thought(
    cx: Cx<Thoughts>,
    Path(id): Path<Uuid>,
    Body(new): Body<NewThought>,
) -> Result<Answered<Tagged<ThoughtView>>, ThoughtError> {
    edit(cx, id, Some(new.text), Some(new.tags)).await
}

pub(crate) async fn update_thought(
    cx: Cx<Thoughts>,
    Path(id): Path<Uuid>,
    Body(patch): Body<ThoughtPatch>,
) -> Result<Answered<Tagged<ThoughtView>>, ThoughtError> {
    edit(cx, id, patch.text, patch.tags).await
}

async fn edit(
    cx: Cx<Thoughts>,
    id: Uuid,
    text: Option<String>,
    tags: Option<Vec<String>>,
) -> Result<Answered<Tagged<ThoughtView>>, ThoughtError> {
    let (owner, if_match) = (cx.user_id(), cx.if_match());
    cx.write(async move |tx: &mut Tx| {
        let thought = thoughts::find(tx, owner, id).await?.ok_or(ThoughtError::NotFound)?;
        if_match.check(thought.version)?;
        let thought = thought.edit(text, tags.as_deref(), tx.now())?;
        thoughts::save(tx, &thought).await?;
        tx.emit(&dto::updated(&thought)).await?;
        Ok(Tagged { version: thought.version, value: thought.into() })
    })
    .await
}

pub(crate) async fn delete_thought(
    cx: Cx<Thoughts>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, ThoughtError> {
    let (owner, if_match) = (cx.user_id(), cx.if_match());
    cx.write(async move |tx: &mut Tx| {
        let thought = thoughts::find(tx, owner, id).await?.ok_or(ThoughtError::NotFound)?;
        if_match.check(thought.version)?;
        thoughts::delete(tx, &thought).await?;
        tx.emit(&dto::deleted(&thought)).await?;
        Ok(NoContent)
    })
    .await
}
