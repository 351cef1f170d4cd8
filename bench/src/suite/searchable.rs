//! How long a thought takes to be found, while others keep writing.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use serde_json::Value;
use tokio::task::JoinSet;

use super::report::Figure;
use super::{Bench, milliseconds, ratio};
use crate::client::{self, User};
use crate::histogram::Histogram;
use crate::load::{Measured, Target, open_loop};
use crate::process::Server;
use crate::wire::{Connection, Template};

const RATE: u32 = 1_000;
const CONNECTIONS: usize = 64;
/// Probes are few beside the load: they must not become it.
const PROBE_EVERY: Duration = Duration::from_millis(100);
const POLL_EVERY: Duration = Duration::from_millis(4);
/// A thought that takes long is asked for less and less often, to a tenth of what it took: else those
/// who look would keep each other from finding.
const PRECISION: u32 = 10;
/// Long enough for a platform that has just started, or is far behind: the figure shows that.
const FOUND_WITHIN: Duration = Duration::from_secs(60);

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.setup("searchable")).await?;
    let (found, load) = at_rate(server.address, "searchable", RATE, bench.time).await?;
    server.stop().await?;
    let [p50, p99] = [0.5, 0.99].map(|share| milliseconds(found.quantile(share)));
    let detail = format!(
        "{} probes, p50 {p50:.1} ms, max {:.1} ms, from sending the create; creates {load}",
        found.count(),
        milliseconds(found.max())
    );
    Ok(vec![Figure::at_most("create → searchable p99 at 1,000/s", p99, 100.0, "ms", detail)])
}

/// Probes a platform while creates come at this rate.
pub async fn at_rate(
    address: SocketAddr,
    group: &str,
    rate: u32,
    time: Duration,
) -> anyhow::Result<(Histogram, Measured)> {
    let users = client::register(address, group, 20).await?;
    let target = Target::new(address, ratio::creations(&users));
    let load = open_loop(target, CONNECTIONS, rate, time);
    let probes = probe(address, users.first().context("a user")?, time);
    let (load, found) = tokio::try_join!(load, probes)?;
    Ok((found, load.without_failures()?))
}

/// Waits until a platform that has just started finds what is written.
pub async fn find_once(address: SocketAddr, user: &User) -> anyhow::Result<()> {
    one(address, user, &word(u128::from(u32::MAX))).await.map(drop)
}

async fn probe(address: SocketAddr, user: &User, time: Duration) -> anyhow::Result<Histogram> {
    // The load counts after its second of warming up; so do the probes.
    tokio::time::sleep(Duration::from_secs(1)).await;
    let found = Arc::new(Histogram::new());
    let mut tasks = JoinSet::new();
    let count = time.as_millis() / PROBE_EVERY.as_millis();
    let mut ticks = tokio::time::interval(PROBE_EVERY);
    for number in 0..count {
        ticks.tick().await;
        let (user, found) = (user.clone(), Arc::clone(&found));
        tasks.spawn(async move {
            let word = word(number);
            found.record(one(address, &user, &word).await?);
            anyhow::Ok(())
        });
    }
    while let Some(task) = tasks.join_next().await {
        task??;
    }
    Arc::into_inner(found).context("a probe is still running")
}

/// Writes a thought with the word and asks for it until it is found.
async fn one(address: SocketAddr, user: &User, word: &str) -> anyhow::Result<Duration> {
    let mut connection = Connection::open(address).await?;
    let query = Template::get(&format!("/api/search?q={word}"), Some(&user.token));
    let begin = Instant::now();
    let create = client::creation(user, &format!("Looking for {word} in the crowd"));
    client::ask(&mut connection, &create, 201).await?;
    loop {
        let hits = client::ask(&mut connection, &query, 200).await?;
        if hits.get("items").and_then(Value::as_array).is_some_and(|items| !items.is_empty()) {
            return Ok(begin.elapsed());
        }
        if begin.elapsed() > FOUND_WITHIN {
            bail!("`{word}` is not found after {FOUND_WITHIN:?}");
        }
        tokio::time::sleep((begin.elapsed() / PRECISION).max(POLL_EVERY)).await;
    }
}

/// A word of letters, far enough from all others that no typo tolerance confuses them.
fn word(number: u128) -> String {
    let mut rest = (number as u64 + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15);
    let letters = (0..12).map(|_| {
        let letter = char::from(b'a' + (rest % 26) as u8);
        rest /= 26;
        letter
    });
    letters.collect()
}

#[cfg(test)]
mod tests {
    use super::word;

    #[test]
    fn words_differ_in_many_letters() {
        for (a, b) in (0..300).flat_map(|a| (0..a).map(move |b| (a, b))) {
            let (a, b) = (word(a), word(b));
            let apart = a.chars().zip(b.chars()).filter(|(a, b)| a != b).count();
            assert!(apart > 2, "{a} {b}");
        }
    }
}
