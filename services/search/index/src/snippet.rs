//! The part of a body that shows why it was found.
//!
//! The stretch with the most different matching words wins, the earliest among equals. The
//! result is HTML that cannot carry any of the author's: everything is escaped except the
//! `<mark>` tags put in here.

use std::collections::HashSet;
use std::ops::Range;

use crate::words::words;

/// Bytes of text shown, before escaping.
const LENGTH: usize = 240;
/// Bytes of it before the first match.
const LEAD: usize = 60;

pub(crate) fn snippet(body: &str, wanted: &HashSet<String>) -> String {
    let found: Vec<_> =
        words(body).into_iter().filter(|word| wanted.contains(&word.text)).collect();
    let mut best = (0, 0);
    let mut end = 0;
    for (first, word) in found.iter().enumerate() {
        let reach = word.start + LENGTH - LEAD;
        // Windows of a text full of matches overlap; one per hundred matches is enough there.
        if first > 100 && word.start < end {
            continue;
        }
        end = reach;
        let within = found.iter().skip(first).take_while(|other| other.end <= reach);
        let different = within.map(|other| other.text.as_str()).collect::<HashSet<_>>().len();
        if different > best.0 {
            best = (different, word.start);
        }
    }
    let window = window(body, best.1);
    let mut marks: Vec<Range<usize>> = Vec::new();
    let inside = found.iter().filter(|word| window.start <= word.start && word.end <= window.end);
    let mut ranges: Vec<Range<usize>> = inside.map(|word| word.start..word.end).collect();
    ranges.sort_by_key(|range| (range.start, range.end));
    for range in ranges {
        match marks.last_mut() {
            Some(last) if range.start <= last.end => last.end = last.end.max(range.end),
            _ => marks.push(range),
        }
    }
    render(body, window, &marks)
}

/// About `LENGTH` bytes around a match, cut between words where there is a gap nearby.
fn window(body: &str, first: usize) -> Range<usize> {
    let start = body.floor_char_boundary(first.saturating_sub(LEAD));
    let start = match body.get(start..first).and_then(|lead| lead.find(char::is_whitespace)) {
        Some(gap) if start > 0 => start + gap,
        _ => start,
    };
    let end = body.floor_char_boundary((start + LENGTH).min(body.len()));
    let tail = body.floor_char_boundary(end.saturating_sub(LEAD).max(start));
    let end = match body.get(tail..end).and_then(|tail| tail.rfind(char::is_whitespace)) {
        Some(gap) if end < body.len() => tail + gap,
        _ => end,
    };
    start..end
}

fn render(body: &str, window: Range<usize>, marks: &[Range<usize>]) -> String {
    let mut out = String::with_capacity(window.len() + 64);
    let text = |range: Range<usize>| body.get(range).unwrap_or_default();
    if window.start > 0 {
        out.push('…');
    }
    let mut at = window.start;
    for mark in marks {
        escape(text(at..mark.start), &mut out);
        out.push_str("<mark>");
        escape(text(mark.clone()), &mut out);
        out.push_str("</mark>");
        at = mark.end;
    }
    escape(text(at..window.end), &mut out);
    let mut out = out.trim().to_owned();
    if window.end < body.len() {
        out.push('…');
    }
    out
}

fn escape(text: &str, out: &mut String) {
    for c in text.chars() {
        match c {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&#39;"),
            c if c.is_whitespace() || c.is_control() => out.push(' '),
            c => out.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(body: &str, wanted: &[&str]) -> String {
        snippet(body, &wanted.iter().map(|word| (*word).to_owned()).collect())
    }

    #[test]
    fn everything_but_the_marks_is_escaped() {
        assert_eq!(
            of("<b>Fox</b> & \"den\"", &["fox"]),
            "&lt;b&gt;<mark>Fox</mark>&lt;/b&gt; &amp; &quot;den&quot;"
        );
    }

    #[test]
    fn the_richest_stretch_is_shown_cut_between_words() {
        let filler = "lorem ipsum dolor ".repeat(40);
        let shown = of(&format!("fox {filler}red fox runs {filler}"), &["red", "fox"]);
        assert!(shown.contains("<mark>red</mark> <mark>fox</mark> runs"), "{shown}");
        assert!(shown.starts_with('…') && shown.ends_with('…'), "{shown}");
    }

    #[test]
    fn overlapping_pairs_become_one_mark() {
        assert_eq!(of("東京都庁", &["東京", "京都"]), "<mark>東京都</mark>庁");
    }

    #[test]
    fn no_match_shows_the_beginning() {
        assert_eq!(of("Plain words.\nMore.", &["absent"]), "Plain words. More.");
        assert_eq!(of("", &["absent"]), "");
    }
}
