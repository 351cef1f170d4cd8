//! Budgets: a file is a few screens, a function is one.

use super::Findings;
use crate::source::{functions, is_test_path, production_lines};
use crate::workspace::{root, tracked_files};

const FILE_LINES: usize = 600;
const FUNCTION_LINES: usize = 70;

pub fn check() -> Findings {
    let mut findings = Vec::new();
    for path in tracked_files()? {
        if !path.ends_with(".rs") || is_test_path(&path) {
            continue;
        }
        findings.extend(offences(&path, &std::fs::read_to_string(root().join(&path))?));
    }
    Ok(findings)
}

fn offences(path: &str, text: &str) -> Vec<String> {
    let lines = production_lines(text);
    let mut found = Vec::new();
    if lines.len() > FILE_LINES {
        found.push(format!("{path}: {} production lines, at most {FILE_LINES}", lines.len()));
    }
    for function in functions(&lines).iter().filter(|function| function.lines > FUNCTION_LINES) {
        let (line, name, length) = (function.line, &function.name, function.lines);
        found.push(format!("{path}:{line}: `{name}` has {length} lines, at most {FUNCTION_LINES}"));
    }
    found
}

#[cfg(test)]
mod tests {
    use super::offences;

    #[test]
    fn a_long_function_in_a_long_file_is_named_twice() {
        let body = "    let _ = 1;\n".repeat(599);
        let found = offences("a.rs", &format!("fn long() {{\n{body}}}\n"));
        assert_eq!(
            found,
            ["a.rs: 601 production lines, at most 600", "a.rs:1: `long` has 601 lines, at most 70"]
        );
    }

    #[test]
    fn tests_have_no_budget() {
        let body = "    let _ = 1;\n".repeat(900);
        assert!(offences("a.rs", &format!("#[cfg(test)]\nmod tests {{\n{body}}}\n")).is_empty());
    }
}
