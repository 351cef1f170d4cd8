//! What people searched for.
//!
//! A search must not wait for a disk, so it is first noted in memory and written with others by a
//! task, about a second later; whoever looks at their history has it written first. A crash loses
//! that second: accepted, since nothing else depends on it. The same question again is the same
//! row, counted.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use hanse_store::{Db, Result, StoreError, Tx, params};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

use crate::config::SearchConfig;

/// Notes that may wait; beyond that searches go unrecorded rather than memory grow.
const WAITING: usize = 10_000;
/// Notes written in one transaction.
const BATCH: usize = 500;
/// How often old entries are looked for.
const TIDY: Duration = Duration::from_secs(600);

#[derive(Clone, Copy)]
struct Note {
    times: i64,
    results: i64,
    at: Timestamp,
}

type Notes = BTreeMap<(Uuid, String), Note>;

/// Searches that wait to be written.
#[derive(Default)]
pub(crate) struct History {
    waiting: Mutex<Notes>,
    /// Held while notes are between memory and table, so that nothing forgotten comes back.
    writing: tokio::sync::Mutex<()>,
}

impl History {
    /// Notes a search.
    pub(crate) fn record(&self, owner: Uuid, query: &str, results: usize, at: Timestamp) {
        let mut waiting = self.waiting();
        if waiting.len() >= WAITING {
            return;
        }
        let results = i64::try_from(results).unwrap_or(i64::MAX);
        let query = query.split_whitespace().collect::<Vec<_>>().join(" ");
        let note = waiting.entry((owner, query)).or_insert(Note { times: 0, results, at });
        *note = Note { times: note.times + 1, results, at };
    }

    /// Drops what waits of an owner, or one question of theirs.
    pub(crate) fn forget(&self, owner: Uuid, query: Option<&str>) {
        self.waiting().retain(|(other, text), _| {
            *other != owner || query.is_some_and(|query| text.as_str() != query)
        });
    }

    /// Keeps notes from moving to the table while the returned guard lives.
    pub(crate) async fn hold(&self) -> tokio::sync::MutexGuard<'_, ()> {
        self.writing.lock().await
    }

    /// Writes what waits.
    pub(crate) async fn flush(&self, db: &Db) -> Result<()> {
        let _guard = self.hold().await;
        loop {
            let notes = self.take();
            if notes.is_empty() {
                return Ok(());
            }
            db.write(async move |tx: &mut Tx| write(tx, notes).await).await?;
        }
    }

    /// Writes and tidies until the future is dropped.
    pub(crate) async fn run(&self, db: &Db, config: &SearchConfig) {
        let every = Duration::from_millis(config.history_flush_ms.into());
        let mut tidy_at = tokio::time::Instant::now() + TIDY;
        loop {
            tokio::time::sleep(every).await;
            if let Err(error) = self.flush(db).await {
                let error = &error as &dyn std::error::Error;
                tracing::warn!(error, "searches could not be recorded");
            }
            if tidy_at <= tokio::time::Instant::now() {
                tidy_at = tokio::time::Instant::now() + TIDY;
                let (days, most) = (config.history_days, config.history_entries);
                let tidied = db.write(async move |tx: &mut Tx| tidy(tx, days, most).await).await;
                if let Err(error) = tidied {
                    let error = &error as &dyn std::error::Error;
                    tracing::warn!(error, "old searches could not be deleted");
                }
            }
        }
    }

    fn take(&self) -> Notes {
        let mut waiting = self.waiting();
        match waiting.keys().nth(BATCH).cloned() {
            Some(next) => {
                let rest = waiting.split_off(&next);
                std::mem::replace(&mut waiting, rest)
            }
            None => std::mem::take(&mut waiting),
        }
    }

    fn waiting(&self) -> MutexGuard<'_, Notes> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

const UNWANTED: &str =
    "SELECT 1 AS one FROM search_preferences WHERE owner = $1 AND NOT record_history";
const ADD: &str = "INSERT INTO search_history (owner, query, times, results, searched_at)
    VALUES ($1, $2, $3, $4, $5)
    ON CONFLICT (owner, query) DO UPDATE SET times = search_history.times + excluded.times,
        results = excluded.results, searched_at = excluded.searched_at";

async fn write(tx: &mut Tx, notes: Notes) -> Result<(), StoreError> {
    let erased = hanse_events::erased_among(tx, notes.keys().map(|(owner, _)| *owner)).await?;
    let mut last = None;
    for ((owner, query), Note { times, results, at }) in notes {
        let wanted = match last {
            Some((known, wanted)) if known == owner => wanted,
            _ if erased.contains(&owner) => false,
            _ => tx.optional(UNWANTED, params![owner]).await?.is_none(),
        };
        last = Some((owner, wanted));
        if wanted {
            tx.execute(ADD, params![owner, query, times, results, at]).await?;
        }
    }
    Ok(())
}

