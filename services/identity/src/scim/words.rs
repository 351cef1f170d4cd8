//! The words of filters and paths: names, texts in quotes, brackets.

use super::reply::ScimError;

/// Longest filter or path, in bytes.
const LONGEST: usize = 2000;

/// One word.
#[derive(Clone, Debug, PartialEq)]
pub(super) enum Word {
    /// `(`
    Open,
    /// `)`
    Close,
    /// `[`
    Begin,
    /// `]`
    End,
    /// A name, an operator, a number.
    Plain(String),
    /// A text in quotes, read.
    Text(String),
}

/// The words of a text, in order, to be taken one by one.
pub(super) struct Words {
    words: std::iter::Peekable<std::vec::IntoIter<Word>>,
}

impl Words {
    /// Splits a text.
    ///
    /// # Errors
    /// `invalidFilter` when it is too long, or a text in it does not end.
    pub(super) fn of(text: &str) -> Result<Self, ScimError> {
        if text.len() > LONGEST {
            return Err(ScimError::filter("a filter or path has at most 2000 bytes"));
        }
        let mut words = Vec::new();
        let mut rest = text.trim_start();
        while let Some(first) = rest.chars().next() {
            let (word, length) = match first {
                '(' => (Word::Open, 1),
                ')' => (Word::Close, 1),
                '[' => (Word::Begin, 1),
                ']' => (Word::End, 1),
                '"' => quoted(rest)?,
                _ => plain(rest),
            };
            words.push(word);
            rest = rest.get(length..).unwrap_or_default().trim_start();
        }
        Ok(Self { words: words.into_iter().peekable() })
    }

    /// The next word.
    pub(super) fn next(&mut self) -> Option<Word> {
        self.words.next()
    }

    /// Takes the next word if it is this one.
    pub(super) fn takes(&mut self, word: &Word) -> bool {
        self.words.next_if(|next| next == word).is_some()
    }

    /// Takes the next word if it is this keyword, whatever its case.
    pub(super) fn takes_keyword(&mut self, keyword: &str) -> bool {
        let is =
            |next: &Word| matches!(next, Word::Plain(text) if text.eq_ignore_ascii_case(keyword));
        self.words.next_if(is).is_some()
    }

    /// Takes the next word if it is plain and begins with a point: the part after a bracket.
    pub(super) fn takes_part(&mut self) -> Option<String> {
        let is = |next: &Word| matches!(next, Word::Plain(text) if text.starts_with('.'));
        match self.words.next_if(is)? {
            Word::Plain(text) => text.get(1..).map(str::to_owned),
            _ => None,
        }
    }

    /// Is there nothing left?
    pub(super) fn is_over(&mut self) -> bool {
        self.words.peek().is_none()
    }
}

/// A text in quotes as in JSON, and its length with them.
fn quoted(rest: &str) -> Result<(Word, usize), ScimError> {
    let mut escaped = false;
    for (at, byte) in rest.bytes().enumerate().skip(1) {
        match byte {
            _ if escaped => escaped = false,
            b'\\' => escaped = true,
            b'"' => {
                let text = rest.get(..=at).and_then(|text| serde_json::from_str(text).ok());
                let text: String = text.ok_or(ScimError::filter("a text cannot be read"))?;
                // PostgreSQL cannot store one, so nothing has one.
                if text.contains('\0') {
                    return Err(ScimError::filter("a text holds a NUL character"));
                }
                return Ok((Word::Text(text), at + 1));
            }
            _ => {}
        }
    }
    Err(ScimError::filter("a text does not end"))
}

fn plain(rest: &str) -> (Word, usize) {
    let ends = |c: char| c.is_whitespace() || "()[]\"".contains(c);
    let word = rest.split(ends).next().unwrap_or_default();
    (Word::Plain(word.to_owned()), word.len())
}
