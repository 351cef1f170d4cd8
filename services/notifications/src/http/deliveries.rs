//! How messages went other ways than the list: every try, and what was heard of them.

use garde::Validate;
use hanse_http::{Cx, Json, Page, Query, default_limit};
use hanse_store::{Result, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::App;
use crate::deliveries::{self, Place, Seen, Step};
use crate::error::NotificationError;

/// How a message went another way.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Delivery")]
pub(crate) struct DeliveryView {
    /// The channel.
    channel: String,
    /// `queued`, `held` (to be gathered), `sent`, `delivered`, `opened`, `bounced`, `complained`, `failed` or
    /// `cancelled`.
    state: String,
    /// How often it was tried.
    attempts: i64,
    /// Why it failed last.
    cause: Option<String>,
    /// Since when it waited to be sent.
    created_at: Timestamp,
    /// Since when it is as it is.
    changed_at: Timestamp,
    /// Every try, and every report of a provider, in order.
    steps: Vec<StepView>,
}

/// A try of a delivery, or a report of what became of it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "DeliveryStep")]
pub(crate) struct StepView {
    /// Counts from 1.
    number: i64,
    /// Of a try: `sent` or `failed`. Of a report: `delivered`, `opened`, `bounced` or `complained`.
    state: String,
    /// Why it failed.
    cause: Option<String>,
    /// When.
    at: Timestamp,
}

/// A delivery with whom it is for.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct DeliveryOf {
    /// Whom it is for.
    user_id: Uuid,
    /// The message.
    notification_id: Uuid,
    /// The message's type.
    #[serde(rename = "type")]
    kind: String,
    #[serde(flatten)]
    delivery: DeliveryView,
}

impl From<Step> for StepView {
    fn from(Step { number, state, cause, at }: Step) -> Self {
        Self { number, state, cause, at }
    }
}

/// A delivery with its steps.
pub(crate) async fn delivery_view(tx: &mut Tx, seen: &Seen) -> Result<DeliveryView> {
    let steps = deliveries::steps(tx, seen).await?.into_iter().map(Into::into).collect();
    let Seen { channel, state, attempts, cause, created_at, changed_at, .. } = seen.clone();
    Ok(DeliveryView { channel, state, attempts, cause, created_at, changed_at, steps })
}

/// A delivery as administrators see it.
pub(crate) async fn delivery_of(tx: &mut Tx, seen: Seen) -> Result<DeliveryOf> {
    let delivery = delivery_view(tx, &seen).await?;
    let Seen { owner, notification, kind, .. } = seen;
    Ok(DeliveryOf { user_id: owner, notification_id: notification, kind, delivery })
}

/// Which deliveries to list.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListDeliveries {
    /// The sending, or the rule, that they are of.
    #[garde(skip)]
    of: Uuid,
    /// Only those in this state.
    #[garde(skip)]
    state: Option<DeliveryState>,
    /// How many to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    limit: u32,
    /// The `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

/// How a delivery can stand.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum DeliveryState {
    /// To be sent.
    Queued,
    /// To be gathered.
    Held,
    /// The next server has it.
    Sent,
    /// It has arrived.
    Delivered,
    /// It was looked at.
    Opened,
    /// It came back.
    Bounced,
    /// It was called unwanted.
    Complained,
    /// It will not be sent, unless an operator has it tried again.
    Failed,
    /// It was taken back before it was sent.
    Cancelled,
}

impl DeliveryState {
    fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Held => "held",
            Self::Sent => "sent",
            Self::Delivered => "delivered",
            Self::Opened => "opened",
            Self::Bounced => "bounced",
            Self::Complained => "complained",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

pub(crate) async fn list_deliveries(
    cx: Cx<App>,
    Query(query): Query<ListDeliveries>,
) -> Result<Json<Page<DeliveryOf>>, NotificationError> {
    let after: Option<Place> = cx.open_cursor(query.cursor.as_deref())?;
    let (limit, state) = (query.limit, query.state.map(DeliveryState::name));
    let (found, items) = cx
        .read::<_, NotificationError, _>(async |tx: &mut Tx| {
            let found = deliveries::page(tx, query.of, state, after, limit + 1).await?;
            let mut items = Vec::with_capacity(found.len());
            for seen in found.iter().take(limit as usize) {
                items.push(delivery_of(tx, seen.clone()).await?);
            }
            Ok((found, items))
        })
        .await?;
    let more = found.len() > items.len();
    let next = found.into_iter().take(items.len()).next_back().filter(|_| more).map(|seen| {
        let Seen { owner, notification, channel, target, .. } = seen;
        cx.seal_cursor(&(owner, notification, channel, target))
    });
    Ok(Json(Page { items, next }))
}