const OUTDATED: &str = "DELETE FROM search_history WHERE searched_at < $1";
const HOARDERS: &str =
    "SELECT owner FROM search_history GROUP BY owner HAVING count(*) > $1 LIMIT 1000";
const SURPLUS: &str = "DELETE FROM search_history WHERE owner = $1 AND query NOT IN
    (SELECT query FROM search_history WHERE owner = $1 ORDER BY searched_at DESC, query LIMIT $2)";

async fn tidy(tx: &mut Tx, days: u32, most: u32) -> Result<(), StoreError> {
    let age = SignedDuration::from_hours(i64::from(days) * 24);
    let before = tx.now().saturating_sub(age).unwrap_or(Timestamp::MIN);
    tx.execute(OUTDATED, params![before]).await?;
    for row in tx.all(HOARDERS, params![most]).await? {
        tx.execute(SURPLUS, params![row.at::<Uuid>(0)?, most]).await?;
    }
    Ok(())
}

/// One question a person asked.
#[derive(Debug)]
pub(crate) struct Asked {
    pub(crate) query: String,
    pub(crate) times: i64,
    pub(crate) results: i64,
    pub(crate) searched_at: Timestamp,
}

const NEWEST: &str = "SELECT query, times, results, searched_at FROM search_history
    WHERE owner = $1 ORDER BY searched_at DESC, query LIMIT $2";
const OLDER: &str = "SELECT query, times, results, searched_at FROM search_history
    WHERE owner = $1 AND (searched_at < $3 OR (searched_at = $3 AND query > $4))
    ORDER BY searched_at DESC, query LIMIT $2";
const MOST_ASKED: &str = "SELECT query, times, results, searched_at FROM search_history
    WHERE owner = $1 ORDER BY times DESC, searched_at DESC, query LIMIT $2";
const UNANSWERED: &str = "SELECT query, times, results, searched_at FROM search_history
    WHERE owner = $1 AND results = 0 ORDER BY searched_at DESC, query LIMIT $2";
const TOTALS: &str =
    "SELECT CAST(coalesce(sum(times), 0) AS BIGINT) AS searches, count(*) AS queries,
        count(CASE WHEN results = 0 THEN 1 END) AS unanswered
    FROM search_history WHERE owner = $1";

/// Recent questions, newest first, behind a place.
pub(crate) async fn recent(
    tx: &mut Tx,
    owner: Uuid,
    limit: u32,
    after: Option<(Timestamp, String)>,
) -> Result<Vec<Asked>> {
    let rows = match after {
        None => tx.all(NEWEST, params![owner, limit]).await?,
        Some((at, query)) => tx.all(OLDER, params![owner, limit, at, query]).await?,
    };
    rows.iter().map(asked).collect()
}

/// Questions asked most often.
pub(crate) async fn most_asked(tx: &mut Tx, owner: Uuid, limit: u32) -> Result<Vec<Asked>> {
    tx.all(MOST_ASKED, params![owner, limit]).await?.iter().map(asked).collect()
}

/// Questions whose last answer was empty, newest first.
pub(crate) async fn unanswered(tx: &mut Tx, owner: Uuid, limit: u32) -> Result<Vec<Asked>> {
    tx.all(UNANSWERED, params![owner, limit]).await?.iter().map(asked).collect()
}

/// Searches, different ones, and those whose last answer was empty.
pub(crate) async fn totals(tx: &mut Tx, owner: Uuid) -> Result<(i64, i64, i64)> {
    let row = tx.one(TOTALS, params![owner]).await?;
    Ok((row.at(0)?, row.at(1)?, row.at(2)?))
}

fn asked(row: &hanse_store::Row) -> Result<Asked> {
    Ok(Asked { query: row.at(0)?, times: row.at(1)?, results: row.at(2)?, searched_at: row.at(3)? })
}

/// Deletes a person's history, or one question of it.
pub(crate) async fn delete(tx: &mut Tx, owner: Uuid, query: Option<String>) -> Result<()> {
    match query {
        None => erase(tx, owner).await,
        Some(query) => {
            let sql = "DELETE FROM search_history WHERE owner = $1 AND query = $2";
            tx.execute(sql, params![owner, query]).await.map(drop)
        }
    }
}

pub(crate) async fn erase(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute("DELETE FROM search_history WHERE owner = $1", params![owner]).await.map(drop)
}
