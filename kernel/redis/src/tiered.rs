//! A cache in memory in front of one that all processes share.

use std::fmt;
use std::hash::{BuildHasher, Hasher, RandomState};
use std::marker::PhantomData;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, LazyLock};
use std::time::{Duration, Instant};

use moka::Expiry;
use moka::future::Cache;
use redis::Value;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sha2::{Digest, Sha256};
use siphasher::sip::SipHasher13;

use crate::invalidation::{Epoch, REMEMBERED_MS, dropped_key};
use crate::link::Redis;
use crate::script::Lua;

/// The largest value in Redis, in bytes of JSON; a larger one is kept in memory only.
const LARGEST: usize = 256 * 1024;
/// How long a value lives in memory while changes of other processes are not heard.
const UNHEARD: Duration = Duration::from_secs(1);

static GET: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/value_get.lua")));
static PUT: LazyLock<Lua> = LazyLock::new(|| Lua::new(include_str!("lua/value_put.lua")));

/// What a cache is called and how much it keeps.
#[derive(Debug, Clone, Copy)]
pub struct CacheSpec {
    /// Its name, the same in every process and no other cache's.
    pub name: &'static str,
    /// How stale a value may be at most, whatever happens; a tenth less at random, so that values
    /// loaded together are not loaded again together.
    pub ttl: Duration,
    /// What the values in memory weigh together at most, in the unit of the weigher.
    pub max_weight: u64,
}

/// Values by text key: in memory, then in Redis, then from their source.
///
/// **Stale for how long?** [`TieredCache::invalidate`] drops a value here at once and in every
/// process that is connected as soon as Redis passes the word on, also when a load is under way: a
/// load that began before never overwrites. A process that loses its connection forgets all it has,
/// then keeps values for a second only; until it notices the loss (at once when the connection
/// breaks, about a second when Redis is silent) it may hold what others dropped. What cannot be
/// dropped because Redis is away is dropped when it is back. Whatever else goes wrong, no value is
/// older than its time to live. So keep here what may be a minute old, never what grants something.
///
/// **Shapes.** A value is stored under the fingerprint of its JSON Schema: releases that run side by
/// side with another shape do not see each other's values, and drop both.
///
/// Values lie in Redis as plain JSON under hashed keys; an erased person's are gone after the time
/// to live or when they are dropped.
pub struct TieredCache<V> {
    spec: CacheSpec,
    shape: String,
    first: Cache<Key, Entry<V>>,
    second: Option<Redis>,
    counts: Arc<Counts>,
    jitter: RandomState,
    value: PhantomData<fn() -> V>,
}

#[derive(Debug, Clone, PartialEq, Eq, Hash)]
struct Key {
    text: Box<str>,
    epoch: Option<Epoch>,
}

#[derive(Clone)]
struct Entry<V> {
    value: V,
    ttl: Duration,
}

#[derive(Debug, Default)]
struct Counts {
    lookups: AtomicU64,
    found_second: AtomicU64,
    loaded: AtomicU64,
}

/// How lookups ended since the start.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Lookups {
    /// All of them.
    pub all: u64,
    /// Those that Redis answered.
    pub second_level: u64,
    /// Those that went to the source. The rest was in memory, or waited for one of these.
    pub loaded: u64,
}

/// Reads the time to live that an entry was given.
struct OwnTtl;

impl<V> Expiry<Key, Entry<V>> for OwnTtl {
    fn expire_after_create(&self, _: &Key, entry: &Entry<V>, _: Instant) -> Option<Duration> {
        Some(entry.ttl)
    }
}

/// What the second level said.
enum Second<V> {
    /// There, for this much longer.
    Found(V, Duration),
    /// Not there, as of this time of the server: what is loaded now may be kept.
    Missing(i64),
    Unknown,
}

