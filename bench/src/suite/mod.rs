//! The suite: each figure of the design with its bar, measured and printed as a table.

mod growth;
mod lifecycle;
mod logins;
mod notifications;
mod overload;
mod proxy;
mod ratio;
mod refreshes;
mod report;
mod searchable;
mod topologies;

use std::path::{Path, PathBuf};
use std::time::Duration;

use anyhow::Context;
use clap::ValueEnum;

use self::report::{Figure, Report};
use crate::process::Setup;

/// Measure the figures of the design against a real `hanse serve`.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  hanse-bench suite --hanse target/release/hanse
  hanse-bench suite --hanse target/release/hanse --only create,read --seconds 5
  hanse-bench suite --hanse target/release/hanse --growth --write --commit $(git describe --always)")]
pub struct Args {
    /// The binary to measure, built for release.
    #[arg(long, value_name = "FILE")]
    hanse: PathBuf,
    /// Only these scenarios.
    #[arg(long, value_enum, value_delimiter = ',', value_name = "SCENARIO")]
    only: Vec<Scenario>,
    /// How long one run of a load lasts.
    #[arg(long, default_value_t = 10)]
    seconds: u64,
    /// How often the bare server and the scenario alternate; the median ratio counts.
    #[arg(long, default_value_t = 3)]
    rounds: usize,
    /// Connections of the throughput scenarios.
    #[arg(long, default_value_t = 500)]
    connections: usize,
    /// Also fill a server with 1,000,000 thoughts of 10,000 users.
    #[arg(long)]
    growth: bool,
    /// Also measure a platform of several processes, on the PostgreSQL and Kafka that
    /// `HANSE_TEST_POSTGRES` and `HANSE_TEST_KAFKA` name; `cargo xtask bench --split` starts both.
    #[arg(long)]
    split: bool,
    /// Only how many people are told how fast; `--write` keeps that in a section of its own.
    #[arg(long, conflicts_with_all = ["only", "growth", "split"])]
    notifications: bool,
    /// Devices that listen while everybody is told something.
    #[arg(long, default_value_t = 10_000)]
    streams: usize,
    /// Letters of one sending.
    #[arg(long, default_value_t = 100_000)]
    letters: usize,
    /// Where data folders are made; a disk, since a file system in memory syncs for nothing.
    #[arg(long, value_name = "DIR", default_value = "target")]
    scratch: PathBuf,
    /// Keep the table in this file too.
    #[arg(long, value_name = "FILE", num_args = 0..=1, default_missing_value = "bench/RESULTS.md")]
    write: Option<PathBuf>,
    /// What was measured, for the table.
    #[arg(long, default_value = "unknown")]
    commit: String,
    /// When, for the table; today if not given.
    #[arg(long)]
    date: Option<String>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Scenario {
    /// The bare axum server alone.
    Hello,
    /// Durable creates against the bare server.
    Create,
    /// Authenticated point reads against the bare server.
    Read,
    /// From a create to its search hit, at 1,000 creates a second.
    Searchable,
    /// From the start of the process to ready, on existing data.
    Start,
    /// Resident memory without load.
    Idle,
    /// Password logins while others read.
    Logins,
    /// Ten times more logins than are borne, and an account beside a noisy one.
    Overload,
    /// Refreshes of sessions, each durable and with a token that is good once.
    Refresh,
    /// The gateway before a bare upstream, against nginx.
    Proxy,
    /// The same journey in one process and split, and searchable in split.
    Topologies,
    /// 10,000 devices that listen, and 100,000 letters.
    Notifications,
    /// Point reads and first pages with 1,000,000 thoughts beside them.
    Growth,
}

/// What every scenario is given.
struct Bench<'a> {
    args: &'a Args,
    scratch: &'a Path,
    time: Duration,
}

impl Bench<'_> {
    /// A server of its own for a scenario, with an empty data folder.
    fn setup(&self, name: &str) -> Setup {
        let data = self.scratch.join(name);
        Setup { hanse: self.args.hanse.clone(), data, settings: Vec::new() }
    }
}

pub async fn run(args: Args) -> anyhow::Result<()> {
    std::fs::create_dir_all(&args.scratch)?;
    let scratch = tempfile::Builder::new().prefix("bench-").tempdir_in(&args.scratch);
    let scratch = scratch.with_context(|| format!("in {}", args.scratch.display()))?;
    let time = Duration::from_secs(args.seconds.max(1));
    let bench = Bench { args: &args, scratch: scratch.path(), time };
    let mut report = Report::new(&args, scratch.path());
    for scenario in Scenario::value_variants() {
        let asked = match scenario {
            Scenario::Growth => Some(args.growth),
            Scenario::Topologies => Some(args.split),
            Scenario::Notifications => Some(args.notifications),
            _ => None,
        };
        let wanted = match args.only.as_slice() {
            _ if args.notifications => *scenario == Scenario::Notifications,
            [] => asked.unwrap_or(true),
            only => only.contains(scenario) || asked.unwrap_or(false),
        };
        if !wanted {
            continue;
        }
        eprintln!("measuring {scenario:?} …");
        match bench.measure(*scenario).await {
            Ok(figures) => report.add(figures),
            Err(error) => report.not_run(*scenario, &error),
        }
    }
    report.finish(args.write.as_deref())
}

impl Bench<'_> {
    async fn measure(&self, scenario: Scenario) -> anyhow::Result<Vec<Figure>> {
        match scenario {
            Scenario::Hello => ratio::hello(self).await,
            Scenario::Create => ratio::create(self).await,
            Scenario::Read => ratio::read(self).await,
            Scenario::Searchable => searchable::measure(self).await,
            Scenario::Start => lifecycle::start(self).await,
            Scenario::Idle => lifecycle::idle(self).await,
            Scenario::Logins => logins::measure(self).await,
            Scenario::Overload => overload::measure(self).await,
            Scenario::Refresh => refreshes::measure(self).await,
            Scenario::Proxy => proxy::measure(self).await,
            Scenario::Topologies => topologies::measure(self).await,
            Scenario::Notifications => notifications::measure(self).await,
            Scenario::Growth => growth::measure(self).await,
        }
    }
}

fn milliseconds(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1e3
}

/// The median; of an even number, the mean of the middle two. Zero of nothing.
fn median(mut values: Vec<f64>) -> f64 {
    values.sort_by(f64::total_cmp);
    let middle = values.len() / 2;
    let low = values.get(middle.saturating_sub(1)).copied().unwrap_or_default();
    let high = values.get(middle).copied().unwrap_or_default();
    if values.len().is_multiple_of(2) { f64::midpoint(low, high) } else { high }
}

#[cfg(test)]
mod tests {
    use super::median;

    #[test]
    fn the_median_is_the_middle() {
        assert!((median(vec![3.0, 1.0, 2.0]) - 2.0).abs() < f64::EPSILON);
        assert!((median(vec![4.0, 1.0]) - 2.5).abs() < f64::EPSILON);
        assert!(median(Vec::new()).abs() < f64::EPSILON);
    }
}
