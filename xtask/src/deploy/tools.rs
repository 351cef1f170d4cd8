//! The programs that the deployment files are checked with.

use std::path::{Path, PathBuf};
use std::process::Command;

use anyhow::{Context, bail};

use crate::python;
use crate::workspace::{self, Metadata};

const HELM: (&str, &str) = ("helm.sh/helm/v3/cmd/helm", "v3.19.0");
const COMPOSE: (&str, &str) = ("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2");
const PINNED: &str = "deploy/requirements.txt";

pub struct Tools {
    pub helm: PathBuf,
    pub compose: PathBuf,
    /// An environment with `kubernetes-validate` and a reader of YAML.
    pub python: PathBuf,
}

impl Tools {
    pub fn ensure() -> anyhow::Result<Self> {
        let folder = Metadata::load()?.target_directory.join("deploy-tools");
        Ok(Self {
            helm: go_install(&folder, HELM)?,
            compose: go_install(&folder, COMPOSE)?,
            python: python::environment("deploy", PINNED)?,
        })
    }
}

/// Builds a program of one release into a folder named after it, unless it is there.
fn go_install(folder: &Path, (package, version): (&str, &str)) -> anyhow::Result<PathBuf> {
    let Some((_, name)) = package.rsplit_once('/') else { bail!("{package} is no package") };
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
