//! Debian's `fortunes`: some 15,000 short texts, in files that separate them by a `%` line.

use std::path::Path;

use anyhow::{Context, bail};
use serde_json::json;

const FOLDER: &str = "/usr/share/games/fortunes";

#[derive(Debug, PartialEq, Eq)]
pub struct Fortune {
    pub text: String,
    /// The file it comes from, `computers` for example.
    pub file: String,
}

impl Fortune {
    /// One line of an import in JSON Lines.
    pub fn line(&self) -> String {
        let tag = format!("fortune/{}", self.file);
        format!("{}\n", json!({ "text": self.text, "tags": [tag] }))
    }
}

/// Reads every fortune there is, installing the package when this machine is Debian's and ours.
pub fn load() -> anyhow::Result<Vec<Fortune>> {
    let folder = Path::new(FOLDER);
    if !folder.is_dir() {
        let debian = Path::new("/etc/debian_version").exists();
        if !(debian && rustix::process::geteuid().is_root()) {
            bail!(
                "the fortunes are missing: on Debian, `apt-get install fortunes`; elsewhere put \
                 the files into {FOLDER}, or skip this step with `--fortunes 0`"
            );
        }
        eprintln!("fortunes: not found, installing Debian's package");
        crate::postgres::apt_install("fortunes")?;
    }
    let entries = std::fs::read_dir(folder).with_context(|| format!("reading {FOLDER}"))?;
    let mut files: Vec<_> = entries.flatten().map(|entry| entry.path()).collect();
    files.sort();
    let mut fortunes = Vec::new();
    // `x.dat` is an index and `x.u8` a link to `x`.
    for path in files.iter().filter(|path| path.is_file() && path.extension().is_none()) {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let text = String::from_utf8_lossy(&std::fs::read(path)?).into_owned();
        fortunes.extend(parse(&text).map(|text| Fortune { text, file: name.clone() }));
    }
    if fortunes.is_empty() {
        bail!("no fortune in {FOLDER}");
    }
    Ok(fortunes)
}

/// The texts of one file, without the control characters old terminals were sent.
fn parse(text: &str) -> impl Iterator<Item = String> {
    let mut texts = vec![String::new()];
    for line in text.lines() {
        if line.trim_end() == "%" {
            texts.push(String::new());
        } else if let Some(last) = texts.last_mut() {
            last.extend(line.chars().filter(|c| *c == '\t' || !c.is_control()));
            last.push('\n');
        }
    }
    texts.into_iter().map(|text| text.trim().to_owned()).filter(|text| !text.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_separated_by_lone_percent_signs() {
        let file = "First,\nwith 100% certainty.\n%\n\n%\nSecond\u{8}\u{1b}.\n\t-- Author\n%\n";
        let texts: Vec<String> = parse(file).collect();
        assert_eq!(texts, ["First,\nwith 100% certainty.", "Second.\n\t-- Author"]);
    }

    #[test]
    fn a_line_of_the_import_is_one_json_object() {
        let fortune = Fortune { text: "a \"b\"\nc".to_owned(), file: "art".to_owned() };
        assert_eq!(fortune.line(), "{\"text\":\"a \\\"b\\\"\\nc\",\"tags\":[\"fortune/art\"]}\n");
    }
}
