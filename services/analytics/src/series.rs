//! From hours to days, weeks, months, streaks and habits. Pure.

use std::collections::BTreeMap;

use schemars::JsonSchema;
use serde::Deserialize;

use crate::calendar::{Day, Hour};
use crate::period::Period;
use crate::tally::Delta;

/// Length of the buckets of a series.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum Bucket {
    /// One day.
    #[default]
    Day,
    /// Monday to Sunday.
    Week,
    /// A calendar month.
    Month,
}

impl Bucket {
    fn start(self, day: Day) -> Day {
        match self {
            Self::Day => day,
            Self::Week => day.minus(i64::try_from(day.of_week()).unwrap_or(0)),
            Self::Month => Day::of_date(day.date().first_of_month()),
        }
    }
}

/// The counts of every bucket of the period, empty ones too, by their first day. The first and the
/// last bucket hold only the days of the period.
pub(crate) fn buckets(
    period: Period,
    hours: &[(Hour, Delta)],
    bucket: Bucket,
) -> Vec<(Day, Delta)> {
    let empty = period.days().map(|day| (bucket.start(day), Delta::default()));
    let mut sums: BTreeMap<Day, Delta> = empty.collect();
    for (hour, delta) in hours {
        let sum = sums.entry(bucket.start(hour.day())).or_default();
        *sum = sum.plus(*delta);
    }
    sums.into_iter().collect()
}

/// Runs of days with something written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Streaks {
    /// Days of the run that is going on; it may end yesterday, for today is not over.
    pub(crate) current: i64,
    pub(crate) longest: i64,
    /// Days with something written.
    pub(crate) days: i64,
}

/// Streaks among consecutive `days`, of which `today` may be one.
pub(crate) fn streaks(days: &[(Day, Delta)], today: Day) -> Streaks {
    let mut found = Streaks::default();
    let mut run = 0;
    for (day, delta) in days {
        if delta.written > 0 {
            run += 1;
            found.days += 1;
        } else if *day < today {
            run = 0;
        }
        found.longest = found.longest.max(run);
        if *day <= today {
            found.current = run;
        }
    }
    if days.last().is_none_or(|(last, _)| *last < today.minus(1)) {
        found.current = 0;
    }
    found
}

/// When an account writes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Habits {
    /// Thoughts by weekday, Monday first.
    pub(crate) weekdays: [i64; 7],
    /// Thoughts by hour of the day.
    pub(crate) hours: [i64; 24],
}

pub(crate) fn habits(hours: &[(Hour, Delta)]) -> Habits {
    let mut habits = Habits::default();
    for (hour, delta) in hours {
        if let Some(sum) = habits.weekdays.get_mut(hour.day().of_week()) {
            *sum += delta.written;
        }
        if let Some(sum) = habits.hours.get_mut(hour.of_day()) {
            *sum += delta.written;
        }
    }
    habits
}

/// The place of the largest number; the first of equals, none when all are zero.
pub(crate) fn busiest(counts: &[i64]) -> Option<usize> {
    let most = counts.iter().copied().max().filter(|most| *most > 0)?;
    counts.iter().position(|count| *count == most)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn wrote(days: &[i64], written: i64) -> Vec<(Day, Delta)> {
        let on =
            |day| Delta { written: i64::from(days.contains(&day)) * written, ..Delta::default() };
        (0..10).map(|day| (Day(day), on(day))).collect()
    }

    #[test]
    fn a_streak_survives_the_morning_but_not_a_missed_day() {
        let streak = |days: &[i64], today| {
            let Streaks { current, longest, days } = streaks(&wrote(days, 2), Day(today));
            (current, longest, days)
        };
        assert_eq!(streak(&[7, 8, 9], 9), (3, 3, 3));
        assert_eq!(streak(&[7, 8], 9), (2, 2, 2), "today is not over");
        assert_eq!(streak(&[1, 2, 3, 7], 9), (0, 3, 4), "yesterday was missed");
        assert_eq!(streak(&[8, 9], 12), (0, 2, 2), "the period ended long ago");
        assert_eq!(streak(&[], 9), (0, 0, 0));
    }

    #[test]
    fn buckets_begin_on_mondays_and_firsts_and_leave_no_gap() {
        let day = |text: &str| Day::of_date(text.parse().unwrap());
        let period = Period { first: day("2026-02-26"), last: day("2026-03-10") };
        let hours = [(day("2026-03-01").start(), Delta { written: 3, ..Delta::default() })];
        let sums = |bucket| -> Vec<(String, i64)> {
            let found = buckets(period, &hours, bucket).into_iter();
            found.map(|(day, delta)| (day.date().to_string(), delta.written)).collect()
        };
        let text = |day: &str, sum| (day.to_owned(), sum);
        assert_eq!(sums(Bucket::Day).len(), 13);
        assert_eq!(
            sums(Bucket::Week),
            [text("2026-02-23", 3), text("2026-03-02", 0), text("2026-03-09", 0)]
        );
        assert_eq!(sums(Bucket::Month), [text("2026-02-01", 0), text("2026-03-01", 3)]);
    }

    #[test]
    fn the_busiest_is_the_first_of_equals() {
        assert_eq!(busiest(&[0, 2, 2]), Some(1));
        assert_eq!(busiest(&[0, 0]), None);
    }
}
