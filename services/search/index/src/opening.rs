//! Opening a folder without trusting it.
//!
//! Nothing here is synced, so what a start finds depends on how the last run ended.
//!
//! - **The process ended or crashed**: the kernel kept every page. The last commit that was settled is
//!   whole (see [`young`](crate::young)); files of an unfinished one are swept away.
//! - **The machine lost power**: any file may be torn, empty or missing, and a small file may
//!   be an old version of itself. Every segment file ends in a checksum. A marker records the
//!   kernel's boot id; when it differs from today's, all files in use are read and checked
//!   before anything is believed. An *old* commit that checks out is fine: it names its own,
//!   older position, and the caller feeds from there.
//!
//! Where the boot id cannot be read, every start checks. Any doubt at all (unreadable commit,
//! missing file, wrong checksum, another format) ends the same way: our files are deleted, an
//! empty index takes their place, and the caller feeds it from the beginning. Files that do
//! not look like ours are never touched.

use std::collections::HashSet;
use std::ffi::OsStr;
use std::fs;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};
use tantivy::directory::error::LockError;
use tantivy::directory::{Directory, DirectoryLock, Lock};
use tantivy::index::{Index as Engine, SegmentComponent};
use tantivy::{IndexReader, IndexSettings, ReloadPolicy};

use crate::error::IndexError;
use crate::terms::{Fields, ScopedTokenizer, TOKENIZER};
use crate::unsynced::{LIST, REPLACEMENT, replace};
use crate::young::YoungDirectory;

/// Raise it with every change to terms, fields, folding or the engine's file format.
const FORMAT: &str = "hanse-1/tantivy-0.27";
const MARKER: &str = "marker.json";
const LOCK: &str = "index.lock";
const BOOT_ID: &str = "/proc/sys/kernel/random/boot_id";
/// The files every segment of ours has.
const PARTS: [SegmentComponent; 6] = [
    SegmentComponent::Postings,
    SegmentComponent::Positions,
    SegmentComponent::FastFields,
    SegmentComponent::FieldNorms,
    SegmentComponent::Terms,
    SegmentComponent::Store,
];
/// Cached document blocks of 16 KiB per segment: a few, or an idle process keeps megabytes.
const CACHED_BLOCKS: usize = 2;

/// What [`Index::open`](crate::Index::open) found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Opened {
    /// A sound index holding every change up to and including this one.
    At(u64),
    /// No index was here; there is an empty one now.
    Empty,
    /// The index could not be trusted, for this reason; there is an empty one now.
    Rebuilt(String),
}

#[derive(Serialize, Deserialize)]
struct Marker {
    format: String,
    /// None where the system does not say.
    boot: Option<String>,
}

/// An engine ready for use, and the lock that keeps others out.
pub(crate) struct Open {
    pub engine: Engine,
    pub directory: YoungDirectory,
    pub reader: IndexReader,
    pub lock: DirectoryLock,
    pub opened: Opened,
}

pub(crate) fn open(folder: &Path) -> Result<Open, IndexError> {
    fs::create_dir_all(folder)?;
    let mut directory = YoungDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
    let lock = lock(&directory, folder)?;
    let boot = fs::read_to_string(BOOT_ID).ok().map(|id| id.trim().to_owned());
    let found = if own_files(folder)?.is_empty() {
        Err(Opened::Empty)
    } else {
        existing(folder, &directory, boot.as_deref()).map_err(Opened::Rebuilt)
    };
    let (engine, reader, opened) = match found {
        Ok((engine, reader, change)) => (engine, reader, Opened::At(change)),
        Err(opened) => {
            for path in own_files(folder)? {
                fs::remove_file(path)?;
            }
            let (schema, _) = Fields::schema();
            let settings =
                IndexSettings { docstore_compress_dedicated_thread: false, ..Default::default() };
            directory = YoungDirectory::open(folder).map_err(tantivy::TantivyError::from)?;
            let engine = Engine::create(directory.clone(), schema, settings)?;
            let reader = prepare(&engine)?;
            directory.settle()?;
            (engine, reader, opened)
        }
    };
    let marker = Marker { format: FORMAT.to_owned(), boot };
    replace(&folder.join(MARKER), &serde_json::to_vec(&marker).map_err(std::io::Error::from)?)?;
    Ok(Open { engine, directory, reader, lock, opened })
}

