//! What signs in to the OpenID provider in the tests: authlib (Python), openid-client (Node) and a real
//! browser, Debian's Chromium.

use std::ffi::OsString;
use std::path::{Path, PathBuf};

use anyhow::bail;

use crate::postgres::apt_install;

const FOLDER: &str = "tests/oidc";

/// The variables that tell the tests where everything is, once it is there.
pub fn ensure() -> anyhow::Result<[(&'static str, OsString); 3]> {
    let python = crate::python::environment("oidc", "tests/oidc/requirements.txt")?;
    Ok([
        ("OIDC_PYTHON", python.join("bin/python").into()),
        ("OIDC_NODE", crate::node::folder("oidc", FOLDER)?.into()),
        ("CHROMIUM_BIN", chromium()?.into()),
    ])
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
