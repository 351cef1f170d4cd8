//! How a document becomes terms: every term begins with its scope.
//!
//! One text field holds everything that is looked up. A term is the scope (16 bytes written as
//! 19 seven-bit characters, since terms are text), one letter for its class, and the word. So
//! all terms of a scope are neighbours in the sorted dictionary, and a lookup that stays
//! between `scope` and its successor cannot see, count or be slowed by another scope's words.
//!
//! A word is entered twice when it is in the title: once among all words (class `w`), once
//! among title words (class `t`). Matching needs the first only; ranking looks at the second.

use tantivy::TantivyDocument;
use tantivy::schema::{
    FAST, Field, IndexRecordOption, STORED, Schema, TextFieldIndexing, TextOptions,
};
use tantivy::tokenizer::{Token, TokenStream, Tokenizer};

use crate::document::{Document, Id};
use crate::words::{self, Shape};

/// The name the tokenizer is registered under; part of the schema on disk.
pub(crate) const TOKENIZER: &str = "hanse-scoped-1";
/// Title and body together: text beyond this many bytes is not indexed.
const LONGEST_TEXT: usize = 64 * 1024;
/// Keeps a phrase from reaching from the title into the body.
const GAP: usize = 64;
const FIELD_END: char = '\u{1f}';
const TAG_END: char = '\u{1e}';

/// What a term says about its document; the letter is on disk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Class {
    /// Every document of the scope.
    All,
    /// Documents of a kind.
    Kind,
    /// Documents with a tag, or one nested below it.
    Tag,
    /// A word of title or body.
    Word,
    /// One character of a script without spaces.
    Single,
    /// Two such characters.
    Pair,
    /// Any of the three above, in the title.
    Title,
    /// The document's own key, in place of the scope: only deletion looks it up.
    Key,
}

impl Class {
    fn letter(self) -> char {
        match self {
            Class::All => 'a',
            Class::Kind => 'k',
            Class::Tag => 'g',
            Class::Word => 'w',
            Class::Single => 's',
            Class::Pair => 'p',
            Class::Title => 't',
            Class::Key => 'i',
        }
    }
}

impl From<Shape> for Class {
    fn from(shape: Shape) -> Class {
        match shape {
            Shape::Word => Class::Word,
            Shape::Single => Class::Single,
            Shape::Pair => Class::Pair,
        }
    }
}

/// The term for `text` of `class` in a scope.
pub(crate) fn term(scope: &Id, class: Class, text: &str) -> String {
    let mut out = String::with_capacity(20 + text.len());
    let mut bits = u128::from_le_bytes(*scope);
    for _ in 0..19 {
        out.push(char::from((bits & 0x7f) as u8));
        bits >>= 7;
    }
    out.push(class.letter());
    out.push_str(text);
    out
}

/// The smallest term that does not begin with `prefix`; exact for prefixes made by [`term`]
/// because a term's last byte is never `0xff` in UTF-8.
pub(crate) fn after_prefix(prefix: &str) -> Vec<u8> {
    let mut bound = prefix.as_bytes().to_vec();
    if let Some(last) = bound.last_mut() {
        *last = last.saturating_add(1);
    }
    bound
}

/// The fields on disk.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Fields {
    pub terms: Field,
    pub title: Field,
    pub body: Field,
    pub kind: Field,
    pub key_high: Field,
    pub key_low: Field,
    pub time: Field,
}

impl Fields {
    pub(crate) fn schema() -> (Schema, Fields) {
        let mut schema = Schema::builder();
        let indexing = TextFieldIndexing::default()
            .set_tokenizer(TOKENIZER)
            .set_index_option(IndexRecordOption::WithFreqsAndPositions);
        let options = TextOptions::default().set_indexing_options(indexing);
        let fields = Fields {
            terms: schema.add_text_field("terms", options),
            title: schema.add_text_field("title", STORED),
            body: schema.add_text_field("body", STORED),
            kind: schema.add_text_field("kind", STORED),
            key_high: schema.add_u64_field("key_high", FAST),
            key_low: schema.add_u64_field("key_low", FAST),
            time: schema.add_i64_field("time", FAST),
        };
        (schema.build(), fields)
    }

