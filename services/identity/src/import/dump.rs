//! `auth.users` of Supabase (GoTrue), as `pg_dump` writes it in plain text: `COPY` blocks, or `INSERT`
//! statements with column names. Everything else in the dump is passed over.

use std::io::BufRead;

use jiff::Timestamp;
use serde::Deserialize;

use super::lines::{Line, next_line};
use super::sql::{Lexer, Token, unescaped};
use super::{Candidate, ImportError, Record, Records};

/// A row, by column. `None` is NULL.
type Row = Vec<Option<String>>;

pub(super) struct Dump<R> {
    lexer: Lexer<R>,
    /// A word that was read and belongs to what comes next.
    returned: Option<Token>,
    /// The rows that are being read.
    rows: Rows,
}

enum Rows {
    None,
    Copy(Vec<String>),
    Insert(Vec<String>),
}

impl<R: BufRead> Dump<R> {
    pub(super) fn new(mut input: R) -> Result<Self, ImportError> {
        if input.fill_buf()?.starts_with(b"PGDMP") {
            let reason = "this is a dump in PostgreSQL's own format; write it as text with \
                          `pg_restore --data-only --table=users --file=users.sql`";
            return Err(ImportError::Format { line: 1, reason: reason.to_owned() });
        }
        Ok(Self { lexer: Lexer::new(input), returned: None, rows: Rows::None })
    }

    fn refuse(&self, reason: &str) -> ImportError {
        ImportError::Format { line: self.lexer.line(), reason: reason.to_owned() }
    }

    fn token(&mut self) -> Result<Option<Token>, ImportError> {
        match self.returned.take() {
            Some(token) => Ok(Some(token)),
            None => Ok(self.lexer.next()?),
        }
    }

    /// Goes on to the next statement with rows of users. False at the end.
    fn next_statement(&mut self) -> Result<bool, ImportError> {
        while let Some(token) = self.token()? {
            match token {
                Token::Word(word) if word == "copy" => {
                    let (wanted, columns) = self.table()?;
                    if !self.ends_in_data()? {
                        continue;
                    }
                    self.lexer.skip_line()?;
                    if !wanted {
                        self.skip_data()?;
                        continue;
                    }
                    let columns = columns.ok_or_else(|| self.refuse("COPY names no columns"))?;
                    self.rows = Rows::Copy(columns);
                    return Ok(true);
                }
                Token::Word(word) if word == "insert" => {
                    self.token()?; // INTO
                    let (wanted, columns) = self.table()?;
                    if !wanted {
                        self.skip_statement()?;
                        continue;
                    }
                    let columns = columns.ok_or_else(|| {
                        self.refuse("INSERT names no columns; dump with --column-inserts")
                    })?;
                    self.rows = Rows::Insert(columns);
                    return Ok(true);
                }
                Token::Symbol(';') => {}
                _ => self.skip_statement()?,
            }
        }
        Ok(false)
    }

    /// Reads a table's name and the list of columns, if there is one.
    fn table(&mut self) -> Result<(bool, Option<Vec<String>>), ImportError> {
        let mut names = Vec::new();
        loop {
            match self.token()? {
                Some(Token::Word(word)) if word == "values" || word == "from" => {
                    self.returned = Some(Token::Word(word));
                    return Ok((names == users(), None));
                }
                Some(Token::Word(name) | Token::Name(name)) if names.len() < 3 => names.push(name),
                Some(Token::Symbol('(')) => break,
                Some(Token::Symbol('.')) => {}
                other => {
                    self.returned = other;
                    return Ok((false, None));
                }
            }
        }
        let wanted = names == users();
        let mut columns = Vec::new();
        loop {
            match self.token()? {
                Some(Token::Word(name) | Token::Name(name)) => columns.push(name),
                Some(Token::Symbol(',')) => {}
                Some(Token::Symbol(')')) => break,
                _ => return Ok((wanted, None)),
            }
            if columns.len() > 200 {
                return Err(self.refuse("a table with more than 200 columns"));
            }
        }
        Ok((wanted, Some(columns).filter(|columns| !columns.is_empty())))
    }

