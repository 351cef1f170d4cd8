//! `cargo xtask bench`: builds the server and the load generator, and runs the suite.

use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::Command;

use anyhow::Context;

use crate::engines::Engines;
use crate::release;
use crate::workspace::{self, Features};

/// Measure the figures of the design against a bare server on this machine.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask bench                                  every scenario but growth, printed
  cargo xtask bench --only create,read --seconds 5   two of them, quickly
  cargo xtask bench --notifications --write          telling very many people, a section of its own
  cargo xtask bench --split                          also split, on PostgreSQL and Kafka
  cargo xtask bench --growth --write                 everything, kept in bench/RESULTS.md
  cargo xtask bench --released                       the binary as a release ships it
  cargo xtask bench --identity --write               identity's figures, in a section of their own")]
pub struct Args {
    /// Only identity's figures: logins, refreshes, and checks in the process.
    #[arg(long)]
    identity: bool,
    /// Measure what `cargo xtask release` builds, and not what `cargo run --release` runs.
    #[arg(long)]
    released: bool,
    /// Passed on to `hanse-bench suite`; `--help` after `--` lists what it takes.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let hanse = match args.released {
        true => release::build()?,
        false => workspace::build_hanse("release", Features::Package)?,
    };
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "hanse-bench"]))?;
    let bench = workspace::binary("release", "hanse-bench")?;

    let mut git = Command::new("git");
    git.current_dir(workspace::root()).args(["describe", "--always", "--dirty"]);
    let mut commit = workspace::output(&mut git)?.trim().to_owned();
    if args.released {
        commit.push_str(" as `cargo xtask release` builds it");
    }

    if args.identity {
        return identity(&bench, &hanse, &commit, &args.arguments);
    }
    let mut suite = Command::new(bench);
    suite.current_dir(workspace::root()).arg("suite");
    suite.arg("--hanse").arg(hanse).args(["--commit", &commit]).args(&args.arguments);
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

/// The heading of identity's section in the results.
const SECTION: &str = "\n## Identity\n";

/// Identity's figures: those of the suite, and those that are measured in the process. With `--write`
/// they take the place of their section in the results.
fn identity(bench: &Path, hanse: &Path, commit: &str, arguments: &[String]) -> anyhow::Result<()> {
    let keep = arguments.iter().any(|argument| argument == "--write");
    let others = arguments.iter().filter(|argument| *argument != "--write");
    let mut suite = Command::new(bench);
    suite.current_dir(workspace::root()).args(["suite", "--only", "logins,refresh"]);
    suite.arg("--hanse").arg(hanse).args(["--commit", commit]).args(others);
    let table = workspace::output(&mut suite)?;
    let mut checks = workspace::cargo();
    checks.args(["bench", "--quiet", "--package", "hanse-identity", "--bench", "checks"]);
    let checks = workspace::output(&mut checks)?;
    let lines: String = checks
        .lines()
        .filter(|line| line.starts_with("| "))
        .map(|line| format!("{line}\n"))
        .collect();
    let section = format!("{SECTION}\n{}\n{lines}", table.trim());
    println!("{section}");
    if !keep {
        return Ok(());
    }
    let results = workspace::root().join("bench/RESULTS.md");
    let text = std::fs::read_to_string(&results)?;
    let (before, old) = text.split_once(SECTION).unwrap_or((&text, ""));
    // Sections of others stay.
    let after = old.find("\n## ").and_then(|at| old.get(at..)).unwrap_or_default();
    let kept = format!("{}\n{section}{after}", before.trim_end());
    std::fs::write(results, kept).context("the results cannot be kept")
}
