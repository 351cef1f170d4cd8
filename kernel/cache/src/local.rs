//! A cache within the process.

use moka::Expiry;
use moka::sync::Cache;
use std::fmt;
use std::hash::Hash;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

/// Values by key, each with its own time to live, all together below a weight. Clones share it.
///
/// This is one level, in memory; `hanse_redis::TieredCache` has a second one, shared by processes.
/// Treat every value as a copy that may be stale for its time to live, and every lookup as one that
/// may miss. Expiry follows the machine's monotonic clock, not the injected one:
/// nothing may depend on an entry still being there, or being gone, at a given moment.
pub struct LocalCache<K, V> {
    entries: Cache<K, Entry<V>>,
    counts: Arc<Counts>,
}

#[derive(Debug, Clone)]
struct Entry<V> {
    value: V,
    ttl: Duration,
}

#[derive(Debug, Default)]
struct Counts {
    hits: AtomicU64,
    misses: AtomicU64,
}

/// How lookups ended since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Hits {
    /// Lookups that found a live value.
    pub hits: u64,
    /// Lookups that did not.
    pub misses: u64,
}

/// Reads the time to live that an entry was given, anew at every write.
struct OwnTtl;

impl<K, V> Expiry<K, Entry<V>> for OwnTtl {
    fn expire_after_create(&self, _: &K, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }

    fn expire_after_update(
        &self,
        _: &K,
        entry: &Entry<V>,
        _: Instant,
        _: Option<Duration>,
    ) -> Option<Duration> {
        Some(entry.ttl)
    }
}

impl<K, V> LocalCache<K, V>
where
    K: Hash + Eq + Send + Sync + 'static,
    V: Clone + Send + Sync + 'static,
{
    /// A cache whose entries weigh at most `max_weight` together, in the unit of `weigh` (bytes,
    /// or 1 to count entries). What exceeds it is evicted soon, by how rarely it was used.
    pub fn new(max_weight: u64, weigh: fn(&K, &V) -> u32) -> Self {
        let entries = Cache::builder()
            .max_capacity(max_weight)
            .weigher(move |key: &K, entry: &Entry<V>| weigh(key, &entry.value))
            .expire_after(OwnTtl)
            .build();
        Self { entries, counts: Arc::default() }
    }

    /// The live value of a key. `V` is cloned: put what is large behind an [`Arc`].
    pub fn get(&self, key: &K) -> Option<V> {
        let found = self.entries.get(key).map(|entry| entry.value);
        self.count(found.is_some());
        found
    }

    /// The live value, or the one `load` gives, which is kept for `ttl`. Callers that ask for the
    /// same key at the same time wait for one `load`; it blocks, so it must not do I/O in a request.
    ///
    /// # Errors
    /// Whatever `load` returned, shared by all who waited; nothing is kept then.
    pub fn get_or_load<E>(
        &self,
        key: K,
        ttl: Duration,
        load: impl FnOnce() -> Result<V, E>,
    ) -> Result<V, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        let entry = self.entries.entry(key);
        let loaded = entry.or_try_insert_with(|| load().map(|value| Entry { value, ttl }));
        self.count(loaded.as_ref().is_ok_and(|entry| !entry.is_fresh()));
        loaded.map(|entry| entry.into_value().value)
    }

    /// Keeps a value for `ttl`, replacing the former one and its time to live.
    pub fn insert(&self, key: K, value: V, ttl: Duration) {
        self.entries.insert(key, Entry { value, ttl });
    }

    /// Forgets a key.
    pub fn remove(&self, key: &K) {
        self.entries.invalidate(key);
    }

    /// Forgets everything.
    pub fn clear(&self) {
        self.entries.invalidate_all();
    }

    /// Hits and misses since the start.
    pub fn hits(&self) -> Hits {
        Hits {
            hits: self.counts.hits.load(Ordering::Relaxed),
            misses: self.counts.misses.load(Ordering::Relaxed),
        }
    }

    fn count(&self, hit: bool) {
        let counter = if hit { &self.counts.hits } else { &self.counts.misses };
        counter.fetch_add(1, Ordering::Relaxed);
    }
}

/// Counts only: keys and values may be nobody's business.
impl<K, V> fmt::Debug for LocalCache<K, V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("LocalCache").field("counts", &self.counts).finish_non_exhaustive()
    }
}

impl<K, V> Clone for LocalCache<K, V> {
    fn clone(&self) -> Self {
        Self { entries: self.entries.clone(), counts: Arc::clone(&self.counts) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LONG: Duration = Duration::from_secs(3600);
    const SHORT: Duration = Duration::from_millis(5);

    #[test]
    fn a_value_lives_as_long_as_its_last_write_says() {
        let cache = LocalCache::new(100, |_: &&str, _: &u32| 1);
        cache.insert("kept", 1, LONG);
        cache.insert("renewed", 1, SHORT);
        cache.insert("renewed", 2, LONG);
        cache.insert("shortened", 1, LONG);
        cache.insert("shortened", 2, SHORT);
        std::thread::sleep(SHORT * 4);
        assert_eq!((cache.get(&"kept"), cache.get(&"renewed")), (Some(1), Some(2)));
        assert_eq!(cache.get(&"shortened"), None);
        assert_eq!(cache.hits(), Hits { hits: 2, misses: 1 });
    }

    #[test]
    fn weight_is_bounded() {
        let cache = LocalCache::new(10, |_: &u32, value: &String| value.len() as u32);
        for key in 0..100 {
            cache.insert(key, "12345".to_owned(), LONG);
        }
        cache.entries.run_pending_tasks();
        assert!(cache.entries.weighted_size() <= 10);
    }

    #[test]
    fn a_value_is_loaded_once_and_a_failure_is_not_kept() {
        let cache = LocalCache::new(100, |_: &&str, _: &u32| 1);
        assert_eq!(*cache.get_or_load("key", LONG, || Err("down")).unwrap_err(), "down");
        assert_eq!(cache.get_or_load("key", LONG, || Ok::<_, &str>(7)), Ok(7));
        let again: Result<u32, Arc<&str>> = cache.clone().get_or_load("key", LONG, || Ok(8));
        assert_eq!(again, Ok(7));
        assert_eq!(cache.hits(), Hits { hits: 1, misses: 2 });
        cache.remove(&"key");
        assert_eq!(cache.get(&"key"), None);
    }
}
