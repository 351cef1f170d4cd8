//! How many living thoughts an account has under each tag.

use std::collections::BTreeMap;

use hanse_store::{Insert, Result, Tx, params};
use uuid::Uuid;

/// By how much the number of thoughts under each tag of each account changes.
#[derive(Debug, Default)]
pub(crate) struct Changes(BTreeMap<(Uuid, String), i64>);

const ADD: Insert<3> = Insert {
    into: "tag_counts (owner, tag, thoughts)",
    then: "ON CONFLICT (owner, tag) DO UPDATE SET thoughts = tag_counts.thoughts + excluded.thoughts",
};
const DROP: &str = "DELETE FROM tag_counts WHERE owner = $1 AND tag = $2 AND thoughts <= 0";

impl Changes {
    /// One thought more under each of these tags.
    pub(crate) fn add(&mut self, owner: Uuid, tags: &[String]) {
        self.change(owner, tags, 1);
    }

    /// One thought less under each of these tags.
    pub(crate) fn take(&mut self, owner: Uuid, tags: &[String]) {
        self.change(owner, tags, -1);
    }

    fn change(&mut self, owner: Uuid, tags: &[String], by: i64) {
        for tag in tags {
            *self.0.entry((owner, tag.clone())).or_default() += by;
        }
    }

    /// Changes the table; a tag without thoughts is forgotten.
    pub(crate) async fn save(mut self, tx: &mut Tx) -> Result<()> {
        self.0.retain(|_, by| *by != 0);
        let row =
            |((owner, tag), by): (&(Uuid, String), &i64)| [owner.into(), tag.into(), (*by).into()];
        let rows: Vec<_> = self.0.iter().map(row).collect();
        ADD.execute(tx, &rows).await?;
        for (owner, tag) in self.0.iter().filter(|(_, by)| **by < 0).map(|(key, _)| key) {
            tx.execute(DROP, params![owner, tag]).await?;
        }
        Ok(())
    }
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
