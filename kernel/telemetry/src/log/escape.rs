//! Text from anywhere, made safe to stand in one line of a terminal or a file.

use std::fmt::Write;

/// Where the text will stand.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Between double quotes: quotes and backslashes are escaped too.
    Quoted,
    /// Bare, for people: only what could move the cursor or break the line is escaped.
    Bare,
}

/// Appends `text` with every control character, line separator and direction mark escaped, in
/// JSON's notation. All of them lie in the basic plane, so `\uXXXX` is enough.
pub fn escaped(out: &mut String, text: &str, place: Place) {
    // Most texts have nothing to escape, and are told apart faster byte by byte.
    if text.bytes().all(|byte| matches!(byte, b' '..=b'~') && !matches!(byte, b'"' | b'\\')) {
        return out.push_str(text);
    }
    for letter in text.chars() {
        match letter {
            '\n' => out.push_str("\\n"),
            '\r' => out.push_str("\\r"),
            '\t' => out.push_str("\\t"),
            '"' | '\\' if place == Place::Quoted => {
                out.push('\\');
                out.push(letter);
            }
            letter if is_unsafe(letter) => {
                // Writing to a String cannot fail.
                _ = write!(out, "\\u{:04x}", u32::from(letter));
            }
            letter => out.push(letter),
        }
    }
}

/// Control characters (C0, DEL, C1), line and paragraph separators, and the marks that turn the
/// direction of the text around.
fn is_unsafe(letter: char) -> bool {
    letter.is_control()
        || matches!(letter, '\u{2028}' | '\u{2029}' | '\u{200e}' | '\u{200f}' | '\u{061c}')
        || matches!(letter, '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

/// Whether the text can stand after `key=` without quotes.
pub fn is_plain(text: &str) -> bool {
    let common = |byte| matches!(byte, b'!'..=b'~') && !matches!(byte, b'"' | b'=' | b'\\');
    if text.bytes().all(common) {
        return !text.is_empty();
    }
    !text.chars().any(|letter| {
        letter.is_whitespace() || matches!(letter, '"' | '=' | '\\') || is_unsafe(letter)
    })
}
