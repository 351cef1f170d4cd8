//! What a budget costs, alone and together: `cargo run --release -p hanse-redis --example measure --
//! redis://127.0.0.1:6379`.
//!
//! Prints nanoseconds per check of a local limiter, asked directly and through `Limiter`, and for a
//! shared one the checks per second and latency with 1 and 64 callers of a single connection.

#![expect(clippy::disallowed_methods, reason = "a measurement runs callers at the same time")]

use std::hint::black_box;
use std::sync::Arc;
use std::time::{Duration, Instant};

use hanse_cache::rate::clock::DefaultClock;
use hanse_cache::rate::{Limiter, Quota, RateKeys, RateLimiter};
use hanse_redis::{Budgets, Redis, RedisConfig};
use hanse_telemetry::metrics::Metrics;

const QUOTA: Quota = Quota { burst: 1_000_000_000, per_second: 1_000_000.0 };
const LOCAL_CHECKS: u32 = 2_000_000;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    runtime.block_on(async {
        tokio::spawn(alone()).await?;
        if let Some(url) = std::env::args().nth(1) {
            together(url).await?;
        }
        Ok(())
    })
}

async fn alone() {
    let keys = RateKeys::random();
    let direct = RateLimiter::new(QUOTA, 100_000, DefaultClock::default());
    let through = Limiter::local(QUOTA, 100_000);
    for _ in 0..3 {
        let start = Instant::now();
        for number in 0..LOCAL_CHECKS {
            black_box(direct.check(keys.principal(u128::from(number % 1000))));
        }
        let plain = start.elapsed() / LOCAL_CHECKS;
        let start = Instant::now();
        for number in 0..LOCAL_CHECKS {
            black_box(through.check(keys.principal(u128::from(number % 1000))).await);
        }
        let awaited = start.elapsed() / LOCAL_CHECKS;
        println!("alone: {plain:?} directly, {awaited:?} through Limiter");
    }
}

async fn together(url: String) -> Result<(), Box<dyn std::error::Error>> {
    let config = RedisConfig { url, ..RedisConfig::default() };
    let redis = Redis::start(&config, &Metrics::default())?;
    redis.until(true).await;
    let budgets = Arc::new(Budgets::new(redis));
    let limiter = Arc::new(Limiter::shared("measure", QUOTA, 100_000, budgets));
    for callers in [1, 64] {
        let start = Instant::now();
        let tasks: Vec<_> = (0..callers)
            .map(|caller| tokio::spawn(ask(Arc::clone(&limiter), caller, 100_000 / callers)))
            .collect();
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await?);
        }
        let rate = times.len() as f64 / start.elapsed().as_secs_f64();
        times.sort_unstable();
        let at = |share: f64| times.get((times.len() as f64 * share) as usize).copied();
        let (median, p99) = (at(0.5), at(0.99));
        println!("together, {callers} callers: {rate:.0}/s, median {median:?}, p99 {p99:?}");
    }
    Ok(())
}

async fn ask(limiter: Arc<Limiter>, caller: u128, checks: u128) -> Vec<Duration> {
    let keys = RateKeys::shared(&[1; 32]);
    let mut times = Vec::new();
    for number in 0..checks {
        let start = Instant::now();
        black_box(limiter.check(keys.principal((caller << 64) | (number % 100))).await);
        times.push(start.elapsed());
    }
    times
}
