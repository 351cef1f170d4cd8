//! A folder that is never synced.
//!
//! The engine keeps a list of its files there and writes it anew for every file that it makes, eight times
//! a commit, so that it can delete what a crash leaves. That is done by [`opening`](crate::opening)
//! instead; the list is read off the folder, and never written.
//!
//! The engine's own directory syncs every file of every commit, which costs tens of
//! milliseconds on an ordinary disk and buys nothing here: what is lost with the power is
//! indexed again from the table it came from. A crash of the process alone loses nothing,
//! because the kernel still holds the pages. Torn files after a power loss are the business of
//! [`opening`](crate::opening).

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use tantivy::directory::error::{
    DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError,
};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, MmapDirectory, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use crate::opening::{is_segment_file, own_files};

/// Ends the name of a file that is being replaced.
pub(crate) const REPLACEMENT: &str = "new";

/// Where the engine would keep the list of its files.
pub(crate) const LIST: &str = ".managed.json";

/// The list as the engine reads it.
fn list(folder: &Path) -> io::Result<Vec<u8>> {
    let paths = own_files(folder)?.into_iter();
    let names = paths.filter_map(|path| path.file_name().map(PathBuf::from));
    let managed = |name: &PathBuf| name == "meta.json" || is_segment_file(name.as_os_str());
    let files: Vec<PathBuf> = names.filter(managed).collect();
    Ok(serde_json::to_vec(&files)?)
}

/// Reads through memory maps, writes without syncing.
#[derive(Clone, Debug)]
pub(crate) struct UnsyncedDirectory {
    folder: PathBuf,
    maps: MmapDirectory,
}

impl UnsyncedDirectory {
    pub(crate) fn open(folder: &Path) -> Result<UnsyncedDirectory, OpenDirectoryError> {
        let maps = MmapDirectory::open(folder)?;
        Ok(UnsyncedDirectory { folder: folder.to_owned(), maps })
    }

    /// Writes a file of the folder whole, in the place of what may be there.
    pub(crate) fn replace(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        replace(&self.folder.join(path), content)
    }
}

/// Replaces a file in one step, as seen by processes; nothing is promised about power.
pub(crate) fn replace(path: &Path, content: &[u8]) -> io::Result<()> {
    let mut name = path.as_os_str().to_owned();
    name.push(".");
    name.push(REPLACEMENT);
    fs::write(&name, content)?;
    fs::rename(&name, path)
}

impl Directory for UnsyncedDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        self.maps.get_file_handle(path)
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        self.maps.delete(path)
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        self.maps.exists(path)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let file = OpenOptions::new().write(true).create_new(true).open(self.folder.join(path));
        let file = file.map_err(|error| match error.kind() {
            io::ErrorKind::AlreadyExists => OpenWriteError::FileAlreadyExists(path.to_owned()),
            _ => OpenWriteError::wrap_io_error(error, path.to_owned()),
        })?;
        Ok(BufWriter::new(Box::new(Unsynced(file))))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        if path == Path::new(LIST) {
            let failed = |error| OpenReadError::wrap_io_error(error, path.to_owned());
            return list(&self.folder).map_err(failed);
        }
        self.maps.atomic_read(path)
    }

    fn atomic_write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        if path == Path::new(LIST) {
            return Ok(());
        }
        replace(&self.folder.join(path), content)
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.maps.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.maps.watch(callback)
    }
}

struct Unsynced(File);

impl Write for Unsynced {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

impl TerminatingWrite for Unsynced {
    fn terminate_ref(&mut self, _: AntiCallToken) -> io::Result<()> {
        self.0.flush()
    }
}
