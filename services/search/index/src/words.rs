//! Text to words, the same way for documents, queries, suggestions and snippets.
//!
//! A word is a run of letters, digits and marks; anything else separates. It is lower-cased,
//! decomposed, and stripped of the diacritics people leave out when they type (Latin, Greek,
//! Cyrillic, Hebrew, Arabic), so `Café` is `cafe`. Vowel signs of Indic scripts are not
//! diacritics in that sense and stay.
//!
//! Scripts written without spaces cannot be split into words without a dictionary. Their runs
//! give every single character and every pair of neighbours instead (*grams*): a query of one
//! character looks for the character, a longer one for its pairs in sequence, so any part of
//! a run is found and nothing else is. Grams are a class of their own: they are neither
//! completed nor corrected nor suggested.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Longer words are cut here, in documents and in queries alike, so they still find each other.
const LONGEST_WORD: usize = 64;

/// What a [`Word`] is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) enum Shape {
    /// A run of letters and digits.
    Word,
    /// One character of a script written without spaces.
    Single,
    /// Two neighbouring characters of such a script.
    Pair,
}

/// A folded word and where it stood.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Word {
    /// The folded text: what is indexed and looked up.
    pub text: String,
    /// First byte in the original text.
    pub start: usize,
    /// One past the last byte in the original text.
    pub end: usize,
    /// Counted in words (or gram characters) from the start of the text.
    pub position: usize,
    /// Words of one unbroken gram run share this number.
    pub run: usize,
    /// Word or gram.
    pub shape: Shape,
}

/// Splits and folds `text`, in order of position.
pub(crate) fn words(text: &str) -> Vec<Word> {
    let mut out = Vec::with_capacity(text.len() / 6);
    let mut open: Option<Word> = None;
    let mut previous: Option<(String, usize)> = None;
    let mut position = 0;
    let mut run = 0;
    for (start, c) in text.char_indices() {
        let end = start + c.len_utf8();
        let class = class(c);
        if !matches!(class, Class::Letter | Class::Dropped)
            && let Some(word) = open.take()
        {
            position += push(&mut out, word);
        }
        if !matches!(class, Class::Gram | Class::Dropped) && previous.take().is_some() {
            run += 1;
        }
        match class {
            Class::Separator | Class::Dropped => {}
            Class::Letter => {
                let word = open.get_or_insert_with(|| Word {
                    text: String::new(),
                    start,
                    end,
                    position,
                    run,
                    shape: Shape::Word,
                });
                if word.text.len() < LONGEST_WORD {
                    fold(c, &mut word.text);
                }
                word.end = end;
            }
            Class::Gram => {
                let single: String = std::iter::once(c).nfkc().collect();
                if let Some((before, at)) = previous.take() {
                    let pair = Word {
                        text: format!("{before}{single}"),
                        start: at,
                        end,
                        position: position - 1,
                        run,
                        shape: Shape::Pair,
                    };
                    out.push(pair);
                }
                let text = single.clone();
                out.push(Word { text, start, end, position, run, shape: Shape::Single });
                previous = Some((single, start));
                position += 1;
            }
        }
    }
    if let Some(word) = open {
        push(&mut out, word);
    }
    out
}

/// Appends a finished word and says how many positions it takes: none when nothing was left.
fn push(out: &mut Vec<Word>, mut word: Word) -> usize {
    let cut = word.text.floor_char_boundary(LONGEST_WORD);
    word.text.truncate(cut);
    if word.text.is_empty() {
        return 0;
    }
    out.push(word);
    1
}

