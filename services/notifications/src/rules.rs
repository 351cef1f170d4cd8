//! The repository of rules. Administrators and firing come here; nothing of a rule is anybody's own.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use hanse_store::{Json, Result, Row, Tx, params};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::rule::{Rule, Throttle};

/// A rule in the store, and how it does.
#[derive(Clone, Debug)]
pub(crate) struct Stored {
    pub(crate) id: Uuid,
    pub(crate) rule: Rule,
    pub(crate) version: i64,
    pub(crate) author: Uuid,
    /// Events that it made messages of.
    pub(crate) fired: i64,
    /// Messages that were one too many for somebody.
    pub(crate) throttled: i64,
    /// Events that it could make nothing of.
    pub(crate) failed: i64,
    /// Why it failed last.
    pub(crate) cause: Option<String>,
    pub(crate) fired_at: Option<Timestamp>,
    /// Events from before are none of its business.
    pub(crate) enabled_at: Timestamp,
    pub(crate) created_at: Timestamp,
    pub(crate) updated_at: Timestamp,
}

/// What an event did to a rule's figures.
#[derive(Clone, Copy, Debug, Default)]
pub(crate) struct Tally {
    pub(crate) fired: i64,
    pub(crate) throttled: i64,
    pub(crate) failed: i64,
}

macro_rules! rule {
    ($rest:literal) => {
        concat!(
            "SELECT id, rule, version, author, fired, throttled, failed, cause, fired_at, enabled_at,
             created_at, updated_at FROM notification_rules WHERE ",
            $rest
        )
    };
}
const FIND: &str = rule!("id = $1");
const PAGE: &str = rule!("id > $1 ORDER BY id LIMIT $2");
const OF_EVENT: &str = rule!("enabled AND event = $1 ORDER BY id LIMIT 100");
const EVENTS: &str = "SELECT DISTINCT event FROM notification_rules WHERE enabled";
const COUNT: &str = "SELECT COUNT(*) AS rules FROM notification_rules";
const INSERT: &str =
    "INSERT INTO notification_rules (id, event, enabled, rule, version, author, fired,
    throttled, failed, enabled_at, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, 0, 0, 0, $7, $8, $8)";
const SAVE: &str =
    "UPDATE notification_rules SET event = $2, enabled = $3, rule = $4, version = $5,
    enabled_at = $6, updated_at = $7, cause = NULL WHERE id = $1";
const NOTE: &str = "UPDATE notification_rules SET fired = fired + $2, throttled = throttled + $3,
    failed = failed + $4, cause = coalesce($5, cause),
    fired_at = CASE WHEN $2 > 0 THEN $6 ELSE fired_at END WHERE id = $1";
const DELETE: &str = "DELETE FROM notification_rules WHERE id = $1";
// One message may be in the list and go other ways too: it counts once.
const TOLD: &str = "SELECT COUNT(*) AS told FROM (
    SELECT id FROM notifications WHERE owner = $1 AND created_at > $3 AND cause LIKE $4
    UNION SELECT notification FROM deliveries WHERE owner = $1 AND sending = $2 AND created_at > $3
    ) AS told";

/// The rule of this id.
pub(crate) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Stored>> {
    tx.optional(FIND, params![id]).await?.as_ref().map(from_row).transpose()
}

/// Rules by id, after `after`.
pub(crate) async fn page(tx: &mut Tx, after: Uuid, limit: u32) -> Result<Vec<Stored>> {
    tx.all(PAGE, params![after, limit]).await?.iter().map(from_row).collect()
}

/// How many there are.
pub(crate) async fn count(tx: &mut Tx) -> Result<i64> {
    tx.one(COUNT, &[]).await?.at(0)
}

/// The rules that follow events of this type.
pub(crate) async fn of_event(tx: &mut Tx, event: &str) -> Result<Vec<Stored>> {
    tx.all(OF_EVENT, params![event]).await?.iter().map(from_row).collect()
}

