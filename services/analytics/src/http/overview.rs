//! `GET /analytics/overview`.

use hanse_http::{Cx, Json};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use uuid::Uuid;

use crate::calendar::Day;
use crate::tally::Delta;
use crate::{AnalyticsError, App, activity, hours, tags};

/// Your numbers at a glance. Days are UTC days; the last 7 days are today and the six before.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Overview {
    /// Thoughts.
    pub thoughts: ThoughtNumbers,
    /// What you did.
    pub activity: ActivityNumbers,
    /// When these numbers were read.
    pub generated_at: Timestamp,
}

/// Thoughts by the day they were written.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ThoughtNumbers {
    /// Those that exist.
    pub total: i64,
    /// Of these, written today.
    pub today: i64,
    /// Written in the last 7 days.
    pub last_7_days: i64,
    /// Written in the last 30 days.
    pub last_30_days: i64,
    /// All that were ever written, deleted ones too.
    pub written: i64,
    /// Words in those that exist.
    pub words: i64,
    /// Characters in those that exist.
    pub characters: i64,
    /// Words per thought.
    pub average_words: Option<f64>,
    /// Different tags in use.
    pub tags: i64,
}

/// What an account did, by the day it happened.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ActivityNumbers {
    /// Things done today.
    pub today: i64,
    /// In the last 7 days.
    pub last_7_days: i64,
    /// In the last 30 days.
    pub last_30_days: i64,
    /// Changes of thoughts, ever.
    pub edits: i64,
    /// Deletions of thoughts, ever.
    pub deletions: i64,
    /// Sign-ins, ever.
    pub sign_ins: i64,
    /// When you did something last.
    pub last_active_at: Option<Timestamp>,
}

/// Counts of today, the last 7 and 30 days, and of all time.
pub(crate) struct Recent {
    pub(crate) today: Delta,
    pub(crate) week: Delta,
    pub(crate) month: Delta,
    pub(crate) ever: Delta,
}

impl Recent {
    pub(crate) async fn read(tx: &mut Tx, owner: Uuid, today: Day) -> Result<Self, StoreError> {
        Ok(Self {
            today: hours::since(tx, owner, Some(today)).await?,
            week: hours::since(tx, owner, Some(today.minus(6))).await?,
            month: hours::since(tx, owner, Some(today.minus(29))).await?,
            ever: hours::since(tx, owner, None).await?,
        })
    }
}

/// A mean, or nothing of nothing.
pub(crate) fn average(sum: i64, count: i64) -> Option<f64> {
    (count > 0).then(|| (sum as f64 / count as f64 * 100.0).round() / 100.0)
}

pub(crate) async fn get_overview(cx: Cx<App>) -> Result<Json<Overview>, AnalyticsError> {
    let (owner, now) = (cx.user_id(), cx.now());
    let (recent, tags, last) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let recent = Recent::read(tx, owner, Day::of(now)).await?;
            Ok((recent, tags::count(tx, owner).await?, activity::last(tx, owner).await?))
        })
        .await?;
    let Recent { today, week, month, ever } = recent;
    Ok(Json(Overview {
        thoughts: ThoughtNumbers {
            total: ever.living,
            today: today.living,
            last_7_days: week.living,
            last_30_days: month.living,
            written: ever.written,
            words: ever.words,
            characters: ever.characters,
            average_words: average(ever.words, ever.living),
            tags,
        },
        activity: ActivityNumbers {
            today: today.events,
            last_7_days: week.events,
            last_30_days: month.events,
            edits: ever.edits,
            deletions: ever.deletions,
            sign_ins: ever.sign_ins,
            last_active_at: last,
        },
        generated_at: now,
    }))
}
