//! Comma-separated values (RFC 4180) under a line of column names.

use std::io::BufRead;

use super::lines::LONGEST;
use super::{Candidate, ImportError, Record, Records};

/// A column that is known. Several names, because every system has its own.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Column {
    Id,
    Email,
    Name,
    PasswordHash,
    Roles,
    Verified,
    Disabled,
    CreatedAt,
}

impl Column {
    fn of(name: &str) -> Option<Self> {
        Some(match name.trim().to_ascii_lowercase().as_str() {
            "id" | "user_id" => Self::Id,
            "email" => Self::Email,
            "name" | "full_name" => Self::Name,
            "password_hash" | "encrypted_password" => Self::PasswordHash,
            "roles" => Self::Roles,
            "verified" | "email_verified" => Self::Verified,
            "disabled" => Self::Disabled,
            "created_at" => Self::CreatedAt,
            _ => return None,
        })
    }
}

pub(super) struct Csv<R> {
    input: R,
    line: u64,
    columns: Vec<Column>,
}

/// One record: its fields, or why it cannot be read.
type Fields = Result<Vec<String>, &'static str>;

impl<R: BufRead> Csv<R> {
    /// Reads the column names.
    pub(super) fn new(input: R) -> Result<Self, ImportError> {
        let mut csv = Self { input, line: 1, columns: Vec::new() };
        let refuse = |reason: String| ImportError::Format { line: 1, reason };
        let Some((_, names)) = csv.fields()? else {
            return Err(refuse("the file is empty".to_owned()));
        };
        let names = names.map_err(|reason| refuse(reason.to_owned()))?;
        for name in &names {
            // A column that is silently left out would be missed when it is too late.
            let name = name.trim_start_matches('\u{feff}');
            let column = Column::of(name).ok_or_else(|| {
                let known = "id, email, name, password_hash, roles, verified, disabled, created_at";
                refuse(format!("there is no column {name:?}; there are {known}"))
            })?;
            if csv.columns.contains(&column) {
                return Err(refuse(format!("the column {name:?} is there twice")));
            }
            csv.columns.push(column);
        }
        match csv.columns.contains(&Column::Email) {
            true => Ok(csv),
            false => Err(refuse("there is no column \"email\"".to_owned())),
        }
    }

    /// The next record with its line; `None` at the end.
    fn fields(&mut self) -> Result<Option<(u64, Fields)>, ImportError> {
        let begins = self.line;
        let mut parser = Parser::default();
        let mut any = false;
        while let Some(byte) = next_byte(&mut self.input)? {
            any = true;
            self.line += u64::from(byte == b'\n');
            if parser.push(byte) {
                return Ok(Some((begins, parser.finish())));
            }
        }
        Ok(any.then(|| (begins, parser.finish())))
    }

    fn candidate(&self, fields: Vec<String>) -> Result<Candidate, String> {
        if fields.len() != self.columns.len() {
            return Err(format!("it has {} fields, not {}", fields.len(), self.columns.len()));
        }
        let mut candidate = Candidate::default();
        for (column, text) in self.columns.iter().zip(fields) {
            let empty = text.trim().is_empty();
            match column {
                Column::Email => candidate.email = text,
                Column::Name => candidate.name = Some(text).filter(|_| !empty),
                Column::PasswordHash => candidate.password_hash = Some(text.trim().to_owned()),
                Column::Roles => {
                    let names = text.split([' ', ';', ',']).filter(|name| !name.is_empty());
                    candidate.roles = names.map(str::to_owned).collect();
                }
                _ if empty => {}
                Column::Id => candidate.id = Some(parse(&text, "id")?),
                Column::Verified => candidate.verified = truth(&text, "verified")?,
                Column::Disabled => candidate.disabled = truth(&text, "disabled")?,
                Column::CreatedAt => candidate.created_at = Some(parse(&text, "created_at")?),
            }
        }
        Ok(candidate)
    }
}

impl<R: BufRead> Records for Csv<R> {
    fn next(&mut self) -> Result<Option<Record>, ImportError> {
        while let Some((line, fields)) = self.fields()? {
            if fields.as_ref().is_ok_and(|fields| fields.iter().all(|text| text.trim().is_empty()))
            {
                continue; // An empty line.
            }
            let candidate = fields.map_err(str::to_owned).and_then(|fields| self.candidate(fields));
            return Ok(Some(Record { line, candidate }));
        }
        Ok(None)
    }
}

/// Takes a record apart, byte by byte.
#[derive(Default)]
struct Parser {
    fields: Vec<Vec<u8>>,
    field: Vec<u8>,
    size: usize,
    quoted: bool,
    /// After a quote inside quotes: the end, or the first half of a doubled one.
    closing: bool,
}