    /// Reads a statement to its end. True when it was `… FROM stdin`, which data follow.
    fn ends_in_data(&mut self) -> Result<bool, ImportError> {
        let mut data = false;
        while let Some(token) = self.token()? {
            match token {
                Token::Symbol(';') => break,
                Token::Word(word) if word == "stdin" => data = true,
                _ => {}
            }
        }
        Ok(data)
    }

    fn skip_statement(&mut self) -> Result<(), ImportError> {
        while self.token()?.is_some_and(|token| token != Token::Symbol(';')) {}
        Ok(())
    }

    fn skip_data(&mut self) -> Result<(), ImportError> {
        while let Some(line) = next_line(self.lexer.data())? {
            self.lexer.passed();
            if line == Line::Text("\\.".to_owned()) {
                break;
            }
        }
        Ok(())
    }

    /// The next row of a `COPY` block; `None` at its end.
    fn copied(&mut self) -> Result<Option<Result<Row, String>>, ImportError> {
        let Some(line) = next_line(self.lexer.data())? else { return Ok(None) };
        self.lexer.passed();
        Ok(match line {
            Line::Text(text) if text == "\\." => None,
            Line::Text(text) => Some(Ok(text.split('\t').map(copied_value).collect())),
            Line::Unreadable(reason) => Some(Err(reason.to_owned())),
        })
    }

    /// The next row of an `INSERT` statement; `None` at its end.
    fn inserted(&mut self) -> Result<Option<Result<Row, String>>, ImportError> {
        loop {
            match self.token()? {
                None | Some(Token::Symbol(';')) => return Ok(None),
                Some(Token::Symbol('(')) => break,
                Some(Token::Symbol(',')) => {}
                Some(Token::Word(word)) if word == "values" => {}
                Some(_) => {
                    self.skip_statement()?;
                    return Ok(None);
                }
            }
        }
        let (mut row, mut readable) = (Vec::new(), true);
        loop {
            let (value, last) = self.value()?;
            readable &= value.is_ok();
            row.push(value.unwrap_or_default());
            if last {
                let row = readable.then_some(row);
                return Ok(Some(row.ok_or_else(|| "a value is too long or not UTF-8".to_owned())));
            }
            if row.len() > 200 {
                return Err(self.refuse("a row with more than 200 values"));
            }
        }
    }

    /// A value, and whether the row ends with it. Casts and expressions after it are passed over.
    fn value(&mut self) -> Result<(Result<Option<String>, ()>, bool), ImportError> {
        let mut value = None;
        let mut depth = 0;
        loop {
            let token = self.token()?;
            match token {
                None => return Err(self.refuse("a row does not end")),
                Some(Token::Symbol(',')) if depth == 0 => {
                    return Ok((value.unwrap_or(Ok(None)), false));
                }
                Some(Token::Symbol(')')) if depth == 0 => {
                    return Ok((value.unwrap_or(Ok(None)), true));
                }
                Some(Token::Symbol('(' | '[')) => depth += 1,
                Some(Token::Symbol(')' | ']')) => depth -= 1,
                Some(Token::Text(text) | Token::Number(text)) if depth == 0 && value.is_none() => {
                    value = Some(Ok(Some(text)));
                }
                Some(Token::Word(word)) if depth == 0 && value.is_none() => {
                    value = Some(Ok(Some(word).filter(|word| word != "null")));
                }
                Some(Token::Unreadable) if value.is_none() => value = Some(Err(())),
                Some(_) => {}
            }
        }
    }
}

