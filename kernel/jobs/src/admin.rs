//! What an operator does with jobs: look, have dead ones tried again, drop them. What a job carries may
//! be somebody's own and is never shown.

use hanse_store::{Result, Row, Tx, Value, params};
use jiff::Timestamp;
use serde::Serialize;
use uuid::Uuid;

/// A job as an operator sees it.
#[derive(Clone, Debug, Serialize)]
pub struct Waiting {
    /// Its id, which receivers get as idempotency key.
    pub id: Uuid,
    /// What is to be done.
    pub kind: String,
    /// Whose data it carries.
    pub owner: Option<Uuid>,
    /// When it is due.
    pub run_at: Timestamp,
    /// Not tried after this time.
    pub deadline: Option<Timestamp>,
    /// How often it was tried.
    pub attempts: i64,
    /// Until when a process tries it.
    pub lease_until: Option<Timestamp>,
    /// True when it is not tried any more.
    pub dead: bool,
    /// Why it failed last.
    pub cause: Option<String>,
    /// When it was asked for.
    pub created_at: Timestamp,
}

/// Which jobs are meant.
#[derive(Clone, Debug, Default)]
pub struct Which {
    /// Only those of this kind.
    pub kind: Option<String>,
    /// Only this one.
    pub id: Option<Uuid>,
}

impl Which {
    /// The condition, beside others, with its values after `$first - 1` others.
    fn condition(&self, first: usize) -> (String, Vec<Value>) {
        let (mut sql, mut values) = (String::new(), Vec::new());
        let kind = self.kind.clone().map(Value::from);
        for (column, value) in [("kind", kind), ("id", self.id.map(Value::from))] {
            if let Some(value) = value {
                sql.push_str(&format!(" AND {column} = ${}", first + values.len()));
                values.push(value);
            }
        }
        (sql, values)
    }
}

/// Up to 1,000 jobs by the time they are due; dead ones only, or those that are not.
///
/// # Errors
/// Whatever the store says.
pub async fn list(tx: &mut Tx, dead: bool, which: &Which, limit: u32) -> Result<Vec<Waiting>> {
    let (condition, values) = which.condition(3);
    let sql = format!(
        "SELECT id, kind, owner, run_at, deadline, attempts, lease_until, dead, cause, created_at
         FROM jobs WHERE dead = $1{condition} ORDER BY run_at, id LIMIT $2"
    );
    let values = [params![dead, limit.min(1000)], &values].concat();
    tx.all(sql, &values).await?.iter().map(waiting).collect()
}

/// Gives dead jobs a new set of tries, now. One whose deadline has passed dies again at once. Returns how
/// many.
///
/// # Errors
/// Whatever the store says.
pub async fn redrive(tx: &mut Tx, which: &Which) -> Result<u64> {
    let (condition, values) = which.condition(2);
    let sql = format!(
        "UPDATE jobs SET dead = FALSE, attempts = 0, run_at = $1, lease = NULL, lease_until = NULL
         WHERE dead = TRUE{condition}"
    );
    let now = tx.now();
    let count = tx.execute(sql, &[params![now], &values].concat()).await?;
    if count > 0 {
        tx.note_job();
    }
    Ok(count)
}

/// Drops a dead job for good. Returns how many were dropped.
///
/// # Errors
/// Whatever the store says.
pub async fn discard(tx: &mut Tx, id: Uuid) -> Result<u64> {
    tx.execute("DELETE FROM jobs WHERE dead = TRUE AND id = $1", params![id]).await
}

fn waiting(row: &Row) -> Result<Waiting> {
    Ok(Waiting {
        id: row.at(0)?,
        kind: row.at(1)?,
        owner: row.at(2)?,
        run_at: row.at(3)?,
        deadline: row.at(4)?,
        attempts: row.at(5)?,
        lease_until: row.at(6)?,
        dead: row.at(7)?,
        cause: row.at(8)?,
        created_at: row.at(9)?,
    })
}
