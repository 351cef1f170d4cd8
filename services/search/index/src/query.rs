//! What may be asked, and how any string at all is read as a question.
//!
//! There is no syntax to get wrong. Four things mean more than themselves: `"a phrase"`,
//! `-without`, `tag:work/atlas` (also `tag:"two words"`), and a minus before either of the
//! other two. Whatever does not fit, such as a quote never closed, is text. All parts must
//! match; the last plain word may be unfinished.
//!
//! The cost of a question is bounded before it is looked at: 512 characters, 16 terms.

use serde::{Deserialize, Serialize};

use crate::document::Id;
use crate::terms::Class;
use crate::words::{self, Shape, Word};

const LONGEST_QUERY: usize = 512;
const MOST_TERMS: usize = 16;

/// A search.
#[derive(Clone, Debug, Default)]
pub struct Query {
    /// What the person typed, as typed.
    pub text: String,
    /// Only these kinds; empty means all.
    pub kinds: Vec<String>,
    /// Hits wanted: 0 counts only, 100 is the most.
    pub limit: usize,
    /// Continue behind this hit, taken from [`Hits::next`].
    pub after: Option<Cursor>,
    /// Whether words nearly right may match.
    pub typos: Typos,
}

/// Whether words nearly right may match.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Typos {
    /// One edit in words of four letters or more, two from eight; swapping neighbours is one.
    #[default]
    Tolerate,
    /// Only words as written (or begun, for the last).
    Refuse,
}

/// Where a page ended. Order is by score, then time, both falling, then key.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Cursor {
    /// The score's bits, so that it survives any encoding exactly.
    pub score_bits: u32,
    /// The document's time.
    pub time_us: i64,
    /// The document's key.
    pub key: Id,
}

/// One document found.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// The document's key.
    pub key: Id,
    /// The document's kind.
    pub kind: String,
    /// Comparable within one search only.
    pub score: f32,
    /// The document's time.
    pub time_us: i64,
    /// The title as it was put: plain text, not escaped.
    pub title: String,
    /// The best part of the body as HTML: escaped, matches in `<mark>`.
    pub snippet: String,
}

/// A page of results.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Hits {
    /// Documents matching in all, whatever the page.
    pub total: usize,
    /// This page, best first.
    pub hits: Vec<Hit>,
    /// Where the next page starts, if there is one.
    pub next: Option<Cursor>,
}

/// A term to be looked up as it is.
pub(crate) type Exact = (Class, String);

/// One part of a question.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Clause {
    /// A plain word.
    Word { text: String, unfinished: bool },
    /// Terms at these distances from the first. One term is a phrase, too.
    Phrase(Vec<(Exact, usize)>),
    /// A tag, or any below it.
    Tag(String),
}

/// A question understood.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Parsed {
    pub wanted: Vec<Clause>,
    pub excluded: Vec<Clause>,
}

pub(crate) fn parse(text: &str) -> Parsed {
    let end = text.char_indices().nth(LONGEST_QUERY).map_or(text.len(), |(at, _)| at);
    let mut rest = text.get(..end).unwrap_or_default();
    let mut parsed = Parsed::default();
    let mut left = MOST_TERMS;
    while left > 0 {
        rest = rest.trim_start();
        if rest.is_empty() {
            break;
        }
        let (excluding, part) = match rest.strip_prefix('-') {
            Some(part) if part.starts_with(|c: char| c.is_alphanumeric() || c == '"') => {
                (true, part)
            }
            _ => (false, rest),
        };
        let (mut clauses, remaining) = clauses(part, excluding);
        clauses.truncate(left);
        for clause in &mut clauses {
            if let Clause::Phrase(terms) = clause {
                terms.truncate(left);
                left = left.saturating_sub(terms.len());
            } else {
                left = left.saturating_sub(1);
            }
        }
        clauses.retain(|clause| !matches!(clause, Clause::Phrase(terms) if terms.is_empty()));
        if excluding { &mut parsed.excluded } else { &mut parsed.wanted }.extend(clauses);
        rest = remaining;
    }
    if let Some(Clause::Word { unfinished, .. }) = parsed.wanted.last_mut() {
        *unfinished = true;
    }
    parsed
}

