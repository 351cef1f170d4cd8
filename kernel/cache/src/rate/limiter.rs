//! The limiter: GCRA over a bounded set of keys.

use super::key::{Hashed, RateKey};
use super::{Decision, Quota};
use governor::clock::{Clock, DefaultClock, Reference};
use governor::middleware::StateInformationMiddleware;
use governor::nanos::Nanos;
use governor::state::StateStore;
use governor::state::keyed::{DashMapStateStore, ShrinkableKeyedStateStore};
use std::hash::BuildHasherDefault;
use std::num::NonZeroU32;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering};
use std::time::Duration;

/// How often a full limiter looks for keys it can forget. Looking costs a pass over all keys, so
/// an attacker with ever new keys must not be able to demand it.
const SWEEP: Duration = Duration::from_secs(1);

/// Limits by key, in memory, for at most a given number of keys.
///
/// A key whose burst is whole again is forgotten when room is needed, which changes nothing for
/// it. If all are still in use, further keys share one bucket until there is room: an attacker
/// with many addresses ends up there, known clients keep their own buckets, and memory stays
/// bounded. The clock is a type of its own so that tests can turn it.
#[derive(Debug)]
pub struct RateLimiter<C: Clock = DefaultClock> {
    governor: governor::RateLimiter<RateKey, Bounded, C, StateInformationMiddleware>,
    clock: C,
    start: C::Instant,
    live: Arc<Live>,
    next_sweep: AtomicU64,
    quota: Quota,
}

impl<C: Clock + Clone> RateLimiter<C> {
    /// A limiter that gives every key this quota and knows at most about `max_keys` keys at once.
    pub fn new(quota: Quota, max_keys: usize, clock: C) -> Self {
        let burst = NonZeroU32::new(quota.capacity()).unwrap_or(NonZeroU32::MIN);
        // The interval is at least a nanosecond, so the fallback is for the type only.
        let paced = governor::Quota::with_period(quota.interval())
            .unwrap_or(governor::Quota::per_second(burst))
            .allow_burst(burst);
        let live = Arc::new(Live { keys: AtomicUsize::new(0), max: max_keys });
        let store = Bounded { map: DashMapStateStore::default(), live: Arc::clone(&live) };
        let governor = governor::RateLimiter::new(paced, store, clock.clone());
        let start = clock.now();
        Self { governor, clock, start, live, next_sweep: AtomicU64::new(0), quota }
    }

    /// Counts one request of `key` if it is allowed, and says how things stand.
    pub fn check(&self, key: RateKey) -> Decision {
        if self.live.is_full() {
            self.sweep();
        }
        match self.governor.check_key(&key) {
            Ok(state) => Decision::allowed(self.quota, state.remaining_burst_capacity()),
            Err(not_until) => {
                Decision::refused(self.quota, not_until.wait_time_from(self.clock.now()))
            }
        }
    }

    /// How many keys have a bucket of their own now, about; for a gauge.
    pub fn keys(&self) -> usize {
        self.live.keys.load(Ordering::Relaxed)
    }

    /// Forgets keys whose burst is whole again, unless someone did so a moment ago.
    fn sweep(&self) {
        let now = self.clock.now().duration_since(self.start).as_u64();
        let due = self.next_sweep.load(Ordering::Relaxed);
        let next = now.saturating_add(Nanos::from(SWEEP).as_u64());
        let claim = || {
            self.next_sweep
                .compare_exchange(due, next, Ordering::Relaxed, Ordering::Relaxed)
                .is_ok()
        };
        if now >= due && claim() {
            self.governor.retain_recent();
            self.live.keys.store(self.governor.len(), Ordering::Relaxed);
        }
    }
}

/// How many keys there are, and how many there may be.
#[derive(Debug)]
struct Live {
    keys: AtomicUsize,
    max: usize,
}

impl Live {
    fn is_full(&self) -> bool {
        self.keys.load(Ordering::Relaxed) >= self.max
    }
}

/// The state of the keys: new ones only while there is room.
#[derive(Debug)]
struct Bounded {
    map: DashMapStateStore<RateKey, BuildHasherDefault<Hashed>>,
    live: Arc<Live>,
}

impl StateStore for Bounded {
    type Key = RateKey;

    fn measure_and_replace<T, F, E>(&self, key: &RateKey, decide: F) -> Result<T, E>
    where
        F: Fn(Option<Nanos>) -> Result<(T, Nanos), E>,
    {
        if self.map.contains_key(key) {
            return self.map.measure_and_replace(key, decide);
        }
        // Threads that pass here together may exceed the maximum by their number, no further.
        if self.live.is_full() {
            return self.map.measure_and_replace(&RateKey::OVERFLOW, decide);
        }
        self.live.keys.fetch_add(1, Ordering::Relaxed);
        self.map.measure_and_replace(key, decide)
    }
}

impl ShrinkableKeyedStateStore<RateKey> for Bounded {
    fn retain_recent(&self, drop_below: Nanos) {
        ShrinkableKeyedStateStore::retain_recent(&self.map, drop_below);
    }

    fn len(&self) -> usize {
        self.map.len()
    }

    fn is_empty(&self) -> bool {
        self.map.is_empty()
    }
}
