//! A load balancer before several gateways, as an operator has one: haproxy.

use std::fmt::Write as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};

use crate::client::Client;
use crate::ports::free_port;
use crate::split::Split;
use crate::waiting::until;

/// Where it says how things stand, as a table with commas.
const STATISTICS: &str = "/balancer-statistics";

/// A running haproxy. It is ended when the value goes.
pub struct Balancer {
    haproxy: Child,
    /// Its public address.
    pub url: String,
}

impl Balancer {
    /// Puts one before these processes of a split platform. It asks each five times a second whether it
    /// is ready, and repeats a request only when no connection came about.
    ///
    /// # Panics
    /// When it is not installed or does not start.
    #[must_use]
    pub fn before(split: &Split, gateways: &[&str]) -> Self {
        let port = free_port().expect("a free port");
        let config = split.folder.join("haproxy.cfg");
        std::fs::write(&config, configuration(split, gateways, port)).expect("a file");
        let haproxy = serve(&config);
        let url = format!("http://127.0.0.1:{port}");
        let (balancer, client) = (Self { haproxy, url: url.clone() }, Client::new(&url));
        until("the balancer finds a gateway", || {
            client.send("GET", "/health", &[], None).is_ok_and(|answer| answer.status == 200)
        });
        balancer
    }

    /// Waits until it sends requests to every gateway: it learns that one is back by its next look, and
    /// whoever takes the other away before that leaves it with none.
    ///
    /// # Panics
    /// When it does not within a minute, or ten in a long run.
    pub fn uses_all(&self) {
        let client = Client::new(&self.url);
        until("the balancer uses every gateway", || {
            let table = client.get(&format!("{STATISTICS};csv")).text;
            let rows: Vec<Vec<&str>> =
                table.lines().map(|line| line.split(',').collect()).collect();
            let status = rows.first().and_then(|head| head.iter().position(|at| *at == "status"));
            let status = status.expect("haproxy names the columns of its statistics");
            let gateways: Vec<_> = rows
                .iter()
                .filter(|row| row.first() == Some(&"gateways") && row.get(1) != Some(&"BACKEND"))
                .collect();
            !gateways.is_empty() && gateways.iter().all(|row| row.get(status) == Some(&"UP"))
        });
    }
}

fn configuration(split: &Split, gateways: &[&str], port: u16) -> String {
    let mut text = format!(
        "global\n  maxconn 2000\n\
         defaults\n  mode http\n  timeout connect 1s\n  timeout client 60s\n  timeout server 60s\n  \
         retries 3\n  option redispatch 1\n  retry-on conn-failure\n\
         frontend public\n  bind 127.0.0.1:{port}\n  default_backend gateways\n  \
         stats enable\n  stats uri {STATISTICS}\n\
         backend gateways\n  balance roundrobin\n  option httpchk GET /ready\n  \
         default-server check inter 200ms fall 1 rise 1\n"
    );
    for name in gateways {
        let (public, ops) = (split.address_of(name), split.operations_of(name));
        let ops = ops.rsplit(':').next().expect("a port");
        writeln!(text, "  server {name} {public} port {ops}").expect("a string takes all");
    }
    text
}

fn serve(config: &Path) -> Child {
    // Debian keeps it where only root looks for programs.
    let path = format!("{}:/usr/sbin", std::env::var("PATH").unwrap_or_default());
    Command::new("haproxy")
        .env("PATH", path)
        .arg("-db")
        .arg("-f")
        .arg(config)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("haproxy is installed (cargo xtask test does that)")
}

impl Drop for Balancer {
    fn drop(&mut self) {
        self.haproxy.kill().ok();
        self.haproxy.wait().ok();
    }
}
