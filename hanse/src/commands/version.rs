//! `hanse version`

use std::process::ExitCode;

use clap::Args;
use serde_json::json;

/// Options of `version`.
#[derive(Args)]
pub struct VersionArgs {
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Prints the release and what it is built on.
pub fn version(args: &VersionArgs) -> anyhow::Result<ExitCode> {
    let sqlite = hanse_store::sqlite::version();
    if args.json {
        super::print_json(&json!({ "version": env!("CARGO_PKG_VERSION"), "sqlite": sqlite }))?;
    } else {
        println!("hanse {} (SQLite {sqlite})", env!("CARGO_PKG_VERSION"));
    }
    Ok(ExitCode::SUCCESS)
}
