//! Appending to the log inside the transaction that caused the event.

use hanse_store::{Json, Result, StoreError, Tx, params};
use uuid::Uuid;

use crate::DomainEvent;

const BEFORE_SQLITE: &str =
    "SELECT (SELECT max(subject_version) FROM events WHERE subject = $1) AS version,
    EXISTS (SELECT 1 FROM erased_owners WHERE owner = $2) AS erased";

// Holds off an erasure of the owner until this transaction ends (see erase.rs).
const BEFORE_POSTGRES: &str =
    "SELECT (SELECT max(subject_version) FROM events WHERE subject = $1) AS version,
    EXISTS (SELECT 1 FROM erased_owners WHERE owner = $2) AS erased,
    CAST(pg_advisory_xact_lock_shared(5134, hashtext(CAST(CAST($2 AS UUID) AS TEXT))) AS TEXT)";

const APPEND_SQLITE: &str = "INSERT INTO events
    (id, type, version, subject, subject_version, owner, actor, trace, time, data)
    VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10) RETURNING seq";

// The transaction takes its id before it takes a sequence number. A reader that meets a gap can then
// tell from its snapshot whether the gap's owner is still running (see log.rs). Whether the owner was
// erased is asked again: the statement before may have waited for the erasure, and has not seen it.
const APPEND_POSTGRES: &str = "INSERT INTO events
    (seq, id, type, version, subject, subject_version, owner, actor, trace, time, data)
    OVERRIDING SYSTEM VALUE
    SELECT nextval(CASE WHEN pg_current_xact_id() IS NOT NULL THEN 'events_seq_seq'::regclass END),
           $1, $2, $3, $4, $5, $6, $7, $8, $9, $10
    WHERE NOT EXISTS (SELECT 1 FROM erased_owners WHERE owner = $6) RETURNING seq";

/// Adds `tx.emit(&event)`.
pub trait Emit {
    /// Appends an event to this service's log, in this transaction.
    ///
    /// # Errors
    /// [`StoreError::Erased`] when the owner's data was erased, [`StoreError::Unique`] when another
    /// transaction appended to the same subject first.
    fn emit<T: DomainEvent>(&mut self, event: &T) -> impl Future<Output = Result<()>> + Send;
}

impl Emit for Tx {
    async fn emit<T: DomainEvent>(&mut self, event: &T) -> Result<()> {
        let subject = event.subject();
        let owner = event.owner();
        let before = self.pick((BEFORE_SQLITE, BEFORE_POSTGRES));
        let before = self.one(before, params![&subject, owner.unwrap_or(Uuid::nil())]).await?;
        if before.at::<bool>(1)? {
            return Err(StoreError::Erased);
        }
        let version = before.at::<Option<i64>>(0)?.unwrap_or(0) + 1;
        let origin = self.origin().clone();
        let append = self.pick((APPEND_SQLITE, APPEND_POSTGRES));
        let row = self
            .optional(
                append,
                params![
                    self.new_id(),
                    T::TYPE,
                    T::VERSION,
                    subject,
                    version,
                    owner,
                    origin.actor,
                    origin.trace,
                    self.now(),
                    Json(event),
                ],
            )
            .await?
            .ok_or(StoreError::Erased)?;
        self.note_event(row.at(0)?);
        Ok(())
    }
}
