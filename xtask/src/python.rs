//! Python programs, each in a folder of its own under `target/`.
//!
//! The releases of a program and of everything it needs are pinned in a file, and nothing is
//! installed outside the build folder except, as root on Debian, Python itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::postgres::apt_install;
use crate::workspace::{self, Metadata};

/// The folder of the environment `name` with what the file `pinned` lists, made when it is missing
/// or the pins have changed. Its programs are in `bin`.
pub fn environment(name: &str, pinned: &str) -> anyhow::Result<PathBuf> {
    let folder = Metadata::load()?.target_directory.join(format!("venv-{name}"));
    let path = workspace::root().join(pinned);
    let wanted =
        std::fs::read_to_string(&path).with_context(|| format!("{pinned} cannot be read"))?;
    // Written last: a folder without it is half made.
    let installed = folder.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) {
        return Ok(folder);
    }
    eprintln!("{name}: installing into {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("the old folder cannot be removed")?;
    }
    make(&folder)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
        .arg(path);
    workspace::run(&mut pip)
        .with_context(|| format!("{name} cannot be installed from the Python package index"))?;
    std::fs::write(&installed, wanted).context("the folder cannot be written")?;
    Ok(folder)
}

fn make(folder: &Path) -> anyhow::Result<()> {
    let make = || workspace::output(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let Err(error) = make() else { return Ok(()) };
    let debian = Path::new("/etc/debian_version").exists();
    if !(debian && rustix::process::geteuid().is_root()) {
        bail!(
            "this needs Python 3 with venv; on Debian: `apt-get install python3-venv` ({error:#})"
        );
    }
    apt_install("python3-venv")?;
    make().map(drop)
}
