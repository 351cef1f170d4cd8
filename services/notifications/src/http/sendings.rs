//! Telling people something.

use std::collections::BTreeMap;

use garde::Validate;
use hanse_contracts::messages::{self, Message};
use hanse_http::{Answered, Body, Created, Cx, Json, Path};
use hanse_store::Tx;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use super::deliveries::{DeliveryOf, delivery_of};
use crate::desk::{DeskError, values};
use crate::error::NotificationError;
use crate::people::{self, Person};
use crate::sendings::{self, Audience, Repeat, Sending};
use crate::{App, checks, deliveries};

/// People who are told before the answer comes.
const AT_ONCE: usize = 20;
const ANNOUNCEMENT: &str = "notifications.announcement";

/// Something to tell.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = example())]
pub(crate) struct NewNotification {
    /// The accounts of those who are told.
    #[serde(default)]
    #[garde(length(max = 10_000))]
    users: Vec<Uuid>,
    /// Tell everybody instead.
    #[serde(default)]
    #[garde(skip)]
    everybody: bool,
    /// The type: an announcement, when not given.
    #[serde(rename = "type", default = "announcement")]
    #[garde(length(min = 3, max = 100), custom(checks::type_name))]
    kind: String,
    /// What it is about: the value `title`.
    #[garde(inner(length(bytes, min = 1, max = 300)))]
    title: Option<String>,
    /// What it says: the value `text`.
    #[garde(inner(length(bytes, min = 1, max = 16_384)))]
    text: Option<String>,
    /// Where it leads: the value `link`.
    #[garde(inner(length(max = 2_000), custom(checks::link)))]
    link: Option<String>,
    /// More values of the type's template.
    #[serde(default)]
    #[garde(length(max = 50), custom(checks::values))]
    values: BTreeMap<String, String>,
    /// The only ways it may go; as people prefer, when empty.
    #[serde(default)]
    #[garde(length(max = 4))]
    channels: Vec<messages::Channel>,
    /// People must know of it: preferences, quiet hours and digests do not hold it back.
    #[serde(default)]
    #[garde(skip)]
    essential: bool,
    /// Not before this time.
    #[garde(skip)]
    at: Option<Timestamp>,
    /// Again and again.
    #[garde(skip)]
    repeat: Option<Repeat>,
    /// Pointless after this time.
    #[garde(skip)]
    expires_at: Option<Timestamp>,
}

fn announcement() -> String {
    ANNOUNCEMENT.into()
}

/// How far a sending has come.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Sending")]
pub(crate) struct SendingView {
    /// Its id.
    id: Uuid,
    /// Who asked for it.
    author: Uuid,
    /// `waiting` for its time, `running`, `done` or `cancelled`.
    state: String,
    /// How many people it is for; those who are there now, when it is for everybody.
    people: i64,
    /// How many were told, over all rounds.
    told: i64,
    /// How often it was sent from the begin to the end.
    rounds: i64,
    /// When it was to be sent first.
    at: Timestamp,
    /// Deliveries by channel and state.
    deliveries: BTreeMap<String, BTreeMap<String, i64>>,
    /// The latest failures.
    failures: Vec<DeliveryOf>,
    /// When it was asked for.
    created_at: Timestamp,
}

pub(crate) async fn send_notification(
    cx: Cx<App>,
    Body(new): Body<NewNotification>,
) -> Result<Answered<Created<SendingView>>, NotificationError> {
    let (author, desk) = (cx.user_id(), cx.app.desk.clone());
    let audience = audience(&new)?;
    check_times(&new, cx.now())?;
    cx.write(async move |tx: &mut Tx| {
        if let Audience::People(ids) = &audience {
            for id in ids {
                let known = people::find(tx, *id).await?.is_some();
                known.then_some(()).ok_or(NotificationError::UnknownPerson(*id))?;
            }
        }
        let now = tx.now();
        let sending = Sending {
            id: tx.new_id(),
            author,
            message: message(tx.new_id(), &new),
            state: "waiting".into(),
            run_at: new.at.unwrap_or(now),
            repeat: new.repeat,
            round: 0,
            place: Uuid::nil(),
            told: 0,
            created_at: now,
            audience,
        };
        // What cannot be rendered for anybody is refused now.
        let somebody = Person { id: author, email: String::new(), name: "Anna".into() };
        let kind = &sending.message.template;
        let template = desk.template(tx, kind, &desk.config.locale).await?;
        let note = template.note(&values(&sending.message, &somebody));
        note.map_err(|error| NotificationError::Template(error.to_string()))?;
        sendings::insert(tx, &sending).await?;
        let few = matches!(&sending.audience, Audience::People(ids) if ids.len() <= AT_ONCE);
        if few && new.at.is_none() && sending.repeat.is_none() {
            sendings::piece(tx, &desk, sending.clone()).await?;
        } else {
            sendings::start(tx, &sending).await?;
        }
        let location = format!("/api/v1/notifications/sendings/{}", sending.id);
        let value = view(tx, sending.id).await?;
        Ok(Created { location, version: 1, value })
    })
    .await
}

