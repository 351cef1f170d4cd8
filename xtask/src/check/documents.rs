//! Words that stay true: what CONTRIBUTING.md points at exists, and nothing that is committed
//! points at somebody's machine.

use super::Findings;
use crate::workspace::{root, tracked_files};

const GUIDE: &str = "CONTRIBUTING.md";
/// Paths and hosts that exist on one machine or one network only. Written in two halves, so
/// that this list does not find itself.
const FOREIGN: [[&str; 2]; 5] =
    [["/wo", "rk/"], ["/ro", "ot/"], ["arti", "factory"], ["jf", "rog"], ["verd", "accio"]];
/// The one source that Cargo.lock may name: the index every cargo knows.
const INDEX: &str = "registry+https://github.com/rust-lang/crates.io-index";

pub fn check() -> Findings {
    let mut findings = Vec::new();
    match std::fs::read_to_string(root().join(GUIDE)) {
        Err(error) => findings.push(format!("{GUIDE}: {error}")),
        Ok(text) => {
            let gone = paths_in(&text).into_iter().filter(|path| !root().join(path).exists());
            findings
                .extend(gone.map(|path| format!("{GUIDE} names `{path}`, which does not exist")));
        }
    }
    for path in tracked_files()? {
        let bytes = std::fs::read(root().join(&path))?;
        // A file that is not text has nothing to say about paths.
        let Ok(text) = String::from_utf8(bytes) else { continue };
        for (number, line) in text.lines().enumerate() {
            if let Some(foreign) = foreign_in(line) {
                findings.push(format!("{path}:{}: names `{foreign}`", number + 1));
            }
        }
        if path == "Cargo.lock" {
            findings.extend(foreign_sources(&text));
        }
    }
    Ok(findings)
}

/// What looks like a path of this repository between single backticks, outside of code blocks.
fn paths_in(text: &str) -> Vec<&str> {
    let mut inside_block = false;
    let mut found = Vec::new();
    for line in text.lines() {
        if line.trim_start().starts_with("```") {
            inside_block = !inside_block;
        } else if !inside_block {
            found.extend(line.split('`').skip(1).step_by(2).filter(|span| is_path(span)));
        }
    }
    found
}

fn is_path(span: &str) -> bool {
    const ENDINGS: [&str; 7] = [".rs", ".toml", ".md", ".sql", ".json", ".txt", ".lock"];
    const MEDIA: [&str; 3] = ["application/", "text/", "image/"];
    let spelled = |c: char| c.is_ascii_alphanumeric() || "_-./".contains(c);
    let relative = !span.starts_with('/') && !MEDIA.iter().any(|media| span.starts_with(media));
    let file = ENDINGS.iter().any(|ending| span.len() > ending.len() && span.ends_with(ending));
    span.chars().all(spelled) && relative && (span.contains('/') || file)
}

/// A foreign path counts where a path begins, not inside a longer one (`/api/…` routes).
fn foreign_in(line: &str) -> Option<String> {
    FOREIGN.iter().map(|halves| halves.concat()).find(|foreign| {
        line.match_indices(foreign.as_str()).any(|(at, _)| {
            let before = line.get(..at).and_then(|before| before.chars().next_back());
            let joined = |c: char| c.is_alphanumeric() || "_-.*}>~$".contains(c);
            !foreign.starts_with('/') || !before.is_some_and(joined)
        })
    })
}

fn foreign_sources(lock: &str) -> Vec<String> {
    let sources = lock.lines().filter_map(|line| line.strip_prefix("source = \""));
    let foreign = sources.map(|line| line.trim_end_matches('"')).filter(|source| *source != INDEX);
    foreign.map(|source| format!("Cargo.lock: a package comes from {source}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn paths_are_told_from_other_code() {
        let text = "Copy `services/thoughts/src/http/thoughts.rs`, see `deps.txt` and `kernel/`.\n\
                    Run `cargo xtask check`, answer `application/json` from `/api/v1/x`, use\n\
                    `hanse_store::Clock` and `services/<name>`.\n```\n`not/here`\n```\n`docs/adr`";
        assert_eq!(
            paths_in(text),
            ["services/thoughts/src/http/thoughts.rs", "deps.txt", "kernel/", "docs/adr"]
        );
    }

    #[test]
    fn machine_paths_are_found_where_a_path_begins() {
        let machine = ["/wo", "rk/x"].concat();
        assert!(foreign_in(&format!("see {machine}")).is_some());
        assert!(foreign_in(&format!("\"{machine}\"")).is_some());
        assert!(foreign_in(&format!("GET /api{machine}")).is_none());
        assert!(foreign_in("a workspace of /works/").is_none());
    }

    #[test]
    fn only_the_public_index_is_a_source() {
        let lock = format!("source = \"{INDEX}\"\nsource = \"registry+https://mirror/index\"\n");
        assert_eq!(
            foreign_sources(&lock),
            ["Cargo.lock: a package comes from registry+https://mirror/index"]
        );
    }
}
