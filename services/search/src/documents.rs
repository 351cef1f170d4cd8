//! The table of documents: the truth that the index is computed from.
//!
//! Every change of a row gets the next number. The row that counts is locked from then to the
//! commit, so a snapshot that shows a number shows every smaller one too, on both engines: reading
//! upwards misses nothing.
//!
//! Rows vanish in two ways, and both move `floor`: a replay empties the table, and removed documents
//! are forgotten after a while. An index that has not passed the floor may hold what is gone, so it
//! starts anew.

use std::collections::BTreeMap;

use hanse_events::admin;
use hanse_search_index::{Change, Document};
use hanse_store::{Insert, Json, Result, Row, Tx, Value, params};
use jiff::{SignedDuration, Timestamp};
use uuid::Uuid;

/// The subscription that writes documents.
pub(crate) const SUBSCRIPTION: &str = "index";
/// Bytes of a body that are kept: the index looks no further.
const LONGEST_BODY: usize = 64 * 1024;
/// Rows per query while reading changes.
const PAGE: usize = 200;

const NUMBERS: &str = "UPDATE changes SET last = last + $1 WHERE id = 1 RETURNING last";
// Whoever was told of last has the key: a service gives an id to one owner at a time and tells of it in
// order, but what the owner before has left, a tombstone or rows of an account that was just deleted,
// may still be here. Another service's row is nobody's to take.
const PUT: Insert<10> = Insert {
    into: "documents (key, change, owner, kind, deleted, time, changed_at, title, tags, body)",
    then: "ON CONFLICT (key) DO UPDATE SET change = excluded.change, owner = excluded.owner,
        deleted = FALSE, time = excluded.time, changed_at = excluded.changed_at,
        title = excluded.title, tags = excluded.tags, body = excluded.body
    WHERE documents.kind = excluded.kind",
};
const REMOVE: &str = "UPDATE documents
    SET change = $4, deleted = TRUE, changed_at = $5, title = '', tags = '[]', body = ''
    WHERE key = $1 AND owner = $2 AND kind = $3";
const DELETE_OWNER: &str = "DELETE FROM documents WHERE owner = $1";
// The news has a key of its own, for a document may have any key, the owner's id too.
const MARK_ERASED: &str = "INSERT INTO documents
    (key, change, owner, kind, deleted, time, changed_at, title, tags, body)
    VALUES ($4, $2, $1, '', TRUE, $3, $3, '', '[]', '')";

/// Empties the table for a replay. Numbers go on, above every index.
pub(crate) const EMPTY: [&str; 2] = [
    // A source that comes in parts counts by the least of them, as it will if it comes whole again.
    "UPDATE changes SET last = last + 1, floor = last + 1,
        whole_at = (SELECT CAST(coalesce(sum(seq), 0) AS BIGINT) FROM (
            SELECT min(seq) AS seq FROM positions WHERE subscription = 'index'
            GROUP BY rtrim(rtrim(source, '0123456789'), '/')) AS sources)
     WHERE id = 1",
    "DELETE FROM documents",
];

/// Writes documents; of several with one key the last counts.
pub(crate) async fn put(tx: &mut Tx, documents: Vec<Document>) -> Result<()> {
    let documents: BTreeMap<[u8; 16], Document> =
        documents.into_iter().map(|document| (document.key, document)).collect();
    let last = numbers(tx, documents.len()).await?;
    let now = tx.now();
    let first = last - i64::try_from(documents.len()).unwrap_or(0);
    let rows: Vec<_> = documents
        .into_values()
        .zip(first + 1..)
        .map(|(document, change)| row(document, change, now))
        .collect();
    PUT.execute(tx, &rows).await.map(drop)
}

fn row(document: Document, change: i64, now: Timestamp) -> [Value; 10] {
    let time = Timestamp::from_microsecond(document.time_us).unwrap_or(now);
    let mut body = document.body;
    body.truncate(body.floor_char_boundary(LONGEST_BODY));
    [
        Uuid::from_bytes(document.key).into(),
        change.into(),
        Uuid::from_bytes(document.scope).into(),
        document.kind.into(),
        false.into(),
        time.into(),
        now.into(),
        document.title.into(),
        Json(document.tags).into(),
        body.into(),
    ]
}

/// Takes a document's words away and leaves the news that it is gone.
pub(crate) async fn remove(tx: &mut Tx, key: Uuid, owner: Uuid, kind: &str) -> Result<()> {
    let (change, now) = (numbers(tx, 1).await?, tx.now());
    tx.execute(REMOVE, params![key, owner, kind, change, now]).await.map(drop)
}

