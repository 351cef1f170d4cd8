//! A user must not feel how many others there are.
//!
//! Two servers, one almost empty and one full, are asked in turn: the ratio is free of what the
//! machine does meanwhile.

use std::process::{Command, Stdio};
use std::time::Instant;

use anyhow::{Context, bail};

use super::report::Figure;
use super::{Bench, median, milliseconds};
use crate::client;
use crate::load::{Target, closed_loop};
use crate::process::{Server, Setup};
use crate::wire::Template;

const USERS: &str = "10000";
const THOUGHTS: &str = "1000000";
/// Few enough that the answer time counts, not the queue.
const CONNECTIONS: usize = 16;

/// A server and what its measured user asks for.
struct Side {
    server: Server,
    point: Target,
    page: Target,
}

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let (small, large) = (bench.setup("small"), bench.setup("large"));
    let seeded = seed(&large)?;
    let small = Side::start(&small).await?;
    let large = Side::start(&large).await?;
    let (mut points, mut pages, mut words) = (Vec::new(), Vec::new(), Vec::new());
    for _ in 0..bench.args.rounds.max(1) {
        let (ratio, _) = slower(bench, &small.point, &large.point).await?;
        points.push(ratio);
        let (ratio, detail) = slower(bench, &small.page, &large.page).await?;
        pages.push(ratio);
        words.push(detail);
    }
    small.server.stop().await?;
    large.server.stop().await?;
    let detail = format!("{THOUGHTS} thoughts of {USERS} users, loaded in {seeded:.0} s");
    let page = words.pop().unwrap_or_default();
    Ok(vec![
        Figure::at_most("point read, full / empty", median(points), 1.20, "", detail),
        Figure::at_most("first page, full / empty", median(pages), 1.20, "", page),
    ])
}

/// Fills a data folder with `hanse dev seed`; returns how many seconds that took.
fn seed(setup: &Setup) -> anyhow::Result<f64> {
    let mut probe = Command::new(&setup.hanse);
    probe.args(["dev", "seed", "--help"]).stdout(Stdio::null()).stderr(Stdio::null());
    if !probe.status()?.success() {
        bail!("this binary has no `hanse dev seed`");
    }
    std::fs::create_dir_all(&setup.data)?;
    let begin = Instant::now();
    let mut command = Command::new(&setup.hanse);
    command.args(["dev", "seed", "--users", USERS, "--thoughts", THOUGHTS, "--data"]);
    let status = command.arg(&setup.data).stdout(Stdio::null()).status()?;
    if !status.success() {
        bail!("`hanse dev seed` failed ({status})");
    }
    Ok(begin.elapsed().as_secs_f64())
}

impl Side {
    async fn start(setup: &Setup) -> anyhow::Result<Self> {
        let server = Server::start(setup).await?;
        let users = client::register(server.address, "growth", 1).await?;
        let points = client::thoughts(server.address, &users, 50).await?;
        let user = users.first().context("a user")?;
        let page = Template::get("/api/thoughts?limit=20", Some(&user.token));
        server.quiet().await?;
        let point = Target::new(server.address, points);
        let page = Target::new(server.address, vec![page]);
        Ok(Self { server, point, page })
    }
}

/// How much longer the full server takes, by the median of its answers.
async fn slower(
    bench: &Bench<'_>,
    small: &Target,
    large: &Target,
) -> anyhow::Result<(f64, String)> {
    let small = closed_loop(small.clone(), CONNECTIONS, bench.time).await?.without_failures()?;
    let large = closed_loop(large.clone(), CONNECTIONS, bench.time).await?.without_failures()?;
    let [before, after] = [&small, &large].map(|run| milliseconds(run.latency.quantile(0.5)));
    Ok((after / before, format!("full {large}; empty {small}")))
}