impl<R: BufRead> Records for Dump<R> {
    fn next(&mut self) -> Result<Option<Record>, ImportError> {
        loop {
            let line = self.lexer.line();
            let row = match &self.rows {
                Rows::None => None,
                Rows::Copy(_) => self.copied()?,
                Rows::Insert(_) => self.inserted()?,
            };
            if let (Some(row), Rows::Copy(columns) | Rows::Insert(columns)) = (row, &self.rows) {
                let candidate = row.and_then(|row| candidate(columns, row));
                return Ok(Some(Record { line, candidate }));
            }
            self.rows = Rows::None;
            if !self.next_statement()? {
                return Ok(None);
            }
        }
    }
}

fn users() -> [String; 2] {
    ["auth".to_owned(), "users".to_owned()]
}

/// A value of a `COPY` block (PostgreSQL's text format).
fn copied_value(text: &str) -> Option<String> {
    if text == "\\N" {
        return None;
    }
    let mut bytes = text.bytes();
    let mut value = Vec::with_capacity(text.len());
    while let Some(byte) = bytes.next() {
        value.push(match byte {
            b'\\' => unescaped(bytes.next().unwrap_or(b'\\')),
            byte => byte,
        });
    }
    // Escapes stand for ASCII, so it stays what it was.
    Some(String::from_utf8_lossy(&value).into_owned())
}

/// What GoTrue keeps that is of interest here.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Metadata {
    full_name: Option<serde_json::Value>,
    name: Option<serde_json::Value>,
}

impl Metadata {
    fn shown(self) -> Option<String> {
        let text = |value: Option<serde_json::Value>| Some(value?.as_str()?.to_owned());
        text(self.full_name).or(text(self.name))
    }
}

fn candidate(columns: &[String], row: Row) -> Result<Candidate, String> {
    if columns.len() != row.len() {
        return Err(format!("it has {} values, not {}", row.len(), columns.len()));
    }
    let mut candidate = Candidate::default();
    for (column, value) in columns.iter().zip(row) {
        let Some(text) = value else { continue };
        let set = matches!(text.as_str(), "t" | "true");
        match column.as_str() {
            "id" => candidate.id = Some(text.parse().map_err(|_| "id cannot be read")?),
            "email" => candidate.email = text,
            "encrypted_password" => candidate.password_hash = Some(text),
            "email_confirmed_at" | "confirmed_at" => candidate.verified = true,
            "raw_user_meta_data" => {
                let metadata: Metadata = serde_json::from_str(&text).unwrap_or_default();
                candidate.name = metadata.shown();
            }
            "created_at" => candidate.created_at = Some(time(&text)?),
            // Whoever was barred stays barred, until an administrator says otherwise.
            "banned_until" => candidate.disabled = true,
            "deleted_at" => return Err("the account was deleted there".to_owned()),
            "is_anonymous" if set => return Err("the account is nobody's".to_owned()),
            _ => {}
        }
    }
    Ok(candidate)
}