impl<V> TieredCache<V>
where
    V: Clone + Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static,
{
    /// A cache whose values in memory weigh at most `spec.max_weight` together; without Redis it is
    /// in memory only.
    pub fn new(spec: CacheSpec, weigh: fn(&V) -> u32, redis: Option<Redis>) -> Self {
        let first = Cache::builder()
            .max_capacity(spec.max_weight)
            .weigher(move |_: &Key, entry: &Entry<V>| weigh(&entry.value))
            .expire_after(OwnTtl)
            .build();
        let shape = fingerprint::<V>();
        let (counts, jitter) = (Arc::default(), RandomState::new());
        Self { spec, shape, first, second: redis, counts, jitter, value: PhantomData }
    }

    /// The value, or the one that `load` gives, which is kept. Callers of this process that ask for
    /// the same key at the same time wait for one `load`; if its caller goes away, another's runs.
    ///
    /// # Errors
    /// Whatever `load` returned, shared by all who waited; nothing is kept then.
    pub async fn get_or_load<E>(
        &self,
        key: &str,
        load: impl Future<Output = Result<V, E>>,
    ) -> Result<V, Arc<E>>
    where
        E: Send + Sync + 'static,
    {
        self.counts.lookups.fetch_add(1, Ordering::Relaxed);
        let epoch = self.second.as_ref().map(|r| r.inner.invalidations.epoch(self.hash(key)));
        let found = async {
            let answer = self.second_level(key).await;
            if let Second::Found(value, left) = answer {
                self.counts.found_second.fetch_add(1, Ordering::Relaxed);
                return Ok(Entry { value, ttl: self.ttl().min(left) });
            }
            self.counts.loaded.fetch_add(1, Ordering::Relaxed);
            let value = load.await?;
            if let Second::Missing(asked) = answer {
                self.keep(key, &value, asked).await;
            }
            Ok(Entry { value, ttl: self.ttl() })
        };
        let found = self.first.try_get_with(Key { text: key.into(), epoch }, found).await;
        found.map(|entry| entry.value)
    }

    /// Drops a value everywhere. Call it after the change is committed. Returns when Redis has
    /// dropped it too, or cannot be told now; it is told later then.
    pub async fn invalidate(&self, key: &str) {
        let Some(redis) = &self.second else {
            self.first.invalidate(&Key { text: key.into(), epoch: None }).await;
            return;
        };
        let (name, inner) = (self.name(redis, key), &redis.inner);
        inner.invalidations.owe(self.hash(key), &name);
        let link = inner.link.borrow().clone();
        if let Some(mut link) = link {
            inner.invalidations.settle(inner, &mut link, &name).await.ok();
        }
    }

    /// Lookups since the start.
    pub fn lookups(&self) -> Lookups {
        Lookups {
            all: self.counts.lookups.load(Ordering::Relaxed),
            second_level: self.counts.found_second.load(Ordering::Relaxed),
            loaded: self.counts.loaded.load(Ordering::Relaxed),
        }
    }

    async fn second_level(&self, key: &str) -> Second<V> {
        let Some(redis) = &self.second else { return Second::Unknown };
        let name = self.name(redis, key);
        let call = GET.on([&name]).arg(&self.shape).arg(LARGEST);
        let answer = redis.ask(async |connection| call.ask(connection).await).await;
        let (json, left, now): (Value, i64, i64) = match answer {
            Ok(answer) => answer,
            Err(_) => return Second::Unknown,
        };
        let (Value::BulkString(json), Ok(left)) = (json, u64::try_from(left)) else {
            return Second::Missing(now);
        };
        match serde_json::from_slice(&json) {
            Ok(value) => Second::Found(value, Duration::from_millis(left)),
            Err(_) => {
                tracing::warn!(cache = self.spec.name, "a value in redis cannot be read");
                Second::Missing(now)
            }
        }
    }

    async fn keep(&self, key: &str, value: &V, asked: i64) {
        let Some(redis) = &self.second else { return };
        let Ok(json) = serde_json::to_vec(value) else { return };
        if json.len() > LARGEST {
            return;
        }
        let name = self.name(redis, key);
        let ttl = u64::try_from(self.ttl().as_millis()).unwrap_or(u64::MAX).max(1);
        let call = PUT.on([&name, &dropped_key(&name)]).arg(&self.shape).arg(json);
        let call = call.arg(ttl).arg(asked).arg(REMEMBERED_MS);
        redis.ask(async |connection| call.ask::<i64>(connection).await).await.ok();
    }

    /// The time to live of a value that is stored now.
    fn ttl(&self) -> Duration {
        let unheard = self.second.as_ref().is_some_and(|redis| !redis.health().connected);
        let tenths =
            (self.jitter.hash_one(self.counts.lookups.load(Ordering::Relaxed)) % 1000) as f64;
        let ttl = self.spec.ttl.mul_f64(1.0 - tenths / 10_000.0);
        if unheard { ttl.min(UNHEARD) } else { ttl }
    }

    /// The name in Redis: of one length, and nobody finds two keys with the same.
    fn name(&self, redis: &Redis, key: &str) -> String {
        let digest = Sha256::digest(key.as_bytes());
        redis.key("value", &format!("{}:{}", self.spec.name, hex(&digest, 16)))
    }

    /// What processes call the key when they tell each other that it was dropped.
    fn hash(&self, key: &str) -> u64 {
        let mut hasher = SipHasher13::new();
        hasher.write(self.spec.name.as_bytes());
        hasher.write(&[0xFF]);
        hasher.write(key.as_bytes());
        hasher.finish()
    }
}

impl<V> fmt::Debug for TieredCache<V> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("TieredCache").field("spec", &self.spec).finish_non_exhaustive()
    }
}

/// Tells shapes apart: the hash of the JSON Schema.
fn fingerprint<V: JsonSchema>() -> String {
    let schema = schemars::schema_for!(V).to_value().to_string();
    hex(&Sha256::digest(schema.as_bytes()), 8)
}

fn hex(bytes: &[u8], most: usize) -> String {
    bytes.iter().take(most).map(|byte| format!("{byte:02x}")).collect()
}
