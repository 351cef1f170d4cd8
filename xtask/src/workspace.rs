//! Where the workspace is, what it holds, and how cargo is called.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use anyhow::{Context, bail};
use serde::Deserialize;

/// The part of `cargo metadata` that the checks read.
#[derive(Debug, Deserialize)]
pub struct Metadata {
    pub packages: Vec<Package>,
    pub workspace_members: Vec<String>,
    pub workspace_root: PathBuf,
    pub target_directory: PathBuf,
}

#[derive(Debug, Deserialize)]
pub struct Package {
    pub id: String,
    pub name: String,
    pub version: String,
    pub license: Option<String>,
    pub license_file: Option<String>,
    pub manifest_path: PathBuf,
    pub dependencies: Vec<Dependency>,
}

#[derive(Debug, Deserialize)]
pub struct Dependency {
    pub name: String,
    /// `None` for a normal dependency, else `dev` or `build`.
    pub kind: Option<String>,
    /// Set when the dependency is a folder, that is, a member of this workspace.
    pub path: Option<PathBuf>,
}

impl Metadata {
    /// Reads the whole graph, third-party packages included.
    pub fn load() -> anyhow::Result<Self> {
        let output = cargo()
            .args(["metadata", "--format-version", "1", "--locked"])
            .stderr(Stdio::inherit())
            .output()
            .context("cargo metadata could not be started")?;
        if !output.status.success() {
            bail!("cargo metadata failed: is Cargo.lock up to date? `cargo check` rewrites it");
        }
        serde_json::from_slice(&output.stdout).context("cargo metadata printed something else")
    }

    pub fn members(&self) -> impl Iterator<Item = &Package> {
        self.packages.iter().filter(|package| self.workspace_members.contains(&package.id))
    }

    /// The folder of a member relative to the root, `services/search/index` for example.
    pub fn folder<'a>(&self, package: &'a Package) -> &'a Path {
        let manifest = package.manifest_path.strip_prefix(&self.workspace_root);
        manifest.ok().and_then(Path::parent).unwrap_or(Path::new(""))
    }
}

/// A cargo command at the root of the workspace, with the cargo that started this tool.
pub fn cargo() -> Command {
    let program = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let mut command = Command::new(program);
    command.current_dir(root());
    command
}

/// The root of the workspace this tool was built from.
pub fn root() -> &'static Path {
    let own = Path::new(env!("CARGO_MANIFEST_DIR"));
    own.parent().unwrap_or(own)
}

/// Runs a command whose output the reader sees; a failure names the command.
pub fn run(command: &mut Command) -> anyhow::Result<()> {
    let shown = shown(command);
    let status = command.status().with_context(|| format!("`{shown}` could not be started"))?;
    if !status.success() {
        bail!("`{shown}` failed ({status})");
    }
    Ok(())
}

/// The standard output of a command; a failure names the command and its last words.
pub fn output(command: &mut Command) -> anyhow::Result<String> {
    let shown = shown(command);
    let output = command.output().with_context(|| format!("`{shown}` could not be started"))?;
    if !output.status.success() {
        let stderr = String::from_utf8_lossy(&output.stderr);
        let mut last: Vec<&str> = stderr.trim().lines().rev().take(8).collect();
        last.reverse();
        bail!("`{shown}` failed ({}):\n{}", output.status, last.join("\n"));
    }
    String::from_utf8(output.stdout).with_context(|| format!("`{shown}` printed no text"))
}

/// Which features a build of `hanse` is resolved with.
#[derive(Clone, Copy, PartialEq, Eq)]
pub enum Features {
    /// Unified over the workspace, as `cargo test --workspace` does: nothing is built twice.
    Workspace,
    /// Those of the package alone: byte for byte what `cargo run --release` gives a user.
    Package,
}

/// Builds the `hanse` binary and returns its path.
pub fn build_hanse(profile: &str, features: Features) -> anyhow::Result<PathBuf> {
    let mut build = cargo();
    build.args(["build", "--bin", "hanse", "--profile", profile]);
    match features {
        Features::Workspace => build.arg("--workspace"),
        Features::Package => build.args(["--package", "hanse"]),
    };
    run(&mut build)?;
    binary(profile, "hanse")
}

/// Where cargo puts the binary of a profile.
pub fn binary(profile: &str, name: &str) -> anyhow::Result<PathBuf> {
    let folder = if profile == "dev" { "debug" } else { profile };
    let path = Metadata::load()?.target_directory.join(folder).join(name);
    if !path.is_file() {
        bail!("cargo built `{name}`, but {} does not exist", path.display());
    }
    Ok(path)
}

/// Every file under version control or about to be, relative to the root.
pub fn tracked_files() -> anyhow::Result<Vec<String>> {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "-z", "--cached", "--others", "--exclude-standard"]);
    let listing = output(&mut git)?;
    let names = listing.split('\0').filter(|name| !name.is_empty());
    // A file deleted but not yet staged is still listed.
    let mut files: Vec<String> =
        names.filter(|name| root().join(name).is_file()).map(str::to_owned).collect();
    files.sort();
    files.dedup();
    Ok(files)
}

fn shown(command: &Command) -> String {
    let words = std::iter::once(command.get_program()).chain(command.get_args());
    let words: Vec<String> = words
        .map(|word| Path::new(word).file_name().filter(|_| is_cargo(word)).unwrap_or(word))
        .map(|word| word.to_string_lossy().into_owned())
        .collect();
    words.join(" ")
}

fn is_cargo(word: &OsStr) -> bool {
    Path::new(word).file_name() == Some(OsStr::new("cargo"))
}
