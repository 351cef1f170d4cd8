//! How many living thoughts an account has under each tag.

use std::fmt::Write as _;

use hanse_store::{Result, Tx, Value, params};
use uuid::Uuid;

/// Tags per statement; there is one prepared statement per number up to it.
const AT_ONCE: usize = 8;

/// Counts one thought more under each of these tags.
pub(crate) async fn add(tx: &mut Tx, owner: Uuid, tags: &[String]) -> Result<()> {
    for some in tags.chunks(AT_ONCE) {
        let mut sql =
            String::from("INSERT INTO tag_counts (owner, tag, thoughts) VALUES ($1, $2, 1)");
        for place in 3..some.len() + 2 {
            // Writing to a string cannot fail.
            let _ = write!(sql, ", ($1, ${place}, 1)");
        }
        sql.push_str(" ON CONFLICT (owner, tag) DO UPDATE SET thoughts = tag_counts.thoughts + 1");
        let mut values = vec![Value::from(owner)];
        values.extend(some.iter().map(Value::from));
        tx.execute(sql, &values).await?;
    }
    Ok(())
}

const TAKE: &str = "UPDATE tag_counts SET thoughts = thoughts - 1 WHERE owner = $1 AND tag = $2";
const DROP: &str = "DELETE FROM tag_counts WHERE owner = $1 AND tag = $2 AND thoughts <= 0";

/// Counts one thought less under each of these tags; a tag without thoughts is forgotten.
pub(crate) async fn take(tx: &mut Tx, owner: Uuid, tags: &[String]) -> Result<()> {
    for tag in tags {
        tx.execute(TAKE, params![owner, tag]).await?;
        tx.execute(DROP, params![owner, tag]).await?;
    }
    Ok(())
}

const TOP: &str = "SELECT tag, thoughts FROM tag_counts WHERE owner = $1
    ORDER BY thoughts DESC, tag LIMIT $2";
const COUNT: &str = "SELECT count(*) AS tags FROM tag_counts WHERE owner = $1";

/// The tags with the most thoughts.
pub(crate) async fn top(tx: &mut Tx, owner: Uuid, limit: u32) -> Result<Vec<(String, i64)>> {
    let rows = tx.all(TOP, params![owner, limit]).await?;
    rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
}

/// How many different tags the account uses.
pub(crate) async fn count(tx: &mut Tx, owner: Uuid) -> Result<i64> {
    tx.one(COUNT, params![owner]).await?.at(0)
}
