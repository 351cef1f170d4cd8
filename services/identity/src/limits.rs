//! How often somebody may fail: the pure rule.
//!
//! A failed login counts in three places: for its address, for its account, and for the two
//! together. The pair waits longer after each failure; the address has a small budget that refills
//! (the figures are those of Matrix's authentication service); the account as a whole has a large
//! one. So one guesser is slowed down at once, ten thousand addresses guessing one account are slowed
//! down too, and nobody who is on another address is kept out by them before that large budget is
//! used up.
//!
//! Successes are free. Checking comes before the password is hashed and counting after, so requests
//! under way at the same time (as many as may wait for a hash) can pass together; their failures are
//! all counted as debt, and the average holds.

use jiff::{SignedDuration, Timestamp};

use crate::session::after;

/// The longest anybody waits because of failures.
const LONGEST: SignedDuration = SignedDuration::from_hours(1);

/// What has been counted.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tally {
    /// Failures since the last success, or since it was forgotten.
    pub failures: i64,
    /// When all of it is paid back.
    pub busy_until: Timestamp,
}

/// How failures are paid back.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Rule {
    /// So many at once, then one per interval (GCRA).
    Steady {
        /// At once.
        burst: u32,
        /// One per.
        interval: SignedDuration,
    },
    /// So many for free, then each doubles the wait.
    Growing {
        /// For free.
        free: u32,
    },
}

impl Rule {
    /// A steady rule from a burst and a number an hour.
    #[must_use]
    pub fn per_hour(burst: u32, per_hour: u32) -> Self {
        let interval =
            SignedDuration::from_hours(1) / i32::try_from(per_hour.max(1)).unwrap_or(i32::MAX);
        Self::Steady { burst, interval }
    }

    /// How long the next try has to wait; zero when it may go on.
    #[must_use]
    pub fn wait(self, tally: Option<Tally>, now: Timestamp) -> SignedDuration {
        let Some(tally) = tally else { return SignedDuration::ZERO };
        let debt = tally.busy_until.duration_since(now);
        let allowed = match self {
            Self::Steady { burst, interval } => times(interval, burst.saturating_sub(1)),
            Self::Growing { .. } => SignedDuration::ZERO,
        };
        debt.saturating_sub(allowed).max(SignedDuration::ZERO)
    }

    /// The tally after one more failure.
    #[must_use]
    pub fn count(self, tally: Option<Tally>, now: Timestamp) -> Tally {
        let failures = tally.map_or(0, |tally| tally.failures).saturating_add(1);
        let from = tally.map_or(now, |tally| tally.busy_until.max(now));
        let (busy_until, most) = match self {
            Self::Steady { burst, interval } => {
                (after(from, interval), LONGEST + times(interval, burst))
            }
            Self::Growing { free } => {
                let beyond = failures.saturating_sub(i64::from(free)).clamp(0, 12);
                let seconds = if beyond == 0 { 0 } else { 1 << beyond };
                (after(now, SignedDuration::from_secs(seconds)), LONGEST)
            }
        };
        Tally { failures, busy_until: busy_until.min(after(now, most)) }
    }
}

fn times(interval: SignedDuration, count: u32) -> SignedDuration {
    interval.checked_mul(i32::try_from(count).unwrap_or(i32::MAX)).unwrap_or(SignedDuration::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    fn fail(rule: Rule, times: u32, now: Timestamp) -> Option<Tally> {
        (0..times).fold(None, |tally, _| Some(rule.count(tally, now)))
    }

    /// AUTN-03: three at once and then one in twenty seconds.
    #[test]
    fn an_address_has_a_burst_and_then_a_rate() {
        let rule = Rule::per_hour(3, 180);
        assert!(rule.wait(fail(rule, 2, at(0)), at(0)).is_zero());
        let tally = fail(rule, 3, at(0));
        assert_eq!(rule.wait(tally, at(0)).as_secs(), 20);
        assert!(rule.wait(tally, at(20)).is_zero());
        let tally = Some(rule.count(tally, at(20)));
        assert_eq!(rule.wait(tally, at(20)).as_secs(), 20);
        assert_eq!(rule.wait(fail(rule, 100_000, at(0)), at(0)).as_secs(), 3620);
    }

    #[test]
    fn a_pair_waits_longer_each_time_but_not_for_ever() {
        let rule = Rule::Growing { free: 3 };
        let waits: Vec<_> =
            [3, 4, 5, 6, 40].map(|n| rule.wait(fail(rule, n, at(0)), at(0)).as_secs()).to_vec();
        assert_eq!(waits, [0, 2, 4, 8, 3600]);
    }
}
