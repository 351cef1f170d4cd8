//! Appending to the log inside the transaction that caused the event.

use crate::DomainEvent;
use hanse_store::{Json, Result, StoreError, Tx, params};

// Holds off an erasure of the owner until this transaction ends (see erase.rs). A statement of its own:
// the one that appends must see what an erasure that it had to wait for has done.
const HOLD_POSTGRES: &str = "SELECT CAST(pg_advisory_xact_lock_shared(5134,
    hashtext(CAST(CAST($1 AS UUID) AS TEXT))) AS TEXT)";

// One statement finds the subject's version, refuses an erased owner and appends. It is no INSERT … SELECT:
// for one that reads the table that it fills, SQLite builds a temporary table, and copies every page
// before it changes it, which was a fifth of the writer's work. An erased owner's event has no id, so
// it is ignored; nothing else can be amiss, since one writer finds the version and uses it.
const APPEND_SQLITE: &str = "INSERT OR IGNORE INTO events
    (id, type, version, subject, subject_version, owner, actor, trace, time, data)
    VALUES (CASE WHEN EXISTS (SELECT 1 FROM erased_owners WHERE owner = $5) THEN NULL ELSE $1 END,
            $2, $3, $4,
            coalesce((SELECT max(subject_version) FROM events WHERE subject = $4), 0) + 1,
            $5, $6, $7, $8, $9)";

// The transaction takes its id before it takes a sequence number. A reader that meets a gap can then
// tell from its snapshot whether the gap's owner is still running (see log.rs).
const APPEND_POSTGRES: &str = "INSERT INTO events
    (seq, id, type, version, subject, subject_version, owner, actor, trace, time, data)
    OVERRIDING SYSTEM VALUE
    SELECT nextval(CASE WHEN pg_current_xact_id() IS NOT NULL THEN 'events_seq_seq'::regclass END),
           $1, $2, $3, $4,
           coalesce((SELECT max(subject_version) FROM events WHERE subject = $4), 0) + 1,
           $5, $6, $7, $8, $9
    WHERE NOT EXISTS (SELECT 1 FROM erased_owners WHERE owner = $5)
    RETURNING seq";

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
        let owner = event.owner();
        if let Some(owner) = owner {
            self.ahead_on_postgres(HOLD_POSTGRES, params![owner]);
        }
        let origin = self.origin().clone();
        let append = self.pick((APPEND_SQLITE, APPEND_POSTGRES));
        let params = params![
            self.new_id(),
            T::TYPE,
            T::VERSION,
            event.subject(),
            owner,
            origin.actor,
            origin.trace,
            self.now(),
            Json(event),
        ];
        let seq = self.append(append, params).await?.ok_or(StoreError::Erased)?;
        self.note_event(seq);
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use hanse_store::{Clock, Db, Ids, Result, StoreConfig, StoreError, Tx, Value, params};
    use uuid::Uuid;

    use super::APPEND_SQLITE;

    /// A temporary table would be filled and read back for every event.
    #[tokio::test]
    async fn an_event_is_appended_straight_to_its_table() -> Result<()> {
        let folder = std::env::temp_dir().join(format!("hanse-append-{}", std::process::id()));
        std::fs::create_dir_all(&folder).ok();
        let config = StoreConfig::Sqlite { folder: folder.clone() };
        let db = Db::open(&config, "producer", Ids::system(Clock::system()), false).await?;
        db.migrate(&[crate::SCHEMA]).await?;
        let steps = db
            .write::<_, StoreError, _>(async |tx: &mut Tx| {
                let (id, now) = (tx.new_id(), tx.now());
                let owner = Uuid::nil();
                let values =
                    params![id, "a.B", 1, "b/1", owner, Value::Null, Value::Null, now, "{}"];
                let rows = tx.all(format!("EXPLAIN {APPEND_SQLITE}"), values).await?;
                rows.iter().map(|row| row.at::<String>(1)).collect::<Result<Vec<_>>>()
            })
            .await?;
        drop(db);
        std::fs::remove_dir_all(folder).ok();
        assert!(steps.iter().any(|step| step == "Insert"), "{steps:?}");
        assert!(!steps.iter().any(|step| step == "OpenEphemeral"), "{steps:?}");
        Ok(())
    }
}
