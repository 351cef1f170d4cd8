//! What an event is: the type that services declare, and the record that the log keeps.

use hanse_store::{Result, Row};
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use uuid::Uuid;

/// Which side of a contract may be upgraded first (the schema registry's compatibility, M-090).
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Compatibility {
    /// New code reads old events.
    Backward,
    /// Old code reads new events.
    Forward,
    /// Both.
    Full,
}

/// A fact that a service tells others about. The name is the past tense of what happened.
pub trait DomainEvent: Serialize + DeserializeOwned + JsonSchema + Send + Sync + 'static {
    /// `<service>.<Aggregate><PastTense>`, such as `thoughts.ThoughtCreated`. The part before the dot
    /// is the service whose log carries it.
    const TYPE: &'static str;
    /// Counts incompatible changes; a compatible one keeps it.
    const VERSION: u32 = 1;
    /// How the committed JSON Schema may change.
    const COMPATIBILITY: Compatibility = Compatibility::Full;

    /// The aggregate, `<kind>/<id>`: the key by which order is kept.
    fn subject(&self) -> String;

    /// Whose personal data the event carries; it is blanked when they are erased.
    fn owner(&self) -> Option<Uuid>;
}

/// An event as a handler receives it.
#[derive(Clone, Debug)]
pub struct Event<T> {
    /// Position in the source's log.
    pub seq: i64,
    /// Identity of the event (UUIDv7).
    pub id: Uuid,
    /// The aggregate.
    pub subject: String,
    /// Counts the events of the aggregate from 1.
    pub subject_version: i64,
    /// Who caused it; `None` for the system.
    pub actor: Option<Uuid>,
    /// Commit time of the transaction, as the producer saw it.
    pub time: Timestamp,
    /// What happened.
    pub data: T,
}

/// An event as the log keeps it.
#[derive(Clone, Debug)]
pub struct Recorded {
    /// Position in the log.
    pub seq: i64,
    /// Identity of the event.
    pub id: Uuid,
    /// Its type, [`DomainEvent::TYPE`].
    pub kind: String,
    /// Its schema version.
    pub version: u32,
    /// The aggregate.
    pub subject: String,
    /// Counts the events of the aggregate from 1.
    pub subject_version: i64,
    /// Whose personal data it carries.
    pub owner: Option<Uuid>,
    /// Who caused it.
    pub actor: Option<Uuid>,
    /// W3C trace context of the cause.
    pub trace: Option<String>,
    /// When it happened.
    pub time: Timestamp,
    /// The data as JSON text; `None` after an erasure.
    pub data: Option<String>,
}

pub(crate) const COLUMNS: &str =
    "seq, id, type, version, subject, subject_version, owner, actor, trace, time, data";

impl Recorded {
    pub(crate) fn from_row(row: &Row) -> Result<Self> {
        Ok(Self {
            seq: row.at(0)?,
            id: row.at(1)?,
            kind: row.at(2)?,
            version: row.at(3)?,
            subject: row.at(4)?,
            subject_version: row.at(5)?,
            owner: row.at(6)?,
            actor: row.at(7)?,
            trace: row.at(8)?,
            time: row.at(9)?,
            data: row.at(10)?,
        })
    }

    /// The event in CloudEvents 1.0 structured JSON.
    #[must_use]
    pub fn to_cloudevent(&self) -> Value {
        let (source, _) = self.kind.split_once('.').unwrap_or((&self.kind, ""));
        json!({
            "specversion": "1.0",
            "id": self.id,
            "source": format!("/{source}"),
            "type": self.kind,
            "subject": self.subject,
            "time": self.time.to_string(),
            "datacontenttype": "application/json",
            "dataversion": self.version,
            "sequence": self.seq.to_string(),
            "subjectversion": self.subject_version,
            "traceparent": self.trace,
            "data": self.data.as_deref().and_then(|text| serde_json::from_str::<Value>(text).ok()),
        })
    }
}
