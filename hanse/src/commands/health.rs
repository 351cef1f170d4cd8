//! `hanse health`: is the process that runs with this configuration ready?
//!
//! For what starts containers and has no HTTP client in them.

use std::io::{Read as _, Write as _};
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr, TcpStream};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::Context as _;
use clap::Args;

use crate::config::Loaded;

const PATIENCE: Duration = Duration::from_secs(3);
/// The answer is read so far at most.
const LONGEST: u64 = 64 * 1024;

/// Options of `health`.
#[derive(Args)]
pub struct HealthArgs {
    /// Only whether it runs, not whether it can serve
    #[arg(long)]
    live: bool,
}

/// Asks the operations listener.
pub fn health(loaded: &Loaded, args: &HealthArgs) -> anyhow::Result<ExitCode> {
    let address = reachable(loaded.config.server.ops);
    let path = if args.live { "/health" } else { "/ready" };
    let answer = ask(address, path)
        .with_context(|| format!("no answer from {address}; is hanse running?"))?;
    let (head, body) = answer.split_once("\r\n\r\n").unwrap_or((&answer, ""));
    println!("{body}");
    let good = head.split(' ').nth(1) == Some("200");
    Ok(if good { ExitCode::SUCCESS } else { ExitCode::from(3) })
}

/// A listener on every address is asked on loopback.
fn reachable(mut ops: SocketAddr) -> SocketAddr {
    if ops.ip().is_unspecified() {
        ops.set_ip(match ops {
            SocketAddr::V4(_) => IpAddr::V4(Ipv4Addr::LOCALHOST),
            SocketAddr::V6(_) => IpAddr::V6(Ipv6Addr::LOCALHOST),
        });
    }
    ops
}

fn ask(address: SocketAddr, path: &str) -> std::io::Result<String> {
    let mut stream = TcpStream::connect_timeout(&address, PATIENCE)?;
    stream.set_read_timeout(Some(PATIENCE))?;
    let request = format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes())?;
    let mut answer = String::new();
    stream.take(LONGEST).read_to_string(&mut answer)?;
    Ok(answer)
}
