//! What one person can still oversee: fewer than twenty operations and ten tables a module, fewer than
//! 100,000 lines a service. ADR 0014 says what a module is and names each; here the lists of operations
//! and the schemas in the source are counted against that table, and against the OpenAPI document.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::Context as _;

use super::Findings;
use crate::source::{functions, is_test_path, production_lines};
use crate::workspace::{root, tracked_files};

const RECORD: &str = "docs/adr/0014-how-operations-are-counted.md";
const DOCUMENT: &str = "docs/openapi.json";
const SERVICES: &str = "services/";

/// A module has fewer than these, and a service fewer lines.
const OPERATIONS: usize = 20;
const TABLES: usize = 10;
const LINES: usize = 100_000;

/// A module of a service, as a row of the record names it.
#[derive(Debug, Default)]
struct Module {
    service: String,
    name: String,
    /// Functions that list operations, as `path function`.
    lists: Vec<String>,
    /// Files of its tables.
    schemas: Vec<String>,
}

/// What the source of the services holds.
#[derive(Default)]
struct Source {
    /// Method and path of every operation, by the function that lists it.
    lists: BTreeMap<String, Vec<String>>,
    /// Tables, by the file that makes them last.
    schemas: BTreeMap<String, BTreeSet<String>>,
    /// Production lines, by service.
    lines: BTreeMap<String, usize>,
}

pub fn check() -> Findings {
    let modules = modules(&std::fs::read_to_string(root().join(RECORD))?);
    let mut source = Source::default();
    for path in tracked_files()? {
        if path.starts_with(SERVICES) && !is_test_path(&path) {
            read(
                &path,
                &std::fs::read_to_string(root().join(&path)).unwrap_or_default(),
                &mut source,
            );
        }
    }
    let document = std::fs::read_to_string(root().join(DOCUMENT))?;
    let published = published(&document).with_context(|| format!("{DOCUMENT} cannot be read"))?;
    Ok(judge(&modules, &source, &published))
}

/// The rows of the table: service, module, lists of operations, files of tables.
fn modules(record: &str) -> Vec<Module> {
    let spans = |cell: &str| cell.split('`').skip(1).step_by(2).map(str::to_owned).collect();
    let rows = record.lines().filter(|line| line.starts_with("| ") && line.contains('`'));
    rows.filter_map(|row| {
        let mut cells = row.trim_matches('|').split('|').map(str::trim);
        let (service, name) = (cells.next()?.to_owned(), cells.next()?.to_owned());
        let under = |file: String| format!("{SERVICES}{service}/{file}");
        let lists: Vec<String> = spans(cells.next()?);
        let schemas: Vec<String> = spans(cells.next()?);
        let lists = lists.into_iter().map(under).collect();
        let schemas = schemas.into_iter().map(|file| under(format!("schema/{file}"))).collect();
        Some(Module { service, name, lists, schemas })
    })
    .collect()
}

/// Adds what a file of a service holds.
fn read(path: &str, text: &str, source: &mut Source) {
    let service = path.trim_start_matches(SERVICES).split('/').next().unwrap_or_default();
    if path.ends_with(".sql") {
        return read_schema(path, text, source);
    }
    if !path.ends_with(".rs") {
        return;
    }
    let lines = production_lines(text);
    *source.lines.entry(service.to_owned()).or_default() += lines.len();
    for function in functions(&lines) {
        let body = lines.iter().skip_while(|(number, _)| *number < function.line);
        let body: Vec<&str> = body.take(function.lines).map(|(_, line)| line.trim()).collect();
        let found = operations(&body.join(" "));
        if !found.is_empty() {
            source.lists.insert(format!("{path} {}", function.name), found);
        }
    }
}

