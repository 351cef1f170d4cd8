//! Throughput as a share of what a bare server does, runs alternating so that neither profits
//! from a quiet moment of the machine.

use super::report::Figure;
use super::{Bench, median, milliseconds};
use crate::client::{self, User};
use crate::load::{Measured, Target, closed_loop};
use crate::process::{Hello, Server};
use crate::wire::{SLOT, Template};

const USERS: usize = 20;
const THOUGHTS_EACH: u64 = 50;

pub async fn hello(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let hello = Hello::start().await?;
    let measured = bare(bench, &hello).await?;
    let rate = measured.rate();
    Ok(vec![Figure::plain("bare axum hello", rate, "/s", measured.to_string())])
}

pub async fn create(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.setup("create")).await?;
    let users = client::register(server.address, "create", USERS).await?;
    let requests = creations(&users);
    let compared = alternate(bench, &server, requests).await?;
    server.stop().await?;
    let p99 = median(compared.p99);
    Ok(vec![
        Figure::at_least("durable create / hello", median(compared.ratio), 0.40, "", compared.last),
        Figure::at_most("durable create p99", p99, 50.0, "ms", "median of the rounds".to_owned()),
    ])
}

pub async fn read(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let server = Server::start(&bench.setup("read")).await?;
    let users = client::register(server.address, "read", USERS).await?;
    let requests = client::thoughts(server.address, &users, THOUGHTS_EACH).await?;
    let compared = alternate(bench, &server, requests).await?;
    server.stop().await?;
    let ratio = median(compared.ratio);
    Ok(vec![Figure::at_least("authenticated read / hello", ratio, 0.60, "", compared.last)])
}

pub fn creations(users: &[User]) -> Vec<Template> {
    let text = format!("A thought about the trade of the day, number {SLOT}, kept for good");
    users.iter().map(|user| client::creation(user, &text)).collect()
}

#[derive(Default)]
struct Compared {
    ratio: Vec<f64>,
    p99: Vec<f64>,
    /// The last round in words.
    last: String,
}

async fn alternate(
    bench: &Bench<'_>,
    server: &Server,
    requests: Vec<Template>,
) -> anyhow::Result<Compared> {
    let hello = Hello::start().await?;
    let target = Target::new(server.address, requests);
    let mut compared = Compared::default();
    for _ in 0..bench.args.rounds.max(1) {
        server.quiet().await?;
        let bare = bare(bench, &hello).await?;
        let ours = closed_loop(target.clone(), bench.args.connections, bench.time).await?;
        let ours = ours.without_failures()?;
        compared.ratio.push(ours.rate() / bare.rate());
        compared.p99.push(milliseconds(ours.latency.quantile(0.99)));
        compared.last = format!("{ours}; hello {bare}");
    }
    Ok(compared)
}

async fn bare(bench: &Bench<'_>, hello: &Hello) -> anyhow::Result<Measured> {
    let target = Target::new(hello.address, vec![Template::get("/", None)]);
    closed_loop(target, bench.args.connections, bench.time).await?.without_failures()
}
