//! The two mechanical translations of SQL text: parameters of statements, and types of schemas.

use std::borrow::Cow;

/// A statement: a constant, or text put together at run time from constants (never from input).
pub type Sql = Cow<'static, str>;

/// Rewrites `$1` to SQLite's numbered `?1`. SQLite takes `$1` for a *name* numbered by first
/// appearance, so `$2 … $1` bound by position would swap values without a word.
pub(crate) fn for_sqlite(sql: &str) -> String {
    outside_strings(sql, |chunk| chunk.replace('$', "?"))
}

/// Translates a schema from PostgreSQL types to SQLite's STRICT types.
pub(crate) fn schema_for_sqlite(ddl: &str) -> Vec<String> {
    split(ddl)
        .into_iter()
        .map(|statement| {
            let mut text = outside_strings(&statement, |chunk| {
                chunk
                    .replace(
                        "BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY",
                        "INTEGER PRIMARY KEY",
                    )
                    .split_inclusive(|c: char| !c.is_ascii_alphanumeric() && c != '_')
                    .map(sqlite_word)
                    .collect()
            });
            if text.trim_start().starts_with("CREATE TABLE") {
                // Rows lie in the order of their primary key, as a second tree would only repeat it.
                let clustered =
                    text.contains("PRIMARY KEY") && !text.contains("INTEGER PRIMARY KEY");
                text.push_str(if clustered { " STRICT, WITHOUT ROWID" } else { " STRICT" });
            }
            text
        })
        .collect()
}

/// Splits a schema file into statements at `;`, dropping comments.
pub(crate) fn split(ddl: &str) -> Vec<String> {
    let uncommented: String = ddl
        .lines()
        .map(|line| line.split_once("--").map_or(line, |(code, _)| code))
        .flat_map(|line| [line, "\n"])
        .collect();
    uncommented.split(';').map(str::trim).filter(|s| !s.is_empty()).map(str::to_owned).collect()
}

fn sqlite_word(word: &str) -> String {
    let end = word.trim_end_matches(|c: char| !c.is_ascii_alphanumeric() && c != '_').len();
    let (name, tail) = word.split_at(end);
    let name = match name {
        "UUID" | "BYTEA" => "BLOB",
        "TIMESTAMPTZ" | "BOOLEAN" | "BIGINT" => "INTEGER",
        "JSONB" => "TEXT",
        "PRECISION" => "",
        "DOUBLE" => "REAL",
        other => other,
    };
    format!("{name}{tail}")
}

/// Applies `change` to the parts of `sql` that are not inside single quotes.
fn outside_strings(sql: &str, change: impl Fn(&str) -> String) -> String {
    sql.split('\'')
        .enumerate()
        .map(|(index, chunk)| if index % 2 == 0 { change(chunk) } else { chunk.to_owned() })
        .collect::<Vec<_>>()
        .join("'")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_numbered_and_strings_left_alone() {
        assert_eq!(for_sqlite("SELECT $2 || '$1' || $1"), "SELECT ?2 || '$1' || ?1");
    }

    #[test]
    fn schemas_become_strict_tables() {
        let ddl = "CREATE TABLE t (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, -- note\n
                   id UUID NOT NULL, at TIMESTAMPTZ, ok BOOLEAN DEFAULT FALSE, d JSONB, x DOUBLE PRECISION);
                   CREATE INDEX i ON t (id); CREATE TABLE k (id UUID PRIMARY KEY)";
        let statements = schema_for_sqlite(ddl);
        assert_eq!(statements.len(), 3);
        assert_eq!(statements[2], "CREATE TABLE k (id BLOB PRIMARY KEY) STRICT, WITHOUT ROWID");
        let table = statements[0].split_whitespace().collect::<Vec<_>>().join(" ");
        assert_eq!(
            table,
            "CREATE TABLE t (seq INTEGER PRIMARY KEY, id BLOB NOT NULL, at INTEGER, ok INTEGER \
             DEFAULT FALSE, d TEXT, x REAL ) STRICT"
        );
    }
}