fn audience(new: &NewNotification) -> Result<Audience, NotificationError> {
    match (new.everybody, new.users.is_empty()) {
        (true, true) => Ok(Audience::Everybody),
        (false, false) => {
            let mut ids = new.users.clone();
            ids.sort();
            ids.dedup();
            Ok(Audience::People(ids))
        }
        _ => Err(NotificationError::Schedule("say either users or everybody")),
    }
}

fn check_times(new: &NewNotification, now: Timestamp) -> Result<(), NotificationError> {
    let far = now.saturating_add(jiff::SignedDuration::from_hours(24 * 3660)).unwrap_or(now);
    let times = [new.at, new.expires_at, new.repeat.as_ref().and_then(|repeat| repeat.until)];
    if times.into_iter().flatten().any(|time| time > far || time < Timestamp::UNIX_EPOCH) {
        return Err(NotificationError::Schedule("a time is more than ten years away"));
    }
    if let (Some(repeat), Some(_)) = (&new.repeat, new.expires_at) {
        let _ = repeat;
        return Err(NotificationError::Schedule(
            "what repeats does not expire; say until when it repeats",
        ));
    }
    if let Some(zone) = new.repeat.as_ref().and_then(|repeat| repeat.zone.clone()) {
        let zone = Some(zone);
        crate::preferences::Preferences { zone, ..Default::default() }.check()?;
    }
    Ok(())
}

fn message(id: Uuid, new: &NewNotification) -> Message {
    let mut values = new.values.clone();
    for (name, value) in [("title", &new.title), ("text", &new.text), ("link", &new.link)] {
        if let Some(value) = value {
            values.insert(name.to_owned(), value.clone());
        }
    }
    Message {
        id,
        template: new.kind.clone(),
        channels: new.channels.clone(),
        essential: new.essential,
        email: None,
        phone: None,
        values,
        sealed: None,
        expires_at: new.expires_at,
    }
}

async fn view(tx: &mut Tx, id: Uuid) -> Result<SendingView, NotificationError> {
    let sending = sendings::find(tx, id).await?.ok_or(NotificationError::NoSending)?;
    let people = match &sending.audience {
        Audience::Everybody => people::count(tx).await?,
        Audience::People(ids) => i64::try_from(ids.len()).unwrap_or(i64::MAX),
    };
    let by_channel = deliveries::by_channel(tx, id).await?;
    let mut failures = Vec::new();
    for seen in deliveries::failures(tx, id).await? {
        failures.push(delivery_of(tx, seen).await?);
    }
    Ok(SendingView {
        id,
        author: sending.author,
        state: sending.state,
        people,
        told: sending.told,
        rounds: sending.round,
        at: sending.run_at,
        deliveries: by_channel,
        failures,
        created_at: sending.created_at,
    })
}

pub(crate) async fn get_sending(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Json<SendingView>, NotificationError> {
    cx.read(async |tx: &mut Tx| view(tx, id).await.map(Json)).await
}

pub(crate) async fn cancel_sending(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Answered<Json<SendingView>>, NotificationError> {
    cx.write(async move |tx: &mut Tx| {
        let sending = sendings::find(tx, id).await?.ok_or(NotificationError::NoSending)?;
        sendings::stop(tx, sending).await?;
        view(tx, id).await.map(Json)
    })
    .await
}

impl From<DeskError> for NotificationError {
    fn from(error: DeskError) -> Self {
        match error {
            DeskError::NoTemplate(kind) => Self::UnknownTemplate(kind),
            DeskError::Template(_, error) => Self::Template(error.to_string()),
            DeskError::Store(error) => Self::Store(error),
        }
    }
}

fn example() -> Value {
    json!({
        "everybody": true, "title": "The harbour is closed", "text": "From Monday to Wednesday.",
        "link": "https://hanse.example/harbour", "at": "2026-11-22T08:00:00Z",
    })
}
