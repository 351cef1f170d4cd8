//! Everything a contributor runs, as `cargo xtask <command>`.
//!
//! What it is for: one typed place for the chores of the workspace, so that a laptop and CI run
//! the same thing. What it never does: link any crate of the platform. It drives the `hanse`
//! binary and the server from outside, as a user would, and builds while the kernel does not.
//! To extend it: add a file with an `Args` struct and a `run` function, and a variant below.
#![expect(
    clippy::disallowed_methods,
    reason = "a developer tool reads the environment and the clock itself; laws bind the platform"
)]

mod bench;
mod check;
mod cluster;
mod deploy;
mod engines;
mod go;
mod kafka;
mod node;
mod oidc;
mod passwords;
mod ports;
mod postgres;
mod python;
mod receivers;
mod redis;
mod release;
mod run;
mod schemathesis;
mod soak;
mod source;
mod test;
mod throwaway;
mod tour;
mod workspace;

use clap::{Parser, Subcommand};

/// Build, test and inspect the Hanse workspace.
#[derive(Parser)]
#[command(name = "cargo xtask", bin_name = "cargo xtask", arg_required_else_help = true)]
struct Cli {
    #[command(subcommand)]
    command: Command,
}

#[derive(Subcommand)]
enum Command {
    Test(test::Args),
    Soak(soak::Args),
    Check(check::Args),
    Run(run::Args),
    Release(release::Args),
    Tour(tour::Args),
    Bench(bench::Args),
    Cluster(cluster::Args),
    Kafka(kafka::Args),
    Deploy(deploy::Args),
    Passwords(passwords::Args),
}

fn main() -> std::process::ExitCode {
    let result = match Cli::parse().command {
        Command::Test(args) => test::run(&args),
        Command::Soak(args) => soak::run(&args),
        Command::Check(args) => check::run(&args),
        Command::Run(args) => run::run(&args),
        Command::Release(args) => release::run(&args),
        Command::Tour(args) => tour::run(&args),
        Command::Bench(args) => bench::run(&args),
        Command::Cluster(args) => cluster::run(&args),
        Command::Kafka(args) => kafka::run(&args),
        Command::Deploy(args) => deploy::run(&args),
        Command::Passwords(args) => passwords::run(&args),
    };
    match result {
        Ok(()) => std::process::ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error:#}");
            std::process::ExitCode::FAILURE
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::Cli;

    #[test]
    fn flags_are_passed_on_to_the_server_and_the_suite() {
        Cli::command().debug_assert();
        for line in [
            "xtask bench --only create,read --seconds 5",
            "xtask bench --growth --write",
            "xtask bench --identity --write",
            "xtask cluster --debug",
            "xtask kafka --only-fetch",
            "xtask run --data ./data --listen 127.0.0.1:3000",
            "xtask bench --released --split",
            "xtask release --output ./hanse",
            "xtask check --only edges,error-pages",
            "xtask deploy",
            "xtask deploy --show istio.enabled=true existingSecret=own",
            "xtask tour --fortunes 0",
            "xtask test --filter cursor --no-e2e",
            "xtask soak --only database,network --minutes 3",
        ] {
            assert!(Cli::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }
}
