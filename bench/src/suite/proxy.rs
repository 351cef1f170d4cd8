//! Our gateway against nginx before the same bare upstream, runs alternating, with a bare hyper proxy
//! in between to tell what the library costs.
//!
//! Ours checks an access token, counts against a budget, writes metrics and the access log, and does
//! everything else it always does. nginx does `proxy_pass` with kept connections and no access log.

use std::net::SocketAddr;
use std::path::Path;
use std::process::Command;

use anyhow::{Context, bail};

use super::report::Figure;
use super::{Bench, median, milliseconds};
use crate::client;
use crate::load::{Measured, Target, closed_loop};
use crate::process::{Bare, Nginx, Pass, Server};
use crate::wire::Template;

const PATH: &str = "/bench/thing";

pub async fn measure(bench: &Bench<'_>) -> anyhow::Result<Vec<Figure>> {
    install_nginx()?;
    let bare = Bare::start().await?;
    let nginx = Nginx::start(&bench.scratch.join("nginx"), bare.address).await?;
    let pass = Pass::start(bare.address).await?;
    let mut setup = bench.setup("proxy");
    setup.settings = vec![
        "limits.enabled=true".into(),
        "limits.user_per_second=100000000".into(),
        "limits.user_burst=100000000".into(),
        "log.level=info".into(),
        format!("gateway.upstreams=[{{name=\"bare\",endpoints=[\"{}\"]}}]", bare.address),
        "gateway.routes=[{prefix=\"/bench\",upstream=\"bare\"}]".into(),
    ];
    let server = Server::start(&setup).await?;
    let users = client::register(server.address, "proxy", 20).await?;
    let ask = |user: &client::User| Template::get(PATH, Some(&user.token));
    let requests: Vec<Template> = users.iter().map(ask).collect();
    let mut figures = Vec::new();
    for connections in [64, 500] {
        let run = |address: SocketAddr| {
            let target = Target::new(address, requests.clone());
            async move { closed_loop(target, connections, bench.time).await?.without_failures() }
        };
        let direct = run(bare.address).await?;
        let (mut ratio, mut tail, mut library) = (Vec::new(), Vec::new(), Vec::new());
        let mut last: Option<(Measured, Measured)> = None;
        for _ in 0..bench.args.rounds.max(1) {
            let theirs = run(nginx.address).await?;
            let ours = run(server.address).await?;
            let hyper = run(pass.address).await?;
            library.push(hyper.rate() / theirs.rate());
            ratio.push(ours.rate() / theirs.rate());
            let p99 = |measured: &Measured| milliseconds(measured.latency.quantile(0.99));
            tail.push(p99(&ours) / p99(&theirs));
            eprintln!("  {connections}: ours {ours}; nginx {theirs}; bare hyper {hyper}");
            last = Some((ours, theirs));
        }
        let (ours, theirs) = last.context("no round")?;
        let detail = format!("{ours}; nginx {theirs}; upstream alone {direct}");
        let what = |what: &str| format!("{what}, {connections} connections");
        figures.push(Figure::at_least(&what("gateway / nginx"), median(ratio), 0.80, "", detail));
        let detail = "nothing but the libraries, the pooled client as documented".to_owned();
        figures.push(Figure::plain(&what("bare hyper / nginx"), median(library), "", detail));
        let detail = "median of the rounds".to_owned();
        figures.push(Figure::at_most(
            &what("gateway p99 / nginx p99"),
            median(tail),
            1.3,
            "",
            detail,
        ));
    }
    server.stop().await?;
    Ok(figures)
}

fn install_nginx() -> anyhow::Result<()> {
    if Path::new(crate::process::NGINX).exists() {
        return Ok(());
    }
    eprintln!("  installing nginx …");
    let mut install = Command::new("apt-get");
    install.args(["install", "--yes", "--quiet", "--no-install-recommends", "nginx-light"]);
    if !install.status().context("apt-get")?.success() {
        bail!(
            "nginx is missing and could not be installed; on Debian: apt-get install nginx-light"
        );
    }
    Ok(())
}
