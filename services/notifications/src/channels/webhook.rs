//! Webhooks as Standard Webhooks has them.

use bytes::Bytes;
use hanse_outbound::Outbound;
use http::Request;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{Trouble, judge, signature};
use crate::deliveries::Key;
use crate::template::Note;

/// What it takes to reach a system.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Endpoint {
    pub(crate) url: String,
    /// The newest first; the one before it still counts.
    pub(crate) secrets: Vec<String>,
}

pub(crate) async fn send(
    outbound: &Outbound,
    endpoint: &Endpoint,
    key: &Key,
    kind: &str,
    note: &Note,
    now: Timestamp,
) -> Result<(), Trouble> {
    let id = key.notification.to_string();
    let body = json!({
        "type": kind, "timestamp": now,
        "data": { "id": id, "title": note.title, "body": note.body, "link": note.link },
    })
    .to_string();
    let request = Request::post(&endpoint.url)
        .header("content-type", "application/json")
        .header("user-agent", "Hanse")
        .header("webhook-id", &id)
        .header("webhook-timestamp", now.as_second())
        .header("webhook-signature", signature::sign(&endpoint.secrets, &id, now, body.as_bytes()))
        .body(Bytes::from(body))
        .map_err(|_| Trouble::last("the address cannot be used"))?;
    judge(&outbound.send(request).await?)
}
