//! A log record as a Kafka record: CloudEvents 1.0, Kafka protocol binding, binary mode.
//!
//! | place | holds |
//! |---|---|
//! | value | the data, JSON; none after an erasure |
//! | key | the subject |
//! | `ce_id`, `ce_source`, `ce_type`, `ce_time`, `ce_subject` | CloudEvents attributes |
//! | `ce_sequence` | position in the producer's log |
//! | `ce_previous` | no event of this partition lies strictly between this and `ce_sequence` |
//! | `ce_dataversion`, `ce_subjectversion` | schema version; count within the subject |
//! | `ce_owner`, `ce_actor`, `ce_traceparent` | where known |
//!
//! The record's own timestamp is the broker's: retention counts from the publishing, so that what is
//! republished is not deleted at once for being old.

use hanse_events::Recorded;
use jiff::Timestamp;
use rdkafka::message::{BorrowedMessage, Header, Headers as _, Message as _, OwnedHeaders};
use uuid::Uuid;

use crate::error::KafkaError;

/// The type of a record that only says how far the log has come.
pub(crate) const WATERMARK: &str = "hanse.watermark";

/// A record and what it claims.
#[derive(Clone, Debug)]
pub(crate) struct Claimed {
    /// No event of the partition lies strictly between this and the record's sequence number.
    pub(crate) previous: i64,
    /// Where it lies in the partition.
    pub(crate) offset: i64,
    /// The event, or a watermark: a record without data, of type [`WATERMARK`].
    pub(crate) record: Recorded,
}

impl Claimed {
    pub(crate) fn is_watermark(&self) -> bool {
        self.record.kind == WATERMARK
    }
}

/// A watermark: the partition holds no event after `previous` up to and including `sequence`.
pub(crate) fn watermark(sequence: i64, time: Timestamp) -> Recorded {
    Recorded {
        seq: sequence,
        id: Uuid::nil(),
        kind: WATERMARK.to_owned(),
        version: 0,
        subject: String::new(),
        subject_version: 0,
        owner: None,
        actor: None,
        trace: None,
        time,
        data: None,
    }
}

/// The headers of a record of `source`'s log.
pub(crate) fn headers(record: &Recorded, source: &str, previous: i64) -> OwnedHeaders {
    let mut headers = OwnedHeaders::new_with_capacity(14);
    let mut add = |key: &str, value: &str| {
        let empty = OwnedHeaders::new_with_capacity(0);
        let header = Header { key, value: Some(value) };
        headers = std::mem::replace(&mut headers, empty).insert(header);
    };
    add("ce_specversion", "1.0");
    add("ce_id", &record.id.to_string());
    add("ce_source", source);
    add("ce_type", &record.kind);
    add("ce_time", &record.time.to_string());
    add("ce_sequence", &record.seq.to_string());
    add("ce_previous", &previous.to_string());
    if record.kind != WATERMARK {
        add("ce_subject", &record.subject);
        add("ce_subjectversion", &record.subject_version.to_string());
        add("ce_dataversion", &record.version.to_string());
        add("content-type", "application/json");
    }
    let optional = [
        ("ce_owner", record.owner.map(|id| id.to_string())),
        ("ce_actor", record.actor.map(|id| id.to_string())),
        ("ce_traceparent", record.trace.clone()),
    ];
    for (key, value) in optional {
        if let Some(value) = value {
            add(key, &value);
        }
    }
    headers
}

/// Reads a record back.
///
/// # Errors
/// [`KafkaError::Foreign`] for one that no relay has written.
pub(crate) fn read(message: &BorrowedMessage<'_>) -> Result<Claimed, KafkaError> {
    parse(message).map_err(|what| KafkaError::Foreign {
        topic: message.topic().to_owned(),
        partition: message.partition(),
        offset: message.offset(),
        what,
    })
}

fn parse(message: &BorrowedMessage<'_>) -> Result<Claimed, String> {
    let mut record = watermark(0, Timestamp::UNIX_EPOCH);
    record.kind = String::new();
    let (mut sequence, mut previous) = (None, None);
    let headers = message.headers().ok_or("it has no headers")?;
    for Header { key, value } in headers.iter() {
        let Some(value) = value else { continue };
        let text = std::str::from_utf8(value).map_err(|_| format!("{key} is no text"))?;
        let wrong = || format!("{key} is {text:?}");
        match key {
            "ce_id" => record.id = text.parse().map_err(|_| wrong())?,
            "ce_type" => record.kind = text.to_owned(),
            "ce_time" => record.time = text.parse().map_err(|_| wrong())?,
            "ce_subject" => record.subject = text.to_owned(),
            "ce_sequence" => sequence = Some(text.parse().map_err(|_| wrong())?),
            "ce_previous" => previous = Some(text.parse().map_err(|_| wrong())?),
            "ce_subjectversion" => record.subject_version = text.parse().map_err(|_| wrong())?,
            "ce_dataversion" => record.version = text.parse().map_err(|_| wrong())?,
            "ce_owner" => record.owner = Some(text.parse().map_err(|_| wrong())?),
            "ce_actor" => record.actor = Some(text.parse().map_err(|_| wrong())?),
            "ce_traceparent" => record.trace = Some(text.to_owned()),
            _ => {}
        }
    }
    if record.kind.is_empty() {
        return Err("ce_type is missing".to_owned());
    }
    record.seq = sequence.ok_or("ce_sequence is missing")?;
    let data = message.payload().map(|data| String::from_utf8(data.to_vec()));
    record.data = data.transpose().map_err(|_| "the value is no text")?;
    let previous = previous.ok_or("ce_previous is missing")?;
    Ok(Claimed { previous, offset: message.offset(), record })
}
