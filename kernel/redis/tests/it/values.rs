//! The cache that processes share.

use std::convert::Infallible;
use std::sync::Arc;
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use hanse_redis::{CacheSpec, TieredCache};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use tokio::sync::oneshot;

use crate::support::{Process, Server, World, eventually, within};

const HOUR: Duration = Duration::from_secs(3600);

#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
pub struct Page {
    pub text: String,
}

/// What the next release makes of it; the old JSON would still be read as one of these.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize, JsonSchema)]
struct NewPage {
    text: String,
    #[serde(default)]
    draft: bool,
}

pub fn cache(process: &Process, ttl: Duration) -> TieredCache<Page> {
    let spec = CacheSpec { name: "pages", ttl, max_weight: 1000 };
    TieredCache::new(spec, |_| 1, Some(process.redis.clone()))
}

/// What the cache says of the key "front", when the source says `source`.
pub async fn front(cache: &TieredCache<Page>, source: &str) -> String {
    let load = async { Ok::<_, Infallible>(Page { text: source.to_owned() }) };
    cache.get_or_load("front", load).await.unwrap().text
}

#[tokio::test(flavor = "multi_thread")]
async fn what_one_has_loaded_the_other_need_not() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (cache(&one, HOUR), cache(&other, HOUR));
    assert_eq!(front(&here, "first").await, "first");
    assert_eq!(front(&there, "second").await, "first");
    assert_eq!(front(&there, "third").await, "first");
    assert_eq!((there.lookups().second_level, there.lookups().loaded), (1, 0));
}

#[tokio::test(flavor = "multi_thread")]
async fn callers_at_the_same_time_share_one_load_and_a_failure_is_not_kept() {
    let world = World::new();
    let process = world.process().await;
    let cache = Arc::new(cache(&process, HOUR));
    let failed = cache.get_or_load("front", async { Err("down") }).await;
    assert_eq!(*failed.unwrap_err(), "down");
    let loads = Arc::new(AtomicU32::new(0));
    let callers: Vec<_> = (0..50)
        .map(|_| {
            let (cache, loads) = (Arc::clone(&cache), Arc::clone(&loads));
            tokio::spawn(async move {
                let load = async {
                    loads.fetch_add(1, Ordering::Relaxed);
                    tokio::task::yield_now().await;
                    Ok::<_, Infallible>(Page { text: "x".into() })
                };
                cache.get_or_load("front", load).await.unwrap()
            })
        })
        .collect();
    for caller in callers {
        assert_eq!(caller.await.unwrap().text, "x");
    }
    assert_eq!(loads.load(Ordering::Relaxed), 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_dropped_is_dropped_everywhere() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (cache(&one, HOUR), cache(&other, HOUR));
    front(&here, "old").await;
    front(&there, "old").await;
    here.invalidate("front").await;
    assert_eq!(front(&here, "new").await, "new", "one reads what one has written");
    eventually("the other hears of it", async || front(&there, "new").await == "new").await;
    assert_eq!(there.lookups().loaded, 0, "it came from the second level");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_load_that_began_before_the_drop_overwrites_nothing() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (Arc::new(cache(&one, HOUR)), cache(&other, HOUR));
    let (began, wait) = oneshot::channel();
    let (go, gone) = oneshot::channel();
    let slow = tokio::spawn({
        let here = Arc::clone(&here);
        async move {
            let load = async {
                began.send(()).unwrap();
                gone.await.unwrap();
                Ok::<_, Infallible>(Page { text: "old".into() })
            };
            here.get_or_load("front", load).await.unwrap().text
        }
    });
    within("the load", wait).await.unwrap();
    there.invalidate("front").await;
    go.send(()).unwrap();
    assert_eq!(within("the slow one", slow).await.unwrap(), "old");
    assert_eq!(front(&there, "new").await, "new", "the second level did not take the old one");
    eventually("the first forgets it", async || front(&here, "new").await == "new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn another_shape_is_not_read_and_is_dropped_as_well() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let here = cache(&one, HOUR);
    let spec = CacheSpec { name: "pages", ttl: HOUR, max_weight: 10 };
    let next = TieredCache::<NewPage>::new(spec, |_| 1, Some(other.redis.clone()));
    let load = async |text: &str| {
        let page = NewPage { text: text.to_owned(), draft: true };
        next.get_or_load("front", async { Ok::<_, Infallible>(page) }).await.unwrap()
    };
    front(&here, "old").await;
    assert_eq!(load("newer").await, NewPage { text: "newer".into(), draft: true });
    assert_eq!(front(&here, "lost").await, "old", "each has its own");
    here.invalidate("front").await;
    eventually("the next release hears of it", async || load("after").await.text == "after").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_outlives_its_time() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (cache(&one, Duration::from_secs(2)), cache(&other, HOUR));
    front(&here, "old").await;
    assert_eq!(front(&there, "new").await, "old");
    eventually("the time is over here", async || front(&here, "new").await == "new").await;
    eventually("and there", async || front(&there, "new").await == "new").await;
}

#[tokio::test(flavor = "multi_thread")]
async fn large_values_stay_in_memory() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (cache(&one, HOUR), cache(&other, HOUR));
    let large = "x".repeat(300_000);
    assert_eq!(front(&here, &large).await, large);
    assert_eq!(front(&here, "other").await, large);
    assert_eq!(front(&there, "other").await, "other");
}

/// The word of a change that another process could not hear is not needed: it forgets everything, and
/// what could not be dropped is dropped before anybody reads it again.
#[tokio::test(flavor = "multi_thread")]
async fn while_redis_is_away_nothing_is_kept_for_long_and_drops_are_made_up_for() {
    let server = Server::start().await;
    let world = World::impatient(&server.url());
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (cache(&one, HOUR), cache(&other, HOUR));
    front(&here, "old").await;
    front(&there, "old").await;

    server.freeze();
    within("the loss", one.redis.until(false)).await;
    within("the loss", other.redis.until(false)).await;
    here.invalidate("front").await;
    assert_eq!(front(&here, "new").await, "new");
    assert_eq!(front(&there, "new").await, "new", "what it had is forgotten with the connection");

    server.thaw();
    within("the return", one.redis.until(true)).await;
    within("the return", other.redis.until(true)).await;
    assert_ne!(front(&here, "newer").await, "old");
    eventually("the old value is gone", async || front(&there, "newer").await != "old").await;
    // It is, and does not come back from anywhere.
    let third = world.process().await;
    assert_ne!(front(&cache(&third, HOUR), "newest").await, "old");
}

#[tokio::test(flavor = "multi_thread")]
async fn without_redis_it_is_a_cache_in_memory() {
    let spec = CacheSpec { name: "pages", ttl: HOUR, max_weight: 10 };
    let cache = TieredCache::<Page>::new(spec, |_| 1, None);
    assert_eq!(front(&cache, "old").await, "old");
    assert_eq!(front(&cache, "new").await, "old");
    cache.invalidate("front").await;
    assert_eq!(front(&cache, "new").await, "new");
}
