//! Files that the binary prints about itself and that are committed for readers.

use std::process::Command;

use super::{Findings, difference};
use crate::workspace::{self, Features, root};

/// What `hanse` is asked, and the file that holds its answer. Nothing here may be skipped: a
/// command that fails is a finding.
const GENERATED: [(&[&str], &str); 3] = [
    (&["openapi"], "docs/openapi.json"),
    (&["config", "schema"], "docs/config.schema.json"),
    (&["config", "sample"], "docs/hanse.sample.toml"),
];
const MOST_SHOWN: usize = 20;

pub fn check(write: bool) -> Findings {
    let hanse = workspace::build_hanse("dev", Features::Workspace)?;
    let mut findings = Vec::new();
    for (question, file) in GENERATED {
        let said = workspace::output(Command::new(&hanse).current_dir(root()).args(question));
        let text = match said {
            Ok(text) if !text.trim().is_empty() => text,
            Ok(_) => {
                findings.push(format!("`hanse {}` printed nothing for {file}", question.join(" ")));
                continue;
            }
            Err(error) => {
                findings.push(format!("{error:#}"));
                continue;
            }
        };
        let path = root().join(file);
        if write {
            path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
            std::fs::write(&path, &text)?;
            continue;
        }
        let committed = std::fs::read_to_string(&path).unwrap_or_default();
        if committed != text {
            findings.push(format!("{file} is out of date: run `cargo xtask check --write`"));
            findings.extend(difference(&committed, &text).into_iter().take(MOST_SHOWN));
        }
    }
    if !write {
        findings.extend(uncommitted()?);
    }
    Ok(findings)
}

/// A generated file that git does not know would pass here and be missing in a clone.
fn uncommitted() -> Findings {
    let mut git = Command::new("git");
    git.current_dir(root()).args(["ls-files", "--"]).args(GENERATED.map(|(_, file)| file));
    let known = workspace::output(&mut git)?;
    let files = GENERATED.iter().map(|(_, file)| file);
    let unknown = files.filter(|file| !known.lines().any(|line| line == **file));
    Ok(unknown.map(|file| format!("{file} is not under version control")).collect())
}