/// PostgreSQL writes `2024-05-06 07:08:09.1+00`.
fn time(text: &str) -> Result<Timestamp, String> {
    text.parse().map_err(|_| "created_at cannot be read".to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, Result<Candidate, String>)> {
        let mut dump = Dump::new(text.as_bytes()).unwrap();
        let mut records = Vec::new();
        while let Some(record) = dump.next().unwrap() {
            records.push((record.line, record.candidate));
        }
        records
    }

    #[test]
    fn copy_blocks_are_read() {
        let text = "SET client_encoding = 'UTF8';\n\
            COPY auth.users (instance_id, id, email, encrypted_password, email_confirmed_at, raw_user_meta_data, created_at, banned_until, is_anonymous) FROM stdin;\n\
            \\N\t0195f000-0000-7000-8000-000000000001\tanna@example.com\t$2a$10$x\t2024-01-01 00:00:00+00\t{\"full_name\": \"Anna \\\\\"A\\\\\" Berg\"}\t2023-05-06 07:08:09.123456+02\t\\N\tf\n\
            \\N\t0195f000-0000-7000-8000-000000000002\tben@example.com\t\\N\t\\N\t{}\t2023-05-06 07:08:09+00\t2099-01-01 00:00:00+00\tf\n\
            \\N\t0195f000-0000-7000-8000-000000000003\t\\N\t\\N\t\\N\t{}\t\\N\t\\N\tt\n\
            broken\n\
            \\.\n\
            COPY auth.sessions (id) FROM stdin;\nINSERT INTO auth.users (email) VALUES ('mallory@example.com');\n\\.\n";
        let records = read(text);
        assert_eq!(records.len(), 4);
        let anna = records[0].1.as_ref().unwrap();
        assert_eq!(records[0].0, 3);
        assert_eq!(anna.name.as_deref(), Some("Anna \"A\" Berg"));
        assert_eq!(anna.created_at.unwrap().to_string(), "2023-05-06T05:08:09.123456Z");
        assert!(anna.verified && !anna.disabled);
        let ben = records[1].1.as_ref().unwrap();
        assert!(!ben.verified && ben.disabled && ben.password_hash.is_none());
        assert_eq!(records[2].1, Err("the account is nobody's".into()));
        assert_eq!(records[3], (6, Err("it has 1 values, not 9".into())));
    }

    #[test]
    fn insert_statements_are_read() {
        let text = "INSERT INTO \"auth\".\"users\" (\"email\", \"raw_user_meta_data\", \"deleted_at\", created_at)\n VALUES\n\
            \t('anna@example.com', '{\"name\": \"O''Hara\"}'::jsonb, NULL, '2023-05-06 07:08:09+00'),\n\
            \t(lower('BEN@example.com'), '{}', NULL, now());\n\
            INSERT INTO auth.users (email, deleted_at) VALUES ('c@example.com', '2024-01-01') ON CONFLICT DO NOTHING;\n\
            INSERT INTO auth.users_old (email) VALUES ('d@example.com');";
        let records = read(text);
        assert_eq!(records.len(), 3, "{records:?}");
        assert_eq!(records[0].1.as_ref().unwrap().name.as_deref(), Some("O'Hara"));
        // `now()` is no time that is known here.
        assert!(records[1].1.is_err());
        assert_eq!(records[2].1, Err("the account was deleted there".into()));
        let mut nameless = Dump::new("INSERT INTO auth.users VALUES (1);".as_bytes()).unwrap();
        assert!(nameless.next().is_err());
        let mut nameless = Dump::new("COPY auth.users FROM stdin;\n1\n\\.\n".as_bytes()).unwrap();
        assert!(nameless.next().is_err());
    }

    /// What people wrote is never a command, wherever the dump keeps it.
    #[test]
    fn nobody_writes_an_account_into_a_dump() {
        let evil = "INSERT INTO auth.users (email) VALUES ('mallory@example.com');";
        let doubled = evil.replace('\'', "''");
        for text in [
            format!("INSERT INTO public.posts (t) VALUES ('\n{doubled}\n');"),
            format!("INSERT INTO public.posts (t) VALUES (E'\\'\n{doubled}\n');"),
            format!("COPY public.posts (t) FROM stdin;\n{evil}\n\\\\.\n{evil}\n\\.\n"),
            format!("CREATE FUNCTION f() RETURNS void AS $body$\n{evil}\n$body$ LANGUAGE sql;"),
            format!("-- {evil}\n/* \n{evil}\n*/"),
            format!("COMMENT ON TABLE x IS '\n{doubled}';"),
            format!("INSERT INTO x TABLE y;\nCOPY public.posts FROM stdin;\n{evil}\n\\.\n"),
            format!("CREATE TABLE \"x\n{evil}\" (a int);"),
        ] {
            assert_eq!(read(&text), [], "{text}");
        }
        assert!(Dump::new(b"PGDMP\x01".as_slice()).is_err());
    }
}
