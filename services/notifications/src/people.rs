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

/// What somebody can belong to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Membership {
    Role,
    Group,
}

impl Membership {
    fn name(self) -> &'static str {
        match self {
            Self::Role => "role",
            Self::Group => "group",
        }
    }
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
const LEAVE: &str = "DELETE FROM memberships WHERE user_id = $1";
const JOIN: &str = "INSERT INTO memberships (user_id, kind, name) VALUES ($1, $2, $3)
    ON CONFLICT (user_id, kind, name) DO NOTHING";
const MEMBERS: &str = "SELECT p.user_id, p.email, p.name FROM memberships m
    JOIN people p ON p.user_id = m.user_id WHERE m.kind = $1 AND m.name = $2 AND p.known
    ORDER BY m.user_id LIMIT $3";
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

/// Those of these who are known, by account.
pub(crate) async fn among(tx: &mut Tx, ids: &[Uuid]) -> Result<Vec<Person>> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let marks: Vec<String> = (1..=ids.len()).map(|mark| format!("${mark}")).collect();
    let sql = format!(
        "SELECT user_id, email, name FROM people WHERE known AND user_id IN ({}) ORDER BY user_id",
        marks.join(", ")
    );
    let ids: Vec<hanse_store::Value> = ids.iter().map(|id| (*id).into()).collect();
    tx.all(sql, &ids).await?.iter().map(person).collect()
}

/// How many there are.
pub(crate) async fn count(tx: &mut Tx) -> Result<i64> {
    tx.one(COUNT, &[]).await?.at(0)
}

/// Stores what somebody belongs to now.
pub(crate) async fn join(tx: &mut Tx, id: Uuid, roles: &[String], groups: &[Uuid]) -> Result<()> {
    tx.execute(LEAVE, params![id]).await?;
    for role in roles {
        tx.execute(JOIN, params![id, Membership::Role.name(), role]).await?;
    }
    for group in groups {
        tx.execute(JOIN, params![id, Membership::Group.name(), group.to_string()]).await?;
    }
    Ok(())
}

/// Who belongs to this, by account.
pub(crate) async fn members(
    tx: &mut Tx,
    kind: Membership,
    name: &str,
    limit: u32,
) -> Result<Vec<Person>> {
    // Whoever was never said to have a role is a user.
    if kind == Membership::Role && name == "user" {
        return after(tx, Uuid::nil(), limit).await;
    }
    tx.all(MEMBERS, params![kind.name(), name, limit]).await?.iter().map(person).collect()
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