/// Deletes all documents of an owner and leaves the news of that.
pub(crate) async fn erase(tx: &mut Tx, owner: Uuid) -> Result<()> {
    let (change, now) = (numbers(tx, 1).await?, tx.now());
    tx.execute(DELETE_OWNER, params![owner]).await?;
    tx.execute(MARK_ERASED, params![owner, change, now, tx.new_id()]).await.map(drop)
}

/// Takes the next numbers and returns the last of them.
async fn numbers(tx: &mut Tx, count: usize) -> Result<i64> {
    tx.one(NUMBERS, params![count]).await?.at(0)
}

/// Where the table stands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Standing {
    /// The newest number.
    pub(crate) last: u64,
    /// See the module.
    pub(crate) floor: u64,
    /// The subscriptions' positions, as (subscription, source, sequence number).
    pub(crate) positions: Vec<(String, String, i64)>,
    /// Everything that was there before the last replay is there again.
    pub(crate) whole: bool,
}

pub(crate) async fn standing(tx: &mut Tx) -> Result<Standing> {
    let row = tx.one("SELECT last, floor, whole_at FROM changes WHERE id = 1", &[]).await?;
    let positions = admin::positions(tx).await?;
    let mut reached: BTreeMap<&str, i64> = BTreeMap::new();
    for position in positions.iter().filter(|position| position.subscription == SUBSCRIPTION) {
        let source = position.source.split('/').next().unwrap_or_default();
        let least = reached.entry(source).or_insert(position.seq);
        *least = position.seq.min(*least);
    }
    let sum: i64 = reached.into_values().sum();
    Ok(Standing {
        last: unsigned(row.at(0)?),
        floor: unsigned(row.at(1)?),
        whole: sum >= row.at(2)?,
        positions: positions.into_iter().map(|p| (p.subscription, p.source, p.seq)).collect(),
    })
}

const CHANGES: &str = "SELECT change, key, owner, kind, deleted, time, title, tags, body
    FROM documents WHERE change > $1 ORDER BY change LIMIT $2";

/// Changes above `after` in order, until there are `most` of them or of their `bytes`; and whether
/// those are all.
pub(crate) async fn changes(
    tx: &mut Tx,
    after: u64,
    most: usize,
    bytes: usize,
) -> Result<(Vec<(u64, Change)>, bool)> {
    let (mut after, mut size) = (after, 0);
    let mut changes = Vec::new();
    while changes.len() < most && size < bytes {
        let after_number = i64::try_from(after).unwrap_or(i64::MAX);
        let rows = tx.all(CHANGES, params![after_number, PAGE]).await?;
        for row in &rows {
            let (number, change) = change(row)?;
            if let Change::Put(document) = &change {
                size += document.body.len();
            }
            after = number;
            changes.push((number, change));
        }
        if rows.len() < PAGE {
            return Ok((changes, true));
        }
    }
    Ok((changes, false))
}

fn change(row: &Row) -> Result<(u64, Change)> {
    let number = unsigned(row.at(0)?);
    let (key, scope) = (row.at::<Uuid>(1)?.into_bytes(), row.at::<Uuid>(2)?.into_bytes());
    let kind: String = row.at(3)?;
    let change = match (row.at(4)?, kind.is_empty()) {
        (true, true) => Change::DeleteScope { scope },
        (true, false) => Change::Delete { key },
        (false, _) => Change::Put(Document {
            key,
            kind,
            scope,
            time_us: row.at::<Timestamp>(5)?.as_microsecond(),
            title: row.at(6)?,
            tags: row.at::<Json<Vec<String>>>(7)?.0,
            body: row.at(8)?,
        }),
    };
    Ok((number, change))
}

const OLDEST_NEWS: &str = "SELECT max(change) AS last FROM documents
    WHERE deleted AND change <= $1 AND changed_at < $2";
const RAISE_FLOOR: &str =
    "UPDATE changes SET floor = CASE WHEN floor < $1 THEN $1 ELSE floor END WHERE id = 1";
const FORGET: &str = "DELETE FROM documents WHERE deleted AND change <= $1";

/// Forgets what was removed longer than `age` ago and that an index at `settled` knows.
pub(crate) async fn forget_removed(tx: &mut Tx, settled: u64, age: SignedDuration) -> Result<()> {
    let before = tx.now().saturating_sub(age).unwrap_or(Timestamp::MIN);
    let settled = i64::try_from(settled).unwrap_or(i64::MAX);
    let row = tx.one(OLDEST_NEWS, params![settled, before]).await?;
    if let Some(last) = row.at::<Option<i64>>(0)? {
        tx.execute(RAISE_FLOOR, params![last]).await?;
        tx.execute(FORGET, params![last]).await?;
    }
    Ok(())
}

fn unsigned(number: i64) -> u64 {
    u64::try_from(number).unwrap_or(0)
}
