//! From the word typed to the words written: completion, correction, suggestion.
//!
//! Everything happens between a scope's first and last term, so neither what is offered nor
//! what a limit cuts off depends on anyone else. A word whose documents are all deleted does
//! not exist, even while the dictionary still lists it.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use levenshtein_automata::{DFA, Distance, LevenshteinAutomatonBuilder, SINK_STATE};
use tantivy_fst::Automaton;

use crate::document::Id;
use crate::error::IndexError;
use crate::segment::Segment;
use crate::terms::{Class, after_prefix, term};

/// Words a begun word may stand for: the first in alphabetical order.
const MOST_COMPLETIONS: usize = 128;
/// Words a misspelt word may stand for: the nearest first.
const MOST_CORRECTIONS: usize = 64;
/// Dictionary entries looked at per segment before giving up.
const MOST_VISITED: usize = 4096;

static ONE_EDIT: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(1, true));
static TWO_EDITS: LazyLock<LevenshteinAutomatonBuilder> =
    LazyLock::new(|| LevenshteinAutomatonBuilder::new(2, true));

/// Words of the scope beginning with `prefix`, with the number of documents each is in.
pub(crate) fn completions(
    segments: &[Segment<'_>],
    scope: &Id,
    prefix: &str,
) -> Result<BTreeMap<String, u32>, IndexError> {
    let from = term(scope, Class::Word, prefix);
    let skip = from.len() - prefix.len();
    let mut found = BTreeMap::new();
    for segment in segments {
        let range = segment.terms.terms().range();
        let mut stream = range.ge(&from).lt(after_prefix(&from)).into_stream()?;
        let (mut visited, mut living) = (0, 0);
        while visited < MOST_VISITED && living < MOST_COMPLETIONS && stream.advance() {
            visited += 1;
            let frequency = segment.frequency(stream.value())?;
            if frequency > 0 {
                living += 1;
                *found.entry(word(stream.key(), skip)).or_insert(0) += frequency;
            }
        }
    }
    while found.len() > MOST_COMPLETIONS {
        found.pop_last();
    }
    Ok(found)
}

/// Words of the scope within the edits its length allows, nearest first, itself left out.
pub(crate) fn corrections(
    segments: &[Segment<'_>],
    scope: &Id,
    typed: &str,
) -> Result<Vec<(u8, String)>, IndexError> {
    let builder = match typed.chars().count() {
        0..=3 => return Ok(Vec::new()),
        4..=7 => &*ONE_EDIT,
        _ => &*TWO_EDITS,
    };
    let from = term(scope, Class::Word, "");
    let dfa = builder.build_dfa(typed);
    let near = Near { skip: from.len(), dfa: &dfa };
    let mut found: BTreeMap<String, u8> = BTreeMap::new();
    for segment in segments {
        let search = segment.terms.terms().search(&near);
        let mut stream = search.ge(&from).lt(after_prefix(&from)).into_stream()?;
        let mut visited = 0;
        while visited < MOST_VISITED && stream.advance() {
            visited += 1;
            let word = word(stream.key(), from.len());
            if let Distance::Exact(edits @ 1..) = dfa.eval(&word)
                && segment.frequency(stream.value())? > 0
            {
                found.insert(word, edits);
            }
        }
    }
    let mut found: Vec<_> = found.into_iter().map(|(word, edits)| (edits, word)).collect();
    found.sort_unstable();
    found.truncate(MOST_CORRECTIONS);
    Ok(found)
}

fn word(key: &[u8], skip: usize) -> String {
    String::from_utf8_lossy(key.get(skip..).unwrap_or_default()).into_owned()
}

/// Terms whose word, behind the scope, is near the one typed. The range of the search pins
/// the scope itself; this lets any bytes pass there.
struct Near<'a> {
    skip: usize,
    dfa: &'a DFA,
}

#[derive(Clone, Copy)]
enum State {
    Scope(usize),
    Word(u32),
}

impl Automaton for &Near<'_> {
    type State = State;

    fn start(&self) -> State {
        State::Scope(self.skip)
    }

    fn is_match(&self, state: &State) -> bool {
        match state {
            State::Scope(_) => false,
            State::Word(state) => matches!(self.dfa.distance(*state), Distance::Exact(_)),
        }
    }

    fn can_match(&self, state: &State) -> bool {
        !matches!(state, State::Word(SINK_STATE))
    }

    fn accept(&self, state: &State, byte: u8) -> State {
        match state {
            State::Scope(0 | 1) => State::Word(self.dfa.initial_state()),
            State::Scope(left) => State::Scope(left - 1),
            State::Word(state) => State::Word(self.dfa.transition(*state, byte)),
        }
    }
}
