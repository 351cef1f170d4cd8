//! `cargo xtask cluster`: the platform split, a process per service, on real engines.

use std::path::PathBuf;

use anyhow::{Context, bail};

use crate::workspace::{self, Features};
use crate::{kafka, postgres};

/// Start PostgreSQL, Kafka, every service and the gateway as processes of their own, until Ctrl-C.
#[derive(clap::Args)]
#[command(after_help = "The platform is at http://127.0.0.1:3000. Its data goes when it stops.

Examples:
  cargo xtask cluster
  cargo xtask tour --ops http://127.0.0.1:3100       in another terminal, against it")]
pub struct Args {
    /// Use a debug build, which is ready sooner and slower.
    #[arg(long)]
    debug: bool,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    // Ctrl-C is for the processes of the cluster; when they have ended, so do the engines.
    ctrlc::set_handler(|| {})?;
    let profile = if args.debug { "dev" } else { "release" };
    let features = if args.debug { Features::Workspace } else { Features::Package };
    let hanse = workspace::build_hanse(profile, features)?;
    let built = workspace::cargo()
        .args(["build", "--package", "hanse-e2e", "--bin", "cluster"])
        .status()
        .context("cargo could not be started")?;
    if !built.success() {
        bail!("the cluster's starter could not be built");
    }
    let starter: PathBuf =
        workspace::Metadata::load()?.target_directory.join("debug").join("cluster");
    let folder = tempfile::Builder::new().prefix("hanse-cluster-").tempdir()?;
    let database = postgres::Cluster::start()?;
    let broker = kafka::Cluster::start()?;
    let status = std::process::Command::new(starter)
        .arg(folder.path())
        .env("HANSE_BIN", hanse)
        .env("HANSE_TEST_POSTGRES", database.url())
        .envs(broker.variables())
        .status()
        .context("the cluster could not be started")?;
    broker.stop();
    database.stop();
    if !status.success() {
        bail!("the cluster ended with {status}");
    }
    Ok(())
}
