//! `hanse migrate`

use std::process::ExitCode;

use clap::Args;
use serde_json::json;
use tokio::runtime::Handle;

use crate::compose::{self, DataFolder, Shared};
use crate::config::Loaded;

/// Options of `migrate`.
#[derive(Args)]
pub struct MigrateArgs {
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Brings every service's data to this release's schema.
pub async fn migrate(loaded: &Loaded, args: &MigrateArgs) -> anyhow::Result<ExitCode> {
    let config = &loaded.config;
    let _folder = DataFolder::take(config)?;
    let shared = Shared::new(loaded)?;
    let kafka = compose::kafka(config, &shared, Handle::current());
    let platform = compose::platform(config, &shared, kafka.as_ref()).await?;
    let names: Vec<&str> = platform.cells().iter().map(|cell| cell.name).collect();
    if args.json {
        super::print_json(&json!({ "migrated": names }))?;
    } else {
        println!("the data of {} is at this release's schema", names.join(", "));
    }
    Ok(ExitCode::SUCCESS)
}
