//! Budgets that processes count together (M-078, M-080).

use std::sync::Arc;

use hanse_cache::rate::clock::DefaultClock;
use hanse_cache::rate::{Limiter, Quota, RateKey, RateKeys, RateLimiter};
use hanse_redis::Budgets;

use crate::support::{FIVE, Process, World, eventually};

pub fn client(number: u128) -> RateKey {
    RateKeys::shared(&[1; 32]).principal(number)
}

pub fn limiter(process: &Process, quota: Quota) -> Arc<Limiter> {
    let budgets = Arc::new(Budgets::new(process.redis.clone()));
    Arc::new(Limiter::shared("user", quota, 1000, budgets))
}

/// Asks so often at the same time and counts what was allowed.
pub async fn storm(limiter: &Arc<Limiter>, key: RateKey, requests: usize) -> usize {
    let asked = (0..requests).map(|_| {
        let limiter = Arc::clone(limiter);
        tokio::spawn(async move { limiter.check(key).await.allowed })
    });
    let asked: Vec<_> = asked.collect();
    let mut allowed = 0;
    for request in asked {
        allowed += usize::from(request.await.unwrap());
    }
    allowed
}

#[tokio::test(flavor = "multi_thread")]
async fn two_processes_together_allow_exactly_the_burst() {
    let world = World::new();
    let (one, other) = (world.process().await, world.process().await);
    let quota = Quota { burst: 50, ..FIVE };
    let (here, there) = (limiter(&one, quota), limiter(&other, quota));
    let (a, b) = tokio::join!(storm(&here, client(1), 200), storm(&there, client(1), 200));
    assert_eq!(a + b, 50);
    assert!(here.check(client(2)).await.allowed, "another client is not affected");
}

#[tokio::test(flavor = "multi_thread")]
async fn together_says_the_same_as_alone() {
    let world = World::new();
    let process = world.process().await;
    let together = Budgets::new(process.redis.clone());
    let alone = RateLimiter::new(FIVE, 10, DefaultClock::default());
    for _ in 0..5 {
        let decision = together.try_take("user", client(1), FIVE).await.unwrap();
        assert_eq!(decision, alone.check(client(1)));
    }
    let (refused, expected) =
        (together.try_take("user", client(1), FIVE).await.unwrap(), alone.check(client(1)));
    assert!(!refused.allowed && !expected.allowed);
    assert_eq!((refused.limit, refused.remaining), (expected.limit, expected.remaining));
    // The waits differ by the time between the two questions; the day is the interval.
    let wait = refused.retry_after.unwrap();
    assert!(wait <= FIVE.interval() && wait > FIVE.interval() / 2);
    assert_eq!(refused.reset_after, wait + FIVE.interval() * 4);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_spent_is_earned_back() {
    let world = World::new();
    let process = world.process().await;
    let limiter = limiter(&process, Quota { burst: 2, per_second: 20.0 });
    while limiter.check(client(1)).await.allowed {}
    eventually("a request is earned back", async || limiter.check(client(1)).await.allowed).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn who_was_refused_is_refused_without_asking_again() {
    let world = World::new();
    let process = world.process().await;
    let limiter = limiter(&process, FIVE);
    assert_eq!(storm(&limiter, client(1), 6).await, 5);
    // Only the ping of the connection may ask now, once a second.
    let asked = process.calls("answered");
    for _ in 0..10_000 {
        let decision = limiter.check(client(1)).await;
        assert!(!decision.allowed && decision.retry_after_seconds() > Some(80_000));
    }
    assert!(process.calls("answered") - asked < 1000);
}

#[tokio::test(flavor = "multi_thread")]
async fn absurd_quotas_neither_fail_nor_open_the_door() {
    let world = World::new();
    let process = world.process().await;
    let budgets = Budgets::new(process.redis.clone());
    let rates = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e300];
    for (number, per_second) in rates.into_iter().enumerate() {
        for burst in [0, 1, u32::MAX] {
            let quota = Quota { burst, per_second };
            let key = client(number as u128 * 10 + u128::from(burst.min(2)));
            let first = budgets.try_take("user", key, quota).await.unwrap();
            assert!(first.allowed, "{quota:?}");
            let second = budgets.try_take("user", key, quota).await.unwrap();
            let slow = quota.interval().as_secs() > 0;
            assert_eq!(second.allowed, !(slow && quota.capacity() == 1), "{quota:?}");
        }
    }
}
