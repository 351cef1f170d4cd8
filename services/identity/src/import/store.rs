//! Imports in the store.

use std::collections::HashSet;

use hanse_events::Emit as _;
use hanse_store::{Result, Tx, params};
use jiff::Timestamp;
use uuid::Uuid;

use super::candidate::Newcomer;
use super::{Decision, Progress, Refusal};
use crate::accounts;

const BEGIN: &str = "INSERT INTO user_imports (file, records, made, refused, started_at)
    VALUES ($1, 0, 0, 0, $2) ON CONFLICT (file) DO NOTHING";
const STATE: &str = "SELECT records, made, refused, finished_at FROM user_imports WHERE file = $1";
// Two imports of one file at the same time: the second finds that the first has moved on.
const MOVE: &str = "UPDATE user_imports SET records = $3, made = $4, refused = $5, finished_at = $6
    WHERE file = $1 AND records = $2 AND finished_at IS NULL";
const REFUSE: &str =
    "INSERT INTO user_import_refusals (file, record, line, reason) VALUES ($1, $2, $3, $4)";
const REFUSALS: &str = "SELECT record, line, reason FROM user_import_refusals
    WHERE file = $1 AND record > $2 ORDER BY record LIMIT 1000";

const ADDRESS_TAKEN: &str = "there is an account with this address";
const ID_TAKEN: &str = "there is an account with this id, or there was one";

/// How far a file has come.
pub(super) struct Done {
    pub(super) progress: Progress,
    pub(super) finished: bool,
}

/// Notes that a file is being imported, unless that was noted before.
pub(super) async fn begin(tx: &mut Tx, file: [u8; 32]) -> Result<Done> {
    let now = tx.now();
    tx.execute(BEGIN, params![file, now]).await?;
    let row = tx.one(STATE, params![file]).await?;
    let count = |at: usize| row.at::<i64>(at).map(i64::unsigned_abs);
    let progress = Progress { records: count(0)?, made: count(1)?, refused: count(2)? };
    Ok(Done { progress, finished: row.at::<Option<Timestamp>>(3)?.is_some() })
}

/// Makes the accounts of some records and moves on; without any record the file is finished.
pub(super) async fn take(
    tx: &mut Tx,
    file: [u8; 32],
    before: Progress,
    batch: Vec<Decision>,
) -> Result<Progress> {
    let finished = batch.is_empty().then(|| tx.now());
    let mut after = before;
    for Decision { record, line, newcomer } in batch {
        after.records = record;
        let refused = match newcomer {
            Ok(newcomer) => match judge(tx, &newcomer).await? {
                None => {
                    make(tx, newcomer).await?;
                    None
                }
                refused => refused,
            },
            Err(reason) => Some(reason),
        };
        match refused {
            None => after.made += 1,
            Some(reason) => {
                after.refused += 1;
                let (record, line) = (number(record), number(line));
                tx.execute(REFUSE, params![file, record, line, reason]).await?;
            }
        }
    }
    let params = params![
        file,
        number(before.records),
        number(after.records),
        number(after.made),
        number(after.refused),
        finished,
    ];
    if tx.execute(MOVE, params).await? == 0 {
        return Err(hanse_store::StoreError::Refused("the same file is being imported elsewhere"));
    }
    Ok(after)
}

/// Why the store has no room for somebody, if it has none.
pub(super) async fn judge(tx: &mut Tx, newcomer: &Newcomer) -> Result<Option<String>> {
    if accounts::find_by_email(tx, &newcomer.email).await?.is_some() {
        return Ok(Some(ADDRESS_TAKEN.to_owned()));
    }
    let Some(id) = newcomer.id else { return Ok(None) };
    let taken = accounts::find(tx, id).await?.is_some() || hanse_events::is_erased(tx, id).await?;
    Ok(taken.then(|| ID_TAKEN.to_owned()))
}

async fn make(tx: &mut Tx, newcomer: Newcomer) -> Result<()> {
    let disabled = newcomer.disabled;
    let account = newcomer.account(tx);
    if !accounts::insert(tx, &account).await? {
        return Err(hanse_store::StoreError::Missing);
    }
    tx.emit(&account.registered()).await?;
    if disabled && accounts::disable(tx, account.id).await? {
        let user_id = account.id;
        tx.emit(&hanse_contracts::identity::UserDisabled { user_id }).await?;
    }
    Ok(())
}

/// The refusals of a file after this record.
pub(super) async fn refusals(tx: &mut Tx, file: [u8; 32], after: u64) -> Result<Vec<Refusal>> {
    let rows = tx.all(REFUSALS, params![file, number(after)]).await?;
    rows.iter()
        .map(|row| {
            let count = |at: usize| row.at::<i64>(at).map(i64::unsigned_abs);
            Ok(Refusal { record: count(0)?, line: count(1)?, reason: row.at(2)? })
        })
        .collect()
}

/// Who would have been made by now, when nothing is.
#[derive(Default)]
pub(super) struct Seen {
    addresses: HashSet<String>,
    ids: HashSet<Uuid>,
}

impl Seen {
    /// Why there would be no room for somebody after those before them.
    pub(super) fn repeated(&mut self, newcomer: &Newcomer) -> Option<String> {
        if self.addresses.contains(newcomer.email.as_str()) {
            return Some(ADDRESS_TAKEN.to_owned());
        }
        if newcomer.id.is_some_and(|id| self.ids.contains(&id)) {
            return Some(ID_TAKEN.to_owned());
        }
        self.addresses.insert(newcomer.email.as_str().to_owned());
        self.ids.extend(newcomer.id);
        None
    }
}

fn number(count: u64) -> i64 {
    i64::try_from(count).unwrap_or(i64::MAX)
}
