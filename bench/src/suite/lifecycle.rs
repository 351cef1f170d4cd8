//! What a server costs before anyone uses it: its start and its memory.

use std::time::Duration;

use super::report::Figure;
use super::{Bench, median, milliseconds};
use crate::client;
use crate::process::{Server, Setup};

const RESTARTS: usize = 5;
const IDLE: Duration = Duration::from_secs(5);
const MEGABYTE: f64 = 1024.0 * 1024.0;

pub async fn start(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let setup = with_data(bench, "start").await?;
    let mut times = Vec::new();
    for _ in 0..RESTARTS {
        let server = Server::start(&setup).await?;
        times.push(milliseconds(server.ready_after));
        server.stop().await?;
    }
    let slowest = times.iter().copied().fold(0.0, f64::max);
    let detail = format!("median of {RESTARTS} restarts, slowest {slowest:.0} ms");
    Ok(vec![Figure::at_most("start to ready, existing data", median(times), 300.0, "ms", detail)])
}

pub async fn idle(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let setup = with_data(bench, "idle").await?;
    let server = Server::start(&setup).await?;
    tokio::time::sleep(IDLE).await;
    let resident = server.resident()? as f64 / MEGABYTE;
    server.stop().await?;
    let detail = format!("VmRSS {IDLE:?} after ready, existing data");
    Ok(vec![Figure::at_most("idle resident memory", resident, 60.0, "MB", detail)])
}

/// A data folder that somebody has used: 20 users with 100 thoughts each.
async fn with_data(bench: &Bench<'_>, name: &str) -> anyhow::Result<Setup> {
    let setup = bench.setup(name);
    let server = Server::start(&setup).await?;
    let users = client::register(server.address, name, 20).await?;
    client::thoughts(server.address, &users, 100).await?;
    server.quiet().await?;
    server.stop().await?;
    Ok(setup)
}
