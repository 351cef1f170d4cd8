//! What goes in and out.

use garde::Validate;
use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted, ThoughtUpdated};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use uuid::Uuid;

use crate::thought::Thought;

/// A thought to be written.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = new_thought_example())]
pub(crate) struct NewThought {
    /// What to remember.
    #[garde(length(bytes, min = 1, max = 65_536))]
    pub(crate) text: String,
    /// Tags; `a/b` is the tag b under the tag a.
    #[serde(default)]
    #[garde(length(max = 50), inner(length(chars, min = 1, max = 200)))]
    pub(crate) tags: Vec<String>,
}

/// What to change in a thought.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = thought_patch_example())]
pub(crate) struct ThoughtPatch {
    /// The new text.
    #[garde(length(bytes, min = 1, max = 65_536))]
    pub(crate) text: Option<String>,
    /// The new tags, all of them.
    #[garde(length(max = 50), inner(inner(length(chars, min = 1, max = 200))))]
    pub(crate) tags: Option<Vec<String>>,
}

/// Tags to add.
#[derive(Debug, Deserialize, JsonSchema, Validate)]
#[serde(deny_unknown_fields)]
#[schemars(example = tags_example())]
pub(crate) struct NewTags {
    /// Tags; those that are there already stay.
    #[garde(length(min = 1, max = 50), inner(length(chars, min = 1, max = 200)))]
    pub(crate) tags: Vec<String>,
}

/// A thought.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Thought", example = thought_example())]
pub(crate) struct ThoughtView {
    /// Its id.
    pub(crate) id: Uuid,
    /// What it says.
    pub(crate) text: String,
    /// Its tags, sorted.
    pub(crate) tags: Vec<String>,
    /// When it was written.
    pub(crate) created_at: Timestamp,
    /// When it changed last.
    pub(crate) updated_at: Timestamp,
}

impl From<Thought> for ThoughtView {
    fn from(thought: Thought) -> Self {
        Self {
            tags: thought.tag_names(),
            id: thought.id,
            text: thought.text,
            created_at: thought.created_at,
            updated_at: thought.updated_at,
        }
    }
}

pub(crate) fn created(thought: &Thought) -> ThoughtCreated {
    ThoughtCreated {
        thought_id: thought.id,
        user_id: thought.owner,
        text: thought.text.clone(),
        tags: thought.tag_names(),
        created_at: thought.created_at,
    }
}

pub(crate) fn updated(thought: &Thought) -> ThoughtUpdated {
    ThoughtUpdated {
        thought_id: thought.id,
        user_id: thought.owner,
        text: thought.text.clone(),
        tags: thought.tag_names(),
        created_at: thought.created_at,
    }
}

pub(crate) fn deleted(thought: &Thought) -> ThoughtDeleted {
    ThoughtDeleted {
        thought_id: thought.id,
        user_id: thought.owner,
        created_at: thought.created_at,
    }
}

fn new_thought_example() -> Value {
    json!({ "text": "The harbour freezes in January", "tags": ["trade/winter"] })
}

fn thought_patch_example() -> Value {
    json!({ "tags": ["trade/winter", "lübeck"] })
}

fn tags_example() -> Value {
    json!({ "tags": ["read later"] })
}

fn thought_example() -> Value {
    json!({
        "id": "019a6c1e-5d2a-7c3e-9b1a-0f4f6f7c2a11", "text": "The harbour freezes in January",
        "tags": ["trade/winter"], "created_at": "2026-11-21T09:00:00Z",
        "updated_at": "2026-11-21T09:00:00Z",
    })
}
