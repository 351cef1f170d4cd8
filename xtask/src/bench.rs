//! `cargo xtask bench`: builds the server and the load generator, and runs the suite.

use std::os::unix::process::CommandExt;
use std::process::Command;

use anyhow::Context;

use crate::engines::Engines;
use crate::workspace::{self, Features};

/// Measure the figures of the design against a bare server on this machine.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask bench                                  every scenario but growth, printed
  cargo xtask bench --only create,read --seconds 5   two of them, quickly
  cargo xtask bench --notifications --write          telling very many people, a section of its own
  cargo xtask bench --split                          also split, on PostgreSQL and Kafka
  cargo xtask bench --growth --write                 everything, kept in bench/RESULTS.md")]
pub struct Args {
    /// Passed on to `hanse-bench suite`; `--help` after `--` lists what it takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let hanse = workspace::build_hanse("release", Features::Package)?;
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "hanse-bench"]))?;
    let bench = workspace::binary("release", "hanse-bench")?;

    let mut git = Command::new("git");
    git.current_dir(workspace::root()).args(["describe", "--always", "--dirty"]);
    let commit = workspace::output(&mut git)?;

    let mut suite = Command::new(bench);
    suite.current_dir(workspace::root()).arg("suite");
    suite.arg("--hanse").arg(hanse).args(["--commit", commit.trim()]).args(&args.arguments);
    if args
        .arguments
        .iter()
        .any(|argument| argument == "--split" || argument.contains("topologies"))
    {
        let engines = Engines::start()?;
        let result = workspace::run(suite.envs(engines.variables()));
        engines.stop();
        return result;
    }
    // Becoming the suite keeps signals simple: it ends the servers it started.
    Err(suite.exec()).context("the suite could not be started")
}
