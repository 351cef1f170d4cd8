//! `hanse keys list|replace`

use std::process::ExitCode;

use anyhow::bail;
use clap::{Args, Subcommand};
use hanse_identity::admin;
use hanse_runtime::Secrets;

use crate::compose::{self, Shared};
use crate::config::Loaded;

/// What to do with the keys that sign access tokens. Works beside a running platform.
#[derive(Subcommand)]
#[command(
    after_help = "Keys change by themselves, unnoticed; `replace` is for the day one is feared to be known.\n\nExamples:\n  hanse keys list\n  hanse keys replace"
)]
pub enum KeysCommand {
    /// Print the stored keys, without their secrets
    List(KeysArgs),
    /// Withdraw every key and make a new one: all access tokens are refused within seconds
    Replace(KeysArgs),
}

/// Options of these commands.
#[derive(Args)]
pub struct KeysArgs {
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(loaded: &Loaded, command: KeysCommand) -> anyhow::Result<ExitCode> {
    let config = &loaded.config.identity;
    match command {
        KeysCommand::List(args) => {
            let db = compose::look_at_db(loaded, "identity").await?;
            let keys = admin::list_signing_keys(&db, config, &secrets(loaded)?).await?;
            if args.json {
                super::print_json(&keys)?;
                return Ok(ExitCode::SUCCESS);
            }
            for key in keys {
                let end = key.retire_at.map_or_else(String::new, |at| format!("  until {at}"));
                println!("{}  {:<8}  from {}{end}", key.id, key.state, key.active_at);
            }
        }
        KeysCommand::Replace(args) => {
            let secrets = secrets(loaded)?;
            let db = compose::open_db(loaded, "identity").await?;
            admin::replace_signing_keys(&db, config, &secrets).await?;
            let keys = admin::list_signing_keys(&db, config, &secrets).await?;
            let ids: Vec<_> = keys.iter().map(|key| key.id.as_str()).collect();
            let text = format!(
                "{} signs now, and no other; running processes refuse every older access token within \
                 seconds, and clients go on with their refresh tokens",
                ids.join(", ")
            );
            super::say(args.json, &serde_json::json!({ "keys": keys }), &text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The master key that is there; a new one would open nothing.
fn secrets(loaded: &Loaded) -> anyhow::Result<Secrets> {
    let path = compose::master_key(&loaded.config);
    if let Some(path) = path
        && !path.exists()
    {
        bail!("there is no master key at {}", path.display());
    }
    Ok(Shared::new(loaded)?.secrets)
}
