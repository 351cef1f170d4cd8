//! A stretch of whole days that a question is about.

use jiff::civil::Date;

use crate::calendar::Day;
use crate::error::AnalyticsError;

/// Days of the longest period: three years, as much as one answer should hold.
pub(crate) const MOST_DAYS: i64 = 1100;

/// From the first to the last day, both included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Period {
    pub(crate) first: Day,
    pub(crate) last: Day,
}

impl Period {
    /// What the client asked for; by default the `days` that end with `to`, and `to` is today.
    pub(crate) fn asked(
        from: Option<Date>,
        to: Option<Date>,
        today: Day,
        days: i64,
    ) -> Result<Self, AnalyticsError> {
        let last = to.map_or(today, Day::of_date);
        let first = from.map_or(last.minus(days - 1), Day::of_date);
        match last.0 - first.0 {
            length if length < 0 => Err(AnalyticsError::PeriodReversed),
            length if length >= MOST_DAYS => Err(AnalyticsError::PeriodTooLong(MOST_DAYS)),
            _ => Ok(Self { first, last }),
        }
    }

    /// Its days in order.
    pub(crate) fn days(self) -> impl Iterator<Item = Day> {
        (self.first.0..=self.last.0).map(Day)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_period_is_bounded_and_runs_forward() {
        let asked = |from, to| Period::asked(from, to, Day(20_000), 30);
        assert_eq!(asked(None, None).unwrap(), Period { first: Day(19_971), last: Day(20_000) });
        let (old, new) = (Date::constant(2020, 1, 2), Date::constant(2020, 1, 1));
        assert!(matches!(asked(Some(old), Some(new)), Err(AnalyticsError::PeriodReversed)));
        assert!(matches!(
            asked(Some(Date::MIN), Some(Date::MAX)),
            Err(AnalyticsError::PeriodTooLong(_))
        ));
        assert!(asked(Some(old), Some(old)).is_ok());
    }
}
