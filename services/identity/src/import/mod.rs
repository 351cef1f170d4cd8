//! Moving in: accounts from a file of another system.
//!
//! A file is read record by record, never as a whole, and taken over in transactions of a few hundred
//! records. Each such transaction also stores how many records of this file are done, so an import that
//! was killed goes on where it stopped and makes nobody twice. A record that cannot be taken is noted
//! with its line and the reason, and all others go on.
//!
//! Passwords come as hashes only. They are checked when their owner first signs in and replaced by ours
//! then ([`crate::password`]). Everything else happens as if people had registered: others hear of
//! every account by the same event.
//!
//! To add a format: a reader that implements [`Records`], and a line in [`Format`].

mod candidate;
mod csv;
mod dump;
mod jsonl;
mod lines;
mod sql;
mod store;

use std::fs::File;
use std::io::{BufRead, BufReader, Read as _, Seek as _};
use std::path::Path;

use hanse_store::{Db, StoreError, Tx};
use serde::Serialize;
use sha2::{Digest, Sha256};

use candidate::{Candidate, Newcomer};

/// Records of one transaction.
const BATCH: usize = 250;

/// How accounts are written in a file.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Format {
    /// Comma-separated values under a line of column names.
    Csv,
    /// A JSON object a line.
    JsonLines,
    /// A plain-text `pg_dump` that holds `auth.users` of Supabase (GoTrue).
    Supabase,
}

impl Format {
    /// The format that a file of this name has by custom.
    #[must_use]
    pub fn of(path: &Path) -> Option<Self> {
        match path.extension()?.to_str()?.to_ascii_lowercase().as_str() {
            "csv" => Some(Self::Csv),
            "jsonl" | "ndjson" => Some(Self::JsonLines),
            "sql" | "dump" => Some(Self::Supabase),
            _ => None,
        }
    }
}

/// How far an import has come.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Progress {
    /// Records that were read and decided about.
    pub records: u64,
    /// Accounts that were made, or would be.
    pub made: u64,
    /// Records that were refused.
    pub refused: u64,
}

/// A record that was refused.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Refusal {
    /// Which record of the file, counted from 1.
    pub record: u64,
    /// The line it begins on, counted from 1.
    pub line: u64,
    /// Why.
    pub reason: String,
}

/// Why an import stopped. What was done until then is kept.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    /// The file cannot be read.
    #[error("the file cannot be read")]
    Io(#[from] std::io::Error),
    /// The file is not of this format.
    #[error("line {line}: {reason}")]
    Format {
        /// Counted from 1.
        line: u64,
        /// What is wrong.
        reason: String,
    },
    /// The store failed.
    #[error("the store of identity failed")]
    Storage(#[from] StoreError),
}

/// A record of a file.
struct Record {
    /// The line it begins on, counted from 1.
    line: u64,
    candidate: Result<Candidate, String>,
}

/// A file of accounts, read one record at a time.
trait Records {
    /// The next record; `None` at the end.
    fn next(&mut self) -> Result<Option<Record>, ImportError>;
}

/// What one record comes to.
struct Decision {
    record: u64,
    line: u64,
    newcomer: Result<Newcomer, String>,
}

/// Imports a file and calls `progress` after each transaction. A file that was imported before is not
/// read again; one whose import was interrupted is read on from there.
///
/// With `dry_run` nothing is stored; the answer is what would happen, and `refused` gets each refusal.
///
/// # Errors
/// [`ImportError`].
pub async fn import_users(
    db: &Db,
    path: &Path,
    format: Format,
    mut progress: impl FnMut(Progress),
) -> Result<Progress, ImportError> {
    let (file, id) = open(path)?;
    let mut done = db.write(async move |tx: &mut Tx| store::begin(tx, id).await).await?;
    if done.finished {
        return Ok(done.progress);
    }
    let mut reading = Reading::new(file, format)?;
    reading.skip(done.progress.records)?;
    loop {
        let batch = reading.batch()?;
        let last = batch.is_empty();
        let before = done.progress;
        done.progress =
            db.write(async move |tx: &mut Tx| store::take(tx, id, before, batch).await).await?;
        progress(done.progress);
        if last {
            return Ok(done.progress);
        }
    }
}

/// What an import of this file would do. Nothing is stored; each refusal is handed to `refused`.
///
/// # Errors
/// [`ImportError`].
pub async fn try_import(
    db: &Db,
    path: &Path,
    format: Format,
    mut refused: impl FnMut(Refusal),
) -> Result<Progress, ImportError> {
    let (file, _) = open(path)?;
    let mut reading = Reading::new(file, format)?;
    let (mut progress, mut seen) = (Progress::default(), store::Seen::default());
    loop {
        let batch = reading.batch()?;
        if batch.is_empty() {
            return Ok(progress);
        }
        for decision in batch {
            let (record, line) = (decision.record, decision.line);
            let verdict = match decision.newcomer {
                Ok(newcomer) => db
                    .read(async |tx: &mut Tx| store::judge(tx, &newcomer).await)
                    .await?
                    .or_else(|| seen.repeated(&newcomer)),
                Err(reason) => Some(reason),
            };
            progress.records = record;
            match verdict {
                None => progress.made += 1,
                Some(reason) => {
                    progress.refused += 1;
                    refused(Refusal { record, line, reason });
                }
            }
        }
    }
}

/// The refusals of a file's import after this record, at most a thousand, in order.
///
/// # Errors
/// [`ImportError`].
pub async fn refusals(db: &Db, path: &Path, after: u64) -> Result<Vec<Refusal>, ImportError> {
    let (_, id) = open(path)?;
    Ok(db.read(async |tx: &mut Tx| store::refusals(tx, id, after).await).await?)
}

/// The file at its beginning, and what names its content.
fn open(path: &Path) -> Result<(File, [u8; 32]), ImportError> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut chunk = vec![0; 64 * 1024];
    loop {
        let read = file.read(&mut chunk)?;
        if read == 0 {
            break;
        }
        hasher.update(chunk.get(..read).unwrap_or_default());
    }
    file.rewind()?;
    Ok((file, hasher.finalize().into()))
}

/// A file that is being read.
struct Reading {
    records: Box<dyn Records + Send>,
    read: u64,
}

impl Reading {
    fn new(file: File, format: Format) -> Result<Self, ImportError> {
        Ok(Self { records: records(BufReader::new(file), format)?, read: 0 })
    }

    fn skip(&mut self, count: u64) -> Result<(), ImportError> {
        while self.read < count && self.records.next()?.is_some() {
            self.read += 1;
        }
        Ok(())
    }

    /// The next records, decided about as far as that is possible without the store.
    fn batch(&mut self) -> Result<Vec<Decision>, ImportError> {
        let mut batch = Vec::with_capacity(BATCH);
        while batch.len() < BATCH
            && let Some(Record { line, candidate }) = self.records.next()?
        {
            self.read += 1;
            let newcomer = candidate
                .and_then(|candidate| Newcomer::check(candidate).map_err(|no| no.to_string()));
            batch.push(Decision { record: self.read, line, newcomer });
        }
        Ok(batch)
    }
}

fn records(
    input: impl BufRead + Send + 'static,
    format: Format,
) -> Result<Box<dyn Records + Send>, ImportError> {
    Ok(match format {
        Format::Csv => Box::new(csv::Csv::new(input)?),
        Format::JsonLines => Box::new(jsonl::JsonLines::new(input)),
        Format::Supabase => Box::new(dump::Dump::new(input)?),
    })
}
