//! Latencies in logarithmic buckets: a few kilobytes, any range, about 1.6 % error.

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::Duration;

/// Every power of two is split into this many buckets, as a power of two.
const PRECISION: u32 = 6;
const STEPS: u64 = 1 << PRECISION;
const BUCKETS: usize = ((64 - PRECISION as usize) + 1) << PRECISION;

/// Shared by every connection: recording is one relaxed addition.
pub struct Histogram {
    buckets: Box<[AtomicU64]>,
    largest: AtomicU64,
}

impl Histogram {
    pub fn new() -> Self {
        let buckets = (0..BUCKETS).map(|_| AtomicU64::new(0)).collect();
        Self { buckets, largest: AtomicU64::new(0) }
    }

    pub fn record(&self, value: Duration) {
        let nanoseconds = u64::try_from(value.as_nanos()).unwrap_or(u64::MAX);
        if let Some(bucket) = self.buckets.get(index(nanoseconds)) {
            bucket.fetch_add(1, Relaxed);
        }
        self.largest.fetch_max(nanoseconds, Relaxed);
    }

    pub fn count(&self) -> u64 {
        self.buckets.iter().map(|bucket| bucket.load(Relaxed)).sum()
    }

    pub fn max(&self) -> Duration {
        Duration::from_nanos(self.largest.load(Relaxed))
    }

    /// The smallest recorded value that `share` (0 to 1) of all values do not exceed, rounded
    /// up to its bucket. Zero when nothing was recorded.
    pub fn quantile(&self, share: f64) -> Duration {
        let wanted = ((self.count() as f64 * share).ceil() as u64).max(1);
        let mut seen = 0;
        for (index, bucket) in self.buckets.iter().enumerate() {
            seen += bucket.load(Relaxed);
            if seen >= wanted {
                return Duration::from_nanos(upper_bound(index)).min(self.max());
            }
        }
        Duration::ZERO
    }
}

/// Small values have a bucket each; above, the highest set bit picks the group and the next
/// [`PRECISION`] bits the bucket in it.
fn index(value: u64) -> usize {
    if value < STEPS {
        return value as usize;
    }
    let group = 63 - value.leading_zeros() - PRECISION;
    ((u64::from(group) + 1) * STEPS + ((value >> group) - STEPS)) as usize
}

/// The largest value that falls into a bucket.
fn upper_bound(index: usize) -> u64 {
    let index = index as u64;
    if index < STEPS {
        return index;
    }
    let group = index / STEPS - 1;
    let step = u128::from(STEPS + index % STEPS + 1);
    u64::try_from((step << group) - 1).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_value_falls_into_a_bucket_that_holds_it() {
        for shift in 0..64 {
            for offset in [0, 1, 3] {
                let value = (1_u64 << shift).saturating_add(offset << (shift / 2));
                let bucket = index(value);
                assert!(bucket < BUCKETS);
                assert!(upper_bound(bucket) >= value, "{value}");
                assert!(bucket == 0 || upper_bound(bucket - 1) < value, "{value}");
            }
        }
        assert_eq!(index(u64::MAX), BUCKETS - 1);
        assert_eq!(upper_bound(BUCKETS - 1), u64::MAX);
    }

    #[test]
    fn quantiles_are_within_the_error() {
        let histogram = Histogram::new();
        for millisecond in 1..=1000 {
            histogram.record(Duration::from_millis(millisecond));
        }
        assert_eq!(histogram.count(), 1000);
        for (share, exact) in [(0.5, 500.0), (0.99, 990.0), (0.001, 1.0)] {
            let found = histogram.quantile(share).as_secs_f64() * 1e3;
            assert!((exact..exact * 1.02).contains(&found), "{share}: {found}");
        }
        assert_eq!(histogram.quantile(1.0), Duration::from_secs(1));
        assert_eq!(Histogram::new().quantile(0.99), Duration::ZERO);
    }
}
