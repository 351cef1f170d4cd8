//! Every error code a client can receive has a page that says what happened and what to do.

use std::collections::{BTreeMap, BTreeSet};

use super::Findings;
use crate::source::{is_test_path, production_lines};
use crate::workspace::{root, tracked_files};

const PAGES: &str = "docs/errors/";
const HOMES: [&str; 3] = ["kernel/", "services/", "hanse/"];

pub fn check() -> Findings {
    let mut codes: BTreeMap<String, String> = BTreeMap::new();
    let mut pages = BTreeSet::new();
    for path in tracked_files()? {
        if let Some(page) = path.strip_prefix(PAGES).and_then(|name| name.strip_suffix(".md")) {
            // Files like README.md explain the folder.
            pages.extend(is_code(page).then(|| page.to_owned()));
        } else if HOMES.iter().any(|home| path.starts_with(home))
            && path.ends_with(".rs")
            && !is_test_path(&path)
        {
            let text = std::fs::read_to_string(root().join(&path))?;
            codes.extend(codes_in(&text).into_iter().map(|code| (code, path.clone())));
        }
    }
    let without_page = codes.iter().filter(|(code, _)| !pages.contains(*code));
    let without_code = pages.iter().filter(|page| !codes.contains_key(*page));
    Ok(without_page
        .map(|(code, path)| format!("{path}: {code} has no page {PAGES}{code}.md"))
        .chain(without_code.map(|page| format!("{PAGES}{page}.md: no code {page} in the source")))
        .collect())
}

/// The codes of `#[api(404, "THT-001")]` attributes and `ErrorCode { code: "THT-001", … }`
/// literals, outside of comments and inline tests.
fn codes_in(text: &str) -> Vec<String> {
    let lines = production_lines(text);
    let code = lines.iter().filter(|(_, line)| !line.trim_start().starts_with("//"));
    let code: String = code.flat_map(|(_, line)| [*line, "\n"]).collect();
    let attributes = between(&code, "#[api(", ")]").filter_map(first_code);
    let literals = between(&code, "ErrorCode {", "}").filter_map(|literal| {
        let (_, value) = literal.split_once("code:")?;
        first_code(value)
    });
    attributes.chain(literals).collect()
}

/// Every stretch of text between two marks.
fn between<'a>(text: &'a str, open: &'a str, close: &'a str) -> impl Iterator<Item = &'a str> {
    text.split(open).skip(1).filter_map(move |rest| rest.split_once(close)).map(|(inner, _)| inner)
}

fn first_code(text: &str) -> Option<String> {
    text.split('"').skip(1).step_by(2).find(|literal| is_code(literal)).map(str::to_owned)
}

/// Two to five capitals, a hyphen, three digits.
fn is_code(text: &str) -> bool {
    text.split_once('-').is_some_and(|(area, number)| {
        (2..=5).contains(&area.len())
            && area.bytes().all(|byte| byte.is_ascii_uppercase())
            && number.len() == 3
            && number.bytes().all(|byte| byte.is_ascii_digit())
    })
}

#[cfg(test)]
mod tests {
    use super::{codes_in, is_code};

    #[test]
    fn codes_are_found_where_they_are_declared() {
        let text = r#"
/// Like `#[api(404, "DOC-001")]`.
enum E {
    #[api(404, "THT-001")]
    #[error("no thought {0}")]
    NotFound,
    #[api(internal)]
    Storage,
    #[api(
        429,
        "LIM-001",
        retry
    )]
    Limited,
}
const NOT: ErrorCode = ErrorCode { status: 401, code: "AUT-002", title: "x" };
const OTHER: &str = "ABC-123";
#[cfg(test)]
mod tests {
    #[api(404, "TST-001")]
    struct T;
}
"#;
        assert_eq!(codes_in(text), ["THT-001", "LIM-001", "AUT-002"]);
    }

    #[test]
    fn a_code_is_capitals_and_three_digits() {
        assert!(is_code("THT-001"));
        for other in ["THT-01", "tht-001", "THT001", "README", "T-001", "THT-0O1"] {
            assert!(!is_code(other), "{other}");
        }
    }
}
