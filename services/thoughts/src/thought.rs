//! A thought and its rules.

use hanse_http::{ApiError, KernelError, PreconditionError};
use hanse_store::StoreError;
use jiff::Timestamp;
use uuid::Uuid;

use crate::tag::Tag;

/// Longest text, in bytes.
pub const LONGEST_TEXT: usize = 65_536;
/// Most tags on a thought.
pub const MOST_TAGS: usize = 50;

/// Why something cannot be done with thoughts.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum ThoughtError {
    /// There is none, or it is somebody else's.
    #[api(404, "THT-001")]
    #[error("there is no such thought")]
    NotFound,
    /// A tag breaks the rules.
    #[api(422, "THT-002")]
    #[error(
        "a tag has 1 to 5 levels parted by /, at most 100 characters, and no commas, quotes or #"
    )]
    InvalidTag,
    /// A text breaks the rules.
    #[api(422, "THT-003")]
    #[error("a thought needs some text, at most 65,536 bytes")]
    InvalidText,
    /// A file to import breaks the rules.
    #[api(422, "THT-004")]
    #[error("line {line}: {what}; nothing was imported")]
    InvalidImport {
        /// Counted from 1.
        line: usize,
        /// What is wrong there.
        what: String,
    },
    /// Too many tags.
    #[api(422, "THT-005")]
    #[error("a thought has at most 50 tags")]
    TooManyTags,
    /// It changed since the client read it.
    #[api(transparent)]
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The kernel refused.
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The store failed.
    #[api(transparent)]
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// A thought.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Thought {
    /// Its id.
    pub id: Uuid,
    /// The account it belongs to.
    pub owner: Uuid,
    /// Its text, not blank.
    pub text: String,
    /// Its tags, sorted, each once.
    pub tags: Vec<Tag>,
    /// Counts its changes from 1.
    pub version: i64,
    /// When it was written.
    pub created_at: Timestamp,
    /// When it changed last.
    pub updated_at: Timestamp,
}

impl Thought {
    /// A new thought.
    ///
    /// # Errors
    /// [`ThoughtError::InvalidText`], [`ThoughtError::InvalidTag`], [`ThoughtError::TooManyTags`].
    pub fn new(
        id: Uuid,
        owner: Uuid,
        text: String,
        tags: &[String],
        now: Timestamp,
    ) -> Result<Self, ThoughtError> {
        Ok(Self {
            id,
            owner,
            text: checked_text(text)?,
            tags: checked_tags(Tag::parse_all(tags)?)?,
            version: 1,
            created_at: now,
            updated_at: now,
        })
    }

    /// The thought with other text or tags; `None` keeps what is there.
    ///
    /// # Errors
    /// As [`Thought::new`].
    pub fn edit(
        mut self,
        text: Option<String>,
        tags: Option<&[String]>,
        now: Timestamp,
    ) -> Result<Self, ThoughtError> {
        if let Some(text) = text {
            self.text = checked_text(text)?;
        }
        if let Some(tags) = tags {
            self.tags = checked_tags(Tag::parse_all(tags)?)?;
        }
        Ok(self.touched(now))
    }

    /// The thought with more tags.
    ///
    /// # Errors
    /// As [`Thought::new`].
    pub fn with_tags(mut self, tags: &[String], now: Timestamp) -> Result<Self, ThoughtError> {
        self.tags.extend(Tag::parse_all(tags)?);
        self.tags.sort();
        self.tags.dedup();
        self.tags = checked_tags(self.tags)?;
        Ok(self.touched(now))
    }

    fn touched(mut self, now: Timestamp) -> Self {
        self.version += 1;
        // A clock that jumps back must not make a change look older than the thought.
        self.updated_at = now.max(self.created_at);
        self
    }

    /// Its tags as text.
    #[must_use]
    pub fn tag_names(&self) -> Vec<String> {
        self.tags.iter().map(|tag| tag.as_str().to_owned()).collect()
    }
}

pub(crate) fn checked_text(text: String) -> Result<String, ThoughtError> {
    let fits = text.len() <= LONGEST_TEXT && !text.trim().is_empty() && !text.contains('\0');
    if fits { Ok(text) } else { Err(ThoughtError::InvalidText) }
}

fn checked_tags(tags: Vec<Tag>) -> Result<Vec<Tag>, ThoughtError> {
    if tags.len() > MOST_TAGS { Err(ThoughtError::TooManyTags) } else { Ok(tags) }
}
