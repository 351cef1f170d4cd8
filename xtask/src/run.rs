//! `cargo xtask run`: the release binary, serving.

use std::os::unix::process::CommandExt;

use anyhow::Context;

use crate::workspace;

/// Build the release binary and serve every service from it.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask run
  cargo xtask run --data ./data --listen 127.0.0.1:3000
  cargo xtask run --only identity,thoughts,gateway --set log.level=debug")]
pub struct Args {
    /// Passed on to `hanse serve`.
    #[arg(trailing_var_arg = true, allow_hyphen_values = true)]
    arguments: Vec<String>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let mut cargo = workspace::cargo();
    cargo.args(["run", "--release", "--package", "hanse", "--", "serve"]).args(&args.arguments);
    // Becoming the server keeps signals simple: Ctrl-C reaches it and nothing else.
    Err(cargo.exec()).context("cargo could not be started")
}
