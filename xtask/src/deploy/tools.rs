//! The programs that the deployment files are checked with.

use std::path::PathBuf;

use crate::{go, python};

const PINNED: &str = "deploy/requirements.txt";

pub struct Tools {
    pub helm: PathBuf,
    pub compose: PathBuf,
    /// An environment with `kubernetes-validate` and a reader of YAML.
    pub python: PathBuf,
}

impl Tools {
    pub fn ensure() -> anyhow::Result<Self> {
        Ok(Self {
            helm: go::install("helm.sh/helm/v3/cmd/helm", "v3.19.0")?,
            compose: go::install("github.com/compose-spec/compose-go/v2/cmd", "v2.16.2")?,
            python: python::environment("deploy", PINNED)?,
        })
    }
}
