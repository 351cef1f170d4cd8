//! Whom there is to tell.

use hanse_store::{Result, Row, Tx, params};
use uuid::Uuid;

/// Somebody with an account.
#[derive(Clone, Debug)]
pub(crate) struct Person {
    pub(crate) id: Uuid,
    pub(crate) email: String,
    pub(crate) name: String,
}

const LEARN: &str =
    "INSERT INTO people (user_id, email, name, known, seq) VALUES ($1, $2, $3, TRUE, 0)
    ON CONFLICT (user_id) DO UPDATE SET email = excluded.email, name = excluded.name, known = TRUE";
const FIND: &str = "SELECT user_id, email, name FROM people WHERE user_id = $1 AND known";
const AFTER: &str = "SELECT user_id, email, name FROM people WHERE user_id > $1 AND known
    ORDER BY user_id LIMIT $2";
const TURN: &str =
    "INSERT INTO people (user_id, email, name, known, seq) VALUES ($1, '', '', FALSE, 1)
    ON CONFLICT (user_id) DO UPDATE SET seq = people.seq + 1 RETURNING seq";
const SEQ: &str = "SELECT seq FROM people WHERE user_id = $1";
const COUNT: &str = "SELECT COUNT(*) AS people FROM people WHERE known";

/// Stores what identity says of somebody.
pub(crate) async fn learn(tx: &mut Tx, id: Uuid, email: &str, name: &str) -> Result<()> {
    tx.execute(LEARN, params![id, email, name]).await.map(drop)
}

/// Somebody by account.
pub(crate) async fn find(tx: &mut Tx, id: Uuid) -> Result<Option<Person>> {
    tx.optional(FIND, params![id]).await?.as_ref().map(person).transpose()
}

/// The next people by account.
pub(crate) async fn after(tx: &mut Tx, id: Uuid, limit: u32) -> Result<Vec<Person>> {
    tx.all(AFTER, params![id, limit]).await?.iter().map(person).collect()
}

/// How many there are.
pub(crate) async fn count(tx: &mut Tx) -> Result<i64> {
    tx.one(COUNT, &[]).await?.at(0)
}

/// The number of the next change of somebody's list. Whoever takes one holds off others who change the
/// same list until the end of the transaction, so that numbers become readable in their order.
pub(crate) async fn turn(tx: &mut Tx, id: Uuid) -> Result<i64> {
    tx.one(TURN, params![id]).await?.at(0)
}

/// The number of the last change of somebody's list.
pub(crate) async fn seq(tx: &mut Tx, id: Uuid) -> Result<i64> {
    tx.optional(SEQ, params![id]).await?.map_or(Ok(0), |row| row.at(0))
}

fn person(row: &Row) -> Result<Person> {
    Ok(Person { id: row.at(0)?, email: row.at(1)?, name: row.at(2)? })
}