    pub(crate) fn document(&self, document: Document) -> TantivyDocument {
        let Document { key, kind, scope, mut title, mut body, tags, time_us } = document;
        let cut = title.floor_char_boundary(LONGEST_TEXT);
        title.truncate(cut);
        let cut = body.floor_char_boundary(LONGEST_TEXT - cut);
        body.truncate(cut);
        let key_bits = u128::from_be_bytes(key);
        let mut out = TantivyDocument::new();
        out.add_text(self.terms, write_out(&key, &scope, &kind, &tags, &title, &body));
        out.add_text(self.title, title);
        out.add_text(self.body, body);
        out.add_text(self.kind, kind);
        out.add_u64(self.key_high, (key_bits >> 64) as u64);
        out.add_u64(self.key_low, key_bits as u64);
        out.add_i64(self.time, time_us);
        out
    }
}

/// Everything the tokenizer needs, as the one string the engine will hand it.
fn write_out(key: &Id, scope: &Id, kind: &str, tags: &[String], title: &str, body: &str) -> String {
    let clean = |text: &str| text.replace([FIELD_END, TAG_END], " ");
    let tags: Vec<String> = tags.iter().map(|tag| clean(tag)).collect();
    let tags = tags.join(&TAG_END.to_string());
    let (hex_key, hex_scope) = (u128::from_le_bytes(*key), u128::from_le_bytes(*scope));
    let (kind, title) = (clean(kind), clean(title));
    format!(
        "{hex_key:x}{FIELD_END}{hex_scope:x}{FIELD_END}{kind}{FIELD_END}{tags}{FIELD_END}\
         {title}{FIELD_END}{body}"
    )
}

/// Turns the string written by [`Fields::document`] into terms.
#[derive(Clone, Default)]
pub(crate) struct ScopedTokenizer;

impl Tokenizer for ScopedTokenizer {
    type TokenStream<'a> = Terms;

    fn token_stream<'a>(&'a mut self, text: &'a str) -> Terms {
        let mut parts = text.splitn(6, FIELD_END);
        let mut part = || parts.next().unwrap_or_default();
        let id = |hex: &str| u128::from_str_radix(hex, 16).unwrap_or_default().to_le_bytes();
        let (key, scope, kind, tags) = (id(part()), id(part()), part(), part());
        let mut terms = vec![
            (term(&key, Class::Key, ""), 0),
            (term(&scope, Class::All, ""), 0),
            (term(&scope, Class::Kind, kind), 0),
        ];
        let tags = tags.split(TAG_END).filter_map(words::tag);
        let mut levels: Vec<String> = tags.flat_map(|tag| with_ancestors(&tag)).collect();
        levels.sort_unstable();
        levels.dedup();
        terms.extend(levels.iter().map(|tag| (term(&scope, Class::Tag, tag), 0)));
        let mut after_title = 0;
        for word in words::words(part()) {
            terms.push((term(&scope, Class::Title, &word.text), word.position));
            terms.push((term(&scope, word.shape.into(), &word.text), word.position));
            after_title = word.position + GAP;
        }
        for word in words::words(part()) {
            let at = after_title + word.position;
            terms.push((term(&scope, word.shape.into(), &word.text), at));
        }
        Terms { terms: terms.into_iter(), token: Token::default() }
    }
}

fn with_ancestors(tag: &str) -> Vec<String> {
    let ends = tag.match_indices('/').map(|(at, _)| at).chain([tag.len()]);
    ends.filter_map(|end| tag.get(..end).map(str::to_owned)).collect()
}

/// The terms of one document.
pub(crate) struct Terms {
    terms: std::vec::IntoIter<(String, usize)>,
    token: Token,
}

impl TokenStream for Terms {
    fn advance(&mut self) -> bool {
        let Some((text, position)) = self.terms.next() else { return false };
        self.token = Token { text, position, ..Token::default() };
        true
    }

    fn token(&self) -> &Token {
        &self.token
    }

    fn token_mut(&mut self) -> &mut Token {
        &mut self.token
    }
}
