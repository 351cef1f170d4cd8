//! AUTZ-05: rows that belong to somebody are read and changed only by statements that say whose they are
//! to be. There is no tenant above an account here: the owner is what divides, and it comes from the
//! session (law 6). Read from the source, like the ways in of identity.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

/// Services whose tables hold what people have. Identity's are about the accounts themselves.
const SERVICES: [&str; 4] = ["thoughts", "search", "analytics", "notifications"];
/// What the column is called that says whose a row is.
const OWNERS: [&str; 2] = ["owner", "user_id"];

/// Statements that look at the rows of everybody, and why. No request reaches them, but where it says so.
const FOR_ALL: &[(&str, &str)] = &[
    ("DELETE FROM search_history WHERE searched_at < $1", "retention"),
    ("SELECT owner FROM search_history GROUP BY owner HAVING", "who has too many: retention"),
    ("DELETE FROM documents", "a replay empties the projection"),
    (
        "SELECT change, key, owner, kind, deleted, time, title, tags, body FROM documents",
        "the index",
    ),
    ("SELECT max(change) AS last FROM documents WHERE deleted", "the index"),
    ("DELETE FROM documents WHERE deleted", "the index has let go of them"),
    ("DELETE FROM hours", "a replay empties the projection"),
    ("DELETE FROM thoughts", "a replay empties the projection"),
    ("DELETE FROM tag_counts", "a replay empties the projection"),
    ("DELETE FROM activity", "a replay empties the projection"),
    (
        "SELECT channel, state, COUNT(*) AS count FROM deliveries",
        "administrators: a sending to many",
    ),
    ("SELECT {COLUMNS} FROM deliveries WHERE sending = $1", "administrators: a sending to many"),
    (
        "UPDATE deliveries SET state = 'cancelled', cause = NULL, changed_at = $2 WHERE sending = $1",
        "administrators: a sending to many",
    ),
    ("DELETE FROM notifications WHERE hidden", "retention"),
    (
        "SELECT COUNT(*) AS people FROM people WHERE known",
        "administrators: how many a sending reaches",
    ),
];

fn files(folder: &Path, ending: &str, into: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("a folder") {
        let path = entry.expect("an entry").path();
        if path.is_dir() {
            files(&path, ending, into);
        } else if path.extension().is_some_and(|found| found == ending) {
            into.push(path);
        }
    }
}

/// The tables of a service that have an owner, and the column that names it.
fn tables(service: &Path) -> BTreeMap<String, &'static str> {
    let (mut schemas, mut found) = (Vec::new(), BTreeMap::new());
    files(&service.join("schema"), "sql", &mut schemas);
    for schema in schemas {
        let text = fs::read_to_string(schema).expect("text");
        for table in text.split("CREATE TABLE ").skip(1) {
            let (name, rest) = table.split_once(" (").expect("a table");
            let columns = rest.split_once("\n)").map_or(rest, |(columns, _)| columns);
            let names = columns.lines().filter_map(|line| line.split_whitespace().next());
            let owner = names.into_iter().find_map(|name| OWNERS.iter().find(|o| **o == name));
            if let Some(owner) = owner {
                found.insert(name.to_owned(), *owner);
            }
        }
    }
    found
}

/// The texts of a source file, with one blank for any number, up to its tests.
fn texts(source: &str) -> Vec<String> {
    let source = source.split("#[cfg(test)]").next().unwrap_or_default();
    let code: String = source
        .lines()
        .filter(|line| !line.trim_start().starts_with("//"))
        .collect::<Vec<_>>()
        .join("\n");
    let plain = code.replace("\\\\", "").replace("\\\"", "").replace("'\"'", "");
    let between = plain.split('"').skip(1).step_by(2);
    between.map(|text| text.split_whitespace().collect::<Vec<_>>().join(" ")).collect()
}

/// The table that a statement reads or changes, of those that have an owner.
fn touched<'a>(text: &str, tables: &'a BTreeMap<String, &'static str>) -> Option<&'a &'static str> {
    let words: Vec<&str> = text.split([' ', '(', ')', ',', ';']).collect();
    words.windows(2).find_map(|pair| match pair {
        ["FROM" | "UPDATE" | "JOIN", table] => tables.get(*table),
        _ => None,
    })
}

/// Is it this statement? One without a condition is excused only as it stands.
fn is(text: &str, start: &str) -> bool {
    let whole = start.starts_with("DELETE") && !start.contains("WHERE");
    text == start || (!whole && text.starts_with(start))
}

#[test]
fn every_statement_says_whose_rows_it_means() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    let (mut looked_at, mut unscoped) = (0, Vec::new());
    let mut reasons: Vec<&str> = FOR_ALL.iter().map(|(start, _)| *start).collect();
    for service in SERVICES {
        let service = root.join("services").join(service);
        let tables = tables(&service);
        assert!(!tables.is_empty(), "{}", service.display());
        let mut sources = Vec::new();
        files(&service.join("src"), "rs", &mut sources);
        for path in sources {
            for text in texts(&fs::read_to_string(&path).expect("text")) {
                let Some(owner) = touched(&text, &tables) else { continue };
                looked_at += 1;
                let says = text.split_once("WHERE").is_some_and(|(_, rest)| rest.contains(*owner));
                let known = FOR_ALL.iter().find(|(start, _)| is(&text, start));
                match (says, known) {
                    (true, _) => {}
                    (false, Some((start, _))) => reasons.retain(|reason| reason != start),
                    (false, None) => unscoped.push(format!("{}: {text}", path.display())),
                }
            }
        }
    }
    assert!(unscoped.is_empty(), "whose rows?\n{}", unscoped.join("\n"));
    assert!(reasons.is_empty(), "nothing is excused by {reasons:#?}");
    assert!(looked_at > 60, "{looked_at} statements");
}
