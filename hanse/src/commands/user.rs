//! `hanse user create|disable|reset-password`

use std::io::Read as _;
use std::process::ExitCode;

use anyhow::Context as _;
use clap::{Args, Subcommand};
use hanse_http::Role;
use hanse_identity::admin::{self, NewAccount};
use serde_json::json;

use crate::compose;
use crate::config::Loaded;

/// What to do with accounts. Works beside a running platform.
#[derive(Subcommand)]
#[command(
    after_help = "Examples:\n  hanse user create --admin --email you@example.com\n  echo \"$SECRET\" | hanse user create --email ann@example.com --name Ann --password-stdin\n  hanse user disable --email ann@example.com\n  hanse user reset-password --email ann@example.com"
)]
pub enum UserCommand {
    /// Make an account; without --password-stdin a password is made and printed once
    Create(CreateArgs),
    /// End an account's sessions and let it not sign in any more
    Disable(WhichArgs),
    /// Give an account a new password and end its sessions
    ResetPassword(ResetArgs),
}

/// Options of `user create`.
#[derive(Args)]
pub struct CreateArgs {
    /// E-mail address
    #[arg(long)]
    email: String,
    /// Display name [default: the part of the address before @]
    #[arg(long)]
    name: Option<String>,
    /// With the roles admin and operator
    #[arg(long)]
    admin: bool,
    /// With the role operator
    #[arg(long)]
    operator: bool,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Which account.
#[derive(Args)]
pub struct WhichArgs {
    /// E-mail address
    #[arg(long)]
    email: String,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Options of `user reset-password`.
#[derive(Args)]
pub struct ResetArgs {
    /// E-mail address
    #[arg(long)]
    email: String,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Runs the command.
pub async fn run(loaded: &Loaded, command: UserCommand) -> anyhow::Result<ExitCode> {
    // The first account may be made before the platform ever ran: the data is made ready then.
    let config = &loaded.config;
    let new = config.store.url.is_empty() && !config.server.data.join("identity.db").exists();
    if new {
        let _folder = compose::DataFolder::take(config)?;
        compose::platform(config, &compose::Shared::new(loaded)?, None).await?;
    }
    let db = compose::open_db(loaded, "identity").await?;
    match command {
        UserCommand::Create(args) => {
            let name = args
                .name
                .clone()
                .unwrap_or_else(|| args.email.split('@').next().unwrap_or_default().to_owned());
            let make = || admin::new_password(db.ids(), &args.email, &name);
            let (password, made) = password(args.password_stdin, make)?;
            let mut roles = Vec::new();
            if args.operator || args.admin {
                roles.push(Role::Operator);
            }
            if args.admin {
                roles.push(Role::Admin);
            }
            let id = {
                let new = NewAccount { email: &args.email, name: &name, password: &password };
                admin::create_user(&db, &config.identity, new, &roles).await?
            };
            let shown = made.then_some(password);
            if args.json {
                super::print_json(&json!({ "id": id, "email": args.email, "password": shown }))?;
            } else {
                println!("{} has the account {id}", args.email);
                if let Some(password) = shown {
                    println!("password (shown once): {password}");
                }
            }
        }
        UserCommand::Disable(args) => {
            admin::disable_user(&db, &args.email).await?;
            let text =
                format!("{} cannot sign in any more; open sessions end within seconds", args.email);
            super::say(args.json, &json!({ "email": args.email, "disabled": true }), &text)?;
        }
        UserCommand::ResetPassword(args) => {
            let make = || admin::new_password(db.ids(), &args.email, "");
            let (password, made) = password(args.password_stdin, make)?;
            admin::reset_password(&db, &config.identity, &args.email, &password).await?;
            let mut text = format!("{} has a new password; all sessions were ended", args.email);
            if made {
                text.push_str(&format!("\npassword (shown once): {password}"));
            }
            let shown = made.then_some(password);
            super::say(args.json, &json!({ "email": args.email, "password": shown }), &text)?;
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The password from standard input, or a new one; true when it was made here.
fn password(stdin: bool, make: impl FnOnce() -> String) -> anyhow::Result<(String, bool)> {
    if !stdin {
        return Ok((make(), true));
    }
    let mut text = String::new();
    std::io::stdin()
        .take(4096)
        .read_to_string(&mut text)
        .context("no password on standard input")?;
    Ok((text.trim_end_matches(['\r', '\n']).to_owned(), false))
}
