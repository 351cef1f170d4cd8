//! Reading one segment of the index, living documents only.
//!
//! The engine's own queries are not used. They take a word's frequency from the dictionary,
//! which still counts deleted documents until a merge, and average lengths over everyone's
//! documents; a score would then tell when a stranger wrote something. Here each clause of a
//! question becomes the list of *living* documents it matches. A scope is a person's or a
//! project's own documents, so the lists are short, and they make exact statistics free.

use std::sync::Arc;

use tantivy::fieldnorm::FieldNormReader;
use tantivy::index::{InvertedIndexReader, SegmentReader};
use tantivy::postings::{Postings, SegmentPostings, TermInfo};
use tantivy::schema::IndexRecordOption;
use tantivy::{DocId, DocSet, TERMINATED};

use crate::document::Id;
use crate::error::IndexError;
use crate::query::Exact;
use crate::terms::{Class, Fields, term};

/// A title's occurrence counts this many times more than the body's.
const TITLE_WEIGHT: f32 = 4.0;
/// Where further repetition stops paying, as in BM25 (Robertson and Zaragoza, 2009).
const SATURATION: f32 = 1.2;
/// How much longer documents need more repetition.
const LENGTH_EFFECT: f32 = 0.75;
/// BM25 divides by the average length of all documents; a constant gives nothing away.
const USUAL_LENGTH: f32 = 120.0;

/// Documents of one segment with how well they fit, from 0 to 1, in document order.
pub(crate) type Fit = Vec<(DocId, f32)>;

/// The terms of one segment.
pub(crate) struct Segment<'a> {
    pub reader: &'a SegmentReader,
    pub terms: Arc<InvertedIndexReader>,
    lengths: FieldNormReader,
}

impl<'a> Segment<'a> {
    pub(crate) fn new(reader: &'a SegmentReader, fields: &Fields) -> Result<Self, IndexError> {
        let terms = reader.inverted_index(fields.terms)?;
        let lengths = reader.get_fieldnorms_reader(fields.terms)?;
        Ok(Segment { reader, terms, lengths })
    }

    /// Living documents with this term.
    pub(crate) fn documents(&self, term: &str) -> Result<Vec<DocId>, IndexError> {
        let Some(mut postings) = self.postings(term, IndexRecordOption::Basic)? else {
            return Ok(Vec::new());
        };
        let mut out = Vec::with_capacity(postings.doc_freq() as usize);
        while postings.doc() != TERMINATED {
            if !self.reader.is_deleted(postings.doc()) {
                out.push(postings.doc());
            }
            postings.advance();
        }
        Ok(out)
    }

    /// How many living documents have the term described.
    pub(crate) fn frequency(&self, info: &TermInfo) -> Result<u32, IndexError> {
        match self.reader.alive_bitset() {
            None => Ok(info.doc_freq),
            Some(alive) => {
                let basic = IndexRecordOption::Basic;
                let postings = self.terms.read_postings_from_terminfo(info, basic)?;
                Ok(postings.doc_freq_given_deletes(alive))
            }
        }
    }

    /// Living documents with this term, and how well each fits.
    pub(crate) fn fit(&self, scope: &Id, exact: &Exact) -> Result<Fit, IndexError> {
        let option = IndexRecordOption::WithFreqs;
        let (class, text) = exact;
        let Some(mut postings) = self.postings(&term(scope, *class, text), option)? else {
            return Ok(Vec::new());
        };
        let mut title = self.postings(&term(scope, Class::Title, text), option)?;
        let mut out = Vec::with_capacity(postings.doc_freq() as usize);
        while postings.doc() != TERMINATED {
            let document = postings.doc();
            if !self.reader.is_deleted(document) {
                let in_title = title.as_mut().map_or(0, |title| frequency_in(title, document));
                out.push((document, self.weigh(document, postings.term_freq(), in_title)));
            }
            postings.advance();
        }
        Ok(out)
    }

    /// Living documents with these terms at these distances.
    pub(crate) fn phrase(&self, scope: &Id, terms: &[(Exact, usize)]) -> Result<Fit, IndexError> {
        let [((_, first), _), others @ ..] = terms else { return Ok(Vec::new()) };
        if let ([(exact, _)], []) = (terms, others) {
            return self.fit(scope, exact);
        }
        let mut postings = Vec::with_capacity(terms.len());
        for ((class, text), offset) in terms {
            let term = term(scope, *class, text);
            let found = self.postings(&term, IndexRecordOption::WithFreqsAndPositions)?;
            let Some(found) = found else { return Ok(Vec::new()) };
            postings.push((found, *offset as u32));
        }
        let Some(((lead, _), followers)) = postings.split_first_mut() else {
            return Ok(Vec::new());
        };
        let title = term(scope, Class::Title, first);
        let mut title = self.postings(&title, IndexRecordOption::WithFreqs)?;
        let mut out = Vec::new();
        let (mut starts, mut positions) = (Vec::new(), Vec::new());
        while lead.doc() != TERMINATED {
            let document = lead.doc();
            let all = followers.iter_mut().all(|(other, _)| reach(other, document));
            if all && !self.reader.is_deleted(document) {
                lead.positions(&mut starts);
                for (other, offset) in followers.iter_mut() {
                    other.positions(&mut positions);
                    starts.retain(|start| positions.binary_search(&(start + *offset)).is_ok());
                }
                if !starts.is_empty() {
                    let found = starts.len() as u32;
                    let in_title = title.as_mut().map_or(0, |title| frequency_in(title, document));
                    out.push((document, self.weigh(document, found, in_title.min(found))));
                }
            }
            lead.advance();
        }
        Ok(out)
    }

    fn weigh(&self, document: DocId, found: u32, in_title: u32) -> f32 {
        let found = found as f32 + (TITLE_WEIGHT - 1.0) * in_title as f32;
        let length = self.lengths.fieldnorm(document) as f32 / USUAL_LENGTH;
        found / (found + SATURATION * (1.0 - LENGTH_EFFECT + LENGTH_EFFECT * length))
    }

    fn postings(
        &self,
        term: &str,
        option: IndexRecordOption,
    ) -> Result<Option<SegmentPostings>, IndexError> {
        match self.terms.terms().get(term.as_bytes())? {
            Some(info) => Ok(Some(self.terms.read_postings_from_terminfo(&info, option)?)),
            None => Ok(None),
        }
    }
}

/// Moves to `document`, never back; whether it is there.
fn reach(postings: &mut SegmentPostings, document: DocId) -> bool {
    if postings.doc() < document {
        postings.seek(document);
    }
    postings.doc() == document
}

fn frequency_in(postings: &mut SegmentPostings, document: DocId) -> u32 {
    if reach(postings, document) { postings.term_freq() } else { 0 }
}
