//! `cargo xtask test`: every test of the workspace, on both engines, and one line of totals.

use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};

use crate::engines::{Engines, fault_tools};
use crate::oidc;
use crate::python;
use crate::receivers;
use crate::schemathesis;
use crate::workspace::{self, Features};

/// Run every test against SQLite and throwaway servers: PostgreSQL, Kafka and Redis.
///
/// The last line of the output is the count: `tests: 123 passed, 0 failed, 0 skipped`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask test                        everything
  cargo xtask test --filter cursor        only tests whose name contains `cursor`
  cargo xtask test --no-e2e               without the tests that start the binary
  cargo xtask test --release              the binary under test optimised, as users run it")]
pub struct Args {
    /// Only run tests whose name contains this.
    #[arg(long, value_name = "TEXT")]
    filter: Option<String>,
    /// Leave out the end-to-end tests and do not build the binary they start.
    #[arg(long)]
    no_e2e: bool,
    /// Build the `hanse` binary that the end-to-end tests start with the release profile.
    #[arg(long)]
    release: bool,
}

#[derive(Debug, Default, PartialEq, Eq)]
struct Totals {
    passed: u64,
    failed: u64,
    skipped: u64,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let engines = Engines::start()?;
    let mut cargo = workspace::cargo();
    cargo.args(["test", "--workspace", "--no-fail-fast"]);
    cargo.envs(engines.variables());
    if args.no_e2e {
        cargo.args(["--exclude", "hanse-e2e"]);
    } else {
        cargo.envs(fault_tools()?);
        let (profile, features) = match args.release {
            true => ("release", Features::Package),
            false => ("dev", Features::Workspace),
        };
        cargo.env("HANSE_BIN", workspace::build_hanse(profile, features)?);
        cargo.env("SCHEMATHESIS_BIN", schemathesis::ensure()?);
        let otlp = python::environment("otlp", "tests/otlp/requirements.txt")?;
        cargo.env("OTLP_PYTHON", otlp.join("bin/python"));
        cargo.envs(oidc::ensure()?);
        cargo.envs(receivers::ensure()?);
        let scim = python::environment("scim", "tests/scim/requirements.txt")?;
        cargo.env("SCIM_PYTHON", scim.join("bin/python"));
    }
    if let Some(filter) = &args.filter {
        cargo.args(["--", filter]);
    }

    let (totals, succeeded) = run_and_count(&mut cargo)?;
    engines.stop();

    // The count is the last line, whatever it says: scripts and readers look there.
    let Totals { passed, failed, skipped } = totals;
    if !succeeded && failed == 0 {
        eprintln!("error: cargo test failed outside of a counted test (see above)");
    } else if passed == 0 && failed == 0 {
        eprintln!("error: no test ran");
    }
    println!("tests: {passed} passed, {failed} failed, {skipped} skipped");
    if !succeeded || failed > 0 || passed == 0 {
        std::process::exit(1);
    }
    Ok(())
}

/// Passes the output of `cargo test` on as it comes and adds up its results.
fn run_and_count(cargo: &mut Command) -> anyhow::Result<(Totals, bool)> {
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cargo could not be started")?;
    let Some(stdout) = child.stdout.take() else { bail!("cargo test has no output") };
    let mut totals = Totals::default();
    let mut reader = BufReader::new(stdout);
    let mut line = Vec::new();
    let mut screen = std::io::stdout().lock();
    while reader.read_until(b'\n', &mut line)? > 0 {
        screen.write_all(&line)?;
        totals.add(&String::from_utf8_lossy(&line));
        line.clear();
    }
    let status = child.wait()?;
    screen.flush()?;
    Ok((totals, status.success()))
}

impl Totals {
    /// Adds a `test result: ok. 3 passed; 0 failed; 1 ignored; …` line; ignores all others.
    fn add(&mut self, line: &str) {
        let Some(result) = line.trim_start().strip_prefix("test result:") else { return };
        let (_, counts) = result.split_once(". ").unwrap_or(("", result));
        for part in counts.split(';') {
            let Some((number, what)) = part.trim().split_once(' ') else { continue };
            let Ok(number) = number.parse::<u64>() else { continue };
            match what.trim() {
                "passed" => self.passed += number,
                "failed" => self.failed += number,
                "ignored" => self.skipped += number,
                _ => {}
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::Totals;

    #[test]
    fn results_of_several_binaries_add_up() {
        let mut totals = Totals::default();
        for line in [
            "test result: ok. 12 passed; 0 failed; 2 ignored; 0 measured; 7 filtered out; \
             finished in 0.03s",
            "test a_guest_cannot ... ok",
            "test result: FAILED. 1 passed; 3 failed; 0 ignored; 0 measured; 0 filtered out",
            "the phrase test result: ok. 9 passed; inside a line does not count",
            "test result: \u{1b}[32mok\u{1b}[0m. 5 passed; 0 failed; 0 ignored; 0 measured",
        ] {
            totals.add(line);
        }
        assert_eq!(totals, Totals { passed: 18, failed: 3, skipped: 2 });
    }
}
