//! `GET /analytics/thoughts/stats`.

use garde::Validate;
use hanse_http::{Cx, Json, Query};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::http::overview::average;
use crate::period::Period;
use crate::series::{Bucket, buckets};
use crate::tally::Delta;
use crate::{AnalyticsError, App, hours, tags};

const TOP_TAGS: u32 = 20;
const USUAL_DAYS: i64 = 30;

/// Which days, and how they are grouped.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct StatsQuery {
    /// First day (UTC); 29 days before `to` when left out.
    #[garde(skip)]
    pub from: Option<Date>,
    /// Last day (UTC); today when left out.
    #[garde(skip)]
    pub to: Option<Date>,
    /// Group by day, week (from Monday) or month.
    #[serde(default)]
    #[garde(skip)]
    pub bucket: Bucket,
}

/// Thoughts over time.
#[derive(Debug, Serialize, JsonSchema)]
pub struct ThoughtStats {
    /// First day.
    pub from: Date,
    /// Last day.
    pub to: Date,
    /// How the series is grouped.
    pub bucket: Bucket,
    /// Sums over the period.
    pub totals: Totals,
    /// One entry per bucket, empty ones too.
    pub series: Vec<Point>,
    /// The tags with the most thoughts, over all time.
    pub tags: Vec<TagCount>,
    /// When these numbers were read.
    pub generated_at: Timestamp,
}

/// Sums over a period.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Totals {
    /// Thoughts written in it, later deleted ones too.
    pub written: i64,
    /// Thoughts written in it that exist.
    pub thoughts: i64,
    /// Their words.
    pub words: i64,
    /// Their characters.
    pub characters: i64,
    /// Words per thought.
    pub average_words: Option<f64>,
    /// Characters per thought.
    pub average_characters: Option<f64>,
    /// Changes made in it.
    pub edits: i64,
    /// Deletions made in it.
    pub deletions: i64,
}

/// One bucket of a series.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Point {
    /// First day of the bucket.
    pub start: Date,
    /// Thoughts written in it, later deleted ones too.
    pub written: i64,
    /// Thoughts written in it that exist.
    pub thoughts: i64,
    /// Their words.
    pub words: i64,
    /// Their characters.
    pub characters: i64,
    /// Changes made in it.
    pub edits: i64,
    /// Deletions made in it.
    pub deletions: i64,
}

/// How often a tag is used.
#[derive(Debug, Serialize, JsonSchema)]
pub struct TagCount {
    /// The tag.
    pub tag: String,
    /// Thoughts that carry it.
    pub thoughts: i64,
}

pub(crate) async fn get_thought_stats(
    cx: Cx<App>,
    Query(query): Query<StatsQuery>,
) -> Result<Json<ThoughtStats>, AnalyticsError> {
    let (owner, now) = (cx.user_id(), cx.now());
    let period = Period::asked(query.from, query.to, Day::of(now), USUAL_DAYS)?;
    let (hours, top) = cx
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            Ok((hours::between(tx, owner, period).await?, tags::top(tx, owner, TOP_TAGS).await?))
        })
        .await?;
    let sum = hours.iter().fold(Delta::default(), |sum, (_, delta)| sum.plus(*delta));
    Ok(Json(ThoughtStats {
        from: period.first.date(),
        to: period.last.date(),
        bucket: query.bucket,
        totals: totals(sum),
        series: buckets(period, &hours, query.bucket).into_iter().map(point).collect(),
        tags: top.into_iter().map(|(tag, thoughts)| TagCount { tag, thoughts }).collect(),
        generated_at: now,
    }))
}

fn totals(sum: Delta) -> Totals {
    Totals {
        written: sum.written,
        thoughts: sum.living,
        words: sum.words,
        characters: sum.characters,
        average_words: average(sum.words, sum.living),
        average_characters: average(sum.characters, sum.living),
        edits: sum.edits,
        deletions: sum.deletions,
    }
}

fn point((start, sum): (Day, Delta)) -> Point {
    Point {
        start: start.date(),
        written: sum.written,
        thoughts: sum.living,
        words: sum.words,
        characters: sum.characters,
        edits: sum.edits,
        deletions: sum.deletions,
    }
}
