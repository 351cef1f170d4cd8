//! Hours and days as numbers, in UTC.

use jiff::civil::Date;
use jiff::{SignedDuration, Timestamp};

const EPOCH: Date = Date::constant(1970, 1, 1);

/// Hours since 1970-01-01T00:00Z; negative before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hour(pub(crate) i64);

/// Days since 1970-01-01, in UTC; negative before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Day(pub(crate) i64);

impl Hour {
    /// The hour that holds `time`.
    pub(crate) fn of(time: Timestamp) -> Self {
        // Rounded down, also before 1970.
        let second = time.as_second() - i64::from(time.subsec_nanosecond() < 0);
        Self(second.div_euclid(3600))
    }

    pub(crate) fn day(self) -> Day {
        Day(self.0.div_euclid(24))
    }

    /// 0 to 23.
    pub(crate) fn of_day(self) -> usize {
        usize::try_from(self.0.rem_euclid(24)).unwrap_or(0)
    }
}

impl Day {
    /// The day that holds `time`.
    pub(crate) fn of(time: Timestamp) -> Self {
        Hour::of(time).day()
    }

    pub(crate) fn of_date(date: Date) -> Self {
        Self(date.duration_since(EPOCH).as_hours().div_euclid(24))
    }

    /// The calendar date; times that events can carry always have one.
    pub(crate) fn date(self) -> Date {
        let hours = self.0.saturating_mul(24);
        EPOCH.saturating_add(SignedDuration::from_hours(hours.clamp(-200_000_000, 200_000_000)))
    }

    /// Its first hour.
    pub(crate) fn start(self) -> Hour {
        Hour(self.0.saturating_mul(24))
    }

    pub(crate) fn minus(self, days: i64) -> Self {
        Self(self.0.saturating_sub(days))
    }

    pub(crate) fn next(self) -> Self {
        Self(self.0.saturating_add(1))
    }

    /// 0 for Monday to 6 for Sunday.
    pub(crate) fn of_week(self) -> usize {
        // 1970-01-01 was a Thursday.
        usize::try_from((self.0 + 3).rem_euclid(7)).unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hours_and_days_round_down_before_1970_too() {
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert_eq!(Hour::of(at("1970-01-01T00:59:59.9Z")), Hour(0));
        assert_eq!(Hour::of(at("1969-12-31T23:59:59.5Z")), Hour(-1));
        assert_eq!(Day::of(at("1969-12-31T00:00:00Z")), Day(-1));
        assert_eq!(Day(-1).date(), Date::constant(1969, 12, 31));
        assert_eq!(Day::of_date(Date::constant(1969, 12, 31)), Day(-1));
        assert_eq!(Day::of_date(Date::constant(2026, 3, 2)).of_week(), 0, "a Monday");
    }

    #[test]
    fn a_change_of_summer_time_has_no_effect_on_days() {
        // 2026-03-29 has 23 hours in most of Europe; in UTC every day has 24.
        let date = Date::constant(2026, 3, 29);
        assert_eq!(Day::of_date(date).next().start().0 - Day::of_date(date).start().0, 24);
        assert_eq!(Day::of_date(date).next().date(), Date::constant(2026, 3, 30));
    }
}
