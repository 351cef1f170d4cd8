//! The property tester of the API, in a folder of its own under `target/`.
//!
//! It is a Python program: its release and those of everything it needs are pinned in
//! `tests/schemathesis/requirements.txt`, and nothing is installed outside the build folder except,
//! as root on Debian, Python itself.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::postgres::apt_install;
use crate::workspace::{self, Metadata};

const PINNED: &str = "tests/schemathesis/requirements.txt";

/// The program, installed when it is missing or its pins have changed.
pub fn ensure() -> anyhow::Result<PathBuf> {
    let folder = Metadata::load()?.target_directory.join("venv-schemathesis");
    let program = folder.join("bin/schemathesis");
    let pinned = workspace::root().join(PINNED);
    let wanted =
        std::fs::read_to_string(&pinned).with_context(|| format!("{PINNED} cannot be read"))?;
    // Written last: a folder without it is half made.
    let installed = folder.join("installed.txt");
    if std::fs::read_to_string(&installed).is_ok_and(|text| text == wanted) && program.is_file() {
        return Ok(program);
    }
    eprintln!("schemathesis: installing into {}", folder.display());
    if folder.exists() {
        std::fs::remove_dir_all(&folder).context("the old folder cannot be removed")?;
    }
    make_environment(&folder)?;
    let mut pip = Command::new(folder.join("bin/python"));
    pip.args(["-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--no-deps", "-r"])
        .arg(pinned);
    workspace::run(&mut pip)
        .context("schemathesis cannot be installed from the Python package index")?;
    std::fs::write(&installed, wanted).context("the folder cannot be written")?;
    Ok(program)
}

fn make_environment(folder: &Path) -> anyhow::Result<()> {
    let make = || workspace::output(Command::new("python3").args(["-m", "venv"]).arg(folder));
    let Err(error) = make() else { return Ok(()) };
    let debian = Path::new("/etc/debian_version").exists();
    if !(debian && rustix::process::geteuid().is_root()) {
        bail!(
            "the tests need Python 3 with venv; on Debian: `apt-get install python3-venv` ({error:#})"
        );
    }
    apt_install("python3-venv")?;
    make().map(drop)
}