/// Tables that a migration makes; one that it drops first was an earlier file's.
fn read_schema(path: &str, text: &str, source: &mut Source) {
    let named = |mark: &'static str| {
        let lines = text.lines().filter_map(move |line| line.trim_start().strip_prefix(mark));
        lines.filter_map(|rest| rest.split(|c: char| !c.is_alphanumeric() && c != '_').next())
    };
    let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
    for table in named("DROP TABLE ") {
        let earlier = source.schemas.iter_mut().filter(|(file, _)| file.starts_with(folder));
        earlier.for_each(|(_, tables)| {
            tables.remove(table);
        });
    }
    let made = named("CREATE TABLE ").map(str::to_owned).collect();
    source.schemas.insert(path.to_owned(), made);
}

/// `GET /thoughts` of every `op(Method::GET, "/thoughts", …)`. What names its address otherwise belongs
/// to a protocol, which the document leaves out.
fn operations(body: &str) -> Vec<String> {
    let calls = body.match_indices("op(").filter(|(at, _)| {
        let before = body.get(..*at).and_then(|before| before.chars().next_back());
        before.is_none_or(|c| !c.is_alphanumeric() && c != '_')
    });
    let arguments = calls.filter_map(|(at, call)| body.get(at + call.len()..));
    arguments
        .filter_map(|rest| {
            let (method, rest) = rest.trim_start().split_once(',')?;
            let method = method.strip_prefix("Method::")?;
            let path = rest.trim_start().strip_prefix('"')?.split('"').next()?;
            Some(format!("{method} {path}"))
        })
        .collect()
}

/// The operations of each service in the document.
fn published(document: &str) -> anyhow::Result<BTreeMap<String, BTreeSet<String>>> {
    let document: serde_json::Value = serde_json::from_str(document)?;
    let mut found: BTreeMap<String, BTreeSet<String>> = BTreeMap::new();
    let paths = document.get("paths").and_then(serde_json::Value::as_object).context("no paths")?;
    for (path, methods) in paths {
        for (method, operation) in methods.as_object().into_iter().flatten() {
            let tag = operation.pointer("/tags/0").and_then(serde_json::Value::as_str);
            let Some(service) = tag else { continue };
            let path = path.strip_prefix("/api/v1").unwrap_or(path);
            let name = format!("{} {path}", method.to_uppercase());
            found.entry(service.to_owned()).or_default().insert(name);
        }
    }
    Ok(found)
}

fn judge(
    modules: &[Module],
    source: &Source,
    published: &BTreeMap<String, BTreeSet<String>>,
) -> Vec<String> {
    let mut findings = Vec::new();
    let mut counted: BTreeMap<&str, BTreeSet<&String>> = BTreeMap::new();
    for Module { service, name, lists, schemas } in modules {
        let public = published.get(service);
        let listed = lists.iter().filter_map(|list| source.lists.get(list)).flatten();
        let own: BTreeSet<_> =
            listed.filter(|it| public.is_some_and(|all| all.contains(*it))).collect();
        let tables = schemas.iter().filter_map(|file| source.schemas.get(file)).flatten().count();
        if own.len() >= OPERATIONS {
            findings.push(format!(
                "{service}, {name}: {} operations, fewer than {OPERATIONS} are allowed",
                own.len()
            ));
        }
        if tables >= TABLES {
            findings.push(format!(
                "{service}, {name}: {tables} tables, fewer than {TABLES} are allowed"
            ));
        }
        counted.entry(service).or_default().extend(own);
    }
    findings.extend(unnamed(modules, source));
    for (service, operations) in published {
        let seen = counted.get(service.as_str());
        let missed = operations.iter().filter(|it| !seen.is_some_and(|seen| seen.contains(it)));
        findings.extend(missed.map(|it| format!("{service}: `{it}` is in no list of {RECORD}")));
    }
    for (service, lines) in source.lines.iter().filter(|(_, lines)| **lines >= LINES) {
        findings.push(format!("{service}: {lines} lines, fewer than {LINES} are allowed"));
    }
    findings
}

