//! `GET /analytics/platform`, for operators.

use std::collections::BTreeMap;

use garde::Validate;
use hanse_http::{Cx, Json, Query};
use hanse_store::{StoreError, Tx};
use jiff::Timestamp;
use jiff::civil::Date;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::calendar::Day;
use crate::http::overview::Recent;
use crate::period::Period;
use crate::series::{Bucket, buckets};
use crate::tally::PLATFORM;
use crate::{AnalyticsError, App, hours};

const USUAL_DAYS: i64 = 30;

/// Which days the series shows.
#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct PlatformQuery {
    /// First day (UTC); 29 days before `to` when left out.
    #[garde(skip)]
    pub from: Option<Date>,
    /// Last day (UTC); today when left out.
    #[garde(skip)]
    pub to: Option<Date>,
}

/// The platform's numbers. What erased accounts had added is not in them.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlatformStats {
    /// Accounts.
    pub users: UserNumbers,
    /// Thoughts that exist.
    pub thoughts: i64,
    /// Thoughts written in the last 7 days that exist.
    pub thoughts_last_7_days: i64,
    /// Events counted.
    pub events: i64,
    /// One entry per day.
    pub series: Vec<PlatformDay>,
    /// When these numbers were read.
    pub generated_at: Timestamp,
}

/// Accounts.
#[derive(Debug, Serialize, JsonSchema)]
pub struct UserNumbers {
    /// Those that exist.
    pub registered: i64,
    /// Those that were deleted.
    pub deleted: i64,
    /// Those that did something today.
    pub active_today: i64,
    /// In the last 7 days.
    pub active_last_7_days: i64,
    /// In the last 30 days.
    pub active_last_30_days: i64,
}

/// One day of the platform.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PlatformDay {
    /// The day.
    pub date: Date,
    /// Accounts made.
    pub registrations: i64,
    /// Accounts that did something.
    pub active_users: i64,
    /// Sign-ins.
    pub sign_ins: i64,
    /// Thoughts written.
    pub written: i64,
    /// Events.
    pub events: i64,
}

pub(crate) async fn get_platform_stats(
    cx: Cx<App>,
    Query(query): Query<PlatformQuery>,
) -> Result<Json<PlatformStats>, AnalyticsError> {
    let now = cx.now();
    let today = Day::of(now);
    let period = Period::asked(query.from, query.to, today, USUAL_DAYS)?;
    let stats = cx
        .scan::<_, StoreError, _>(async move |tx: &mut Tx| {
            let Recent { week, ever, .. } = Recent::read(tx, PLATFORM, today).await?;
            let users = UserNumbers {
                registered: ever.registrations,
                deleted: ever.departures,
                active_today: hours::active(tx, today).await?,
                active_last_7_days: hours::active(tx, today.minus(6)).await?,
                active_last_30_days: hours::active(tx, today.minus(29)).await?,
            };
            Ok(PlatformStats {
                users,
                thoughts: ever.living,
                thoughts_last_7_days: week.living,
                events: ever.events,
                series: series(tx, period).await?,
                generated_at: now,
            })
        })
        .await?;
    Ok(Json(stats))
}

async fn series(tx: &mut Tx, period: Period) -> Result<Vec<PlatformDay>, StoreError> {
    let hours = hours::between(tx, PLATFORM, period).await?;
    let active: BTreeMap<Day, i64> = hours::active_per_day(tx, period).await?.into_iter().collect();
    Ok(buckets(period, &hours, Bucket::Day)
        .into_iter()
        .map(|(day, sum)| PlatformDay {
            date: day.date(),
            registrations: sum.registrations,
            active_users: active.get(&day).copied().unwrap_or(0),
            sign_ins: sum.sign_ins,
            written: sum.written,
            events: sum.events,
        })
        .collect())
}
