//! Searching, and completing what is being typed.

use std::hash::{DefaultHasher, Hash, Hasher};

use garde::Validate;
use hanse_http::{Cx, Json, KernelError, Query};
use hanse_search_index as index;
use hanse_store::{StoreError, Tx};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::app::App;
use crate::error::SearchError;
use crate::{history, kind, preferences};

/// Recent searches that may complete what is typed.
const REMEMBERED: u32 = 200;

/// The language of questions, for the documents.
pub(crate) const LANGUAGE: &str = "All words must match; the last may be unfinished, and small typing \
    errors are forgiven. `\"a phrase\"` keeps words together, `-word` leaves out, `tag:work/ideas` \
    asks for a tag or any below it. Any text is a valid question.";

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SearchQuery {
    /// What to look for.
    #[garde(length(chars, min = 1, max = 512), custom(not_blank))]
    #[schemars(example = &"red fox tag:work")]
    q: String,
    /// Types to look among, separated by commas: thoughts, journals, tasks. All by default, unless
    /// your preferences say otherwise.
    #[garde(length(max = 200))]
    #[schemars(example = &"thoughts,tasks")]
    types: Option<String>,
    /// How many hits to return, at most 100.
    #[serde(default = "twenty")]
    #[garde(range(min = 1, max = 100))]
    limit: u32,
    /// Where to go on: the `next` of the page before.
    #[garde(length(max = 2048))]
    cursor: Option<String>,
}

#[derive(Debug, Deserialize, Validate, JsonSchema)]
#[serde(deny_unknown_fields)]
pub(crate) struct SuggestionQuery {
    /// What has been typed so far.
    #[garde(length(chars, min = 1, max = 512), custom(not_blank))]
    #[schemars(example = &"red fo")]
    q: String,
    /// How many suggestions to return, at most 50.
    #[serde(default = "ten")]
    #[garde(range(min = 1, max = 50))]
    limit: u32,
}

/// One thing found.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(example = SearchHit::example())]
pub(crate) struct SearchHit {
    /// What it is.
    r#type: String,
    /// Its id.
    id: Uuid,
    /// Its title, as plain text.
    title: String,
    /// The part that matches best, as safe HTML: escaped, with matches in `<mark>`.
    snippet: String,
    /// How well it matches; comparable within one search only.
    score: f32,
    /// Where to read it.
    url: String,
}

/// A page of hits, best first.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchResults {
    items: Vec<SearchHit>,
    /// Documents that match in all.
    total: usize,
    /// Send it as `cursor` to get the next page; null on the last one.
    next: Option<String>,
}

/// A completion.
#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchSuggestion {
    /// The whole question, completed.
    #[schemars(example = &"red fox")]
    text: String,
    /// Where it comes from: `history` or `words`.
    #[schemars(example = &"words")]
    source: &'static str,
}

#[derive(Debug, Serialize, JsonSchema)]
pub(crate) struct SearchSuggestions {
    items: Vec<SearchSuggestion>,
}

/// Where a page ended, and of which question.
#[derive(Serialize, Deserialize)]
struct Place {
    behind: index::Cursor,
    question: u64,
}

pub(crate) async fn search_documents(
    cx: Cx<App>,
    Query(query): Query<SearchQuery>,
) -> Result<Json<SearchResults>, SearchError> {
    let owner = cx.user_id();
    let wanted = cx.read(async |tx: &mut Tx| preferences::of(tx, owner).await);
    let wanted = wanted.await.map_err(SearchError::Store)?;
    let kinds = match &query.types {
        Some(list) => kind::parse(list)?,
        None => wanted.default_types,
    };
    let question = fingerprint(&query.q, &kinds);
    let place: Option<Place> = cx.open_cursor(query.cursor.as_deref())?;
    let first = place.is_none();
    if place.as_ref().is_some_and(|place| place.question != question) {
        return Err(KernelError::InvalidCursor.into());
    }
    let asked = index::Query {
        text: query.q.clone(),
        kinds,
        limit: query.limit as usize,
        after: place.map(|place| place.behind),
        ..index::Query::default()
    };
    let found = cx.app.shelf.search(vec![owner.into_bytes()], asked).await?;
    if first && wanted.record_history {
        cx.app.history.record(owner, &query.q, found.total, cx.now());
    }
    Ok(Json(SearchResults {
        items: found.hits.into_iter().map(SearchHit::of).collect(),
        total: found.total,
        next: found.next.map(|behind| cx.seal_cursor(&Place { behind, question })),
    }))
}

pub(crate) async fn list_search_suggestions(
    cx: Cx<App>,
    Query(query): Query<SuggestionQuery>,
) -> Result<Json<SearchSuggestions>, SearchError> {
    let owner = cx.user_id();
    let limit = query.limit as usize;
    let recent = cx.read::<_, StoreError, _>(async |tx: &mut Tx| {
        history::recent(tx, owner, REMEMBERED, None).await
    });
    let begun = query.q.trim_start().to_lowercase();
    let mut items: Vec<SearchSuggestion> = recent
        .await?
        .into_iter()
        .filter(|asked| asked.query.to_lowercase().starts_with(&begun) && asked.results > 0)
        .take(limit.div_ceil(2))
        .map(|asked| SearchSuggestion { text: asked.query, source: "history" })
        .collect();
    let scopes = vec![owner.into_bytes()];
    let words = cx.app.shelf.suggest(scopes, query.q.clone(), limit).await?;
    let start = query.q.rfind(|c: char| !c.is_alphanumeric()).map_or(0, |at| {
        at + query.q.get(at..).and_then(|rest| rest.chars().next()).map_or(0, char::len_utf8)
    });
    let head = query.q.get(..start).unwrap_or_default().trim_start();
    for word in words {
        let text = format!("{head}{word}");
        if items.len() < limit && items.iter().all(|item| item.text != text) {
            items.push(SearchSuggestion { text, source: "words" });
        }
    }
    Ok(Json(SearchSuggestions { items }))
}

impl SearchHit {
    fn of(hit: index::Hit) -> Self {
        let id = Uuid::from_bytes(hit.key);
        let url = format!("/api/v1/{}/{id}", hit.kind);
        let index::Hit { kind, title, snippet, score, .. } = hit;
        Self { r#type: kind, id, title, snippet, score, url }
    }

    fn example() -> Self {
        let id = Uuid::from_u128(0x0198_0000_0000_7000_8000_0000_0000_0001);
        Self {
            r#type: kind::THOUGHTS.to_owned(),
            id,
            title: "A red fox".to_owned(),
            snippet: "A red <mark>fox</mark> crossed the yard".to_owned(),
            score: 4.25,
            url: format!("/api/v1/thoughts/{id}"),
        }
    }
}

/// Tells questions apart, so that a cursor serves only its own.
fn fingerprint(text: &str, kinds: &[String]) -> u64 {
    let mut hasher = DefaultHasher::new();
    (text, kinds).hash(&mut hasher);
    hasher.finish()
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "the shape that garde calls")]
fn not_blank(text: &str, _: &()) -> garde::Result {
    if text.trim().is_empty() { Err(garde::Error::new("must not be blank")) } else { Ok(()) }
}

fn twenty() -> u32 {
    20
}

fn ten() -> u32 {
    10
}
