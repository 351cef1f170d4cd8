//! Redis says anything: other types, garbage, far too much. It is as if nothing were there.

use redis::aio::MultiplexedConnection;

use crate::budgets::{client, storm};
use crate::registry::{instance, until};
use crate::support::{FIVE, World, eventually};
use crate::values::{cache, front};

/// Puts something unexpected in the place of a key.
const NASTY: [&[&str]; 9] = [
    &["SET", "KEY", "garbage"],
    &["SET", "KEY", "nan"],
    &["SET", "KEY", "inf"],
    &["SET", "KEY", "-1e308"],
    &["SET", "KEY", "0x7fffffffffffffff"],
    &["SET", "KEY", ""],
    &["LPUSH", "KEY", "a", "b"],
    &["HSET", "KEY", "a", "b"],
    &["SETRANGE", "KEY", "10000000", "huge"],
];

async fn keys(stranger: &mut MultiplexedConnection, pattern: &str) -> Vec<String> {
    redis::cmd("KEYS").arg(pattern).query_async(stranger).await.unwrap()
}

async fn put(stranger: &mut MultiplexedConnection, key: &str, nasty: &[&str]) {
    redis::cmd("DEL").arg(key).query_async::<()>(stranger).await.unwrap();
    let mut command = redis::Cmd::new();
    for word in nasty {
        command.arg(if *word == "KEY" { key } else { word });
    }
    command.query_async::<redis::Value>(stranger).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_budget_that_is_none_counts_from_the_start() {
    let world = World::new();
    let process = world.process().await;
    let mut stranger = world.stranger().await;
    for (number, nasty) in NASTY.into_iter().enumerate() {
        let limiter = crate::budgets::limiter(&process, FIVE);
        let key = client(number as u128);
        assert!(limiter.check(key).await.allowed);
        let name = keys(&mut stranger, &format!("{}:budget:user:*", world.prefix)).await.remove(0);
        put(&mut stranger, &name, nasty).await;
        // It has not counted anything itself: what it allows is the common count.
        let fresh = crate::budgets::limiter(&process, FIVE);
        let allowed = storm(&fresh, key, 20).await;
        assert!(allowed <= 5, "{nasty:?}: {allowed}");
        redis::cmd("DEL").arg(&name).query_async::<()>(&mut stranger).await.unwrap();
    }
    assert_eq!(process.calls("failed"), 0, "garbage is replaced, not stumbled over");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_value_that_is_none_is_loaded() {
    let world = World::new();
    let process = world.process().await;
    let mut stranger = world.stranger().await;
    let hour = std::time::Duration::from_secs(3600);
    for nasty in NASTY {
        front(&cache(&process, hour), "loaded").await;
        let mut found = keys(&mut stranger, &format!("{}:value:*", world.prefix)).await;
        assert_eq!(found.len(), 1);
        put(&mut stranger, &found.remove(0), nasty).await;
        assert_eq!(front(&cache(&process, hour), "again").await, "again", "{nasty:?}");
        let kept = front(&cache(&process, hour), "not needed").await;
        assert_eq!(kept, "again", "what was in the way has been replaced: {nasty:?}");
        let found = keys(&mut stranger, &format!("{}:value:*", world.prefix)).await;
        redis::cmd("DEL").arg(found).query_async::<()>(&mut stranger).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn json_of_another_kind_in_our_own_shape_is_loaded_too() {
    let world = World::new();
    let process = world.process().await;
    let mut stranger = world.stranger().await;
    let hour = std::time::Duration::from_secs(3600);
    front(&cache(&process, hour), "loaded").await;
    let name = keys(&mut stranger, &format!("{}:value:*", world.prefix)).await.remove(0);
    let shapes: Vec<String> =
        redis::cmd("HKEYS").arg(&name).query_async(&mut stranger).await.unwrap();
    let deep = "[".repeat(100_000);
    let huge = format!("{{\"text\":\"{}\"}}", "x".repeat(300_000));
    for json in ["", "{", "null", "[]", "{\"text\":1}", "\u{0}", &deep, &huge] {
        redis::cmd("HSET")
            .arg(&[&name, &shapes[0], json])
            .query_async::<()>(&mut stranger)
            .await
            .unwrap();
        assert_eq!(front(&cache(&process, hour), "again").await, "again");
        assert_eq!(front(&cache(&process, hour), "not needed").await, "again");
    }
    assert_eq!(process.calls("failed"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_that_are_none_are_not_listed_and_the_others_are() {
    let world = World::new();
    let process = world.process().await;
    let mut stranger = world.stranger().await;
    let registry = hanse_redis::Registry::start(process.redis.clone(), crate::support::LONG_LAPSE);
    let _a = registry.announce(instance("a", "h:1"));
    let mut watch = registry.watch("thoughts");
    until(&mut watch, &["a"]).await;
    let [instances, heartbeats] =
        ["instances", "heartbeats"].map(|kind| format!("{}:{kind}:thoughts", world.prefix));
    let other = serde_json::to_string(&instance("other", "h:3")).unwrap();
    let far = "9000000000000000";
    for (id, json, beat) in [
        ("garbage", "{", far),
        ("b", other.as_str(), far),
        ("c", "{}", "nan"),
        ("d", "{}", "garbage"),
        ("e", &"x".repeat(5_000), far),
        (&"f".repeat(100), "{}", far),
    ] {
        let put = async |key: &str, value: &str, stranger: &mut MultiplexedConnection| {
            redis::cmd("HSET").arg(&[key, id, value]).query_async::<()>(stranger).await.unwrap();
        };
        put(&instances, json, &mut stranger).await;
        put(&heartbeats, beat, &mut stranger).await;
    }
    let good = instance("z", "h:9");
    for (key, value) in
        [(&instances, serde_json::to_string(&good).unwrap()), (&heartbeats, far.to_owned())]
    {
        redis::cmd("HSET").arg(&[key, "z", &value]).query_async::<()>(&mut stranger).await.unwrap();
    }
    let channel = format!("{}:registered", world.prefix);
    redis::cmd("PUBLISH").arg(&[&channel, "\u{7}"]).query_async::<()>(&mut stranger).await.unwrap();
    until(&mut watch, &["a", "z"]).await;

    // Another type altogether: nothing can be read, so the known ones stay, until the next heartbeat
    // puts things right.
    for nasty in NASTY.into_iter().take(7) {
        put(&mut stranger, &heartbeats, nasty).await;
        put(&mut stranger, &instances, nasty).await;
        assert_eq!(watch.borrow().len(), 2);
    }
    let fresh = hanse_redis::Registry::start(process.redis.clone(), crate::support::LONG_LAPSE);
    let _b = fresh.announce(instance("b", "h:2"));
    until(&mut fresh.watch("thoughts"), &["a", "b"]).await;
    drop(registry);
}

#[tokio::test(flavor = "multi_thread")]
async fn messages_that_are_none_drop_too_much_rather_than_too_little() {
    let world = World::new();
    let process = world.process().await;
    let mut stranger = world.stranger().await;
    let hour = std::time::Duration::from_secs(3600);
    let cache = cache(&process, hour);
    front(&cache, "loaded").await;
    let channel = format!("{}:invalidated", world.prefix);
    for message in [&b""[..], b"\xFF\xFE", b"not hex", &[b'x'; 100_000]] {
        let before = cache.lookups().second_level;
        redis::cmd("PUBLISH")
            .arg(&channel)
            .arg(message)
            .query_async::<()>(&mut stranger)
            .await
            .unwrap();
        eventually("it looks again", async || {
            assert_eq!(front(&cache, "never").await, "loaded");
            cache.lookups().second_level > before
        })
        .await;
    }
}
