//! The repository. Every function takes the owner; there is no other way to a row.

use std::collections::BTreeMap;

use hanse_store::{Json, Result, Row, StoreError, Tx, Value, params};
use jiff::Timestamp;
use uuid::Uuid;

use crate::tag::Tag;
use crate::thought::Thought;

/// A place in a list that runs from the newest to the oldest.
pub(crate) type Place = (i64, Uuid);

const INSERT: &str = "INSERT INTO thoughts (id, owner, text, tags, version, created_at, updated_at)
    VALUES ($1, $2, $3, $4, $5, $6, $7) ON CONFLICT (id) DO NOTHING";
const INSERT_TAG: &str = "INSERT INTO thought_tags (owner, tag, created_at, thought_id, direct)
    VALUES ($1, $2, $3, $4, $5)";
const FIND: &str = "SELECT id, owner, text, tags, version, created_at, updated_at
    FROM thoughts WHERE id = $1 AND owner = $2";
const UPDATE: &str = "UPDATE thoughts SET text = $3, tags = $4, version = $5, updated_at = $6
    WHERE id = $1 AND owner = $2 AND version = $7";
const DELETE: &str = "DELETE FROM thoughts WHERE id = $1 AND owner = $2 AND version = $3";
const DELETE_TAG: &str = "DELETE FROM thought_tags
    WHERE owner = $1 AND tag = $2 AND created_at = $3 AND thought_id = $4";
const NEWEST: &str = "SELECT id, owner, text, tags, version, created_at, updated_at
    FROM thoughts WHERE owner = $1 AND (created_at, id) < ($2, $3)
    ORDER BY created_at DESC, id DESC LIMIT $4";
const NEWEST_TAGGED: &str =
    "SELECT t.id, t.owner, t.text, t.tags, t.version, t.created_at, t.updated_at
    FROM thought_tags AS g JOIN thoughts AS t ON t.id = g.thought_id
    WHERE g.owner = $1 AND g.tag = $2 AND (g.created_at, g.thought_id) < ($3, $4)
    ORDER BY g.created_at DESC, g.thought_id DESC LIMIT $5";
const TAGS: &str =
    "SELECT tag, COUNT(*) AS thoughts, SUM(CASE WHEN direct THEN 1 ELSE 0 END) AS direct
    FROM thought_tags WHERE owner = $1 GROUP BY tag ORDER BY tag LIMIT 10000";
const STATISTICS: &str =
    "SELECT COUNT(*) AS total, CAST(COALESCE(SUM(LENGTH(text)), 0) AS BIGINT) AS characters,
    MIN(created_at) AS oldest, MAX(created_at) AS newest FROM thoughts WHERE owner = $1";

/// Stores a new thought. False when its id is taken.
pub(crate) async fn insert(tx: &mut Tx, thought: &Thought) -> Result<bool> {
    let params = params![
        thought.id,
        thought.owner,
        &thought.text,
        Json(thought.tag_names()),
        thought.version,
        thought.created_at,
        thought.updated_at,
    ];
    let inserted = tx.execute(INSERT, params).await? == 1;
    if inserted {
        for (tag, direct) in found_under(thought) {
            insert_tag(tx, thought, tag, direct).await?;
        }
    }
    Ok(inserted)
}

/// The tags that a thought is found under, and whether it carries just that one.
fn found_under(thought: &Thought) -> BTreeMap<&str, bool> {
    let mut tags = BTreeMap::new();
    for tag in &thought.tags {
        for above in tag.above() {
            tags.entry(above).or_insert(false);
        }
        tags.insert(tag.as_str(), true);
    }
    tags
}

async fn insert_tag(tx: &mut Tx, thought: &Thought, tag: &str, direct: bool) -> Result<()> {
    let params = params![thought.owner, tag, thought.created_at, thought.id, direct];
    tx.execute(INSERT_TAG, params).await.map(drop)
}

async fn delete_tag(tx: &mut Tx, thought: &Thought, tag: &str) -> Result<()> {
    let params = params![thought.owner, tag, thought.created_at, thought.id];
    tx.execute(DELETE_TAG, params).await.map(drop)
}

/// The owner's thought of this id.
pub(crate) async fn find(tx: &mut Tx, owner: Uuid, id: Uuid) -> Result<Option<Thought>> {
    tx.optional(FIND, params![id, owner]).await?.as_ref().map(from_row).transpose()
}