fn lock(directory: &YoungDirectory, folder: &Path) -> Result<DirectoryLock, IndexError> {
    let lock = Lock { filepath: PathBuf::from(LOCK), is_blocking: false };
    directory.acquire_lock(&lock).map_err(|error| match error {
        LockError::LockBusy => IndexError::Busy(folder.to_owned()),
        LockError::IoError(error) => std::io::Error::other(error).into(),
    })
}

fn prepare(engine: &Engine) -> tantivy::Result<IndexReader> {
    engine.tokenizers().register(TOKENIZER, ScopedTokenizer);
    engine
        .reader_builder()
        .reload_policy(ReloadPolicy::Manual)
        .doc_store_cache_num_blocks(CACHED_BLOCKS)
        .try_into()
}

/// The index in the folder, or the reason not to believe it.
fn existing(
    folder: &Path,
    directory: &YoungDirectory,
    boot: Option<&str>,
) -> Result<(Engine, IndexReader, u64), String> {
    let marker = fs::read(folder.join(MARKER)).map_err(|_| "its marker is missing".to_owned())?;
    let marker: Marker =
        serde_json::from_slice(&marker).map_err(|_| "its marker is unreadable".to_owned())?;
    if marker.format != FORMAT {
        return Err(format!("its format is {}, not {FORMAT}", marker.format));
    }
    let text = |error: tantivy::TantivyError| error.to_string();
    let engine = Engine::open(directory.clone()).map_err(text)?;
    if engine.schema() != Fields::schema().0 {
        return Err("its fields differ".to_owned());
    }
    let metas = engine.load_metas().map_err(text)?;
    let change = match metas.payload.as_deref() {
        None if metas.segments.is_empty() => 0,
        payload => payload
            .and_then(|change| change.parse().ok())
            .ok_or_else(|| "its commit does not name a change".to_owned())?,
    };
    // The engine takes a missing file of positions for a segment without any.
    for path in
        metas.segments.iter().flat_map(|segment| PARTS.map(|part| segment.relative_path(part)))
    {
        if !folder.join(&path).exists() {
            return Err(format!("{} is missing", path.display()));
        }
    }
    let live = metas.list_segment_files();
    if boot.is_none() || marker.boot.as_deref() != boot {
        verify(&engine, &live)?;
    }
    sweep(folder, &live).map_err(|error| error.to_string())?;
    let reader = prepare(&engine).map_err(text)?;
    let documents: u64 = metas.segments.iter().map(|segment| u64::from(segment.num_docs())).sum();
    if reader.searcher().num_docs() != documents {
        return Err("its segments hold another number of documents than its commit".to_owned());
    }
    Ok((engine, reader, change))
}

/// Reads every file in use and compares its checksum.
fn verify(engine: &Engine, live: &HashSet<PathBuf>) -> Result<(), String> {
    for path in live {
        let exists = engine.directory().exists(path).map_err(|error| error.to_string())?;
        if exists
            && !engine.directory().validate_checksum(path).map_err(|error| error.to_string())?
        {
            return Err(format!("{} is damaged", path.display()));
        }
    }
    Ok(())
}

/// Deletes what unfinished commits and merges left: purging counts on no file being forgotten.
fn sweep(folder: &Path, live: &HashSet<PathBuf>) -> std::io::Result<()> {
    for path in own_files(folder)? {
        let name = path.file_name().unwrap_or_default();
        let replacement = path.extension() == Some(OsStr::new(REPLACEMENT));
        if replacement || (is_segment_file(name) && !live.contains(Path::new(name))) {
            fs::remove_file(path)?;
        }
    }
    Ok(())
}

/// The files of the folder that are ours by name; the lock is not among them.
pub(crate) fn own_files(folder: &Path) -> std::io::Result<Vec<PathBuf>> {
    let mut out = Vec::new();
    for entry in fs::read_dir(folder)? {
        let entry = entry?;
        let name = entry.file_name();
        let text = name.to_string_lossy();
        let base = text.strip_suffix(REPLACEMENT).map_or(&*text, |base| base.trim_end_matches('.'));
        if entry.file_type()?.is_file()
            && (matches!(base, "meta.json" | LIST | MARKER) || is_segment_file(&name))
        {
            out.push(entry.path());
        }
    }
    Ok(out)
}

/// `<32 hexadecimal digits>.<something>`.
pub(crate) fn is_segment_file(name: &OsStr) -> bool {
    name.to_str()
        .and_then(|name| name.split_once('.'))
        .is_some_and(|(id, _)| id.len() == 32 && id.bytes().all(|byte| byte.is_ascii_hexdigit()))
}
