//! The figures of the design, measured: a load generator and the suite that uses it.
//!
//! What it is for: ratios against a bare axum server in one run on one machine, so that a
//! result means the same on any machine. What it never does: link the platform; it starts the
//! binary and talks HTTP. It shares the machine with the server, so it is one thread, sends
//! bytes prepared beforehand and reads no more of an answer than it must.
//! To extend it: add a scenario under `suite/` and name it in `suite::Scenario`.
#![expect(
    clippy::disallowed_methods,
    reason = "a measuring tool reads the clock and starts tasks itself; laws bind the platform"
)]

mod bare;
mod client;
mod hello;
mod histogram;
mod load;
mod pass;
#[path = "../../xtask/src/ports.rs"]
mod ports;
mod process;
mod sink;
mod suite;
mod wire;

use std::net::SocketAddr;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::bail;
use clap::{Parser, Subcommand};
use tokio::signal::unix::{SignalKind, signal};

/// Measure Hanse on this machine.
#[derive(Parser)]
#[command(name = "hanse-bench", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    /// Serve `Hello` with bare axum, the server the others are compared with.
    #[command(after_help = "Example:\n  hanse-bench hello --port 8080")]
    Hello {
        #[arg(long)]
        port: u16,
    },
    /// Answer everything with bare hyper, the upstream that proxies are measured with.
    Bare {
        #[arg(long)]
        port: u16,
    },
    /// Pass everything on with bare hyper, the proxy that ours is compared with.
    Pass {
        #[arg(long)]
        port: u16,
        #[arg(long)]
        upstream: SocketAddr,
    },
    Load(LoadArgs),
    Suite(suite::Args),
}

/// Load one path with GET requests and print rate and latencies.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hanse-bench load --address 127.0.0.1:8080 --connections 500
  hanse-bench load --address 127.0.0.1:3099 --path /ready --rate 1000 --connections 64")]
struct LoadArgs {
    #[arg(long)]
    address: SocketAddr,
    #[arg(long, default_value = "/")]
    path: String,
    #[arg(long, default_value_t = 64)]
    connections: usize,
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// Requests a second, sent on time whatever the answers do; without it, a closed loop.
    #[arg(long)]
    rate: Option<u32>,
}

fn main() -> ExitCode {
    let result = match Cli::parse().command {
        Command::Hello { port } => hello::serve(port),
        Command::Bare { port } => bare::serve(port),
        Command::Pass { port, upstream } => pass::serve(port, upstream),
        Command::Load(args) => on_one_thread(load_one(args)),
        Command::Suite(args) => on_one_thread(suite::run(args)),
    };
    match result {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn on_one_thread(work: impl Future<Output = anyhow::Result<()>>) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let mut terminated = signal(SignalKind::terminate())?;
        // Leaving the work drops the servers it has started, and that ends them.
        tokio::select! {
            result = work => result,
            _ = tokio::signal::ctrl_c() => bail!("interrupted"),
            _ = terminated.recv() => bail!("terminated"),
        }
    })
}

async fn load_one(args: LoadArgs) -> anyhow::Result<()> {
    let request = wire::Template::get(&args.path, None);
    let target = load::Target::new(args.address, vec![request]);
    let time = Duration::from_secs(args.seconds);
    let measured = match args.rate {
        None => load::closed_loop(target, args.connections, time).await?,
        Some(rate) => load::open_loop(target, args.connections, rate, time).await?,
    };
    println!("{measured}");
    Ok(())
}
