//! The edges between the crates of the workspace: which there are, and which there may be.
//!
//! `deps.txt` lists them, so that a new edge shows up in a review; the law below says what no
//! review may let through. Edges of tests are free: a scene may use what it likes.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use super::{Findings, difference};
use crate::workspace::{Metadata, root};

const FILE: &str = "deps.txt";
const REWRITE: &str = "cargo xtask check --write";

/// Which part of the house a crate is.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Part {
    Kernel,
    /// The Stage: only tests may stand on it.
    Testkit,
    Contracts,
    /// A service, by its name; its inner crates carry the same name.
    Service(String),
    /// The composition root.
    Binary,
    /// xtask, bench and the end-to-end tests.
    Tool,
}

pub fn check(metadata: &Metadata, write: bool) -> Findings {
    let parts: BTreeMap<&str, Part> = metadata
        .members()
        .map(|package| (package.name.as_str(), Part::of(metadata.folder(package))))
        .collect();
    let edges: BTreeSet<(&str, &str)> = metadata
        .members()
        .flat_map(|package| {
            let inner = package.dependencies.iter().filter(|dependency| {
                dependency.path.is_some() && dependency.kind.as_deref() != Some("dev")
            });
            inner.map(|dependency| (package.name.as_str(), dependency.name.as_str()))
        })
        .collect();

    let mut findings = Vec::new();
    for (from, to) in &edges {
        let (Some(left), Some(right)) = (parts.get(from), parts.get(to)) else { continue };
        if let Err(law) = left.may_depend_on(right, to) {
            findings.push(format!("{from} -> {to}: {law}"));
        }
    }
    let listing: String = edges.iter().map(|(from, to)| format!("{from} -> {to}\n")).collect();
    if write {
        std::fs::write(root().join(FILE), &listing)?;
    } else {
        let committed = std::fs::read_to_string(root().join(FILE)).unwrap_or_default();
        if committed != listing {
            findings.push(format!("{FILE} differs; if the change is meant, run `{REWRITE}`"));
            findings.extend(difference(&committed, &listing));
        }
    }
    Ok(findings)
}

impl Part {
    fn of(folder: &Path) -> Self {
        let mut segments = folder.iter().map(|segment| segment.to_string_lossy().into_owned());
        match (segments.next().as_deref(), segments.next()) {
            (Some("kernel"), Some(name)) if name == "testkit" => Self::Testkit,
            (Some("kernel"), _) => Self::Kernel,
            (Some("contracts"), _) => Self::Contracts,
            (Some("services"), Some(name)) => Self::Service(name),
            (Some("hanse"), _) => Self::Binary,
            _ => Self::Tool,
        }
    }

    /// The law of the edges (laws 1 and 4 of the architecture); the error says which part of it.
    fn may_depend_on(&self, to: &Self, name: &str) -> Result<(), &'static str> {
        match (self, to) {
            (Self::Tool, Self::Tool) | (_, Self::Tool) => {
                Err("nothing depends on xtask, bench or the end-to-end tests")
            }
            (Self::Tool, _) => Ok(()),
            (_, Self::Binary) => Err("the composition root is the end of every edge"),
            (Self::Testkit, Self::Kernel | Self::Contracts) => Ok(()),
            (_, Self::Testkit) => Err("the Stage is a dev-dependency, never part of the binary"),
            (Self::Binary, _) => Ok(()),
            (Self::Kernel | Self::Testkit, Self::Service(_)) => Err("the kernel knows no service"),
            (Self::Kernel, Self::Contracts) => Err("the kernel knows no contract"),
            (Self::Kernel, Self::Kernel) => Ok(()),
            (Self::Contracts, Self::Kernel) if name == "hanse-events" => Ok(()),
            (Self::Contracts, _) => Err("contracts depend on hanse-events only"),
            (Self::Service(_), Self::Kernel | Self::Contracts) => Ok(()),
            (Self::Service(from), Self::Service(to)) if from == to => Ok(()),
            (Self::Service(_), Self::Service(_)) => {
                Err("a service never depends on a service: use a contract or an event")
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn allowed(from: &str, to: &str, name: &str) -> bool {
        Part::of(Path::new(from)).may_depend_on(&Part::of(Path::new(to)), name).is_ok()
    }

    #[test]
    fn the_law_of_the_edges() {
        assert!(allowed("services/search", "services/search/index", "hanse-search-index"));
        assert!(allowed("services/search", "kernel/store", "hanse-store"));
        assert!(allowed("services/search", "contracts", "hanse-contracts"));
        assert!(allowed("contracts", "kernel/events", "hanse-events"));
        assert!(allowed("hanse", "services/thoughts", "hanse-thoughts"));
        assert!(allowed("kernel/events", "kernel/store", "hanse-store"));
        assert!(allowed("tests", "services/thoughts", "hanse-thoughts"));

        assert!(!allowed("services/search", "services/thoughts", "hanse-thoughts"));
        assert!(!allowed("services/search/index", "services/thoughts", "hanse-thoughts"));
        assert!(!allowed("contracts", "kernel/store", "hanse-store"));
        assert!(!allowed("kernel/http", "services/identity", "hanse-identity"));
        assert!(!allowed("kernel/http", "contracts", "hanse-contracts"));
        assert!(!allowed("services/search", "hanse", "hanse"));
        assert!(!allowed("services/search", "kernel/testkit", "hanse-testkit"));
        assert!(!allowed("hanse", "xtask", "xtask"));
    }
}