/// Stores a new rule.
pub(crate) async fn insert(tx: &mut Tx, stored: &Stored) -> Result<()> {
    let Stored { id, rule, version, author, enabled_at, created_at, .. } = stored;
    let event = &rule.event;
    let params =
        params![*id, event, rule.enabled, Json(rule), *version, *author, *enabled_at, *created_at];
    tx.execute(INSERT, params).await.map(drop)
}

/// Stores a changed rule.
pub(crate) async fn save(tx: &mut Tx, stored: &Stored) -> Result<()> {
    let Stored { id, rule, version, enabled_at, updated_at, .. } = stored;
    let event = &rule.event;
    let params = params![*id, event, rule.enabled, Json(rule), *version, *enabled_at, *updated_at];
    tx.execute(SAVE, params).await.map(drop)
}

/// Adds to a rule's figures.
pub(crate) async fn note(tx: &mut Tx, id: Uuid, tally: Tally, cause: Option<&str>) -> Result<()> {
    let Tally { fired, throttled, failed } = tally;
    let now = tx.now();
    tx.execute(NOTE, params![id, fired, throttled, failed, cause, now]).await.map(drop)
}

/// Removes a rule. False when there is none.
pub(crate) async fn delete(tx: &mut Tx, id: Uuid) -> Result<bool> {
    Ok(tx.execute(DELETE, params![id]).await? == 1)
}

/// Has this rule told somebody as often as it may?
pub(crate) async fn is_enough(
    tx: &mut Tx,
    rule: Uuid,
    person: Uuid,
    throttle: Throttle,
) -> Result<bool> {
    let span = SignedDuration::from_secs(throttle.seconds.into());
    let since = tx.now().saturating_sub(span).unwrap_or(Timestamp::UNIX_EPOCH);
    let params = params![person, rule, since, format!("rule {rule} %")];
    Ok(tx.one(TOLD, params).await?.at::<i64>(0)? >= throttle.most.into())
}

fn from_row(row: &Row) -> Result<Stored> {
    Ok(Stored {
        id: row.at(0)?,
        rule: row.at::<Json<Rule>>(1)?.0,
        version: row.at(2)?,
        author: row.at(3)?,
        fired: row.at(4)?,
        throttled: row.at(5)?,
        failed: row.at(6)?,
        cause: row.at(7)?,
        fired_at: row.at(8)?,
        enabled_at: row.at(9)?,
        created_at: row.at(10)?,
        updated_at: row.at(11)?,
    })
}

/// How long a process may not know of a rule that another has made.
const STALE: SignedDuration = SignedDuration::from_secs(1);

/// Which types of events any rule follows, as this process knows it: most events are followed by none,
/// and are to cost nothing. Cheap to clone.
#[derive(Clone, Default)]
pub(crate) struct Followed(Arc<Mutex<Known>>);

#[derive(Default)]
struct Known {
    /// Counts what made the rest doubtful.
    changes: u64,
    types: Option<(Timestamp, Arc<BTreeSet<String>>)>,
}

impl Followed {
    /// Has a rule of this type been made?
    pub(crate) async fn contains(&self, tx: &mut Tx, event: &str) -> Result<bool> {
        let now = tx.now();
        let changes = {
            let known = self.lock();
            if let Some((since, types)) = &known.types
                && now.duration_since(*since).abs() < STALE
            {
                return Ok(types.contains(event));
            }
            known.changes
        };
        let rows = tx.all(EVENTS, &[]).await?;
        let types = rows.iter().map(|row| row.at(0)).collect::<Result<BTreeSet<String>>>()?;
        let found = types.contains(event);
        let mut known = self.lock();
        // What was read before a change is not kept after it.
        if known.changes == changes {
            known.types = Some((now, Arc::new(types)));
        }
        Ok(found)
    }

    /// Rules were changed.
    pub(crate) fn forget(&self) {
        let mut known = self.lock();
        known.changes += 1;
        known.types = None;
    }

    fn lock(&self) -> MutexGuard<'_, Known> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
