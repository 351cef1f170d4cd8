//! `GET /analytics/productivity`.

use garde::Validate;
use hanse_http::{Cx, Json, Query};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::period::Period;
use crate::series::{Bucket, buckets, busiest, habits, streaks};
use crate::tally::Delta;
use crate::{AnalyticsError, App, hours};

const USUAL_DAYS: i64 = 365;
const WEEKDAYS: [&str; 7] =
    ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

/// Which days.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ProductivityQuery {
    /// First day (UTC); 364 days before `to` when left out.
    #[garde(skip)]
    pub from: Option<Date>,
    /// Last day (UTC); today when left out.
    #[garde(skip)]
    pub to: Option<Date>,
}

/// Streaks and habits in a period, by when thoughts were written; deleting one changes nothing here.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Productivity {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// Days in a row with a thought, up to today or yesterday.
    pub current_streak_days: i64,
    /// The longest run of days with a thought.
    pub longest_streak_days: i64,
    /// Days with a thought.
    pub active_days: i64,
    /// The weekday on which most thoughts were written.
    pub busiest_weekday: Option<String>,
    /// The hour of the day (UTC) in which most thoughts were written.
    pub busiest_hour: Option<u8>,
    /// Thoughts by weekday, Monday first.
    pub weekdays: Vec<i64>,
    /// Thoughts by hour of the day (UTC).
    pub hours: Vec<i64>,
    /// One entry per day.
    pub series: Vec<ProductiveDay>,
    /// When these numbers were read.
    pub generated_at: Timestamp,
}

/// One day.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ProductiveDay {
    /// The day.
    pub date: Date,
    /// Thoughts written.
    pub written: i64,
    /// Words in those of them that exist.
    pub words: i64,
    /// Changes made.
    pub edits: i64,
    /// Things done.
    pub activity: i64,
}

pub(crate) async fn get_productivity(
    cx: Cx<App>,
    Query(query): Query<ProductivityQuery>,
) -> Result<Json<Productivity>, AnalyticsError> {
    let (owner, now) = (cx.user_id(), cx.now());
    let today = Day::of(now);
    let period = Period::asked(query.from, query.to, today, USUAL_DAYS)?;
    let hours = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| hours::between(tx, owner, period).await)
        .await?;
    let days = buckets(period, &hours, Bucket::Day);
    let streaks = streaks(&days, today);
    let habits = habits(&hours);
    Ok(Json(Productivity {
        from: period.first.date(),
        to: period.last.date(),
        current_streak_days: streaks.current,
        longest_streak_days: streaks.longest,
        active_days: streaks.days,
        busiest_weekday: busiest(&habits.weekdays)
            .and_then(|index| WEEKDAYS.get(index))
            .map(|name| (*name).to_owned()),
        busiest_hour: busiest(&habits.hours).and_then(|hour| u8::try_from(hour).ok()),
        weekdays: habits.weekdays.to_vec(),
        hours: habits.hours.to_vec(),
        series: days.into_iter().map(productive_day).collect(),
        generated_at: now,
    }))
}

fn productive_day((day, sum): (Day, Delta)) -> ProductiveDay {
    ProductiveDay {
        date: day.date(),
        written: sum.written,
        words: sum.words,
        edits: sum.edits,
        activity: sum.events,
    }
}
