//! What notifications refuses.

use hanse_http::{ApiError, KernelError, PreconditionError};
use hanse_store::StoreError;

/// What notifications refuses.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum NotificationError {
    /// There is none, or it is somebody else's.
    #[api(404, "NTF-001")]
    #[error("there is no such notification")]
    NotFound,
    /// Somebody who is to be told is not known.
    #[api(422, "NTF-002")]
    #[error("there is no account {0}")]
    UnknownPerson(uuid::Uuid),
    /// There is no template of this type.
    #[api(422, "NTF-003")]
    #[error("there is no template of the type {0}")]
    UnknownTemplate(String),
    /// A template cannot be rendered.
    #[api(422, "NTF-004")]
    #[error("the template cannot be used: {0}")]
    Template(String),
    /// A preference means nothing.
    #[api(422, "NTF-005")]
    #[error("{0}")]
    Preference(&'static str),
    /// There is no such sending.
    #[api(404, "NTF-006")]
    #[error("there is no such sending")]
    NoSending,
    /// The time of a sending means nothing.
    #[api(422, "NTF-007")]
    #[error("{0}")]
    Schedule(&'static str),
    /// There is none, or it is somebody else's.
    #[api(404, "NTF-008")]
    #[error("there is no such target")]
    NoTarget,
    /// A target cannot be reached, or may not be.
    #[api(422, "NTF-009")]
    #[error("this target cannot be used: {0}")]
    Target(String),
    /// Too many streams at once.
    #[api(429, "NTF-010")]
    #[error("you have too many streams open; close one")]
    TooManyStreams,
    /// The link is not ours.
    #[api(404, "NTF-011")]
    #[error("this link is not one of ours, or too old")]
    BadLink,
    /// A provider did not prove who it is.
    #[api(403, "NTF-012")]
    #[error("the signature does not fit")]
    BadSignature,
    /// There is no such rule.
    #[api(404, "NTF-013")]
    #[error("there is no such rule")]
    NoRule,
    /// A rule that cannot work.
    #[api(422, "NTF-014")]
    #[error("this rule cannot be used: {0}")]
    Rule(String),
    /// It changed since the client read it.
    #[api(transparent)]
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    /// The kernel's answer.
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    /// The store's answer.
    #[api(transparent)]
    #[error(transparent)]
    Store(#[from] StoreError),
}