/// Lists and schemas that belong to no module or to two, and rows that name what there is not.
fn unnamed(modules: &[Module], source: &Source) -> Vec<String> {
    let mut findings = Vec::new();
    let mut rows: BTreeMap<&str, usize> = BTreeMap::new();
    for named in modules.iter().flat_map(|module| module.lists.iter().chain(&module.schemas)) {
        *rows.entry(named).or_default() += 1;
        if !source.lists.contains_key(named) && !source.schemas.contains_key(named) {
            findings.push(format!("{RECORD} names `{named}`, which is not there"));
        }
    }
    for there in source.lists.keys().chain(source.schemas.keys()) {
        match rows.get(there.as_str()) {
            Some(1) => {}
            Some(_) => findings.push(format!("{RECORD}: `{there}` belongs to two modules")),
            None => findings.push(format!("{RECORD}: `{there}` belongs to no module")),
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIST: &str = "fn own() -> Vec<Draft<App>> {\n    vec![\n        op(Method::GET, \"/a\", user, a::get),\n        op(\n            Method::POST,\n            \"/a/{id}\",\n            user,\n            a::post,\n        ),\n        op(get, many, user, a::many),\n        drop(1),\n    ]\n}\n";
    const ROWS: &str =
        "| service | module |\n|---|---|\n| a | core | `src/http.rs own` | `0001.sql` |\n";
    const PUBLIC: &str = r#"{ "paths": { "/api/v1/a": { "get": { "tags": ["a"] } },
        "/api/v1/a/{id}": { "post": { "tags": ["a"] } } } }"#;

    fn found(record: &str, list: &str, sql: &[&str]) -> Vec<String> {
        let mut source = Source::default();
        read("services/a/src/http.rs", list, &mut source);
        for (number, text) in sql.iter().enumerate() {
            read(&format!("services/a/schema/000{}.sql", number + 1), text, &mut source);
        }
        judge(&modules(record), &source, &published(PUBLIC).unwrap())
    }

    #[test]
    fn lists_and_tables_are_counted_by_module() {
        let table = |n: usize| format!("CREATE TABLE t{n} (\n    id UUID PRIMARY KEY\n);\n");
        let nine: String = (0..9).map(table).collect();
        assert!(found(ROWS, LIST, &[&nine]).is_empty());
        let ten = format!("{nine}{}", table(9));
        let findings = found(ROWS, LIST, &[&ten]);
        assert_eq!(findings, ["a, core: 10 tables, fewer than 10 are allowed"]);
        // One that is made anew counts once.
        let both = ROWS.replace("`0001.sql`", "`0001.sql` `0002.sql`");
        let anew = format!("DROP TABLE t0;\n{}", table(0));
        assert!(found(&both, LIST, &[&nine, &anew]).is_empty());
    }

    #[test]
    fn nothing_is_left_out_of_the_count() {
        let findings = found(ROWS, &LIST.replace("own", "others"), &["", ""]);
        assert!(findings.iter().any(|it| it.contains("src/http.rs own`, which is not there")));
        assert!(findings.iter().any(|it| it.contains("others` belongs to no module")));
        assert!(findings.iter().any(|it| it.contains("0002.sql` belongs to no module")));
        assert!(findings.iter().any(|it| it.contains("`GET /a` is in no list")));
        let twice = format!("{ROWS}| a | more | `src/http.rs own` | |\n");
        assert!(found(&twice, LIST, &[""]).iter().any(|it| it.contains("belongs to two modules")));
    }

    #[test]
    fn twenty_operations_are_one_too_many() {
        let ops: Vec<String> = (0..20).map(|n| format!("/o{n}")).collect();
        let list: String =
            ops.iter().map(|p| format!("    op(Method::GET, \"{p}\", u, h),\n")).collect();
        let mut source = Source::default();
        read("services/a/src/http.rs", &format!("fn own() {{\n{list}}}\n"), &mut source);
        let public = ops.iter().map(|path| format!("GET {path}")).collect();
        let published = BTreeMap::from([("a".to_owned(), public)]);
        let rows = ROWS.replace("`0001.sql`", "");
        let findings = judge(&modules(&rows), &source, &published);
        assert_eq!(findings, ["a, core: 20 operations, fewer than 20 are allowed"]);
    }
}
