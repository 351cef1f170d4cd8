//! Node programs with what they need from npm, each in a folder of its own under `target/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace::{self, Metadata};

/// The oldest Node that all of them run on.
const NODE: u32 = 20;

/// A folder `node-<name>` with the scripts of the folder `from` and what its package.json lists, installed
/// when that has changed.
pub fn folder(name: &str, from: &str) -> anyhow::Result<PathBuf> {
    let version = workspace::output(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().unwrap_or_default() < NODE {
        bail!("the tests need Node {NODE} or newer, with npm, for {name}");
    }
    let folder = Metadata::load()?.target_directory.join(format!("node-{name}"));
    std::fs::create_dir_all(&folder).context("the folder for Node cannot be made")?;
    let from = workspace::root().join(from);
    for entry in std::fs::read_dir(&from)? {
        let path = entry?.path();
        if let Some(name) =
            path.file_name().filter(|_| path.extension().is_some_and(|e| e == "mjs"))
        {
            std::fs::copy(&path, folder.join(name))?;
        }
    }
    let wanted = std::fs::read_to_string(from.join("package.json"))?;
    // Written last: a folder without it is half made.
    let installed = folder.join("installed.json");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(folder);
    }
    eprintln!("{name}: installing into {}", folder.display());
    std::fs::write(folder.join("package.json"), &wanted)?;
    let mut npm = Command::new("npm");
    npm.current_dir(&folder).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
    ]);
    workspace::run(&mut npm)
        .with_context(|| format!("what {name} needs cannot be installed from npm"))?;
    std::fs::write(installed, wanted)?;
    Ok(folder)
}
