//! A person's own list.

use garde::Validate;
use hanse_http::{Answered, Body, Cx, Json, NoContent, Page, Path, Query, Tagged, default_limit};
use hanse_store::Tx;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::deliveries::{DeliveryView, delivery_view};
use crate::error::NotificationError;
use crate::list::{self, Place, Wanted};
use crate::notification::{Notification, State};
use crate::{App, deliveries};

/// A notification.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Notification", example = example())]
pub(crate) struct NotificationView {
    /// Its id.
    pub(crate) id: Uuid,
    /// Its type, which preferences go by.
    #[serde(rename = "type")]
    pub(crate) kind: String,
    /// What it is about.
    pub(crate) title: String,
    /// What it says.
    pub(crate) body: String,
    /// Where it leads.
    pub(crate) link: Option<String>,
    /// How far it has come, on all devices.
    pub(crate) state: State,
    /// Is it still to be read?
    pub(crate) unread: bool,
    /// When it came.
    pub(crate) created_at: Timestamp,
}

impl From<Notification> for NotificationView {
    fn from(it: Notification) -> Self {
        Self {
            id: it.id,
            kind: it.kind,
            title: it.title,
            body: it.body,
            link: it.link,
            state: it.state,
            unread: it.state.is_unread(),
            created_at: it.created_at,
        }
    }
}

/// A notification with its story.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct NotificationStory {
    #[serde(flatten)]
    notification: NotificationView,
    /// The event or the sending that it answers.
    cause: Option<String>,
    /// Other ways that it went.
    deliveries: Vec<DeliveryView>,
}

/// Which notifications to list.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListNotifications {
    /// Only those that are unread, or only those that are not.
    #[garde(skip)]
    unread: Option<bool>,
    /// Only those of this type.
    #[serde(rename = "type")]
    #[garde(length(max = 100))]
    kind: Option<String>,
    /// How many to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    limit: u32,
    /// The `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

pub(crate) async fn list_notifications(
    cx: Cx<App>,
    Query(query): Query<ListNotifications>,
) -> Result<Json<Page<NotificationView>>, NotificationError> {
    let owner = cx.user_id();
    let wanted = Wanted { unread: query.unread, kind: query.kind };
    let after: Option<Place> = cx.open_cursor(query.cursor.as_deref())?;
    let limit = query.limit;
    let mut found = cx
        .read::<_, NotificationError, _>(async |tx: &mut Tx| {
            Ok(list::newest(tx, owner, &wanted, after, limit + 1).await?)
        })
        .await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let last = found.last().filter(|_| more).map(|it| (it.created_at.as_microsecond(), it.id));
    let next = last.map(|place| cx.seal_cursor(&place));
    Ok(Json(Page { items: found.into_iter().map(Into::into).collect(), next }))
}

/// How many are unread.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Unread {
    /// How many.
    unread: i64,
}

pub(crate) async fn count_unread(cx: Cx<App>) -> Result<Json<Unread>, NotificationError> {
    let owner = cx.user_id();
    cx.read(async |tx: &mut Tx| Ok(Json(Unread { unread: list::unread(tx, owner).await? }))).await
}

/// How many were marked.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Marked {
    /// How many.
    marked: u64,
}

pub(crate) async fn read_all_notifications(
    cx: Cx<App>,
) -> Result<Answered<Json<Marked>>, NotificationError> {
    let owner = cx.user_id();
    cx.write(async move |tx: &mut Tx| Ok(Json(Marked { marked: list::read_all(tx, owner).await? })))
        .await
}

pub(crate) async fn get_notification(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Tagged<NotificationStory>, NotificationError> {
    let owner = cx.user_id();
    cx.read(async |tx: &mut Tx| {
        let found = list::find(tx, owner, id).await?.filter(|it| !it.state.is_hidden());
        let found = found.ok_or(NotificationError::NotFound)?;
        let mut deliveries = Vec::new();
        for seen in deliveries::of(tx, owner, id).await? {
            deliveries.push(delivery_view(tx, &seen).await?);
        }
        let (version, cause) = (found.seq, found.cause.clone());
        let value = NotificationStory { notification: found.into(), cause, deliveries };
        Ok(Tagged { version, value })
    })
    .await
}

pub(crate) async fn dismiss_notification(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, NotificationError> {
    let (owner, if_match) = (cx.user_id(), cx.if_match());
    cx.write(async move |tx: &mut Tx| {
        let found = list::find(tx, owner, id).await?.ok_or(NotificationError::NotFound)?;
        if_match.check(found.seq)?;
        if let Some(mut changed) = found.turned(State::Dismissed)? {
            list::save(tx, &mut changed).await?;
        }
        Ok(NoContent)
    })
    .await
}

/// How far a notification has come.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = json!({ "state": "seen" }))]
pub(crate) struct NotificationProgress {
    /// How far. `seen` makes one that was read unread again.
    #[serde(default)]
    #[garde(skip)]
    state: Step,
}

/// What a device may say of a notification.
#[derive(Clone, Copy, Debug, Default, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
enum Step {
    /// A device has it.
    Delivered,
    /// It was on a screen.
    Seen,
    /// It was read.
    #[default]
    Read,
}

pub(crate) async fn read_notification(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Answered<Tagged<NotificationView>>, NotificationError> {
    turn(cx, id, State::Read).await
}

pub(crate) async fn update_notification(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
    Body(progress): Body<NotificationProgress>,
) -> Result<Answered<Tagged<NotificationView>>, NotificationError> {
    let state = match progress.state {
        Step::Delivered => State::Delivered,
        Step::Seen => State::Seen,
        Step::Read => State::Read,
    };
    turn(cx, id, state).await
}

async fn turn(
    cx: Cx<App>,
    id: Uuid,
    state: State,
) -> Result<Answered<Tagged<NotificationView>>, NotificationError> {
    let owner = cx.user_id();
    cx.write(async move |tx: &mut Tx| {
        let mut found = list::find(tx, owner, id).await?.ok_or(NotificationError::NotFound)?;
        if let Some(changed) = found.clone().turned(state)? {
            found = changed;
            list::save(tx, &mut found).await?;
        }
        Ok(Tagged { version: found.seq, value: found.into() })
    })
    .await
}

fn example() -> Value {
    json!({
        "id": "019a6c1e-5d2a-7c3e-9b1a-0f4f6f7c2a11", "type": "notifications.announcement",
        "title": "The harbour is closed", "body": "From Monday to Wednesday.", "link": null,
        "state": "sent", "unread": true, "created_at": "2026-11-21T09:00:00Z",
    })
}
