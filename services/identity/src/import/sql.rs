//! The words of a plain-text dump.
//!
//! What people wrote stands in a dump beside its commands, quotation marks and line ends included. So
//! that nobody's text is ever taken for a command, the whole file is read by the rules of PostgreSQL's
//! lexer, and only what stands outside of every literal and every block of data counts.

use std::io::{BufRead, Result};

use super::lines::LONGEST;

/// A word of SQL.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Token {
    /// A keyword or a plain name, in lower case.
    Word(String),
    /// A quoted name.
    Name(String),
    /// The content of a string.
    Text(String),
    /// A string that is too long or not UTF-8.
    Unreadable,
    /// A number.
    Number(String),
    /// Any other character.
    Symbol(char),
}

/// Takes a dump apart.
pub(super) struct Lexer<R> {
    input: R,
    line: u64,
}

impl<R: BufRead> Lexer<R> {
    pub(super) fn new(input: R) -> Self {
        Self { input, line: 1 }
    }

    /// The line that is read next, counted from 1.
    pub(super) fn line(&self) -> u64 {
        self.line
    }

    /// The reader at the beginning of a line, for a block of data. `lines` are added when it is given
    /// back by [`Lexer::passed`].
    pub(super) fn data(&mut self) -> &mut R {
        &mut self.input
    }

    /// Notes that a line was read from [`Lexer::data`].
    pub(super) fn passed(&mut self) {
        self.line += 1;
    }

    /// Skips the rest of the line.
    pub(super) fn skip_line(&mut self) -> Result<()> {
        while let Some(byte) = self.take()? {
            if byte == b'\n' {
                break;
            }
        }
        Ok(())
    }

    /// The next word; `None` at the end.
    pub(super) fn next(&mut self) -> Result<Option<Token>> {
        loop {
            let Some(byte) = self.take()? else { return Ok(None) };
            return Ok(Some(match byte {
                byte if byte.is_ascii_whitespace() => continue,
                b'-' if self.peek()? == Some(b'-') => {
                    self.skip_line()?;
                    continue;
                }
                b'/' if self.peek()? == Some(b'*') => {
                    self.skip_comment()?;
                    continue;
                }
                // A command of psql, such as \restrict.
                b'\\' => {
                    self.skip_line()?;
                    continue;
                }
                b'\'' => self.quoted(b'\'', false)?.map_or(Token::Unreadable, Token::Text),
                b'"' => self.quoted(b'"', false)?.map_or(Token::Unreadable, Token::Name),
                b'$' => self.dollar()?,
                b'0'..=b'9' => {
                    Token::Number(self.run(byte, |b| b.is_ascii_alphanumeric() || b == b'.')?)
                }
                byte if is_letter(byte) => self.word(byte)?,
                byte => Token::Symbol(char::from(byte)),
            }));
        }
    }

    fn word(&mut self, first: u8) -> Result<Token> {
        let word = self.run(first, |b| is_letter(b) || b.is_ascii_digit() || b == b'$')?;
        if word.eq_ignore_ascii_case("e") && self.peek()? == Some(b'\'') {
            self.take()?;
            return Ok(self.quoted(b'\'', true)?.map_or(Token::Unreadable, Token::Text));
        }
        Ok(Token::Word(word.to_lowercase()))
    }

    /// The content up to the closing quote; a doubled one is content. `None` when it is too long or
    /// not UTF-8.
    fn quoted(&mut self, quote: u8, escapes: bool) -> Result<Option<String>> {
        let mut content = Content::default();
        while let Some(byte) = self.take()? {
            if byte == quote {
                if self.peek()? != Some(quote) {
                    break;
                }
                self.take()?;
                content.push(byte);
            } else if escapes && byte == b'\\' {
                let Some(escaped) = self.take()? else { break };
                content.push(unescaped(escaped));
            } else {
                content.push(byte);
            }
        }
        Ok(content.text())
    }

