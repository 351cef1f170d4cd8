//! One scope, one question: which documents match, and how well.
//!
//! A document's score is the sum over the wanted clauses of *rarity* times *fit*. Rarity is
//! BM25's inverse document frequency over the scope's living documents. Fit lies in a band by
//! how the word was met: as written, begun, one edit away, two. Bands do not overlap, so for
//! one word a correction never outranks the word itself, in a title or anywhere.
//!
//! Everything that enters a score is the scope's own: a hit, a total and a score are the same
//! numbers whether the index holds other scopes or not, and however it is cut into segments.

use std::collections::HashSet;

use tantivy::DocId;

use crate::document::Id;
use crate::error::IndexError;
use crate::query::{Clause, Exact, Parsed, Typos};
use crate::segment::{Fit, Segment};
use crate::terms::{Class, term};
use crate::vocabulary::{completions, corrections};

/// Lowest fit of a band, and its width.
const AS_WRITTEN: (f32, f32) = (1.0, 1.0);
const BEGUN: (f32, f32) = (0.5, 0.4);
const ONE_EDIT: (f32, f32) = (0.2, 0.2);
const TWO_EDITS: (f32, f32) = (0.05, 0.1);

/// A matching document: its segment's number, its number there, its score.
pub(crate) type Match = (usize, DocId, f32);

/// What one scope answers.
pub(crate) struct Answer {
    pub matches: Vec<Match>,
    /// The folded words that matched, for marking them.
    pub words: HashSet<String>,
}

/// A clause with its unfinished and misspelt words looked up.
enum Resolved<'q> {
    /// Any of these, each in its band.
    Any(Vec<(Exact, (f32, f32))>),
    Phrase(&'q [(Exact, usize)]),
    Term(String),
}

pub(crate) fn matching(
    segments: &[Segment<'_>],
    scope: &Id,
    parsed: &Parsed,
    kinds: &[String],
    typos: Typos,
) -> Result<Answer, IndexError> {
    let mut answer = Answer { matches: Vec::new(), words: HashSet::new() };
    let mut wanted = Vec::new();
    for clause in &parsed.wanted {
        let resolved = resolve(segments, scope, clause, typos)?;
        note_words(&resolved, &mut answer.words);
        let mut lists = Vec::with_capacity(segments.len());
        for segment in segments {
            lists.push(list(segment, scope, &resolved)?);
        }
        if lists.iter().all(Vec::is_empty) {
            return Ok(answer);
        }
        wanted.push((matches!(resolved, Resolved::Term(_)), lists));
    }
    let living = living(segments, scope)?;
    let rarity = |lists: &[Fit]| {
        let having: usize = lists.iter().map(Vec::len).sum();
        let (all, having) = (living as f32, having as f32);
        (1.0 + (all - having + 0.5) / (having + 0.5)).ln()
    };
    let wanted: Vec<(f32, Vec<Fit>)> = wanted
        .into_iter()
        .map(|(unscored, lists)| (if unscored { 0.0 } else { rarity(&lists) }, lists))
        .collect();
    for (number, segment) in segments.iter().enumerate() {
        let mut found: Option<Fit> = None;
        for (rarity, lists) in &wanted {
            let list = lists.get(number).map(Vec::as_slice).unwrap_or_default();
            found = Some(join(found, list, *rarity));
        }
        let mut found = match found {
            Some(found) => found,
            // Only exclusions: everything else, unranked.
            None => unranked(segment.documents(&term(scope, Class::All, ""))?),
        };
        filter(segment, scope, kinds, &parsed.excluded, &mut found)?;
        answer.matches.extend(found.into_iter().map(|(document, score)| (number, document, score)));
    }
    Ok(answer)
}

fn resolve<'q>(
    segments: &[Segment<'_>],
    scope: &Id,
    clause: &'q Clause,
    typos: Typos,
) -> Result<Resolved<'q>, IndexError> {
    let (text, unfinished) = match clause {
        Clause::Tag(tag) => return Ok(Resolved::Term(term(scope, Class::Tag, tag))),
        Clause::Phrase(terms) => return Ok(Resolved::Phrase(terms)),
        Clause::Word { text, unfinished } => (text, *unfinished),
    };
    let mut words = vec![((Class::Word, text.clone()), AS_WRITTEN)];
    if unfinished {
        for word in completions(segments, scope, text)?.into_keys() {
            if word != *text {
                words.push(((Class::Word, word), BEGUN));
            }
        }
    }
    if typos == Typos::Tolerate {
        for (edits, word) in corrections(segments, scope, text)? {
            if !words.iter().any(|((_, known), _)| *known == word) {
                let band = if edits == 1 { ONE_EDIT } else { TWO_EDITS };
                words.push(((Class::Word, word), band));
            }
        }
    }
    Ok(Resolved::Any(words))
}

