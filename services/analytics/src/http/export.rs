//! `GET /analytics/export`.

use garde::Validate;
use hanse_http::{Cx, Download, Query, full};
use hanse_store::{StoreError, Tx};
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::calendar::Day;
use crate::csv::{Cell, Csv};
use crate::period::Period;
use crate::retention::horizon;
use crate::series::{Bucket, buckets};
use crate::{AnalyticsError, App, activity, hours, tags};

const USUAL_DAYS: i64 = 365;
/// Rows of a file of tags or log entries: bounds the memory that one request takes.
const MOST_ROWS: u32 = 50_000;

/// The kinds of files.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    /// Comma-separated values.
    #[default]
    Csv,
}

/// What to export.
#[derive(Clone, Copy, Debug, Default, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Thoughts, words, characters, edits, deletions, sign-ins and activity per day.
    #[default]
    Thoughts,
    /// Thoughts per tag, over all time; at most 50,000 tags.
    Tags,
    /// The activity log; the newest 50,000 entries. `from` and `to` do not apply.
    Activity,
}

/// What to export, and for which days.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct ExportQuery {
    /// The kind of file.
    #[serde(default)]
    #[garde(skip)]
    pub format: Format,
    /// What to export.
    #[serde(default)]
    #[garde(skip)]
    pub metric: Measure,
    /// First day (UTC); 364 days before `to` when left out.
    #[garde(skip)]
    pub from: Option<Date>,
    /// Last day (UTC); today when left out.
    #[garde(skip)]
    pub to: Option<Date>,
}

pub(crate) async fn export_analytics(
    cx: Cx<App>,
    Query(query): Query<ExportQuery>,
) -> Result<Download, AnalyticsError> {
    let (owner, now) = (cx.user_id(), cx.now());
    let period = Period::asked(query.from, query.to, Day::of(now), USUAL_DAYS)?;
    let since = horizon(now, cx.app.config.log_days);
    let text = cx
        .scan::<_, StoreError, _>(async move |tx: &mut Tx| match query.metric {
            Measure::Thoughts => thoughts(tx, owner, period).await,
            Measure::Tags => tag_counts(tx, owner).await,
            Measure::Activity => log(tx, owner, since).await,
        })
        .await?;
    cx.app.exports.inc();
    let Format::Csv = query.format;
    Ok(Download {
        content_type: "text/csv; charset=utf-8; header=present",
        file_name: match query.metric {
            Measure::Thoughts => "thoughts.csv",
            Measure::Tags => "tags.csv",
            Measure::Activity => "activity.csv",
        },
        body: full(text),
    })
}

async fn thoughts(tx: &mut Tx, owner: Uuid, period: Period) -> Result<String, StoreError> {
    let hours = hours::between(tx, owner, period).await?;
    let mut csv = Csv::new(&[
        "day",
        "written",
        "thoughts",
        "words",
        "characters",
        "edits",
        "deletions",
        "sign_ins",
        "activity",
    ]);
    for (day, sum) in buckets(period, &hours, Bucket::Day) {
        csv.row(&[
            Cell::Text(&day.date().to_string()),
            Cell::Number(sum.written),
            Cell::Number(sum.living),
            Cell::Number(sum.words),
            Cell::Number(sum.characters),
            Cell::Number(sum.edits),
            Cell::Number(sum.deletions),
            Cell::Number(sum.sign_ins),
            Cell::Number(sum.events),
        ]);
    }
    Ok(csv.finish())
}

async fn tag_counts(tx: &mut Tx, owner: Uuid) -> Result<String, StoreError> {
    let mut csv = Csv::new(&["tag", "thoughts"]);
    for (tag, thoughts) in tags::top(tx, owner, MOST_ROWS).await? {
        csv.row(&[Cell::Text(&tag), Cell::Number(thoughts)]);
    }
    Ok(csv.finish())
}

async fn log(tx: &mut Tx, owner: Uuid, since: jiff::Timestamp) -> Result<String, StoreError> {
    let mut csv = Csv::new(&["at", "type", "subject"]);
    for entry in activity::page(tx, owner, None, since, MOST_ROWS).await? {
        let at = entry.at.to_string();
        csv.row(&[Cell::Text(&at), Cell::Text(&entry.r#type), Cell::Text(&entry.subject)]);
    }
    Ok(csv.finish())
}
