//! `hanse`: the one binary. This crate only composes; every rule is in a service or in the kernel.

mod backup;
mod commands;
mod compose;
mod config;
mod doors;
mod encryption;
mod files;
mod registry;
mod reload;
mod serve;
mod trust;

use std::process::ExitCode;

use clap::{Args, Parser, Subcommand};

use crate::config::Loaded;

/// Requests are allocated on one thread and freed on another; the system's allocator takes a lock for
/// that which cost a tenth of all time under load.
#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

/// The platform: identity, thoughts, search, analytics, notifications and their gateway in one process.
///
/// Without a command it serves: everything, on an embedded store in ./data, at
/// http://127.0.0.1:3000. Nothing has to be installed or configured first.
#[derive(Parser)]
#[command(
    name = "hanse",
    version,
    after_help = "Exit codes: 0 done, 1 failed, 2 wrong usage or configuration, 3 something is unhealthy.\n\nExamples:\n  hanse                                   serve everything from ./data\n  hanse serve --listen 0.0.0.0:8080       … on another address\n  hanse user create --admin --email you@example.com\n  hanse backup /var/backups/hanse-today\n  hanse doctor"
)]
struct Cli {
    #[command(flatten)]
    common: Common,
    #[command(subcommand)]
    command: Option<Command>,
}

/// Options of every command.
#[derive(Args, Clone, Default)]
pub struct Common {
    /// Folder of the data [default: ./data]
    #[arg(long, global = true, value_name = "DIR")]
    pub data: Option<std::path::PathBuf>,
    /// Configuration file (TOML); also HANSE_CONFIG
    #[arg(long, global = true, value_name = "FILE")]
    pub config: Option<std::path::PathBuf>,
    /// Override one configuration key; may be repeated
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub set: Vec<String>,
}

#[derive(Subcommand)]
enum Command {
    /// Serve (what happens without a command)
    Serve(serve::ServeArgs),
    /// Bring the data to this release's schema and stop
    #[command(after_help = "Examples:\n  hanse migrate\n  hanse migrate --data /srv/hanse --json")]
    Migrate(commands::migrate::MigrateArgs),
    /// Check, show or describe the configuration
    #[command(subcommand)]
    Config(commands::config::ConfigCommand),
    /// Look for anything wrong with data, keys and configuration
    #[command(
        after_help = "Exit code 3 means that something needs attention, so it can run from cron.\n\nExamples:\n  hanse doctor\n  hanse doctor --json"
    )]
    Doctor(commands::doctor::DoctorArgs),
    /// Ask the running process whether it is ready
    #[command(
        after_help = "Exit code 0 is ready, 3 is not ready, 1 is no answer.\n\nExamples:\n  hanse health\n  hanse health --live"
    )]
    Health(commands::health::HealthArgs),
    /// Create, disable or repair accounts
    #[command(subcommand)]
    User(commands::user::UserCommand),
    /// Take over accounts from another system
    #[command(subcommand)]
    Import(commands::import::ImportCommand),
    /// Look at events; redrive, discard, replay
    #[command(subcommand)]
    Events(commands::events::EventsCommand),
    /// Look at jobs; redrive or discard those that gave up
    #[command(subcommand)]
    Jobs(commands::jobs::JobsCommand),
    /// List or replace the keys that sign access tokens
    #[command(subcommand)]
    Keys(commands::keys::KeysCommand),
    /// Print the OpenAPI document
    #[command(
        after_help = "Examples:\n  hanse openapi > openapi.json\n  hanse openapi --service thoughts"
    )]
    Openapi(commands::openapi::OpenapiArgs),
    /// Copy all data into a folder, while the platform runs
    #[command(
        after_help = "The folder must not exist yet. It will hold one consistent cut across all services, verified after writing.\nIt contains the master key: keep it as safe as the data.\n\nExamples:\n  hanse backup /var/backups/hanse-2026-11-21"
    )]
    Backup(backup::BackupArgs),
    /// Put a backup in the place of the data
    #[command(
        after_help = "The platform must not be running. What was there before is kept beside it as <data>.before-restore.\n\nExamples:\n  hanse restore /var/backups/hanse-2026-11-21"
    )]
    Restore(backup::RestoreArgs),
    /// Print the release
    Version(commands::version::VersionArgs),
    /// Tools for developers of the platform
    #[command(subcommand, hide = true)]
    Dev(commands::dev::DevCommand),
}

/// The allocator asks for huge pages, of which most touches need a few bytes: an index that commits
/// small batches clears ten megabytes for each, and an idle process keeps half as much again. Where the kernel
/// does not know the request, everything works as well.
fn small_pages() {
    rustix::thread::disable_transparent_huge_pages(true).ok();
}

fn main() -> ExitCode {
    small_pages();
    let cli = Cli::parse();
    let loaded = match Loaded::read(&cli.common, serve_args(&cli)) {
        Ok(loaded) => loaded,
        Err(error) => {
            eprintln!("hanse: {error}");
            return ExitCode::from(2);
        }
    };
    let command = cli.command.unwrap_or(Command::Serve(serve::ServeArgs::default()));
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            eprintln!("hanse: cannot start: {error}");
            return ExitCode::FAILURE;
        }
    };
    let result = runtime.block_on(async {
        match command {
            Command::Serve(_) => Box::pin(serve::serve(loaded)).await,
            Command::Migrate(args) => commands::migrate::migrate(&loaded, &args).await,
            Command::Config(command) => commands::config::run(&loaded, &command),
            Command::Doctor(args) => commands::doctor::doctor(&loaded, &args).await,
            Command::Health(args) => commands::health::health(&loaded, &args),
            Command::User(command) => commands::user::run(&loaded, command).await,
            Command::Import(command) => commands::import::run(&loaded, command).await,
            Command::Events(command) => commands::events::run(&loaded, command).await,
            Command::Jobs(command) => commands::jobs::run(&loaded, command).await,
            Command::Keys(command) => commands::keys::run(&loaded, command).await,
            Command::Openapi(args) => commands::openapi::openapi(&args),
            Command::Backup(args) => backup::backup(&loaded, &args),
            Command::Restore(args) => backup::restore(&loaded, &args),
            Command::Version(args) => commands::version::version(&args),
            Command::Dev(command) => commands::dev::run(&loaded, command).await,
        }
    });
    runtime.shutdown_timeout(std::time::Duration::from_secs(5));
    match result {
        Ok(code) => code,
        Err(error) => {
            eprintln!("hanse: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn serve_args(cli: &Cli) -> Option<&serve::ServeArgs> {
    match &cli.command {
        Some(Command::Serve(args)) => Some(args),
        _ => None,
    }
}