    /// `$tag$ … $tag$`, or a parameter's sign.
    fn dollar(&mut self) -> Result<Token> {
        let mut tag = vec![b'$'];
        while let Some(byte) = self.peek()? {
            let inside = is_letter(byte) || (byte.is_ascii_digit() && tag.len() > 1);
            if byte != b'$' && !(inside && tag.len() < 64) {
                return Ok(Token::Symbol('$'));
            }
            self.take()?;
            tag.push(byte);
            if byte == b'$' {
                break;
            }
        }
        let (mut content, mut seen) = (Content::default(), Vec::new());
        while let Some(byte) = self.take()? {
            seen.push(byte);
            if seen == tag {
                break;
            }
            while !tag.starts_with(&seen) {
                content.push(seen.remove(0));
            }
        }
        Ok(content.text().map_or(Token::Unreadable, Token::Text))
    }

    fn skip_comment(&mut self) -> Result<()> {
        let mut depth = 1;
        self.take()?;
        while depth > 0
            && let Some(byte) = self.take()?
        {
            match (byte, self.peek()?) {
                (b'*', Some(b'/')) => depth -= 1,
                (b'/', Some(b'*')) => depth += 1,
                _ => continue,
            }
            self.take()?;
        }
        Ok(())
    }

    fn run(&mut self, first: u8, belongs: impl Fn(u8) -> bool) -> Result<String> {
        let mut run = String::from(char::from(first));
        while let Some(byte) = self.peek()?.filter(|byte| belongs(*byte)) {
            self.take()?;
            if run.len() < 256 {
                run.push(char::from(byte));
            }
        }
        Ok(run)
    }

    fn peek(&mut self) -> Result<Option<u8>> {
        Ok(self.input.fill_buf()?.first().copied())
    }

    fn take(&mut self) -> Result<Option<u8>> {
        let byte = self.peek()?;
        if let Some(byte) = byte {
            self.input.consume(1);
            self.line += u64::from(byte == b'\n');
        }
        Ok(byte)
    }
}

/// Bytes of a literal, up to a bound.
#[derive(Default)]
struct Content {
    bytes: Vec<u8>,
    long: bool,
}

impl Content {
    fn push(&mut self, byte: u8) {
        if self.bytes.len() < LONGEST {
            self.bytes.push(byte);
        } else {
            self.long = true;
        }
    }

    fn text(self) -> Option<String> {
        String::from_utf8(self.bytes).ok().filter(|_| !self.long)
    }
}

fn is_letter(byte: u8) -> bool {
    byte.is_ascii_alphabetic() || byte == b'_' || !byte.is_ascii()
}

/// What stands for the character after a backslash. Numbers of characters are not used by `pg_dump`
/// in what is read here, and stay as they are.
pub(super) fn unescaped(byte: u8) -> u8 {
    match byte {
        b'b' => 8,
        b'f' => 12,
        b'n' => b'\n',
        b'r' => b'\r',
        b't' => b'\t',
        b'v' => 11,
        other => other,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<Token> {
        let mut lexer = Lexer::new(text.as_bytes());
        std::iter::from_fn(|| lexer.next().unwrap()).collect()
    }

    #[test]
    fn literals_comments_and_names_are_told_apart() {
        use Token::{Name, Number, Symbol, Text, Word};
        let text = "-- INSERT\n/* a /* b */ c */ SELECT 'it''s', E'a\\'b\\n', \"A b\", \
            $x$ ; ' $y$ $x$, 12.5::jsonb;\n\\restrict abc\nEnd";
        assert_eq!(
            words(text),
            [
                Word("select".into()),
                Text("it's".into()),
                Symbol(','),
                Text("a'b\n".into()),
                Symbol(','),
                Name("A b".into()),
                Symbol(','),
                Text(" ; ' $y$ ".into()),
                Symbol(','),
                Number("12.5".into()),
                Symbol(':'),
                Symbol(':'),
                Word("jsonb".into()),
                Symbol(';'),
                Word("end".into()),
            ]
        );
    }

    #[test]
    fn what_does_not_end_ends_with_the_file() {
        assert_eq!(words("'abc"), [Token::Text("abc".into())]);
        assert_eq!(words("$$abc"), [Token::Text("abc".into())]);
        assert_eq!(words("/* abc"), []);
        assert_eq!(words(&format!("'{}' a", "x".repeat(LONGEST + 1))).len(), 2);
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "['\"$a-z\\\\/*; \n-]{0,60}") {
            words(&text);
        }
    }
}
