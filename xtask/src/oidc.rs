//! What signs in to the OpenID provider in the tests: authlib (Python), openid-client (Node) and a real
//! browser, Debian's Chromium.

use std::ffi::OsString;
use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::postgres::apt_install;
use crate::workspace::{self, Metadata};

const FOLDER: &str = "tests/oidc";
/// The oldest Node that openid-client runs on.
const NODE: u32 = 20;

/// The variables that tell the tests where everything is, once it is there.
pub fn ensure() -> anyhow::Result<[(&'static str, OsString); 3]> {
    let python = crate::python::environment("oidc", "tests/oidc/requirements.txt")?;
    Ok([
        ("OIDC_PYTHON", python.join("bin/python").into()),
        ("OIDC_NODE", node()?.into()),
        ("CHROMIUM_BIN", chromium()?.into()),
    ])
}

/// A folder with the scripts and what they need, installed when the pins have changed.
fn node() -> anyhow::Result<PathBuf> {
    let version = workspace::output(Command::new("node").arg("--version")).unwrap_or_default();
    let major = version.trim_start_matches('v').split('.').next().unwrap_or_default();
    if major.parse::<u32>().unwrap_or_default() < NODE {
        bail!("the tests of the OpenID provider need Node {NODE} or newer, with npm");
    }
    let folder = Metadata::load()?.target_directory.join("node-oidc");
    std::fs::create_dir_all(&folder).context("the folder for Node cannot be made")?;
    let from = workspace::root().join(FOLDER);
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
    eprintln!("openid-client: installing into {}", folder.display());
    std::fs::write(folder.join("package.json"), &wanted)?;
    let mut npm = Command::new("npm");
    npm.current_dir(&folder).args([
        "install",
        "--no-audit",
        "--no-fund",
        "--no-package-lock",
        "--ignore-scripts",
    ]);
    workspace::run(&mut npm).context("openid-client cannot be installed from npm")?;
    std::fs::write(installed, wanted)?;
    Ok(folder)
}

fn chromium() -> anyhow::Result<PathBuf> {
    let path = Path::new("/usr/bin/chromium");
    if !path.exists() {
        if !rustix::process::geteuid().is_root() {
            bail!("the tests need Chromium; install it with `apt-get install chromium`");
        }
        eprintln!("chromium: not found, installing Debian's package");
        apt_install("chromium")?;
    }
    Ok(path.to_owned())
}
