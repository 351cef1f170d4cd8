//! More than can be served: who asks too much is refused, and what is served stays served (OVL-01,
//! OVL-03).

use std::time::Duration;

use super::report::Figure;
use super::{Bench, milliseconds};
use crate::client::{self, User};
use crate::load::{Target, closed_loop, open_loop};
use crate::process::Server;
use crate::wire::Template;

/// As many as there can be hashes at once, and some that wait.
const BORNE: usize = 8;
const CROWD: usize = 500;
/// How much more than is borne is asked for.
const TIMES: f64 = 10.0;
/// Reads a second of an account that asks for little, and of one that asks fifty times as much.
const QUIET: u32 = 20;
const NOISY: u32 = 50 * QUIET;

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    Ok(vec![goodput(bench).await?, neighbour(bench).await?])
}

/// Logins cost the most of all requests, so they are the easiest to ask too many of.
async fn goodput(bench: &Bench<'_>) -> anyhow::Result<Figure> {
    let server = Server::start(&bench.setup("overload")).await?;
    let users = client::register(server.address, "overload", BORNE).await?;
    server.quiet().await?;
    let logins = || Target::new(server.address, users.iter().map(client::login).collect());
    let borne = closed_loop(logins(), BORNE, bench.time).await?.without_failures()?;
    let offered = (borne.rate() * TIMES) as u32;
    let crowded = open_loop(logins(), CROWD, offered, bench.time).await?;
    // It is over when the crowd is gone.
    let after = closed_loop(logins(), 1, Duration::from_secs(1)).await?.without_failures()?;
    server.stop().await?;
    let detail = format!(
        "{offered}/s offered: {crowded} ({}); borne {borne}; one alone afterwards {after}",
        crowded.first_failure.as_deref().unwrap_or("none refused"),
    );
    let what = "logins at ten times what is borne, served / borne";
    Ok(Figure::at_least(what, crowded.rate() / borne.rate(), 0.80, "", detail))
}

/// Two accounts at one door, with the budgets that everybody has.
async fn neighbour(bench: &Bench<'_>) -> anyhow::Result<Figure> {
    let server = Server::start(&bench.setup("neighbour")).await?;
    let users = client::register(server.address, "neighbour", 2).await?;
    client::thoughts(server.address, &users, 20).await?;
    server.quiet().await?;
    server.stop().await?;
    let mut setup = bench.setup("neighbour");
    setup.settings.push("limits.enabled=true".to_owned());
    let server = Server::start(&setup).await?;
    let reads = |user: &User| {
        let page = Template::get("/api/thoughts?limit=10", Some(&user.token));
        Target::new(server.address, vec![page])
    };
    let [quiet, noisy] = users.as_slice() else { anyhow::bail!("two accounts were asked for") };
    let alone = open_loop(reads(quiet), 2, QUIET, bench.time).await?.without_failures()?;
    let (beside, noise) = tokio::try_join!(
        open_loop(reads(quiet), 2, QUIET, bench.time),
        open_loop(reads(noisy), 64, NOISY, bench.time)
    )?;
    let beside = beside.without_failures()?;
    server.stop().await?;
    let p99 = |load: &crate::load::Measured| milliseconds(load.latency.quantile(0.99));
    let detail = format!(
        "{QUIET}/s beside {NOISY}/s of another account, {noise} ({}); quiet alone {alone}, beside {beside}",
        noise.first_failure.as_deref().unwrap_or("none refused"),
    );
    let what = "p99 beside a noisy account / alone";
    Ok(Figure::at_most(what, p99(&beside) / p99(&alone), 2.0, "", detail))
}
