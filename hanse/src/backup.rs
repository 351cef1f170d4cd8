//! `hanse backup` and `hanse restore` for the embedded store.
//!
//! **One cut.** Each file is frozen by a read snapshot, which costs the running platform nothing. The
//! snapshots are taken one after another, so a consumer's could hold the effect of an event that its
//! producer's does not hold yet. That can be seen: its position is ahead of the producer's log. The
//! producer's snapshot is then taken anew, until no position is ahead: the set is a state that the
//! platform could have been in after a crash, and going on from it loses and doubles nothing.
//!
//! **Verified.** Every copy is checked page by page, and its SHA-256 stands in the manifest, which is
//! written last: a folder without a manifest is no backup.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::Read as _;
use std::os::unix::fs::{DirBuilderExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, bail};
use clap::Args;
use hanse_store::Clock;
use hanse_store::sqlite::{Snapshot, verify};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::compose::{DataFolder, NAMES};
use crate::config::Loaded;

const MANIFEST: &str = "manifest.json";
const KEY: &str = "master.key";
/// How often a set of snapshots is taken anew before giving up.
const ROUNDS: usize = 50;

/// Options of `backup`.
#[derive(Args)]
pub struct BackupArgs {
    /// Folder to make
    dir: PathBuf,
    /// For a machine
    #[arg(long)]
    json: bool,
}

