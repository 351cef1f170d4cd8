//! A page while it is filled: it is bounded by thoughts and by bytes, for a thought may be long.

use hanse_http::{PAGE_BYTES, Page, json_size};

use super::dto::ThoughtView;
use crate::thought::Thought;
use crate::thoughts::Place;

/// Thoughts read at a time: 4 MiB when all are as long as they may be.
pub(crate) const STRETCH: u32 = 64;
/// Names, ids and times of a thought in JSON.
const FRAME: usize = 320;

/// Where a thought stands in a list.
pub(crate) fn place(thought: &Thought) -> Place {
    (thought.created_at.as_microsecond(), thought.id)
}

/// See the module.
pub(crate) struct Leaf {
    thoughts: Vec<Thought>,
    limit: u32,
    bytes: usize,
}

impl Leaf {
    pub(crate) fn new(limit: u32) -> Self {
        Self { thoughts: Vec::new(), limit, bytes: 0 }
    }

    /// Thoughts that may still be added, if they are short.
    pub(crate) fn room(&self) -> u32 {
        self.limit.saturating_sub(u32::try_from(self.thoughts.len()).unwrap_or(u32::MAX))
    }

    /// May this one be added?
    pub(crate) fn fits(&self, thought: &Thought) -> bool {
        let small = self.thoughts.is_empty() || self.bytes + size(thought) <= PAGE_BYTES;
        self.room() > 0 && small
    }

    pub(crate) fn push(&mut self, thought: Thought) {
        self.bytes += size(&thought);
        self.thoughts.push(thought);
    }

    /// Where the list goes on.
    pub(crate) fn last(&self) -> Option<Place> {
        self.thoughts.last().map(place)
    }

    pub(crate) fn page(self, next: Option<String>) -> Page<ThoughtView> {
        Page { items: self.thoughts.into_iter().map(ThoughtView::from).collect(), next }
    }
}

fn size(thought: &Thought) -> usize {
    let tags: usize = thought.tags.iter().map(|tag| json_size(tag.as_str()) + 3).sum();
    FRAME + json_size(&thought.text) + tags
}
