//! Everything in one file, made while it is sent: an export of any size needs little memory.

use bytes::Bytes;
use garde::Validate;
use hanse_http::{BodyError, Cx, Download, Query, stream};
use hanse_store::{Db, Tx};
use http_body::Frame;
use http_body_util::StreamBody;
use schemars::JsonSchema;
use serde::Deserialize;
use uuid::Uuid;

use super::leaf::{STRETCH, place};
use crate::Thoughts;
use crate::portable::{self, Format};
use crate::thought::ThoughtError;
use crate::thoughts::{self, Place};

/// How to save.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct ExportThoughts {
    /// The file's format.
    #[serde(default)]
    #[garde(skip)]
    format: ExportFormat,
}

/// The formats.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ExportFormat {
    /// JSON Lines
    #[default]
    Jsonl,
    /// Markdown
    Markdown,
}

pub(crate) async fn export_thoughts(
    cx: Cx<Thoughts>,
    Query(query): Query<ExportThoughts>,
) -> Result<Download, ThoughtError> {
    let (format, content_type, file_name) = match query.format {
        ExportFormat::Jsonl => (Format::JsonLines, "application/x-ndjson", "thoughts.jsonl"),
        ExportFormat::Markdown => (Format::Markdown, "text/markdown; charset=utf-8", "thoughts.md"),
    };
    let cursor = Cursor {
        db: hanse_http::Service::home(&*cx.app).db.clone(),
        owner: cx.user_id(),
        format,
        after: None,
    };
    // The first stretch is read before answering, so that a failing store is an error, not a
    // broken file.
    let (first, cursor) = cursor.next().await?;
    let first = Some(first);
    let body = futures_util::stream::unfold((first, cursor), |(first, cursor)| async move {
        if let Some(chunk) = first {
            return Some((Ok(Frame::data(chunk)), (None, cursor)));
        }
        match cursor?.next().await {
            Ok((chunk, cursor)) => Some((Ok(Frame::data(chunk)), (None, cursor))),
            Err(error) => {
                tracing::warn!(error = &error as &dyn std::error::Error, "an export broke off");
                Some((Err(BodyError::other("the export broke off")), (None, None)))
            }
        }
    });
    Ok(Download { content_type, file_name, body: stream(StreamBody::new(body)) })
}

struct Cursor {
    db: Db,
    owner: Uuid,
    format: Format,
    after: Option<Place>,
}

impl Cursor {
    /// The next stretch of the file, and the cursor after it unless that was the end.
    async fn next(mut self) -> Result<(Bytes, Option<Self>), ThoughtError> {
        let (owner, after) = (self.owner, self.after);
        let stretch = self
            .db
            .scan::<_, ThoughtError, _>(async move |tx: &mut Tx| {
                Ok(thoughts::newest(tx, owner, None, after, STRETCH).await?)
            })
            .await?;
        let ended = stretch.len() < STRETCH as usize;
        self.after = stretch.last().map(place).or(self.after);
        let mut out = String::new();
        for thought in &stretch {
            portable::write(&mut out, self.format, thought);
        }
        Ok((Bytes::from(out), (!ended).then_some(self)))
    }
}
