//! `cargo xtask soak`: the long form of every bad day, one after another, and a table.
//!
//! The scenes are those of `cargo xtask test`, which plays a moment of each; `HANSE_SOAK_MINUTES` tells
//! them how long to go on (`tests/src/scale.rs`).

use std::io::{BufRead, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};

use crate::engines::{Engines, fault_tools};
use crate::workspace::{self, Features, Metadata};

/// Play the long form of every fault scene and print a table.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask soak                                ten minutes of each
  cargo xtask soak --only database,network --minutes 60
  cargo xtask soak --debug                        a debug build, which is built sooner")]
pub struct Args {
    /// Which scenes, separated by commas.
    #[arg(long, value_delimiter = ',', value_name = "NAMES")]
    only: Vec<String>,
    /// How long each goes on. Those that count events instead play their full number.
    #[arg(long, default_value_t = 10)]
    minutes: u32,
    /// Use a debug build of the platform.
    #[arg(long)]
    debug: bool,
}

/// The commit that runs beside this one, whose data `tests/recorded` holds.
const OLDER: &str = "11495d8";

/// A scene, and where it is.
struct Scene {
    name: &'static str,
    package: &'static str,
    target: &'static str,
    test: &'static str,
}

const fn split(name: &'static str, test: &'static str) -> Scene {
    Scene { name, package: "hanse-e2e", target: "split", test }
}

const fn whole(name: &'static str, test: &'static str) -> Scene {
    Scene { name, package: "hanse-e2e", target: "it", test }
}

const SCENES: &[Scene] = &[
    split("kills", "restarts::nothing_acknowledged_is_lost_when_any_process_is_killed"),
    split("database", "database::nothing_acknowledged_is_lost_when_the_database_crashes"),
    split("network", "network::a_bad_network_loses_and_doubles_nothing"),
    split("frozen", "frozen::a_relay_that_sleeps_and_wakes_changes_nothing"),
    split("rolling", "rolling::no_request_fails_while_one_process_after_another_is_replaced"),
    split("releases", "releases::an_older_release_is_followed"),
    whole("herd", "herd::everybody_comes_back_at_once"),
    whole("hot", "herd::a_hot_answer_that_expires_is_asked_for_once"),
    Scene {
        name: "disorder",
        package: "hanse-kafka",
        target: "it",
        test: "disorder::every_effect_once_among_duplicates_and_disorder",
    },
    Scene {
        name: "logins",
        package: "hanse-identity",
        target: "it",
        test: "timing::the_time_of_a_failed_login_tells_nothing::sqlite_local",
    },
];

/// What became of a scene.
struct Outcome {
    name: &'static str,
    took: Duration,
    passed: bool,
    found: Vec<String>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let chosen = choose(&args.only)?;
    let (profile, features) =
        if args.debug { ("dev", Features::Workspace) } else { ("release", Features::Package) };
    let hanse = workspace::build_hanse(profile, features)?;
    let tools = fault_tools()?;
    let older =
        chosen.iter().any(|scene| scene.name == "releases").then(older_release).transpose()?;
    // What does not compile is known before the first minute.
    let packages = ["hanse-e2e", "hanse-kafka", "hanse-identity"];
    let packages = packages.iter().flat_map(|name| ["--package", name]);
    workspace::run(workspace::cargo().args(["test", "--no-run"]).args(packages))?;
    let engines = Engines::start()?;
    let mut outcomes = Vec::new();
    for scene in chosen {
        eprintln!("== {}", scene.name);
        let mut cargo = workspace::cargo();
        cargo.args(["test", "--package", scene.package, "--test", scene.target, "--"]);
        cargo.args([scene.test, "--exact", "--nocapture"]);
        cargo.envs(engines.variables()).envs(tools.clone()).env("HANSE_BIN", &hanse);
        cargo.env("HANSE_SOAK_MINUTES", args.minutes.to_string());
        cargo.envs(older.iter().map(|older| ("HANSE_OLD_BIN", older)));
        outcomes.push(play(scene.name, &mut cargo)?);
    }
    engines.stop();
    report(&outcomes);
    if outcomes.iter().any(|outcome| !outcome.passed) {
        bail!("not everything held");
    }
    Ok(())
}

/// Builds the binary of the recorded older release, in a folder of its own that is kept.
fn older_release() -> anyhow::Result<PathBuf> {
    let folder = Metadata::load()?.target_directory.join(format!("older-{OLDER}"));
    let (source, target) = (folder.join("source"), folder.join("target"));
    if !source.is_dir() {
        let mut git = Command::new("git");
        git.current_dir(workspace::root()).args(["worktree", "add", "--detach"]);
        workspace::run(git.arg(&source).arg(OLDER)).context("the older commit is not here")?;
    }
    let mut build = workspace::cargo();
    build.current_dir(&source).args(["build", "--bin", "hanse", "--package", "hanse"]);
    workspace::run(build.env("CARGO_TARGET_DIR", &target))?;
    Ok(target.join("debug").join("hanse"))
}

fn choose(only: &[String]) -> anyhow::Result<Vec<&'static Scene>> {
    let known = |name: &String| SCENES.iter().any(|scene| scene.name == *name);
    if let Some(unknown) = only.iter().find(|name| !known(name)) {
        let names: Vec<&str> = SCENES.iter().map(|scene| scene.name).collect();
        bail!("there is no scene {unknown}; there are {}", names.join(", "));
    }
    let wanted = |scene: &&Scene| only.is_empty() || only.iter().any(|name| name == scene.name);
    Ok(SCENES.iter().filter(wanted).collect())
}

/// Plays a scene; passes its output on and keeps what it found.
fn play(name: &'static str, cargo: &mut Command) -> anyhow::Result<Outcome> {
    let begun = Instant::now();
    let mut child = cargo.stdout(Stdio::piped()).spawn().context("cargo could not be started")?;
    let Some(stdout) = child.stdout.take() else { bail!("cargo test has no output") };
    let (mut found, mut ran) = (Vec::new(), false);
    let mut screen = std::io::stdout().lock();
    for line in BufReader::new(stdout).lines() {
        let line = line?;
        writeln!(screen, "{line}")?;
        found.extend(line.split_once("found: ").map(|(_, what)| what.to_owned()));
        ran |= line.contains("1 passed");
    }
    let passed = child.wait()?.success() && ran;
    Ok(Outcome { name, took: begun.elapsed(), passed, found })
}

fn report(outcomes: &[Outcome]) {
    println!("\n| scene | took | result | found |\n|---|---:|---|---|");
    for Outcome { name, took, passed, found } in outcomes {
        let result = if *passed { "held" } else { "**FAILED**" };
        println!("| {name} | {} s | {result} | {} |", took.as_secs(), found.join("; "));
    }
}