fn note_words(resolved: &Resolved<'_>, words: &mut HashSet<String>) {
    match resolved {
        Resolved::Any(any) => words.extend(any.iter().map(|((_, word), _)| word.clone())),
        Resolved::Phrase(terms) => {
            words.extend(terms.iter().map(|((_, word), _)| word.clone()));
        }
        Resolved::Term(_) => {}
    }
}

/// The living documents of a segment that match a clause.
fn list(segment: &Segment<'_>, scope: &Id, resolved: &Resolved<'_>) -> Result<Fit, IndexError> {
    match resolved {
        Resolved::Term(term) => Ok(unranked(segment.documents(term)?)),
        Resolved::Phrase(terms) => {
            let mut fit = segment.phrase(scope, terms)?;
            place(&mut fit, AS_WRITTEN);
            Ok(fit)
        }
        Resolved::Any(words) => {
            let mut all = Fit::new();
            for (exact, band) in words {
                let mut fit = segment.fit(scope, exact)?;
                place(&mut fit, *band);
                all.append(&mut fit);
            }
            // The best of several words a document has comes first and is kept.
            all.sort_unstable_by(|a, b| a.0.cmp(&b.0).then(b.1.total_cmp(&a.1)));
            all.dedup_by_key(|(document, _)| *document);
            Ok(all)
        }
    }
}

fn place(fit: &mut Fit, (low, width): (f32, f32)) {
    for (_, fit) in fit {
        *fit = low + width * *fit;
    }
}

fn unranked(documents: Vec<DocId>) -> Fit {
    documents.into_iter().map(|document| (document, 0.0)).collect()
}

/// Keeps what is in both, adding the list's share to the score.
fn join(found: Option<Fit>, list: &[(DocId, f32)], rarity: f32) -> Fit {
    let Some(mut found) = found else {
        return list.iter().map(|(document, fit)| (*document, rarity * fit)).collect();
    };
    let mut list = list.iter().peekable();
    found.retain_mut(|(document, score)| {
        while list.next_if(|(other, _)| other < document).is_some() {}
        match list.peek() {
            Some((other, fit)) if other == document => {
                *score += rarity * fit;
                true
            }
            _ => false,
        }
    });
    found
}

fn filter(
    segment: &Segment<'_>,
    scope: &Id,
    kinds: &[String],
    excluded: &[Clause],
    found: &mut Fit,
) -> Result<(), IndexError> {
    if found.is_empty() {
        return Ok(());
    }
    if !kinds.is_empty() {
        let mut allowed = Vec::new();
        for kind in kinds {
            allowed.extend(segment.documents(&term(scope, Class::Kind, kind))?);
        }
        allowed.sort_unstable();
        found.retain(|(document, _)| allowed.binary_search(document).is_ok());
    }
    for clause in excluded {
        let resolved = resolve(&[], scope, clause, Typos::Refuse)?;
        let unwanted = list(segment, scope, &resolved)?;
        found.retain(|(document, _)| {
            unwanted.binary_search_by_key(document, |(other, _)| *other).is_err()
        });
    }
    Ok(())
}

/// How many living documents the scope has.
fn living(segments: &[Segment<'_>], scope: &Id) -> Result<u32, IndexError> {
    let all = term(scope, Class::All, "");
    let mut sum = 0;
    for segment in segments {
        if let Some(info) = segment.terms.terms().get(all.as_bytes())? {
            sum += segment.frequency(&info)?;
        }
    }
    Ok(sum)
}