/// The clauses of one part, and what follows it.
fn clauses(part: &str, excluding: bool) -> (Vec<Clause>, &str) {
    if let Some((quoted, rest)) = quoted(part) {
        return (phrase(&words::words(quoted)).into_iter().collect(), rest);
    }
    let (chunk, rest) = part.split_at(part.find(char::is_whitespace).unwrap_or(part.len()));
    if let Some(after) = part.strip_prefix("tag:") {
        let (name, rest) = quoted(after).unwrap_or((chunk.get(4..).unwrap_or_default(), rest));
        if let Some(tag) = words::tag(name) {
            return (vec![Clause::Tag(tag)], rest);
        }
    }
    let found = words::words(chunk);
    if excluding {
        return (phrase(&found).into_iter().collect(), rest);
    }
    let mut clauses = Vec::new();
    for run in
        found.chunk_by(|a, b| a.run == b.run && a.shape != Shape::Word && b.shape != Shape::Word)
    {
        match run {
            [Word { text, shape: Shape::Word, .. }] => {
                clauses.push(Clause::Word { text: text.clone(), unfinished: false });
            }
            grams => clauses.extend(phrase(grams)),
        }
    }
    (clauses, rest)
}

fn quoted(part: &str) -> Option<(&str, &str)> {
    part.strip_prefix('"')?.split_once('"')
}

/// The words in sequence. A run's pairs imply its single characters, which are left out.
fn phrase(words: &[Word]) -> Option<Clause> {
    let paired = |run| words.iter().any(|word| word.run == run && word.shape == Shape::Pair);
    let mut words: Vec<&Word> =
        words.iter().filter(|word| word.shape != Shape::Single || !paired(word.run)).collect();
    words.sort_by_key(|word| word.position);
    let first = words.first()?.position;
    let terms = words
        .into_iter()
        .map(|word| ((word.shape.into(), word.text.clone()), word.position - first));
    Some(Clause::Phrase(terms.collect()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn word(text: &str, unfinished: bool) -> Clause {
        Clause::Word { text: text.to_owned(), unfinished }
    }

    fn exact(class: Class, text: &str, offset: usize) -> (Exact, usize) {
        ((class, text.to_owned()), offset)
    }

    #[test]
    fn all_of_the_language() {
        let parsed = parse(r#"Über "red fox" -draft -"old stuff" tag:Work/A -tag:"x y" e-mail"#);
        let phrase = |a: &str, b: &str| {
            Clause::Phrase(vec![exact(Class::Word, a, 0), exact(Class::Word, b, 1)])
        };
        assert_eq!(
            parsed.wanted,
            [
                word("uber", false),
                phrase("red", "fox"),
                Clause::Tag("work/a".to_owned()),
                word("e", false),
                word("mail", true)
            ]
        );
        assert_eq!(
            parsed.excluded,
            [
                Clause::Phrase(vec![exact(Class::Word, "draft", 0)]),
                phrase("old", "stuff"),
                Clause::Tag("x y".to_owned())
            ]
        );
    }

    #[test]
    fn runs_without_spaces_become_pairs_in_sequence() {
        let pairs = vec![exact(Class::Pair, "東京", 0), exact(Class::Pair, "京都", 1)];
        assert_eq!(parse("東京都").wanted, [Clause::Phrase(pairs)]);
        let single = vec![exact(Class::Single, "東", 0)];
        assert_eq!(parse("東").wanted, [Clause::Phrase(single)]);
    }

    #[test]
    fn what_does_not_fit_is_text() {
        assert_eq!(parse("\"open").wanted, [word("open", true)]);
        assert_eq!(parse("tag:").wanted, [word("tag", true)]);
        assert_eq!(parse("- -- \"\" ()*^~:\\"), Parsed::default());
        assert_eq!(parse(&"a ".repeat(400)).wanted.len(), 16);
    }
}
