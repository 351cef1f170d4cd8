//! Rules that turn events into messages.

use garde::Validate;
use hanse_events::Recorded;
use hanse_http::{
    Answered, Body, Created, Cx, Json, NoContent, Page, Path, Query, Tagged, default_limit,
};
use hanse_store::Tx;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

use crate::error::NotificationError;
use crate::firing::{self, recipients};
use crate::rule::{Rule, RuleError};
use crate::rules::{self, Stored};
use crate::template::{Note, Page as Letter};
use crate::{App, deliveries};

/// Rules of a platform.
const MOST: i64 = 500;

/// A rule, and how it does.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "StoredNotificationRule")]
pub(crate) struct RuleView {
    /// Its id.
    id: Uuid,
    #[serde(flatten)]
    rule: Rule,
    /// Who wrote it.
    author: Uuid,
    /// Events that it made messages of.
    fired: i64,
    /// Messages that were one too many for somebody.
    throttled: i64,
    /// Events that it could make nothing of.
    failed: i64,
    /// Why it failed last, since it was last changed.
    cause: Option<String>,
    /// When it last made messages.
    fired_at: Option<Timestamp>,
    /// Since when it counts: events from before are none of its business.
    enabled_at: Timestamp,
    /// When it was made.
    created_at: Timestamp,
    /// When it was last changed.
    updated_at: Timestamp,
}

impl From<Stored> for RuleView {
    fn from(stored: Stored) -> Self {
        Self {
            id: stored.id,
            rule: stored.rule,
            author: stored.author,
            fired: stored.fired,
            throttled: stored.throttled,
            failed: stored.failed,
            cause: stored.cause,
            fired_at: stored.fired_at,
            enabled_at: stored.enabled_at,
            created_at: stored.created_at,
            updated_at: stored.updated_at,
        }
    }
}

/// A rule with its deliveries.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct RuleStory {
    #[serde(flatten)]
    rule: RuleView,
    /// What became of its messages, by channel and state. Those that went to more than twenty people at
    /// once are sendings of their own.
    deliveries: BTreeMap<String, BTreeMap<String, i64>>,
}

/// Which rules to list.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListRules {
    /// How many to return, at most 200.
    #[serde(default = "default_limit")]
    #[garde(range(min = 1, max = 200))]
    limit: u32,
    /// The `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

pub(crate) async fn list_rules(
    cx: Cx<App>,
    Query(query): Query<ListRules>,
) -> Result<Json<Page<RuleView>>, NotificationError> {
    let after: Option<Uuid> = cx.open_cursor(query.cursor.as_deref())?;
    let limit = query.limit;
    let mut found = cx
        .read::<_, NotificationError, _>(async |tx: &mut Tx| {
            Ok(rules::page(tx, after.unwrap_or_default(), limit + 1).await?)
        })
        .await?;
    let more = found.len() > limit as usize;
    found.truncate(limit as usize);
    let next = found.last().filter(|_| more).map(|last| cx.seal_cursor(&last.id));
    Ok(Json(Page { items: found.into_iter().map(Into::into).collect(), next }))
}

pub(crate) async fn create_rule(
    cx: Cx<App>,
    Body(rule): Body<Rule>,
) -> Result<Answered<Created<RuleView>>, NotificationError> {
    let (author, app) = (cx.user_id(), std::sync::Arc::clone(&cx.app));
    rule.check(&firing::event_types())?;
    let answer = cx
        .write::<_, NotificationError, _>(async move |tx: &mut Tx| {
            if rules::count(tx).await? >= MOST {
                return Err(RuleError(format!("there are {MOST} already")).into());
            }
            app.desk.template(tx, &rule.kind, &app.desk.config.locale).await?;
            let now = tx.now();
            let stored = Stored {
                id: tx.new_id(),
                rule,
                version: 1,
                author,
                fired: 0,
                throttled: 0,
                failed: 0,
                cause: None,
                fired_at: None,
                enabled_at: now,
                created_at: now,
                updated_at: now,
            };
            rules::insert(tx, &stored).await?;
            let location = format!("/api/v1/notifications/rules/{}", stored.id);
            Ok(Created { location, version: 1, value: stored.into() })
        })
        .await;
    cx.app.followed.forget();
    answer
}

