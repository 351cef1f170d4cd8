//! Lines of a file, of bounded length.

use std::io::{self, BufRead};

/// Longest line or record, in bytes. Accounts have a few hundred.
pub(super) const LONGEST: usize = 64 * 1024;

/// What was read.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Line {
    /// A line, without its end.
    Text(String),
    /// A line that is too long, or not UTF-8. It was skipped.
    Unreadable(&'static str),
}

/// The next line; `None` at the end. Never more than [`LONGEST`] bytes are kept.
pub(super) fn next_line(input: &mut impl BufRead) -> io::Result<Option<Line>> {
    let mut line = Vec::new();
    let mut any = false;
    let mut long = false;
    loop {
        let available = input.fill_buf()?;
        if available.is_empty() {
            break;
        }
        any = true;
        let end = available.iter().position(|byte| *byte == b'\n');
        let part = available.get(..end.unwrap_or(available.len())).unwrap_or_default();
        long |= line.len() + part.len() > LONGEST;
        if !long {
            line.extend_from_slice(part);
        }
        let used = part.len() + usize::from(end.is_some());
        input.consume(used);
        if end.is_some() {
            break;
        }
    }
    if !any {
        return Ok(None);
    }
    if long {
        return Ok(Some(Line::Unreadable("the line is too long")));
    }
    if line.last() == Some(&b'\r') {
        line.pop();
    }
    let text = String::from_utf8(line);
    Ok(Some(text.map_or(Line::Unreadable("the line is not UTF-8"), Line::Text)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_and_garbled_lines_are_skipped_and_the_next_one_is_read() {
        let long = "x".repeat(LONGEST + 1);
        let file = [format!("one\r\n{long}\n").as_bytes(), b"\xff\xfe\nlast"].concat();
        let mut input = io::BufReader::with_capacity(7, file.as_slice());
        let mut next = || next_line(&mut input).unwrap();
        assert_eq!(next(), Some(Line::Text("one".into())));
        assert_eq!(next(), Some(Line::Unreadable("the line is too long")));
        assert_eq!(next(), Some(Line::Unreadable("the line is not UTF-8")));
        assert_eq!(next(), Some(Line::Text("last".into())));
        assert_eq!(next(), None);
    }
}
