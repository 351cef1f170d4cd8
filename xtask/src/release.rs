//! `cargo xtask release`: the binary as a release ships it, optimised for what it was seen to do.
//!
//! The compiler guesses which way a branch goes and what is called often. It guesses better when it
//! has a profile: a first build counts, a load runs on it, and a second build reads the counts. What a
//! request costs is spread over very much code, so this gains more than any single change (ADR 0028).

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};
use sha2::{Digest as _, Sha256};

use crate::workspace::{self, Metadata};

/// What the counting build has to do: what people do, and what the figures measure.
const LOAD: [&str; 6] =
    ["--only", "create,read,searchable,logins,refresh,proxy", "--seconds", "4", "--rounds", "1"];

/// Build the binary as a release ships it: twice, with a profile of a load in between.
#[derive(clap::Args)]
#[command(after_help = "Examples:
  cargo xtask release                       target/released/hanse
  cargo xtask release --output ./hanse      also puts it there

It takes about three times as long as a plain release build, and is done again only when the code
has changed. The compiler's own tools are needed; they are added by rustup when missing.")]
pub struct Args {
    /// Also put the binary there.
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

pub fn run(args: &Args) -> anyhow::Result<()> {
    let binary = build()?;
    if let Some(output) = &args.output {
        std::fs::copy(&binary, output)
            .with_context(|| format!("{} cannot be written", output.display()))?;
    }
    println!("{}", args.output.as_ref().unwrap_or(&binary).display());
    Ok(())
}

/// Builds it and returns its path.
pub fn build() -> anyhow::Result<PathBuf> {
    let target = Metadata::load()?.target_directory;
    let compiler = Compiler::find()?;
    let merge = compiler.profiler()?;

    eprintln!("1 of 3: a build that counts …");
    let folder = target.join("counting");
    // Neither changes what is counted, and both take long.
    let quicker = [("CARGO_PROFILE_RELEASE_LTO", "off"), ("CARGO_PROFILE_RELEASE_DEBUG", "none")];
    let raw = folder.join("counts");
    let counting = compiler.build(&folder, flag("profile-generate", &raw), &quicker)?;

    // Named after what it was counted with, so that it is made once.
    let name = Sha256::digest(std::fs::read(&counting)?);
    let name: String = name.iter().take(8).map(|byte| format!("{byte:02x}")).collect();
    let profile = folder.join(format!("{name}.profdata"));
    if profile.is_file() {
        eprintln!("2 of 3: its profile is there");
    } else {
        eprintln!("2 of 3: a load on it …");
        count(&counting, &raw, &merge, &profile)?;
    }

    eprintln!("3 of 3: a build that reads the counts …");
    let folder = target.join("released");
    let built = compiler.build(&folder, flag("profile-use", &profile), &[])?;
    let released = folder.join("hanse");
    std::fs::copy(&built, &released).context("the binary cannot be copied")?;
    Ok(released)
}

/// Runs the load, and makes one profile of what all processes counted.
fn count(counting: &Path, raw: &Path, merge: &Path, profile: &Path) -> anyhow::Result<()> {
    if raw.exists() {
        std::fs::remove_dir_all(raw)?;
    }
    workspace::run(workspace::cargo().args(["build", "--release", "--package", "hanse-bench"]))?;
    let mut suite = Command::new(workspace::binary("release", "hanse-bench")?);
    suite.current_dir(workspace::root()).arg("suite").arg("--hanse").arg(counting).args(LOAD);
    suite.env("LLVM_PROFILE_FILE", raw.join("%p-%m.profraw"));
    // Its table is of no use: counting takes time.
    workspace::output(&mut suite)?;
    let mut merging = Command::new(merge);
    workspace::run(merging.args(["merge", "--output"]).arg(profile).arg(raw))?;
    std::fs::remove_dir_all(raw).context("the counts cannot be removed")
}

fn flag(name: &str, path: &Path) -> OsString {
    let mut flag = OsString::from(format!("-C{name}="));
    flag.push(path);
    flag
}

/// The compiler that cargo uses.
struct Compiler {
    host: String,
    /// Its own tools and libraries.
    tools: PathBuf,
}

impl Compiler {
    fn find() -> anyhow::Result<Self> {
        let version = workspace::output(Command::new("rustc").arg("-vV"))?;
        let host = version.lines().find_map(|line| line.strip_prefix("host: "));
        let host = host.context("rustc does not say what it is for")?.to_owned();
        let root = workspace::output(Command::new("rustc").args(["--print", "sysroot"]))?;
        let tools = Path::new(root.trim()).join("lib/rustlib").join(&host).join("bin");
        Ok(Self { host, tools })
    }

    /// The program that merges counts. It must be of the compiler's own version.
    fn profiler(&self) -> anyhow::Result<PathBuf> {
        let program = self.tools.join("llvm-profdata");
        if !program.is_file() {
            let mut add = Command::new("rustup");
            workspace::run(add.args(["component", "add", "llvm-tools"]))
                .context("the compiler's tools (llvm-tools) are missing")?;
        }
        if !program.is_file() {
            bail!("rustup has added llvm-tools, but not for this compiler");
        }
        Ok(program)
    }

    /// Builds `hanse` into a folder of its own. With a target named, build scripts and macros are
    /// built without the flag.
    fn build(
        &self,
        folder: &Path,
        flag: OsString,
        settings: &[(&str, &str)],
    ) -> anyhow::Result<PathBuf> {
        let mut build = workspace::cargo();
        build.args(["build", "--release", "--locked", "--package", "hanse", "--bin", "hanse"]);
        build.args(["--target", &self.host, "--target-dir"]).arg(folder);
        // One flag, whatever is in the path.
        build.env("CARGO_ENCODED_RUSTFLAGS", flag).envs(settings.iter().copied());
        workspace::run(&mut build)?;
        Ok(folder.join(&self.host).join("release/hanse"))
    }
}
