//! Reading the hourly counts.

use hanse_store::{Result, Row, Tx, params};
use uuid::Uuid;

use crate::calendar::{Day, Hour};
use crate::period::Period;
use crate::tally::{Delta, PLATFORM};

macro_rules! columns {
    ($before:literal, $after:literal) => {
        concat!(
            $before,
            "written",
            $after,
            $before,
            "living",
            $after,
            $before,
            "words",
            $after,
            $before,
            "characters",
            $after,
            $before,
            "edits",
            $after,
            $before,
            "deletions",
            $after,
            $before,
            "sign_ins",
            $after,
            $before,
            "registrations",
            $after,
            $before,
            "departures",
            $after,
            $before,
            "events",
            $after
        )
    };
}
const SINCE: &str = concat!(
    "SELECT ",
    columns!("CAST(coalesce(sum(", "), 0) AS BIGINT), "),
    "count(*) AS hours FROM hours WHERE owner = $1 AND hour >= $2"
);
const BETWEEN: &str = concat!(
    "SELECT ",
    columns!("", ", "),
    "hour FROM hours WHERE owner = $1 AND hour >= $2 AND hour < $3 ORDER BY hour"
);
const ACTIVE: &str = "SELECT count(DISTINCT owner) AS users FROM hours
    WHERE hour >= $1 AND events > 0 AND owner <> $2";
// Nobody was active before 1970, so cutting the division off is rounding down.
const ACTIVE_PER_DAY: &str = "SELECT day, count(*) AS users FROM (
        SELECT DISTINCT hour / 24 AS day, owner FROM hours
        WHERE hour >= $1 AND hour < $2 AND hour >= 0 AND events > 0 AND owner <> $3
    ) AS seen GROUP BY day";

/// The account's counts from `first` on. Without an upper end, so that what a clock that was ahead
/// has put into the future is not lost.
pub(crate) async fn since(tx: &mut Tx, owner: Uuid, first: Option<Day>) -> Result<Delta> {
    let from = first.map_or(i64::MIN, |day| day.start().0);
    counts(&tx.one(SINCE, params![owner, from]).await?)
}

/// The account's counts hour by hour; hours in which nothing happened are left out.
pub(crate) async fn between(
    tx: &mut Tx,
    owner: Uuid,
    period: Period,
) -> Result<Vec<(Hour, Delta)>> {
    let (from, to) = (period.first.start().0, period.last.next().start().0);
    let rows = tx.all(BETWEEN, params![owner, from, to]).await?;
    rows.iter().map(|row| Ok((Hour(row.at(10)?), counts(row)?))).collect()
}

/// How many accounts have been active from `first` on.
pub(crate) async fn active(tx: &mut Tx, first: Day) -> Result<i64> {
    tx.one(ACTIVE, params![first.start().0, PLATFORM]).await?.at(0)
}

/// How many accounts were active on each day on which any was.
pub(crate) async fn active_per_day(tx: &mut Tx, period: Period) -> Result<Vec<(Day, i64)>> {
    let (from, to) = (period.first.start().0, period.last.next().start().0);
    let rows = tx.all(ACTIVE_PER_DAY, params![from, to, PLATFORM]).await?;
    rows.iter().map(|row| Ok((Day(row.at(0)?), row.at(1)?))).collect()
}

fn counts(row: &Row) -> Result<Delta> {
    Ok(Delta {
        written: row.at(0)?,
        living: row.at(1)?,
        words: row.at(2)?,
        characters: row.at(3)?,
        edits: row.at(4)?,
        deletions: row.at(5)?,
        sign_ins: row.at(6)?,
        registrations: row.at(7)?,
        departures: row.at(8)?,
        events: row.at(9)?,
    })
}
