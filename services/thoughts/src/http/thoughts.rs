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
use super::leaf::{Leaf, STRETCH, place};
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
    let leaf = Leaf::new(query.limit);
    let (leaf, more) = cx
        .read::<_, ThoughtError, _>(async move |tx: &mut Tx| {
            fill(tx, owner, tag.as_ref(), after, leaf).await
        })
        .await?;
    let next = leaf.last().filter(|_| more).map(|last| cx.seal_cursor(&last));
    Ok(Json(leaf.page(next)))
}

/// Reads until the page is full or there is no more; true when there is.
async fn fill(
    tx: &mut Tx,
    owner: Uuid,
    tag: Option<&Tag>,
    mut after: Option<Place>,
    mut leaf: Leaf,
) -> Result<(Leaf, bool), ThoughtError> {
    loop {
        let wanted = leaf.room().saturating_add(1).min(STRETCH);
        let stretch = thoughts::newest(tx, owner, tag, after, wanted).await?;
        let ended = stretch.len() < wanted as usize;
        for thought in stretch {
            if !leaf.fits(&thought) {
                return Ok((leaf, true));
            }
            after = Some(place(&thought));
            leaf.push(thought);
        }
        if ended {
            return Ok((leaf, false));
        }
    }
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
        let before = thoughts::find(tx, owner, id).await?.ok_or(ThoughtError::NotFound)?;
        if_match.check(before.version)?;
        let thought = before.clone().edit(text, tags.as_deref(), tx.now())?;
        thoughts::save(tx, &before, &thought).await?;
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