pub(crate) async fn get_rule(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Tagged<RuleStory>, NotificationError> {
    cx.read(async |tx: &mut Tx| {
        let stored = rules::find(tx, id).await?.ok_or(NotificationError::NoRule)?;
        let deliveries = deliveries::by_channel(tx, id).await?;
        let version = stored.version;
        Ok(Tagged { version, value: RuleStory { rule: stored.into(), deliveries } })
    })
    .await
}

pub(crate) async fn replace_rule(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
    Body(rule): Body<Rule>,
) -> Result<Answered<Tagged<RuleView>>, NotificationError> {
    let (if_match, desk) = (cx.if_match(), cx.app.desk.clone());
    rule.check(&firing::event_types())?;
    let answer = cx
        .write::<_, NotificationError, _>(async move |tx: &mut Tx| {
            let mut stored = rules::find(tx, id).await?.ok_or(NotificationError::NoRule)?;
            if_match.check(stored.version)?;
            desk.template(tx, &rule.kind, &desk.config.locale).await?;
            // One that is switched on, or follows something else, begins now.
            if (rule.enabled, &rule.event) != (stored.rule.enabled, &stored.rule.event) {
                stored.enabled_at = tx.now();
            }
            stored.rule = rule;
            stored.version += 1;
            stored.updated_at = tx.now();
            stored.cause = None;
            rules::save(tx, &stored).await?;
            Ok(Tagged { version: stored.version, value: stored.into() })
        })
        .await;
    cx.app.followed.forget();
    answer
}

pub(crate) async fn delete_rule(
    cx: Cx<App>,
    Path(id): Path<Uuid>,
) -> Result<Answered<NoContent>, NotificationError> {
    let if_match = cx.if_match();
    let answer = cx
        .write(async move |tx: &mut Tx| {
            let stored = rules::find(tx, id).await?.ok_or(NotificationError::NoRule)?;
            if_match.check(stored.version)?;
            rules::delete(tx, id).await?;
            Ok(NoContent)
        })
        .await;
    cx.app.followed.forget();
    answer
}

/// A rule, and an event that it is tried with.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = test_example())]
pub(crate) struct TryRule {
    /// The rule.
    #[garde(dive)]
    rule: Rule,
    /// The event's data.
    #[garde(skip)]
    data: Map<String, Value>,
    /// Whom the event is about.
    #[garde(skip)]
    owner: Option<Uuid>,
}

/// What a rule makes of an event.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct Tried {
    /// Is its condition met?
    matches: bool,
    /// Why it would fail.
    cause: Option<String>,
    /// Who would be told, at most a hundred of them.
    recipients: Vec<Uuid>,
    /// How many would be.
    people: usize,
    /// What lists, telephones and browsers would show.
    note: Option<Note>,
    /// What a letter would say.
    letter: Option<Letter>,
}

pub(crate) async fn test_rule(
    cx: Cx<App>,
    Body(tried): Body<TryRule>,
) -> Result<Json<Tried>, NotificationError> {
    let desk = cx.app.desk.clone();
    tried.rule.check(&firing::event_types())?;
    let record = Recorded {
        seq: 0,
        id: Uuid::nil(),
        kind: tried.rule.event.clone(),
        version: 1,
        subject: "sample/1".into(),
        subject_version: 1,
        owner: tried.owner,
        actor: tried.owner,
        trace: None,
        time: cx.now(),
        data: Some(Value::Object(tried.data).to_string()),
    };
    let mut answer = Tried {
        matches: false,
        cause: None,
        recipients: Vec::new(),
        people: 0,
        note: None,
        letter: None,
    };
    let made = match tried.rule.apply(&record) {
        Ok(None) => return Ok(Json(answer)),
        Err(error) => {
            answer.cause = Some(error.to_string());
            return Ok(Json(answer));
        }
        Ok(Some(made)) => made,
    };
    answer.matches = true;
    cx.read(async move |tx: &mut Tx| {
        let people = recipients(tx, &tried.rule.recipient, &record, &made).await?;
        let template = desk.template(tx, &tried.rule.kind, &desk.config.locale).await?;
        let mut values = made.values;
        values.entry("name".into()).or_insert_with(|| "Anna".into());
        match (template.note(&values), template.page(&values, &[])) {
            (Ok(note), Ok(letter)) => (answer.note, answer.letter) = (Some(note), Some(letter)),
            (Err(error), _) | (_, Err(error)) => answer.cause = Some(error.to_string()),
        }
        answer.people = people.len();
        answer.recipients = people.into_iter().take(100).map(|person| person.id).collect();
        Ok(Json(answer))
    })
    .await
}

impl From<RuleError> for NotificationError {
    fn from(error: RuleError) -> Self {
        Self::Rule(error.to_string())
    }
}

fn test_example() -> Value {
    json!({
        "rule": {
            "name": "Alarms", "event": "thoughts.ThoughtDeleted", "recipient": "owner",
            "type": "notifications.announcement",
            "values": { "title": "'A thought is gone'", "text": "subject" },
        },
        "data": { "thought_id": "01953a5c-0c2a-7d3e-8f00-000000000003" },
        "owner": "01953a5c-0c2a-7d3e-8f00-000000000001",
    })
}
