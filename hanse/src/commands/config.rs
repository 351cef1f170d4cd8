//! `hanse config check|show|schema|sample`

use std::process::ExitCode;

use clap::Subcommand;
use hanse_runtime::config;
use serde_json::json;

use crate::config::{Config, Loaded};

/// What to do with the configuration.
#[derive(Subcommand)]
#[command(
    after_help = "Examples:\n  hanse config check --config hanse.toml\n  hanse config show\n  hanse config sample > hanse.toml"
)]
pub enum ConfigCommand {
    /// Check it, and say all that is wrong (exit code 2)
    Check {
        /// For a machine
        #[arg(long)]
        json: bool,
    },
    /// Print the values in force; secrets are not shown
    Show {
        /// For a machine
        #[arg(long)]
        json: bool,
    },
    /// Print its JSON Schema
    Schema,
    /// Print a commented file with every key at its default
    Sample,
}

/// Runs the command. A wrong configuration was refused before.
pub fn run(loaded: &Loaded, command: &ConfigCommand) -> anyhow::Result<ExitCode> {
    match command {
        ConfigCommand::Check { json } => {
            super::say(*json, &json!({ "good": true }), "the configuration is good")?;
        }
        ConfigCommand::Show { json: true } => super::print_json(&loaded.config.redacted())?,
        ConfigCommand::Show { json: false } => {
            print!("{}", toml::to_string(&loaded.config.redacted())?);
        }
        ConfigCommand::Schema => super::print_json(&config::schema::<Config>())?,
        ConfigCommand::Sample => print!("{}", config::sample::<Config>()),
    }
    Ok(ExitCode::SUCCESS)
}
