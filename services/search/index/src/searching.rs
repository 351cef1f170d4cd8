//! The reading half: ask every scope, order, cut a page, fetch what it shows.
//!
//! Pages continue behind a [`Cursor`], not at an offset, so a document added or removed
//! meanwhile shifts nothing. Scores follow the scope's living documents; when those change
//! between two pages, a document whose score moved across the cut may be met twice or missed.

use std::cmp::Ordering;
use std::collections::HashSet;

use tantivy::columnar::Column;
use tantivy::index::SegmentReader;
use tantivy::schema::Value;
use tantivy::{DocAddress, Searcher, TantivyDocument};

use crate::document::Id;
use crate::error::IndexError;
use crate::matching::matching;
use crate::query::{Cursor, Hit, Hits, Query, parse};
use crate::segment::Segment;
use crate::snippet::snippet;
use crate::terms::Fields;
use crate::vocabulary::completions;
use crate::words::{self, Shape};

/// The most hits of one page, and suggestions of one call.
const LARGEST_PAGE: usize = 100;

/// A hit before its texts are fetched.
struct Candidate {
    cursor: Cursor,
    address: DocAddress,
    scope: usize,
}

struct Columns {
    key_high: Column<u64>,
    key_low: Column<u64>,
    time: Column<i64>,
}

pub(crate) fn search(
    searcher: &Searcher,
    fields: &Fields,
    scopes: &[Id],
    query: &Query,
) -> Result<Hits, IndexError> {
    let parsed = parse(&query.text);
    if parsed.wanted.is_empty() && parsed.excluded.is_empty() {
        return Ok(Hits::default());
    }
    let limit = query.limit.min(LARGEST_PAGE);
    let segments = segments(searcher, fields)?;
    // Opened where something matches: most segments have nothing for most questions.
    let mut columns: Vec<Option<Columns>> = segments.iter().map(|_| None).collect();
    let scopes = distinct(scopes);
    let mut total = 0;
    let mut words: Vec<HashSet<String>> = Vec::with_capacity(scopes.len());
    let mut best: Vec<Candidate> = Vec::new();
    for (number, scope) in scopes.iter().enumerate() {
        let answer = matching(&segments, scope, &parsed, &query.kinds, query.typos)?;
        total += answer.matches.len();
        words.push(answer.words);
        for (segment, document, score) in answer.matches {
            let (Some(columns), Some(read)) = (columns.get_mut(segment), segments.get(segment))
            else {
                continue;
            };
            let columns = match columns {
                Some(columns) => columns,
                None => columns.insert(Columns::open(read.reader)?),
            };
            let cursor = columns.cursor(document, score);
            if query.after.is_none_or(|after| order(&after, &cursor) == Ordering::Less) {
                let address = DocAddress::new(segment as u32, document);
                best.push(Candidate { cursor, address, scope: number });
            }
            if best.len() >= 4096 + 2 * limit {
                keep_best(&mut best, limit + 1);
            }
        }
    }
    keep_best(&mut best, limit + 1);
    let more = best.len() > limit;
    best.truncate(limit);
    let next = best.last().filter(|_| more).map(|candidate| candidate.cursor);
    let mut hits = Vec::with_capacity(best.len());
    for candidate in &best {
        let words = words.get(candidate.scope);
        hits.push(fetch(searcher, fields, candidate, words)?);
    }
    Ok(Hits { total, hits, next })
}

/// Words of these scopes that complete the last word of `text`, most frequent first.
pub(crate) fn suggest(
    searcher: &Searcher,
    fields: &Fields,
    scopes: &[Id],
    text: &str,
    limit: usize,
) -> Result<Vec<String>, IndexError> {
    let cut = text.char_indices().nth(512).map_or(text.len(), |(at, _)| at);
    let found = words::words(text.get(..cut).unwrap_or_default());
    let Some(last) = found.last().filter(|word| word.shape == Shape::Word) else {
        return Ok(Vec::new());
    };
    let segments = segments(searcher, fields)?;
    let mut words = std::collections::BTreeMap::new();
    for scope in distinct(scopes) {
        for (word, frequency) in completions(&segments, &scope, &last.text)? {
            *words.entry(word).or_insert(0) += frequency;
        }
    }
    let mut words: Vec<(String, u32)> = words.into_iter().collect();
    words.sort_by(|a, b| b.1.cmp(&a.1).then_with(|| a.0.cmp(&b.0)));
    words.truncate(limit.min(LARGEST_PAGE));
    Ok(words.into_iter().map(|(word, _)| word).collect())
}

fn distinct(scopes: &[Id]) -> Vec<Id> {
    let mut scopes = scopes.to_vec();
    scopes.sort_unstable();
    scopes.dedup();
    scopes
}

fn segments<'a>(searcher: &'a Searcher, fields: &Fields) -> Result<Vec<Segment<'a>>, IndexError> {
    searcher.segment_readers().iter().map(|reader| Segment::new(reader, fields)).collect()
}

impl Columns {
    fn open(reader: &SegmentReader) -> Result<Self, IndexError> {
        let fast = reader.fast_fields();
        let (key_high, key_low) = (fast.u64("key_high")?, fast.u64("key_low")?);
        Ok(Self { key_high, key_low, time: fast.i64("time")? })
    }

    fn cursor(&self, document: u32, score: f32) -> Cursor {
        let part = |column: &Column<u64>| u128::from(column.first(document).unwrap_or_default());
        let key = part(&self.key_high) << 64 | part(&self.key_low);
        let time_us = self.time.first(document).unwrap_or_default();
        Cursor { score_bits: score.to_bits(), time_us, key: key.to_be_bytes() }
    }
}

/// Better first.
fn order(a: &Cursor, b: &Cursor) -> Ordering {
    let score = |cursor: &Cursor| f32::from_bits(cursor.score_bits);
    let (time_a, time_b) = (a.time_us, b.time_us);
    score(b).total_cmp(&score(a)).then(time_b.cmp(&time_a)).then(a.key.cmp(&b.key))
}

fn keep_best(best: &mut Vec<Candidate>, count: usize) {
    best.sort_unstable_by(|a, b| order(&a.cursor, &b.cursor));
    best.truncate(count);
}

fn fetch(
    searcher: &Searcher,
    fields: &Fields,
    candidate: &Candidate,
    words: Option<&HashSet<String>>,
) -> Result<Hit, IndexError> {
    let document: TantivyDocument = searcher.doc(candidate.address)?;
    let text = |field| {
        document.get_first(field).and_then(|value| value.as_str()).unwrap_or_default().to_owned()
    };
    let body = text(fields.body);
    Ok(Hit {
        key: candidate.cursor.key,
        kind: text(fields.kind),
        score: f32::from_bits(candidate.cursor.score_bits),
        time_us: candidate.cursor.time_us,
        title: text(fields.title),
        snippet: words.map_or_else(String::new, |words| snippet(&body, words)),
    })
}
