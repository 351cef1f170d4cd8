//! The breaker of a peer: when most requests fail, none is sent for a while.
//!
//! Closed, it counts requests and failures in windows of ten seconds. Open, it refuses. After its
//! time one request may try; its end closes the breaker or opens it again.

use std::sync::atomic::{AtomicBool, AtomicU32, AtomicU64, Ordering::Relaxed};

use serde::Serialize;

use crate::config::UpstreamConfig;

const WINDOW_MS: u64 = 10_000;

/// What a breaker does at the moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BreakerState {
    /// Requests pass.
    Closed,
    /// Requests are refused.
    Open,
    /// One request tries.
    HalfOpen,
}

pub(crate) struct Breaker {
    requests: u32,
    percent: u32,
    open_ms: u64,
    window: AtomicU64,
    total: AtomicU32,
    failed: AtomicU32,
    /// When it may be tried; 0 while it is closed.
    open_until: AtomicU64,
    probing: AtomicBool,
}

/// A request that may pass. Dropped without an end, it says nothing.
pub(crate) struct Pass<'a> {
    breaker: &'a Breaker,
    probe: bool,
}

impl Breaker {
    pub(crate) fn new(config: &UpstreamConfig) -> Self {
        Self {
            requests: config.breaker_requests,
            percent: config.breaker_percent,
            open_ms: config.breaker_open_ms.into(),
            window: AtomicU64::new(0),
            total: AtomicU32::new(0),
            failed: AtomicU32::new(0),
            open_until: AtomicU64::new(0),
            probing: AtomicBool::new(false),
        }
    }

    /// Lets a request pass at `now` (milliseconds of the peer's own clock), or says how many
    /// milliseconds to wait.
    pub(crate) fn enter(&self, now: u64) -> Result<Pass<'_>, u64> {
        let until = self.open_until.load(Relaxed);
        if until == 0 {
            return Ok(Pass { breaker: self, probe: false });
        }
        if now < until {
            return Err(until - now);
        }
        if self.probing.swap(true, Relaxed) {
            return Err(1_000);
        }
        Ok(Pass { breaker: self, probe: true })
    }

    pub(crate) fn state(&self, now: u64) -> BreakerState {
        match self.open_until.load(Relaxed) {
            0 => BreakerState::Closed,
            until if now < until => BreakerState::Open,
            _ => BreakerState::HalfOpen,
        }
    }

    /// Counts; true when this failure opened it.
    fn count(&self, now: u64, failure: bool) -> bool {
        let window = self.window.load(Relaxed);
        if now.saturating_sub(window) >= WINDOW_MS
            && self.window.compare_exchange(window, now, Relaxed, Relaxed).is_ok()
        {
            self.total.store(0, Relaxed);
            self.failed.store(0, Relaxed);
        }
        let total = self.total.fetch_add(1, Relaxed).saturating_add(1);
        if !failure {
            return false;
        }
        let failed = u64::from(self.failed.fetch_add(1, Relaxed).saturating_add(1));
        let opens = total >= self.requests
            && failed * 100 >= u64::from(total) * u64::from(self.percent)
            && self.open_until.load(Relaxed) == 0;
        if opens {
            self.open_until.store(now + self.open_ms.max(1), Relaxed);
        }
        opens
    }
}

impl Pass<'_> {
    /// The request ended; true when that opened the breaker.
    pub(crate) fn end(mut self, now: u64, failure: bool) -> bool {
        let breaker = self.breaker;
        if !self.probe {
            return breaker.count(now, failure);
        }
        if failure {
            breaker.open_until.store(now + breaker.open_ms.max(1), Relaxed);
        } else {
            breaker.total.store(0, Relaxed);
            breaker.failed.store(0, Relaxed);
            breaker.window.store(now, Relaxed);
            breaker.open_until.store(0, Relaxed);
        }
        self.probe = false;
        breaker.probing.store(false, Relaxed);
        failure
    }
}

impl Drop for Pass<'_> {
    fn drop(&mut self) {
        if self.probe {
            self.breaker.probing.store(false, Relaxed);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_opens_tries_once_and_closes() {
        let config = UpstreamConfig { breaker_requests: 4, ..UpstreamConfig::default() };
        let breaker = Breaker::new(&config);
        let end = |now, failure| breaker.enter(now).map(|pass| pass.end(now, failure));
        assert_eq!(end(1, false), Ok(false));
        assert_eq!(end(2, true), Ok(false));
        assert_eq!(end(3, false), Ok(false));
        assert_eq!(end(4, true), Ok(true), "half of four failed");
        assert_eq!((breaker.state(5), end(1_004, true)), (BreakerState::Open, Err(4_000)));
        let probe = breaker.enter(5_004).ok();
        assert!(probe.is_some() && breaker.enter(5_004).is_err(), "one at a time");
        drop(probe);
        assert_eq!(end(5_005, true), Ok(true), "an abandoned try gives its turn to the next");
        assert_eq!(end(10_005, false), Ok(false));
        assert_eq!(breaker.state(10_006), BreakerState::Closed);
        assert_eq!(end(10_007, true), Ok(false), "it has forgotten what was before");
    }

    #[test]
    fn failures_long_ago_do_not_count() {
        let config = UpstreamConfig { breaker_requests: 2, ..UpstreamConfig::default() };
        let breaker = Breaker::new(&config);
        let end = |now, failure| breaker.enter(now).map(|pass| pass.end(now, failure));
        assert_eq!(end(1, true), Ok(false));
        assert_eq!(end(WINDOW_MS + 1, true), Ok(false));
    }
}
