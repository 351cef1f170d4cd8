//! Files that programs of the workspace print and that are committed for readers.

use std::collections::BTreeMap;
use std::process::Command;

use super::{Findings, difference};
use crate::workspace::{self, Features, root};

/// What `hanse` is asked, and the file that holds its answer. Nothing here may be skipped: a
/// command that fails is a finding.
const ANSWERS: [(&[&str], &str); 3] = [
    (&["openapi"], "docs/openapi.json"),
    (&["config", "schema"], "docs/config.schema.json"),
    (&["config", "sample"], "docs/hanse.sample.toml"),
];
/// Examples that print all their files at once with `--print`: a JSON object of paths and texts.
const BUNDLES: [(&str, &str); 1] = [("hanse-contracts", "write_schemas")];
const MOST_SHOWN: usize = 20;

pub fn check(write: bool) -> Findings {
    let mut findings = Vec::new();
    let mut files = BTreeMap::new();
    // Bundles first: they do not need the whole binary.
    for (package, example) in BUNDLES {
        match bundle(package, example) {
            Ok(printed) => files.extend(printed),
            Err(error) => findings.push(format!("{error:#}")),
        }
    }
    let hanse = workspace::build_hanse("dev", Features::Workspace)?;
    for (question, file) in ANSWERS {
        match workspace::output(Command::new(&hanse).current_dir(root()).args(question)) {
            Ok(text) if !text.trim().is_empty() => {
                files.insert(file.to_owned(), text);
            }
            Ok(_) => {
                findings.push(format!("`hanse {}` printed nothing for {file}", question.join(" ")));
            }
            Err(error) => findings.push(format!("{error:#}")),
        }
    }
    for (file, text) in &files {
        let path = root().join(file);
        if write {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&path, text)?;
            continue;
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        if committed != *text {
            findings.push(format!("{file} is out of date: run `cargo xtask check --write`"));
            findings.extend(difference(&committed, text).into_iter().take(MOST_SHOWN));
        }
    }
    if !write {
        findings.extend(uncommitted(&files)?);
    }
    Ok(findings)
}

fn bundle(package: &str, example: &str) -> anyhow::Result<BTreeMap<String, String>> {
    let mut run = workspace::cargo();
    run.args(["run", "--quiet", "--package", package, "--example", example, "--", "--print"]);
    Ok(serde_json::from_str(&workspace::output(&mut run)?)?)
}

/// A generated file that git does not know would pass here and be missing in a clone.
fn uncommitted(files: &BTreeMap<String, String>) -> Findings {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--"]).args(files.keys());
    let known = workspace::output(&mut git)?;
    let unknown = files.keys().filter(|file| !known.lines().any(|line| line == **file));
    Ok(unknown.map(|file| format!("{file} is not under version control")).collect())
}
