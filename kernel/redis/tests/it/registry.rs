//! Who serves where.

use std::time::Duration;

use hanse_redis::{Instance, Registry};
use tokio::sync::watch::Receiver;

use crate::support::{Server, World, within};

const LAPSE: Duration = Duration::from_secs(2);

pub fn instance(id: &str, address: &str) -> Instance {
    Instance {
        service: "thoughts".into(),
        address: address.into(),
        id: id.into(),
        weight: 1,
        version: "1.0.0".into(),
        started_at: "2026-01-01T00:00:00Z".parse().unwrap(),
    }
}

pub async fn until(watch: &mut Receiver<Vec<Instance>>, ids: &[&str]) {
    let same = |list: &Vec<Instance>| {
        list.iter().map(|instance| instance.id.as_str()).eq(ids.iter().copied())
    };
    let what = format!("{ids:?} to be known");
    within(&what, watch.wait_for(same)).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn instances_come_say_goodbye_and_die() {
    let world = World::new();
    let (one, other, reader) =
        (world.process().await, world.process().await, world.process().await);
    let registry = Registry::start(reader.redis.clone(), LAPSE);
    let mut watch = registry.watch("thoughts");
    let here = Registry::start(one.redis.clone(), LAPSE);
    let there = Registry::start(other.redis.clone(), LAPSE);
    let a = here.announce(instance("a", "h:1"));
    let b = there.announce(instance("b", "h:2"));
    until(&mut watch, &["a", "b"]).await;
    assert_eq!(watch.borrow().first(), Some(&instance("a", "h:1")));
    a.withdraw().await;
    until(&mut watch, &["b"]).await;
    // As a crash would: no goodbye, no more heartbeats.
    drop((b, there, other));
    until(&mut watch, &[]).await;
    drop(here);
}

#[tokio::test(flavor = "multi_thread")]
async fn each_service_has_its_own_list_and_a_late_watcher_sees_it() {
    let world = World::new();
    let process = world.process().await;
    let registry = Registry::start(process.redis.clone(), LAPSE);
    let _a = registry.announce(instance("a", "h:1"));
    let _b = registry.announce(Instance { service: "search".into(), ..instance("b", "h:2") });
    until(&mut registry.watch("thoughts"), &["a"]).await;
    until(&mut registry.watch("search"), &["b"]).await;
    until(&mut registry.watch("thoughts"), &["a"]).await;
    assert!(registry.watch("analytics").borrow().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn when_redis_dies_the_known_stay_and_when_it_is_back_empty_too() {
    let mut server = Server::start().await;
    let world = World::on(&server.url());
    let (one, other, reader) =
        (world.process().await, world.process().await, world.process().await);
    let here = Registry::start(one.redis.clone(), LAPSE);
    let there = Registry::start(other.redis.clone(), LAPSE);
    let registry = Registry::start(reader.redis.clone(), LAPSE);
    let _a = here.announce(instance("a", "h:1"));
    let b = there.announce(instance("b", "h:2"));
    let mut watch = registry.watch("thoughts");
    until(&mut watch, &["a", "b"]).await;

    server.kill();
    within("the loss", reader.redis.until(false)).await;
    assert_eq!(watch.borrow_and_update().len(), 2);
    drop((b, there, other)); // nobody can know
    server.start_again().await;
    within("the return", reader.redis.until(true)).await;
    assert!(!watch.has_changed().unwrap(), "an empty registry is no news");
    // The living one has announced itself again, the dead one had its time.
    until(&mut watch, &["a"]).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn emptied_or_frozen_for_longer_than_a_lapse_nobody_is_taken_away() {
    let server = Server::start().await;
    let world = World::impatient(&server.url());
    let (one, reader) = (world.process().await, world.process().await);
    let here = Registry::start(one.redis.clone(), LAPSE);
    let registry = Registry::start(reader.redis.clone(), LAPSE);
    let _a = here.announce(instance("a", "h:1"));
    let mut watch = registry.watch("thoughts");
    until(&mut watch, &["a"]).await;
    watch.borrow_and_update();

    let mut stranger = world.stranger().await;
    redis::cmd("FLUSHALL").query_async::<()>(&mut stranger).await.unwrap();
    let registry_again = Registry::start(reader.redis.clone(), LAPSE);
    until(&mut registry_again.watch("thoughts"), &["a"]).await;

    server.freeze();
    within("the loss", one.redis.until(false)).await;
    within("the loss", reader.redis.until(false)).await;
    // By the clock of the server the heartbeat is long over when it wakes.
    tokio::time::sleep(LAPSE * 2).await;
    server.thaw();
    within("the return", one.redis.until(true)).await;
    within("the return", reader.redis.until(true)).await;
    until(&mut registry_again.watch("thoughts"), &["a"]).await;
    assert!(!watch.has_changed().unwrap(), "the list was never another one");
}