impl Parser {
    /// True when the record has ended.
    fn push(&mut self, byte: u8) -> bool {
        if self.quoted && !self.closing {
            match byte {
                b'"' => self.closing = true,
                byte => self.keep(byte),
            }
            return false;
        }
        match byte {
            b'"' if self.closing => {
                self.closing = false;
                self.keep(byte);
            }
            b'"' if self.field.is_empty() => self.quoted = true,
            b',' => self.end_field(),
            b'\n' => return true,
            byte => self.keep(byte),
        }
        false
    }

    fn keep(&mut self, byte: u8) {
        self.size += 1;
        if self.size <= LONGEST {
            self.field.push(byte);
        }
    }

    fn end_field(&mut self) {
        (self.quoted, self.closing) = (false, false);
        self.size += 1;
        if self.size <= LONGEST {
            self.fields.push(std::mem::take(&mut self.field));
        }
    }

    fn finish(mut self) -> Fields {
        if self.quoted && !self.closing {
            return Err("a quoted field does not end");
        }
        if self.field.last() == Some(&b'\r') {
            self.field.pop();
        }
        self.end_field();
        if self.size > LONGEST {
            return Err("the record is too long");
        }
        let fields = self.fields.into_iter().map(String::from_utf8);
        fields.collect::<Result<_, _>>().map_err(|_| "the record is not UTF-8")
    }
}

fn next_byte(input: &mut impl BufRead) -> std::io::Result<Option<u8>> {
    let byte = input.fill_buf()?.first().copied();
    input.consume(usize::from(byte.is_some()));
    Ok(byte)
}

fn parse<T: std::str::FromStr>(text: &str, field: &str) -> Result<T, String> {
    text.trim().parse().map_err(|_| format!("{field} cannot be read"))
}

/// A yes, a no, or the time since when.
fn truth(text: &str, field: &str) -> Result<bool, String> {
    match text.trim().to_ascii_lowercase().as_str() {
        "true" | "t" | "yes" | "1" => Ok(true),
        "false" | "f" | "no" | "0" => Ok(false),
        other => parse::<jiff::Timestamp>(other, field).map(|_| true),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Vec<(u64, Result<Candidate, String>)> {
        let mut csv = Csv::new(text.as_bytes()).unwrap();
        let mut records = Vec::new();
        while let Some(record) = csv.next().unwrap() {
            records.push((record.line, record.candidate));
        }
        records
    }

    #[test]
    fn quotes_commas_and_newlines_are_content() {
        let text = "email,name\r\n\"a@b.c\",\"Berg, \"\"Anna\"\"\r\nTwo\"\r\n\r\nd@e.f,\r\n";
        let records = read(text);
        let names: Vec<_> =
            records.iter().map(|(line, c)| (*line, c.as_ref().unwrap().name.clone())).collect();
        assert_eq!(names, [(2, Some("Berg, \"Anna\"\r\nTwo".into())), (5, None)]);
    }

    #[test]
    fn every_column_is_read() {
        let text = "\u{feff}id,Email,password_hash,roles,verified,disabled,created_at\n\
            0195f000-0000-7000-8000-000000000001,a@b.c,$2b$,user;admin,2020-01-01T00:00:00Z,no,2019-05-06T07:08:09Z";
        let anna = read(text).remove(0).1.unwrap();
        assert_eq!(anna.roles, ["user", "admin"]);
        assert_eq!((anna.verified, anna.disabled), (true, false));
        assert_eq!(anna.created_at.unwrap().to_string(), "2019-05-06T07:08:09Z");
        assert!(anna.id.is_some());
    }

    #[test]
    fn broken_records_are_refused_alone() {
        let long = "x".repeat(LONGEST + 1);
        let text = format!("email,verified\n{long},no\na@b.c\nd@e.f,perhaps\ng@h.i,yes\n\"j@k.l");
        let reasons: Vec<_> = read(&text).into_iter().map(|(line, c)| (line, c.err())).collect();
        let reason = |text: &str| Some(text.to_owned());
        assert_eq!(
            reasons,
            [
                (2, reason("the record is too long")),
                (3, reason("it has 1 fields, not 2")),
                (4, reason("verified cannot be read")),
                (5, None),
                (6, reason("a quoted field does not end")),
            ]
        );
        for head in ["", "email,shoe_size\n", "email,email\n", "name\n"] {
            assert!(Csv::new(head.as_bytes()).is_err(), "{head:?}");
        }
    }
}
