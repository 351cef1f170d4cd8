//! Young files stay in memory.
//!
//! A commit every few milliseconds makes some eight small files, and the merge a moment later makes
//! them needless again. On a disk each is created, mapped, unmapped and removed, and each of these
//! waits whenever the file system's journal does, which is when anybody else syncs. So a file is kept
//! in memory until [`settle`](YoungDirectory::settle) writes down what is still needed of a commit;
//! most never see the disk. One that grows large, as the result of a merge does, goes there at once.
//!
//! # What the disk holds
//! Always one whole commit: the last that was settled. Its files are removed only after another has
//! been settled, whatever has been merged meanwhile (they are `doomed` until then). A crash of the
//! process loses the commits since; the index then names the older change that it is at, and the
//! caller feeds it from there. What a crash in the middle of settling leaves is swept at the next start.

use std::collections::HashMap;
use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tantivy::directory::error::{
    DeleteError, LockError, OpenDirectoryError, OpenReadError, OpenWriteError,
};
use tantivy::directory::{
    AntiCallToken, Directory, DirectoryLock, FileHandle, Lock, OwnedBytes, TerminatingWrite,
    WatchCallback, WatchHandle, WritePtr,
};

use crate::unsynced::UnsyncedDirectory;

/// The engine's description of its last commit.
const META: &str = "meta.json";
/// A file above this is not kept in memory.
const LARGE: usize = 1024 * 1024;

/// See the module.
#[derive(Clone, Debug)]
pub(crate) struct YoungDirectory {
    disk: UnsyncedDirectory,
    state: Arc<Mutex<State>>,
}

#[derive(Debug, Default)]
struct State {
    files: HashMap<PathBuf, OwnedBytes>,
    /// Sum of their lengths.
    bytes: usize,
    /// The description of the last commit, unless the disk has it.
    meta: Option<Vec<u8>>,
    /// Files on disk that only the commit there may still name.
    doomed: Vec<PathBuf>,
}

impl YoungDirectory {
    pub(crate) fn open(folder: &Path) -> Result<YoungDirectory, OpenDirectoryError> {
        Ok(YoungDirectory { disk: UnsyncedDirectory::open(folder)?, state: Arc::default() })
    }

    /// Bytes of the files in memory.
    pub(crate) fn bytes(&self) -> usize {
        self.lock().bytes
    }

    /// Writes the last commit to the disk, and removes what it replaces. Only one may do so at a time.
    ///
    /// # Errors
    /// The disk's; the last commit is then still in memory, and the one before on disk.
    pub(crate) fn settle(&self) -> io::Result<()> {
        let (meta, files, doomed) = {
            let state = self.lock();
            let Some(meta) = state.meta.clone() else { return Ok(()) };
            (meta, state.files.clone(), state.doomed.clone())
        };
        for (path, content) in &files {
            self.disk.replace(path, content)?;
        }
        self.disk.replace(Path::new(META), &meta)?;
        let mut state = self.lock();
        for (path, content) in files {
            if state.files.remove(&path).is_some() {
                state.bytes = state.bytes.saturating_sub(content.len());
            } else {
                // A merge has made it needless meanwhile, but not for what was just written.
                state.doomed.push(path);
            }
        }
        state.meta.take_if(|newest| *newest == meta);
        // What was doomed later may be named by the commit that is on disk now.
        state.doomed.drain(..doomed.len());
        drop(state);
        for path in doomed {
            match self.disk.delete(&path) {
                Ok(()) | Err(DeleteError::FileDoesNotExist(_)) => {}
                // The next start sweeps it.
                Err(error) => tracing::warn!(%error, "a file of the search index is left over"),
            }
        }
        Ok(())
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, path: PathBuf, content: Vec<u8>) {
        let mut state = self.lock();
        state.bytes += content.len();
        state.files.insert(path, OwnedBytes::new(content));
    }
}

impl Directory for YoungDirectory {
    fn get_file_handle(&self, path: &Path) -> Result<Arc<dyn FileHandle>, OpenReadError> {
        let young = self.lock().files.get(path).cloned();
        match young {
            Some(content) => Ok(Arc::new(content)),
            None => self.disk.get_file_handle(path),
        }
    }

    fn delete(&self, path: &Path) -> Result<(), DeleteError> {
        let mut state = self.lock();
        match state.files.remove(path) {
            Some(content) => state.bytes = state.bytes.saturating_sub(content.len()),
            None => state.doomed.push(path.to_owned()),
        }
        Ok(())
    }

    fn exists(&self, path: &Path) -> Result<bool, OpenReadError> {
        let state = self.lock();
        if state.files.contains_key(path) || (path == Path::new(META) && state.meta.is_some()) {
            return Ok(true);
        }
        Ok(!state.doomed.iter().any(|doomed| doomed == path) && self.disk.exists(path)?)
    }

    fn open_write(&self, path: &Path) -> Result<WritePtr, OpenWriteError> {
        let failed =
            |error| OpenWriteError::wrap_io_error(io::Error::other(error), path.to_owned());
        if self.exists(path).map_err(failed)? {
            return Err(OpenWriteError::FileAlreadyExists(path.to_owned()));
        }
        let place = Growing::Memory(Vec::new());
        Ok(BufWriter::new(Box::new(YoungFile {
            folder: self.clone(),
            path: path.to_owned(),
            place,
        })))
    }

    fn atomic_read(&self, path: &Path) -> Result<Vec<u8>, OpenReadError> {
        let meta = self.lock().meta.clone().filter(|_| path == Path::new(META));
        meta.map_or_else(|| self.disk.atomic_read(path), Ok)
    }

    fn atomic_write(&self, path: &Path, content: &[u8]) -> io::Result<()> {
        if path != Path::new(META) {
            return self.disk.atomic_write(path, content);
        }
        self.lock().meta = Some(content.to_owned());
        Ok(())
    }

    fn sync_directory(&self) -> io::Result<()> {
        Ok(())
    }

    fn acquire_lock(&self, lock: &Lock) -> Result<DirectoryLock, LockError> {
        self.disk.acquire_lock(lock)
    }

    fn watch(&self, callback: WatchCallback) -> tantivy::Result<WatchHandle> {
        self.disk.watch(callback)
    }
}

/// A file that is being written.
struct YoungFile {
    folder: YoungDirectory,
    path: PathBuf,
    place: Growing,
}

enum Growing {
    Memory(Vec<u8>),
    Disk(WritePtr),
}

impl Write for YoungFile {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if let Growing::Memory(content) = &mut self.place {
            if content.len() + bytes.len() <= LARGE {
                content.extend_from_slice(bytes);
                return Ok(bytes.len());
            }
            let mut file = self.folder.disk.open_write(&self.path).map_err(io::Error::other)?;
            file.write_all(content)?;
            self.place = Growing::Disk(file);
        }
        match &mut self.place {
            Growing::Disk(file) => file.write(bytes),
            Growing::Memory(_) => Ok(0),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        match &mut self.place {
            Growing::Memory(_) => Ok(()),
            Growing::Disk(file) => file.flush(),
        }
    }
}

impl TerminatingWrite for YoungFile {
    fn terminate_ref(&mut self, token: AntiCallToken) -> io::Result<()> {
        match &mut self.place {
            Growing::Memory(content) => {
                let mut content = std::mem::take(content);
                content.shrink_to_fit();
                self.folder.keep(std::mem::take(&mut self.path), content);
                Ok(())
            }
            Growing::Disk(file) => file.terminate_ref(token),
        }
    }
}
