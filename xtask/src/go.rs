//! Programs from the Go module proxy, each in a folder of its own under `target/`.

use std::path::PathBuf;
use std::process::Command;

use anyhow::{Context, bail};

use crate::workspace::{self, Metadata};

/// Builds a program of one release into a folder named after it, unless it is there, and returns its
/// path. `package` is what `go install` takes.
pub fn install(package: &str, version: &str) -> anyhow::Result<PathBuf> {
    let Some((_, name)) = package.rsplit_once('/') else { bail!("{package} is no package") };
    let folder = Metadata::load()?.target_directory.join("go-tools");
    let home = folder.join(format!("{}-{version}", package.replace('/', "_")));
    let program = home.join(name);
    if program.is_file() {
        return Ok(program);
    }
    eprintln!("{name}: building {package}@{version}, which takes a few minutes once");
    let mut go = Command::new("go");
    go.args(["install", &format!("{package}@{version}")]).env("GOBIN", &home);
    // Modules and intermediate results are of no use afterwards and would stay for ever.
    let cache = tempfile::Builder::new().prefix("hanse-go-").tempdir()?;
    go.env("GOMODCACHE", cache.path().join("modules")).env("GOCACHE", cache.path().join("build"));
    go.env("GOFLAGS", "-modcacherw -buildvcs=false").env("CGO_ENABLED", "0");
    workspace::run(&mut go).context(
        "this needs Go 1.24 or newer (https://go.dev/dl) and a Go module proxy that can be reached",
    )?;
    if !program.is_file() {
        bail!("go built {package}, but {} does not exist", program.display());
    }
    Ok(program)
}