/// Options of `restore`.
#[derive(Args)]
pub struct RestoreArgs {
    /// Folder that `backup` made
    dir: PathBuf,
    /// For a machine
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Manifest {
    format: u32,
    made_by: String,
    made_at: String,
    files: BTreeMap<String, String>,
}

/// Copies everything.
pub fn backup(loaded: &Loaded, args: &BackupArgs) -> anyhow::Result<ExitCode> {
    if !loaded.config.store.url.is_empty() {
        bail!("the data is on PostgreSQL; use pg_dump or its continuous archiving");
    }
    let data = &loaded.config.server.data;
    let paths = service_files(data)?;
    if paths.is_empty() {
        bail!("there is no data in {}", data.display());
    }
    fs::DirBuilder::new()
        .mode(0o700)
        .create(&args.dir)
        .with_context(|| format!("{} cannot be made; it must not exist yet", args.dir.display()))?;
    let mut cut = consistent_cut(&paths)?;
    let mut files = BTreeMap::new();
    for (service, snapshot) in &mut cut {
        let name = format!("{service}.db");
        let copy = args.dir.join(&name);
        snapshot.copy_to(&copy).with_context(|| format!("{name} could not be copied"))?;
        verify(&copy).with_context(|| format!("the copy of {name} is not good"))?;
        files.insert(name, digest(&copy)?);
    }
    drop(cut);
    if data.join(KEY).exists() {
        copy_private(&data.join(KEY), &args.dir.join(KEY))?;
        files.insert(KEY.to_owned(), digest(&args.dir.join(KEY))?);
    }
    let manifest = Manifest {
        format: 1,
        made_by: format!("hanse {}", env!("CARGO_PKG_VERSION")),
        made_at: Clock::system().now().to_string(),
        files,
    };
    write_synced(&args.dir.join(MANIFEST), serde_json::to_string_pretty(&manifest)?.as_bytes())?;
    File::open(&args.dir)?.sync_all()?;
    if args.json {
        crate::commands::print_json(&manifest)?;
    } else {
        println!("{} file(s) copied and verified in {}", manifest.files.len(), args.dir.display());
        println!("the folder holds the master key: keep it as safe as the data");
    }
    Ok(ExitCode::SUCCESS)
}

/// Puts a backup in the place of the data.
pub fn restore(loaded: &Loaded, args: &RestoreArgs) -> anyhow::Result<ExitCode> {
    if !loaded.config.store.url.is_empty() {
        bail!("the data is on PostgreSQL; restore it there");
    }
    let text = fs::read_to_string(args.dir.join(MANIFEST)).with_context(|| {
        format!("{} is no complete backup: it has no manifest", args.dir.display())
    })?;
    let manifest: Manifest = serde_json::from_str(&text).context("the manifest cannot be read")?;
    if manifest.format != 1 {
        bail!("the backup was made by a newer release ({})", manifest.made_by);
    }
    if !manifest.files.keys().any(|name| name != KEY) {
        bail!("the manifest names no data; nothing was restored");
    }
    if let Some(name) = manifest.files.keys().find(|name| *name != KEY && !is_service_file(name)) {
        bail!("the manifest names a file that is none of ours: {name}; nothing was restored");
    }
    for (name, wanted) in &manifest.files {
        let path = args.dir.join(name);
        if digest(&path).with_context(|| format!("{name} is missing"))? != *wanted {
            bail!("{name} is damaged or was changed; nothing was restored");
        }
        if name.ends_with(".db") {
            verify(&path)?;
        }
    }
    let data = &loaded.config.server.data;
    // Holding the folder proves that no platform runs on it.
    let folder = DataFolder::take(&loaded.config)?;
    let beside = |ending: &str| -> PathBuf {
        let mut name = data.as_os_str().to_owned();
        name.push(ending);
        name.into()
    };
    let incoming = beside(".restoring");
    if incoming.exists() {
        fs::remove_dir_all(&incoming)
            .with_context(|| format!("{} is in the way", incoming.display()))?;
    }
    // What an earlier restore has put aside may be the only copy there is.
    let before = (1..)
        .map(|n| {
            if n == 1 { beside(".before-restore") } else { beside(&format!(".before-restore-{n}")) }
        })
        .find(|free| !free.exists())
        .context("there is no free name")?;
    fs::DirBuilder::new().mode(0o700).create(&incoming)?;
    for name in manifest.files.keys() {
        copy_private(&args.dir.join(name), &incoming.join(name))?;
    }
    File::open(&incoming)?.sync_all()?;
    // Two renames: whichever a crash falls between, one complete folder is there under a clear name.
    fs::rename(data, &before)?;
    fs::rename(&incoming, data)?;
    let parent = data.parent().filter(|parent| !parent.as_os_str().is_empty());
    File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
    drop(folder);
    let text = format!(
        "restored {} file(s) made at {}; what was there before is in {}",
        manifest.files.len(),
        manifest.made_at,
        before.display()
    );
    let value = serde_json::json!({
        "restored": manifest.files.len(), "made_at": manifest.made_at, "before": before,
    });
    crate::commands::say(args.json, &value, &text)?;
    Ok(ExitCode::SUCCESS)
}

fn service_files(data: &Path) -> anyhow::Result<BTreeMap<String, PathBuf>> {
    let entries =
        fs::read_dir(data).with_context(|| format!("{} cannot be read", data.display()))?;
    let mut files = BTreeMap::new();
    for entry in entries {
        let path = entry?.path();
        let ours = path.file_name().and_then(|name| name.to_str()).is_some_and(is_service_file);
        if ours && let Some(name) = path.file_stem().and_then(|name| name.to_str()) {
            files.insert(name.to_owned(), path.clone());
        }
    }
    Ok(files)
}

fn is_service_file(name: &str) -> bool {
    name.strip_suffix(".db").is_some_and(|service| service != "gateway" && NAMES.contains(&service))
}

/// Snapshots of which none holds an effect without its cause.
fn consistent_cut(paths: &BTreeMap<String, PathBuf>) -> anyhow::Result<BTreeMap<String, Snapshot>> {
    let mut cut = BTreeMap::new();
    for (service, path) in paths {
        cut.insert(service.clone(), Snapshot::take(path)?);
    }
    for _ in 0..ROUNDS {
        let Some(behind) = a_producer_that_is_behind(&mut cut)? else { return Ok(cut) };
        let path = paths.get(&behind).context("a service that others follow has no file")?;
        cut.insert(behind, Snapshot::take(path)?);
    }
    bail!("no consistent cut was found; try again when there is less to do")
}

fn a_producer_that_is_behind(
    cut: &mut BTreeMap<String, Snapshot>,
) -> anyhow::Result<Option<String>> {
    let mut needed: BTreeMap<String, i64> = BTreeMap::new();
    for snapshot in cut.values_mut() {
        for row in
            snapshot.query("SELECT source, max(seq) AS seq FROM positions GROUP BY source", &[])?
        {
            let seq = needed.entry(row.at(0)?).or_default();
            *seq = (*seq).max(row.at(1)?);
        }
    }
    for (source, seq) in needed {
        let Some(snapshot) = cut.get_mut(&source) else { continue };
        let rows = snapshot.query("SELECT coalesce(max(seq), 0) AS seq FROM events", &[])?;
        let end: i64 = rows.first().context("an empty answer")?.at(0)?;
        if seq > end {
            return Ok(Some(source));
        }
    }
    Ok(None)
}

fn digest(path: &Path) -> anyhow::Result<String> {
    let mut file = File::open(path)?;
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 1 << 16];
    loop {
        let read = file.read(&mut buffer)?;
        if read == 0 {
            break;
        }
        hasher.update(buffer.get(..read).unwrap_or_default());
    }
    Ok(hasher.finalize().iter().map(|byte| format!("{byte:02x}")).collect())
}

fn copy_private(from: &Path, to: &Path) -> anyhow::Result<()> {
    let mut source = File::open(from)?;
    let mut target = File::options().write(true).create_new(true).mode(0o600).open(to)?;
    std::io::copy(&mut source, &mut target)?;
    Ok(target.sync_all()?)
}

fn write_synced(path: &Path, content: &[u8]) -> anyhow::Result<()> {
    use std::io::Write as _;
    let mut file = File::create(path)?;
    file.write_all(content)?;
    Ok(file.sync_all()?)
}
