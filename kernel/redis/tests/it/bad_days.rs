//! Redis killed, frozen, emptied, without its scripts. Nobody waits for it, and no process gives more
//! than it would give alone.

use std::sync::Arc;
use std::time::{Duration, Instant};

use hanse_cache::rate::Quota;
use hanse_redis::{Budgets, Trouble};

use crate::budgets::{client, limiter, storm};
use crate::support::{FIVE, Process, Server, World, at_once, eventually, within};

/// What `Limiter` gives above the quota where the common count says yes (see `Quota::slack`).
const SLACK: usize = 1;

#[tokio::test(flavor = "multi_thread")]
async fn killed_each_process_counts_alone_and_together_again_afterwards() {
    let mut server = Server::start().await;
    let world = World::on(&server.url());
    let (one, other) = (world.process().await, world.process().await);
    let (here, there) = (limiter(&one, FIVE), limiter(&other, FIVE));
    assert_eq!(storm(&here, client(1), 3).await, 3);

    server.kill();
    within("the loss", one.redis.until(false)).await;
    within("the loss", other.redis.until(false)).await;
    assert!(one.redis.health().cause.is_some());
    let spent = (0..20).filter(|_| at_once(here.check(client(1))).allowed).count();
    assert!((2..=2 + SLACK).contains(&spent), "three were spent before: {spent}");
    let alone = (0..20).filter(|_| at_once(there.check(client(2))).allowed).count();
    assert!((5..=5 + SLACK).contains(&alone), "{alone}");

    server.start_again().await;
    within("the return", one.redis.until(true)).await;
    within("the return", other.redis.until(true)).await;
    let (a, b) = tokio::join!(storm(&here, client(4), 20), storm(&there, client(4), 20));
    assert_eq!(a + b, 5);
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_the_first_come_back_without_an_answer_and_the_next_do_not_even_ask() {
    let server = Server::start().await;
    let world = World::impatient(&server.url());
    let process = world.process().await;
    let budgets = Budgets::new(process.redis.clone());
    budgets.try_take("user", client(1), FIVE).await.unwrap();

    server.freeze();
    let started = Instant::now();
    let mut longest = Duration::ZERO;
    while process.redis.health().connected {
        let asked = Instant::now();
        let answer = within("an end", budgets.try_take("user", client(1), FIVE)).await;
        assert!(matches!(answer, Err(Trouble::Late | Trouble::Lost)), "{answer:?}");
        longest = longest.max(asked.elapsed());
    }
    println!("frozen: longest wait {longest:?} of 200 ms, given up after {:?}", started.elapsed());
    for _ in 0..1000 {
        let answer = at_once(budgets.try_take("user", client(1), FIVE));
        assert!(matches!(answer, Err(Trouble::Lost)), "{answer:?}");
    }

    server.thaw();
    within("the return", process.redis.until(true)).await;
    eventually("it counts again", async || budgets.try_take("user", client(2), FIVE).await.is_ok())
        .await;
}

/// Asks from eight places, eight hundred times, while something happens to the server, and says how
/// often it was allowed: three hundred is what this process gives alone.
async fn storm_during(world: &World, deed: impl AsyncFnOnce(&Process)) -> usize {
    let process = world.process().await;
    let limiter = limiter(&process, Quota { burst: 300, ..FIVE });
    let storms: Vec<_> = (0..8)
        .map(|_| {
            let limiter = Arc::clone(&limiter);
            tokio::spawn(async move {
                let mut allowed = 0;
                for _ in 0..100 {
                    allowed += usize::from(limiter.check(client(1)).await.allowed);
                }
                allowed
            })
        })
        .collect();
    deed(&process).await;
    let mut allowed = 0;
    for storm in storms {
        allowed += within("the end of the storm", storm).await.unwrap();
    }
    allowed
}

#[tokio::test(flavor = "multi_thread")]
async fn frozen_under_load_every_request_ends_and_none_is_given_twice() {
    let server = Server::start().await;
    let world = World::impatient(&server.url());
    let allowed = storm_during(&world, async |process| {
        server.freeze();
        within("the loss", process.redis.until(false)).await;
    })
    .await;
    server.thaw();
    assert!((300..=300 + SLACK).contains(&allowed), "{allowed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn killed_under_load_every_request_ends_and_none_is_given_twice() {
    let mut server = Server::start().await;
    let world = World::on(&server.url());
    let allowed = storm_during(&world, async |process| {
        server.kill();
        within("the loss", process.redis.until(false)).await;
        server.start_again().await;
        within("the return", process.redis.until(true)).await;
    })
    .await;
    assert!((300..=300 + SLACK).contains(&allowed), "{allowed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn emptied_under_load_none_is_given_twice() {
    let server = Server::start().await;
    let world = World::on(&server.url());
    let mut stranger = world.stranger().await;
    let allowed = storm_during(&world, async |_| {
        for _ in 0..20 {
            redis::cmd("FLUSHALL").query_async::<()>(&mut stranger).await.unwrap();
        }
    })
    .await;
    assert!((300..=300 + SLACK).contains(&allowed), "{allowed}");
}

#[tokio::test(flavor = "multi_thread")]
async fn emptied_no_process_gives_more_than_alone() {
    let server = Server::start().await;
    let world = World::on(&server.url());
    let (one, other) = (world.process().await, world.process().await);
    let quota = Quota { burst: 20, ..FIVE };
    let (here, there) = (limiter(&one, quota), limiter(&other, quota));
    let before = storm(&here, client(1), 15).await;
    assert_eq!(before, 15);
    let mut stranger = world.stranger().await;
    redis::cmd("FLUSHALL").query_async::<()>(&mut stranger).await.unwrap();
    let after = storm(&here, client(1), 50).await;
    assert!((5..=5 + SLACK).contains(&after), "{after}");
    let elsewhere = storm(&there, client(1), 50).await;
    assert!(elsewhere <= 20, "together still: {elsewhere}");
    assert!(one.redis.health().connected);
}

#[tokio::test(flavor = "multi_thread")]
async fn without_its_scripts_nothing_is_lost() {
    let server = Server::start().await;
    let world = World::on(&server.url());
    let process = world.process().await;
    let budgets = Budgets::new(process.redis.clone());
    let quota = Quota { burst: 500, ..FIVE };
    let storms: Vec<_> = (0..4)
        .map(|_| {
            let budgets = budgets.clone();
            tokio::spawn(async move {
                let mut allowed = 0;
                for _ in 0..250 {
                    let decision = budgets.try_take("user", client(1), quota).await.unwrap();
                    allowed += usize::from(decision.allowed);
                }
                allowed
            })
        })
        .collect();
    let mut stranger = world.stranger().await;
    let mut flushed = 0;
    while !storms.iter().all(tokio::task::JoinHandle::is_finished) {
        redis::cmd("SCRIPT").arg("FLUSH").query_async::<()>(&mut stranger).await.unwrap();
        flushed += 1;
        tokio::task::yield_now().await;
    }
    let mut allowed = 0;
    for storm in storms {
        allowed += storm.await.unwrap();
    }
    println!("{flushed} script flushes during 1000 requests");
    assert_eq!(allowed, 500);
    assert_eq!(process.calls("failed"), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_process_starts_without_redis_and_finds_it_later() {
    let mut server = Server::start().await;
    server.kill();
    let world = World::on(&server.url());
    let process = world.unconnected();
    let limiter = limiter(&process, FIVE);
    assert!(at_once(limiter.check(client(1))).allowed);
    eventually("the cause is known", async || {
        process.redis.health().cause.is_some_and(|cause| cause.contains("refused"))
    })
    .await;
    server.start_again().await;
    within("the connection", process.redis.until(true)).await;
    assert_eq!(process.redis.health().cause, None);
}