/// Stores a changed thought, if nobody changed it since it was loaded as `before`.
pub(crate) async fn save(tx: &mut Tx, before: &Thought, thought: &Thought) -> Result<()> {
    let params = params![
        thought.id,
        thought.owner,
        &thought.text,
        Json(thought.tag_names()),
        thought.version,
        thought.updated_at,
        before.version,
    ];
    changed(tx.execute(UPDATE, params).await?)?;
    let (old, new) = (found_under(before), found_under(thought));
    for (tag, direct) in &old {
        if new.get(tag) != Some(direct) {
            delete_tag(tx, before, tag).await?;
        }
    }
    for (tag, direct) in new {
        if old.get(tag) != Some(&direct) {
            insert_tag(tx, thought, tag, direct).await?;
        }
    }
    Ok(())
}

/// Removes a thought, if nobody changed it since it was loaded.
pub(crate) async fn delete(tx: &mut Tx, thought: &Thought) -> Result<()> {
    changed(tx.execute(DELETE, params![thought.id, thought.owner, thought.version]).await?)?;
    for tag in found_under(thought).into_keys() {
        delete_tag(tx, thought, tag).await?;
    }
    Ok(())
}

fn changed(rows: u64) -> Result<()> {
    if rows == 1 { Ok(()) } else { Err(StoreError::Contention("the row has changed".into())) }
}

/// A stretch of the owner's thoughts, newest first, all or those under a tag.
pub(crate) async fn newest(
    tx: &mut Tx,
    owner: Uuid,
    tag: Option<&Tag>,
    after: Option<Place>,
    limit: u32,
) -> Result<Vec<Thought>> {
    let (micros, id) = after.unwrap_or((i64::MAX, Uuid::max()));
    let time: Value = Timestamp::from_microsecond(micros).unwrap_or(FAR_FUTURE).into();
    let rows = match tag {
        None => tx.all(NEWEST, params![owner, time, id, limit]).await?,
        Some(tag) => tx.all(NEWEST_TAGGED, params![owner, tag.as_str(), time, id, limit]).await?,
    };
    rows.iter().map(from_row).collect()
}

/// Later than any thought, and still a time that PostgreSQL knows.
const FAR_FUTURE: Timestamp = Timestamp::constant(253_370_764_800, 0);

/// A tag of the owner's, with how many thoughts are under it and how many carry just it.
pub(crate) struct TagCount {
    pub(crate) tag: String,
    pub(crate) thoughts: i64,
    pub(crate) direct: i64,
}

/// The owner's tags, by name.
pub(crate) async fn tags(tx: &mut Tx, owner: Uuid) -> Result<Vec<TagCount>> {
    let rows = tx.all(TAGS, params![owner]).await?;
    let read =
        |row: &Row| Ok(TagCount { tag: row.at(0)?, thoughts: row.at(1)?, direct: row.at(2)? });
    rows.iter().map(read).collect()
}

/// Figures about the owner's thoughts.
pub(crate) struct Figures {
    pub(crate) total: i64,
    pub(crate) characters: i64,
    pub(crate) oldest: Option<Timestamp>,
    pub(crate) newest: Option<Timestamp>,
}

/// Counts the owner's thoughts.
pub(crate) async fn figures(tx: &mut Tx, owner: Uuid) -> Result<Figures> {
    let row = tx.one(STATISTICS, params![owner]).await?;
    Ok(Figures {
        total: row.at(0)?,
        characters: row.at(1)?,
        oldest: row.at(2)?,
        newest: row.at(3)?,
    })
}

/// Removes everything of the owner's.
pub(crate) async fn delete_all(tx: &mut Tx, owner: Uuid) -> Result<()> {
    tx.execute("DELETE FROM thoughts WHERE owner = $1", params![owner]).await?;
    tx.execute("DELETE FROM thought_tags WHERE owner = $1", params![owner]).await.map(drop)
}

fn from_row(row: &Row) -> Result<Thought> {
    let tags: Json<Vec<String>> = row.at(3)?;
    let decode = || StoreError::Decode { column: "tags".into(), wanted: "tags" };
    Ok(Thought {
        id: row.at(0)?,
        owner: row.at(1)?,
        text: row.at(2)?,
        tags: Tag::parse_all(&tags.0).map_err(|_| decode())?,
        version: row.at(4)?,
        created_at: row.at(5)?,
        updated_at: row.at(6)?,
    })
}
