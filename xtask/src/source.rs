//! Reading Rust source well enough to count it.
//!
//! Approximate by design: lines and indentation, no parser. The tree is formatted by rustfmt,
//! so an item ends at the first `}` with the indentation of its head.

/// A function that is longer than one screen should be: where and how long.
#[derive(Debug, PartialEq, Eq)]
pub struct Function {
    pub name: String,
    /// Counted from 1, in production lines.
    pub line: usize,
    pub lines: usize,
}

/// Whether a file holds tests and nothing else, judged by its path.
pub fn is_test_path(path: &str) -> bool {
    const ROOMS: [&str; 8] =
        ["test", "tests", "benches", "test_util", "test_utils", "testing", "integration", "e2e"];
    let stem = path.strip_suffix(".rs").unwrap_or(path);
    stem.ends_with("_test") || stem.ends_with("_tests") || stem.split('/').any(is_room(&ROOMS))
}

fn is_room<'a>(rooms: &'a [&'a str]) -> impl Fn(&str) -> bool + 'a {
    move |segment| {
        rooms.contains(&segment)
            || segment.ends_with("_test")
            || segment.ends_with("-test")
            || segment.contains("-test-")
            || segment.starts_with("test-utils")
    }
}

/// The lines of a file without its inline `#[cfg(test)] mod … { }` blocks, each with its number.
pub fn production_lines(text: &str) -> Vec<(usize, &str)> {
    let mut kept = Vec::new();
    let mut lines = text.lines().enumerate().peekable();
    while let Some((index, line)) = lines.next() {
        if !is_test_attribute(line) {
            kept.push((index + 1, line));
            continue;
        }
        let mut attributes = vec![(index + 1, line)];
        while let Some((index, line)) = lines.next_if(|(_, line)| line.trim().starts_with("#[")) {
            attributes.push((index + 1, line));
        }
        match lines.next_if(|(_, line)| opens_module(line)) {
            Some((_, head)) => skip_block(head, &mut lines),
            None => kept.extend(attributes),
        }
    }
    kept
}

fn skip_block<'a>(head: &str, lines: &mut impl Iterator<Item = (usize, &'a str)>) {
    let depth = indentation(head);
    if head.trim_end().ends_with('}') {
        return;
    }
    for (_, line) in lines.by_ref() {
        if line.trim_start().starts_with('}') && indentation(line) == depth {
            break;
        }
    }
}

/// Every function with a body, in the lines that [`production_lines`] kept.
pub fn functions(lines: &[(usize, &str)]) -> Vec<Function> {
    let mut found = Vec::new();
    for (position, (number, head)) in lines.iter().enumerate() {
        let Some(name) = function_name(head) else { continue };
        let rest = lines.get(position..).unwrap_or_default();
        if let Some(length) = function_length(rest, indentation(head)) {
            found.push(Function { name: name.to_owned(), line: *number, lines: length });
        }
    }
    found
}

fn function_length(lines: &[(usize, &str)], depth: usize) -> Option<usize> {
    let ends = |line: &str| line.contains('{') || line.trim_end().ends_with(';');
    let open = lines.iter().position(|(_, line)| ends(line))?;
    let (_, opening) = lines.get(open)?;
    if opening.trim_end().ends_with(';') {
        return None;
    }
    if opening.trim_end().ends_with('}') {
        return Some(open + 1);
    }
    let closes = |line: &str| line.trim().starts_with('}') && indentation(line) == depth;
    let body = lines.iter().skip(open + 1).position(|(_, line)| closes(line))?;
    Some(open + 1 + body + 1)
}

fn function_name(line: &str) -> Option<&str> {
    let mut rest = line.trim_start();
    if let Some(public) = rest.strip_prefix("pub") {
        rest = match public.strip_prefix('(') {
            Some(scoped) => scoped.split_once(')')?.1,
            None => public,
        };
        rest = rest.strip_prefix(' ')?;
    }
    for modifier in ["const ", "async ", "unsafe "] {
        rest = rest.strip_prefix(modifier).unwrap_or(rest);
    }
    let name = rest.strip_prefix("fn ")?;
    let end = name.find(|c: char| !c.is_alphanumeric() && c != '_').unwrap_or(name.len());
    name.get(..end).filter(|name| !name.is_empty())
}

fn is_test_attribute(line: &str) -> bool {
    let line = line.trim_start();
    line.starts_with("#[cfg(test") || line.starts_with("#[cfg(all(test")
}

fn opens_module(line: &str) -> bool {
    let line = line.trim();
    let line = match line.strip_prefix("pub") {
        Some(public) => public.rsplit_once(") ").map_or(public, |(_, rest)| rest).trim_start(),
        None => line,
    };
    line.starts_with("mod ") && line.contains('{')
}

fn indentation(line: &str) -> usize {
    line.len() - line.trim_start().len()
}

#[cfg(test)]
mod tests {
    use super::*;

    const FILE: &str = "\
//! Doc.
pub(crate) async fn long(
    a: u8,
) -> u8 {
    match a {
        0 => 1,
        _ => 2,
    }
}
trait T {
    fn declared(&self);
    fn short(&self) -> u8 { 1 }
}
#[cfg(test)]
use std::fmt;
#[cfg(test)]
#[expect(dead_code)]
mod tests {
    fn hidden() {
    }
}
const LAST: u8 = 0;
";

    #[test]
    fn inline_tests_do_not_count_and_line_numbers_survive() {
        let lines = production_lines(FILE);
        assert_eq!(lines.len(), 16);
        assert_eq!(lines.last(), Some(&(22, "const LAST: u8 = 0;")));
        assert!(lines.contains(&(15, "use std::fmt;")));
    }

    #[test]
    fn functions_are_measured_from_head_to_brace() {
        let found = functions(&production_lines(FILE));
        let shown: Vec<_> = found.iter().map(|f| (f.name.as_str(), f.line, f.lines)).collect();
        assert_eq!(shown, [("long", 2, 8), ("short", 12, 1)]);
    }

    #[test]
    fn test_files_are_known_by_their_path() {
        for path in ["services/thoughts/tests/it/main.rs", "a/tests.rs", "a/x_test.rs"] {
            assert!(is_test_path(path), "{path}");
        }
        for path in ["kernel/testkit/src/stage.rs", "a/src/contest.rs", "a/src/latest.rs"] {
            assert!(!is_test_path(path), "{path}");
        }
    }
}
