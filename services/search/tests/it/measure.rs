//! Figures, by hand: `cargo test --release -p hanse-search -- --ignored --nocapture measure`.

use std::time::{Duration, Instant};

use hanse_contracts::thoughts::ThoughtCreated;
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Stage, stage_test};

use crate::{search, services, total};

const WORDS: [&str; 16] = [
    "river", "stone", "window", "garden", "letter", "morning", "silver", "market", "winter",
    "music", "bridge", "candle", "forest", "harbour", "journey", "kitchen",
];

fn text(number: u64) -> String {
    let word = |salt: u64| {
        let mixed = (number * 31 + salt).wrapping_mul(0x9E37_79B9_7F4A_7C15) >> 40;
        WORDS[(mixed % 16) as usize]
    };
    let words: Vec<_> = (0..30).map(word).collect();
    format!("{} unique{number}", words.join(" "))
}

async fn emit(t: &Stage, owner: uuid::Uuid, numbers: std::ops::Range<u64>) {
    use hanse_events::Emit as _;
    let created_at = t.clock.clock().now();
    t.db("thoughts")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            for number in numbers {
                let thought_id = tx.new_id();
                let (text, tags) = (text(number), Vec::new());
                tx.emit(&ThoughtCreated { thought_id, user_id: owner, text, tags, created_at })
                    .await?;
            }
            Ok(())
        })
        .await
        .expect("written");
}

fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").expect("a status");
    let line = status.lines().find(|line| line.starts_with("VmRSS")).expect("a line");
    line.split_whitespace().nth(1).and_then(|kb| kb.parse().ok()).unwrap_or(0) / 1024
}

/// From the commit of a write to the moment it can be found, at 1,000 writes a second.
#[stage_test(local)]
#[ignore = "a measurement"]
async fn measure_from_write_to_found(t: Stage) {
    let anna = t.user("anna");
    let mut running = tokio::task::JoinSet::new();
    for subscriber in t.platform.cell("search").expect("search").subscribers() {
        let subscriber = std::sync::Arc::clone(subscriber);
        running.spawn(async move { subscriber.run().await });
    }
    println!("start: {} MB", resident());
    let bulk = 50_000;
    let began = Instant::now();
    for batch in 0..bulk / 500 {
        // Half the documents are others'.
        let owner = if batch % 2 == 0 { anna.id } else { t.user("ben").id };
        emit(&t, owner, batch * 500..(batch + 1) * 500).await;
    }
    let applied = t.platform.cell("search").expect("search").applied.clone();
    assert!(applied.wait("thoughts", bulk as i64, Duration::from_secs(300)).await);
    println!("fed {bulk} in {:?}: {} MB", began.elapsed(), resident());
    let mut lags = Vec::new();
    let mut next = tokio::time::interval(Duration::from_millis(1));
    let mut waiting = tokio::task::JoinSet::new();
    for number in bulk..bulk + 10_000 {
        next.tick().await;
        let (t, applied, owner) = (t.clone(), applied.clone(), anna.id);
        waiting.spawn(async move {
            emit(&t, owner, number..number + 1).await;
            let written = Instant::now();
            let seq = number as i64 + 1;
            assert!(applied.wait("thoughts", seq, Duration::from_secs(20)).await);
            written.elapsed()
        });
        while let Some(lag) = waiting.try_join_next() {
            lags.push(lag.expect("a lag"));
        }
    }
    while let Some(lag) = waiting.join_next().await {
        lags.push(lag.expect("a lag"));
    }
    lags.sort();
    let at = |share: f64| lags[((lags.len() - 1) as f64 * share) as usize];
    println!("write to found: p50 {:?} p99 {:?} max {:?}", at(0.5), at(0.99), at(1.0));
    println!("under load: {} MB", resident());
    for q in ["unique50123", "river stone", "garde", "the", "\"river stone\"", "rivre"] {
        let began = Instant::now();
        let mut found = 0;
        for _ in 0..20 {
            found = total(&search(&anna, q).await);
        }
        println!("{q:?}: {found} found, {:?} each", began.elapsed() / 20);
    }
    tokio::time::sleep(Duration::from_secs(7)).await;
    println!("idle: {} MB", resident());
    running.shutdown().await;
    t.drain_events().await;
}