/// A tag folded for lookup: levels separated by `/`, each trimmed, empty ones dropped.
pub(crate) fn tag(raw: &str) -> Option<String> {
    let mut out = String::new();
    for level in raw.split('/').map(str::trim).filter(|level| !level.is_empty()) {
        if !out.is_empty() {
            out.push('/');
        }
        for c in level.chars() {
            if class(c) == Class::Letter {
                fold(c, &mut out);
            } else if !c.is_control() && class(c) != Class::Dropped {
                out.push(c);
            }
        }
    }
    let cut = out.floor_char_boundary(256);
    out.truncate(cut);
    (!out.is_empty()).then_some(out)
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Class {
    Separator,
    Letter,
    Gram,
    Dropped,
}

fn class(c: char) -> Class {
    if c.is_ascii() {
        return if c.is_ascii_alphanumeric() { Class::Letter } else { Class::Separator };
    }
    match c as u32 {
        0x0300..=0x036f
        | 0x0591..=0x05c7
        | 0x064b..=0x065f
        | 0x0670
        | 0x00ad
        | 0x1ab0..=0x1aff
        | 0x1dc0..=0x1dff
        | 0x200b..=0x200d
        | 0x20d0..=0x20ff
        | 0xfe00..=0xfe0f
        | 0xff9e..=0xff9f => Class::Dropped,
        0x0e00..=0x0eff
        | 0x1000..=0x109f
        | 0x1780..=0x17ff
        | 0x3005..=0x3007
        | 0x3040..=0x30ff
        | 0x3400..=0x4dbf
        | 0x4e00..=0x9fff
        | 0xac00..=0xd7a3
        | 0xf900..=0xfaff
        | 0xff66..=0xff9d
        | 0x20000..=0x3ffff
            if c.is_alphanumeric() || is_combining_mark(c) =>
        {
            Class::Gram
        }
        _ if c.is_alphanumeric() || is_combining_mark(c) => Class::Letter,
        _ => Class::Separator,
    }
}

fn fold(c: char, out: &mut String) {
    if c.is_ascii() {
        out.push(c.to_ascii_lowercase());
        return;
    }
    for part in std::iter::once(c).nfkd().flat_map(char::to_lowercase) {
        match part {
            'ß' => out.push_str("ss"),
            'æ' => out.push_str("ae"),
            'œ' => out.push_str("oe"),
            'þ' => out.push_str("th"),
            'ø' => out.push('o'),
            'đ' | 'ð' => out.push('d'),
            'ł' => out.push('l'),
            'ı' => out.push('i'),
            'ς' => out.push('σ'),
            _ if matches!(class(part), Class::Letter | Class::Gram) => out.push(part),
            _ => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn texts(text: &str) -> Vec<String> {
        words(text).into_iter().map(|word| word.text).collect()
    }

    #[test]
    fn words_are_lower_case_without_diacritics() {
        assert_eq!(texts("Café, cafe\u{301}!"), ["cafe", "cafe"]);
        assert_eq!(texts("Straße İstanbul Ørsted"), ["strasse", "istanbul", "orsted"]);
        assert_eq!(texts("don't e-mail"), ["don", "t", "e", "mail"]);
        assert_eq!(texts("ﬁne"), ["fine"]);
    }

    #[test]
    fn scripts_without_spaces_give_characters_and_pairs() {
        assert_eq!(texts("東京都"), ["東", "東京", "京", "京都", "都"]);
        assert_eq!(texts("iPhone手机 ok"), ["iphone", "手", "手机", "机", "ok"]);
        let runs: Vec<_> = words("東京 大阪").iter().map(|word| word.run).collect();
        assert_eq!(runs, [0, 0, 0, 1, 1, 1]);
        let positions: Vec<_> = words("a 東京 b").iter().map(|word| word.position).collect();
        assert_eq!(positions, [0, 1, 1, 2, 3]);
    }

    #[test]
    fn a_very_long_word_is_cut_not_refused() {
        assert_eq!(texts(&"é".repeat(500)), ["e".repeat(64)]);
    }

    #[test]
    fn tags_keep_their_levels() {
        assert_eq!(tag(" Work / Élan/"), Some("work/elan".to_owned()));
        assert_eq!(tag("//"), None);
    }
}
