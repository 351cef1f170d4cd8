//! Rate limits: how often a key may ask, and the headers that say so.
//!
//! The algorithm is GCRA, the leaky bucket as a meter: `burst` requests at once, then `per_second`
//! evenly. It keeps one number per key and has no window edges to exploit.

mod key;
mod limiter;
mod shared;

pub use governor::clock;
pub use key::{RateKey, RateKeys};
pub use limiter::RateLimiter;
pub use shared::{Limiter, SharedBudgets, Taken};

use std::time::Duration;

/// What a key may do.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Quota {
    /// How many requests may come at once. Zero counts as one.
    pub burst: u32,
    /// How many requests a second are earned back: 1000 an hour is `1000.0 / 3600.0`. Limited to
    /// one a day at the slow end, as is what is no number, and to a billion at the fast end.
    pub per_second: f64,
}

/// What a limiter says of one request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Decision {
    /// Whether the request may go on.
    pub allowed: bool,
    /// The burst of the quota.
    pub limit: u32,
    /// How many more requests would be allowed at this moment.
    pub remaining: u32,
    /// How long until the whole burst is there again, if nothing more is asked.
    pub reset_after: Duration,
    /// How long to wait before the next request can be allowed; only when this one was not.
    pub retry_after: Option<Duration>,
}

/// The slowest refill: one a day.
const SLOWEST: f64 = 1.0 / 86_400.0;
/// The fastest refill: one a nanosecond, the resolution of the clock.
const FASTEST: f64 = 1e9;

impl Quota {
    /// `count` requests per `window`, all of which may come at once.
    pub fn per_window(count: u32, window: Duration) -> Self {
        Self { burst: count, per_second: f64::from(count) / window.as_secs_f64() }
    }

    /// The time in which one request is earned back.
    pub fn interval(self) -> Duration {
        let rate = if self.per_second.is_nan() { SLOWEST } else { self.per_second };
        Duration::from_secs_f64(1.0 / rate.clamp(SLOWEST, FASTEST))
    }

    /// The burst, at least one, and small enough that refilling it fits the clock (73 years).
    pub fn capacity(self) -> u32 {
        let most =
            (u64::MAX / 8) / u64::try_from(self.interval().as_nanos()).unwrap_or(u64::MAX).max(1);
        self.burst.clamp(1, u32::try_from(most).unwrap_or(u32::MAX).max(1))
    }

    /// The same, and the few more that can come at once when requests that were allowed one after
    /// another arrive up to `delay` late.
    pub(crate) fn slack(self, delay: Duration) -> Self {
        let late = delay.as_nanos() / self.interval().as_nanos().max(1);
        let more = u32::try_from(late).unwrap_or(u32::MAX).saturating_add(1);
        Self { burst: self.capacity().saturating_add(more), per_second: self.per_second }
    }

    /// The value of `RateLimit-Policy`, as in `"default";q=100;w=60`
    /// (draft-ietf-httpapi-ratelimit-headers): the burst, and the seconds in which it is earned back.
    pub fn policy_header(self, policy: &'static str) -> String {
        let window = self.interval().saturating_mul(self.capacity());
        format!("{};q={};w={}", quoted(policy), self.capacity(), seconds(window))
    }
}

impl Decision {
    /// A request that may go on and leaves `remaining` of the burst.
    pub fn allowed(quota: Quota, remaining: u32) -> Self {
        let limit = quota.capacity();
        let remaining = remaining.min(limit);
        let reset_after = quota.interval().saturating_mul(limit - remaining);
        Self { allowed: true, limit, remaining, reset_after, retry_after: None }
    }

    /// A request that has to wait.
    pub fn refused(quota: Quota, wait: Duration) -> Self {
        let limit = quota.capacity();
        let reset_after = wait.saturating_add(quota.interval().saturating_mul(limit - 1));
        Self { allowed: false, limit, remaining: 0, reset_after, retry_after: Some(wait) }
    }

    /// The same in the terms of a quota that is smaller than the one it was made under.
    pub(crate) fn within(self, quota: Quota) -> Self {
        match self.retry_after {
            Some(wait) => Self::refused(quota, wait),
            None => {
                let spare = self.limit.saturating_sub(quota.capacity());
                Self::allowed(quota, self.remaining.saturating_sub(spare))
            }
        }
    }

    /// The value of `RateLimit`, as in `"default";r=49;t=30`
    /// (draft-ietf-httpapi-ratelimit-headers): what remains, and the seconds until it is whole again.
    pub fn header(&self, policy: &'static str) -> String {
        format!("{};r={};t={}", quoted(policy), self.remaining, seconds(self.reset_after))
    }

    /// The value of `Retry-After` in whole seconds, at least one; only when the request was refused.
    pub fn retry_after_seconds(&self) -> Option<u32> {
        self.retry_after.map(|wait| u32::try_from(seconds(wait).max(1)).unwrap_or(u32::MAX))
    }
}

/// Whole seconds, rounded up: a client that waits them is never early.
fn seconds(duration: Duration) -> u64 {
    duration.as_secs().saturating_add(u64::from(duration.subsec_nanos() > 0))
}

/// A string of RFC 9651: printable ASCII, what is not is left out.
fn quoted(text: &str) -> String {
    let mut out = String::from("\"");
    for letter in text.chars().filter(|letter| matches!(letter, ' '..='~')) {
        if matches!(letter, '"' | '\\') {
            out.push('\\');
        }
        out.push(letter);
    }
    out.push('"');
    out
}

#[cfg(test)]
mod tests;
