//! Thoughts from a file, all or none.

use hanse_events::Emit as _;
use hanse_http::{Answered, Cx, Json, Upload};
use hanse_store::Tx;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use super::dto;
use crate::Thoughts;
use crate::portable::{self, Format, Portable};
use crate::thought::{Thought, ThoughtError};
use crate::thoughts;

/// Thoughts that one request may bring: they are one transaction, and others wait for it.
const MOST: usize = 1_000;

/// What an import has done.
#[derive(Debug, Default, Serialize, JsonSchema)]
pub(crate) struct ImportReport {
    /// New thoughts.
    imported: u32,
    /// Thoughts that were there and changed.
    replaced: u32,
    /// Thoughts that were there, just so.
    unchanged: u32,
}

pub(crate) async fn import_thoughts(
    cx: Cx<Thoughts>,
    upload: Upload,
) -> Result<Answered<Json<ImportReport>>, ThoughtError> {
    let format =
        if upload.content_type == "text/markdown" { Format::Markdown } else { Format::JsonLines };
    let file = std::str::from_utf8(&upload.bytes)
        .map_err(|_| ThoughtError::InvalidImport { line: 1, what: "it is not UTF-8".into() })?;
    let lines = portable::read(format, file, MOST)?;
    let owner = cx.user_id();
    cx.write(async move |tx: &mut Tx| {
        let mut report = ImportReport::default();
        for (line, portable) in lines {
            import_one(tx, owner, line, portable, &mut report).await?;
        }
        Ok(Json(report))
    })
    .await
}

async fn import_one(
    tx: &mut Tx,
    owner: Uuid,
    line: usize,
    portable: Portable,
    report: &mut ImportReport,
) -> Result<(), ThoughtError> {
    let mut thought = to_thought(tx, owner, portable)
        .map_err(|error| ThoughtError::InvalidImport { line, what: error.to_string() })?;
    if let Some(existing) = thoughts::find(tx, owner, thought.id).await? {
        let same = existing.text == thought.text
            && existing.tags == thought.tags
            && existing.updated_at == thought.updated_at;
        if same {
            report.unchanged += 1;
            return Ok(());
        }
        thought.version = existing.version + 1;
        thought.created_at = existing.created_at;
        thoughts::save(tx, &existing, &thought).await?;
        tx.emit(&dto::updated(&thought)).await?;
        report.replaced += 1;
        return Ok(());
    }
    // An id that somebody else has is not theirs to learn of: the thought gets a new one.
    while !thoughts::insert(tx, &thought).await? {
        thought.id = tx.new_id();
    }
    tx.emit(&dto::created(&thought)).await?;
    report.imported += 1;
    Ok(())
}

fn to_thought(tx: &Tx, owner: Uuid, portable: Portable) -> Result<Thought, ThoughtError> {
    let now = tx.now();
    let created_at = portable.created_at.unwrap_or(now).min(now);
    let id = portable.id.unwrap_or_else(|| tx.new_id());
    let mut thought = Thought::new(id, owner, portable.text, &portable.tags, micros(created_at))?;
    thought.updated_at =
        micros(portable.updated_at.unwrap_or(created_at).min(now)).max(thought.created_at);
    Ok(thought)
}

/// Times as precise as they are stored, within the years that both engines know.
fn micros(time: jiff::Timestamp) -> jiff::Timestamp {
    const OLDEST: jiff::Timestamp = jiff::Timestamp::UNIX_EPOCH;
    jiff::Timestamp::from_microsecond(time.as_microsecond()).unwrap_or(OLDEST).max(OLDEST)
}
