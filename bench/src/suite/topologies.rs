//! The same journey in one process, with the gateway apart, and with a process per service: what the
//! network between them costs.

use std::net::SocketAddr;
use std::path::Path;

use anyhow::Context;

use super::report::Figure;
use super::{Bench, milliseconds, ratio, searchable};
use crate::client::{self, User};
use crate::load::{Target, open_loop};
use crate::process::{Server, Setup};
use crate::wire::Template;

/// A rate that every topology bears, so that latencies compare.
const RATE: u32 = 200;
const CONNECTIONS: usize = 16;
/// At which rate creates are to be searchable soon.
const WRITES: u32 = 500;
const SERVICES: [&str; 5] = ["identity", "thoughts", "search", "analytics", "notifications"];

/// A platform of one or more processes; the first is the door.
struct Platform(Vec<Server>);

impl Platform {
    fn address(&self) -> anyhow::Result<SocketAddr> {
        Ok(self.0.first().context("a process")?.address)
    }

    /// Time on processors so far, of all processes, in seconds.
    fn processor(&self) -> anyhow::Result<f64> {
        let ticks = self.0.iter().map(Server::processor_ticks).sum::<anyhow::Result<u64>>()?;
        Ok(ticks as f64 / 100.0)
    }

    async fn stop(self) -> anyhow::Result<()> {
        for server in self.0 {
            server.stop().await?;
        }
        Ok(())
    }
}

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    let mut figures = Vec::new();
    let local = Platform(vec![Server::start(&bench.setup("local")).await?]);
    figures.extend(journey(bench, "one process", local).await?);
    figures.extend(journey(bench, "gateway apart", apart(bench).await?).await?);
    figures.extend(journey(bench, "split", split(bench, "journey").await?).await?);
    let platform = split(bench, "searchable").await?;
    let (address, time) = (platform.address()?, bench.time);
    let (found, load) = searchable::at_rate(address, "split", WRITES, time).await?;
    platform.stop().await?;
    let [p50, p90, p99] = [0.5, 0.9, 0.99].map(|share| milliseconds(found.quantile(share)));
    let what = "split: create → searchable p99 at 500/s";
    let detail =
        format!("{} probes, p50 {p50:.0} ms, p90 {p90:.0} ms; creates {load}", found.count());
    figures.push(Figure::at_most(what, p99, 250.0, "ms", detail));
    Ok(figures)
}

/// Creates, reads, lists, searches and counts in turn.
async fn journey(bench: &Bench<'_>, name: &str, platform: Platform) -> anyhow::Result<Vec<Figure>> {
    let address = platform.address()?;
    let users = client::register(address, "journey", 10).await?;
    let mut requests = client::thoughts(address, &users, 1).await?;
    requests.extend(ratio::creations(&users));
    requests.extend(users.iter().flat_map(views));
    let before = platform.processor()?;
    let target = Target::new(address, requests);
    let measured = open_loop(target, CONNECTIONS, RATE, bench.time).await?.without_failures()?;
    let spent = platform.processor()? - before;
    platform.stop().await?;
    // The second of warming up has used processors too.
    let sent = f64::from(RATE) * (bench.time.as_secs_f64() + 1.0);
    let [p50, p99] = [0.5, 0.99].map(|share| milliseconds(measured.latency.quantile(share)));
    let detail =
        format!("create, read, list, search, overview in turn at {RATE}/s; p99 {p99:.1} ms");
    let (latency, cost) =
        (format!("journey, {name}: p50"), format!("journey, {name}: processor time a request"));
    let cost_detail = "of our own processes, projections included; engines are not counted";
    Ok(vec![
        Figure::plain(&latency, p50, "ms", detail),
        Figure::plain(&cost, spent / sent * 1e3, "ms", cost_detail.to_owned()),
    ])
}

fn views(user: &User) -> [Template; 3] {
    ["/api/thoughts?limit=10", "/api/search?q=trade", "/api/analytics/overview"]
        .map(|path| Template::get(path, Some(&user.token)))
}

/// The gateway in a process of its own before all services in another, on the embedded store.
async fn apart(bench: &Bench<'_>) -> anyhow::Result<Platform> {
    let key = bench.scratch.join("apart.key");
    let mut inner = only(bench.setup("apart"), &SERVICES, &key);
    inner.settings.push(TRUSTED.to_owned());
    let services = Server::start(&inner).await?;
    let mut door = only(bench.setup("apart-door"), &["gateway"], &key);
    door.settings.extend(SERVICES.map(|name| endpoint(name, services.address)));
    Ok(Platform(vec![Server::start(&door).await?, services]))
}

/// A process per service on PostgreSQL and Kafka.
async fn split(bench: &Bench<'_>, name: &str) -> anyhow::Result<Platform> {
    let engine = |name: &str| {
        std::env::var(name)
            .with_context(|| format!("{name} is not set: `cargo xtask bench --split`"))
    };
    let unique = format!("bench{}{name}", std::process::id());
    let common = [
        format!("store.url=\"{}\"", engine("HANSE_TEST_POSTGRES")?),
        format!("store.prefix=\"{unique}_\""),
        format!("kafka.brokers=[\"{}\"]", engine("HANSE_TEST_KAFKA")?),
        format!("kafka.topic_prefix=\"{unique}\""),
    ];
    let key = bench.scratch.join(format!("{unique}.key"));
    let mut endpoints: Vec<String> = Vec::new();
    let mut servers = Vec::new();
    for service in SERVICES.iter().copied().chain(["gateway"]) {
        let mut setup = only(bench.setup(&format!("{unique}-{service}")), &[service], &key);
        setup.settings.extend(common.iter().cloned().chain(endpoints.iter().cloned()));
        if service != "gateway" {
            setup.settings.push(TRUSTED.to_owned());
        }
        let server = Server::start(&setup).await?;
        endpoints.push(endpoint(service, server.address));
        servers.insert(0, server);
    }
    let platform = Platform(servers);
    joined(platform.address()?).await?;
    Ok(platform)
}

/// Waits until followers have been dealt their partitions, which takes some seconds once.
async fn joined(address: SocketAddr) -> anyhow::Result<()> {
    let users = client::register(address, "pilot", 1).await?;
    searchable::find_once(address, users.first().context("a user")?).await
}

const TRUSTED: &str = "gateway.trusted_proxies=[\"127.0.0.1\"]";

fn only(mut setup: Setup, services: &[&str], key: &Path) -> Setup {
    setup.settings.push(format!("server.only={services:?}"));
    setup.settings.push(format!("secrets.master_key_file=\"{}\"", key.display()));
    setup
}

fn endpoint(service: &str, address: SocketAddr) -> String {
    format!("peers.endpoints.{service}=[\"{address}\"]")
}
