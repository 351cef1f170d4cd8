//! `hanse dev seed`: fills a data folder for a benchmark.

use std::process::ExitCode;

use clap::Subcommand;
use hanse_identity::admin;
use hanse_store::{StoreError, Tx};

use crate::compose::{self, DataFolder, Shared};
use crate::config::Loaded;

/// Tools for developers.
#[derive(Subcommand)]
pub enum DevCommand {
    /// Add accounts (seed-<n>@example.com), and thoughts spread over them
    Seed {
        /// Accounts
        #[arg(long, default_value_t = 1000)]
        users: u32,
        /// Thoughts in all
        #[arg(long, default_value_t = 100_000)]
        thoughts: u32,
    },
}

/// The password of every seeded account. Benchmarks sign in with it; a seeded folder is not for use.
const PASSWORD: &str = "seeded for a benchmark";
/// Thoughts written in one transaction.
const AT_ONCE: u32 = 500;

/// Runs the command. The platform must not be running.
pub async fn run(loaded: &Loaded, command: DevCommand) -> anyhow::Result<ExitCode> {
    let DevCommand::Seed { users, thoughts } = command;
    let _folder = DataFolder::take(&loaded.config)?;
    let platform = compose::platform(&loaded.config, &Shared::new(loaded)?, None).await?;
    let identity = compose::open_db(loaded, "identity").await?;
    let db = platform.cell("thoughts").map(|cell| cell.db.clone()).unwrap_or(identity.clone());
    let config = &loaded.config.identity;
    let owners = admin::seed_accounts(&identity, config, PASSWORD, 0, users).await?;
    let mut written = 0;
    while written < thoughts {
        let count = AT_ONCE.min(thoughts - written);
        let owners = owners.clone();
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            hanse_thoughts::seed(tx, &owners, written, count).await
        })
        .await?;
        written += count;
        if written % 50_000 == 0 {
            eprintln!("{written} of {thoughts} thoughts");
        }
    }
    println!("{users} accounts and {thoughts} thoughts were added");
    Ok(ExitCode::SUCCESS)
}
