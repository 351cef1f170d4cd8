//! A JSON object a line.

use std::io::BufRead;

use super::lines::{Line, next_line};
use super::{Candidate, ImportError, Record, Records};

pub(super) struct JsonLines<R> {
    input: R,
    line: u64,
}

impl<R> JsonLines<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: 0 }
    }
}

impl<R: BufRead> Records for JsonLines<R> {
    fn next(&mut self) -> Result<Option<Record>, ImportError> {
        while let Some(line) = next_line(&mut self.input)? {
            self.line += 1;
            let candidate = match line {
                Line::Text(text) if text.trim().is_empty() => continue,
                Line::Text(text) => serde_json::from_str::<Candidate>(&text).map_err(|error| {
                    // Where and what, but nothing of the content.
                    match error.classify() {
                        serde_json::error::Category::Data => {
                            format!(
                                "a field is missing, unknown or of another type (column {})",
                                error.column()
                            )
                        }
                        _ => format!("it is not JSON (column {})", error.column()),
                    }
                }),
                Line::Unreadable(reason) => Err(reason.to_owned()),
            };
            return Ok(Some(Record { line: self.line, candidate }));
        }
        Ok(None)
    }
}
