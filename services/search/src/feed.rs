//! The index on disk and the work on it that blocks: opening, feeding, purging, starting anew.
//!
//! Everything lives in the service's cache folder: `index/`, and `purge`, an empty file that exists
//! from before the commit that forgets an erased owner until their words have left the index's
//! files, so that a crash in between does not forget to.

use std::fs::{self, File};
use std::io;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use hanse_search_index::{Change, Index, IndexError, Opened, Options};

/// An open index and how far it has been fed.
#[derive(Clone)]
pub(crate) struct Feed {
    pub(crate) index: Arc<Index>,
    /// The last change applied.
    pub(crate) after: u64,
    /// Changes up to here need not be known one by one: the index was empty when rows at or below
    /// this floor were already gone.
    pub(crate) base: Option<u64>,
    folder: PathBuf,
}

impl Feed {
    /// Opens what is there, or an empty index.
    pub(crate) fn open(folder: &Path) -> Result<Self, IndexError> {
        fs::create_dir_all(folder)?;
        let (index, opened) = Index::open(&folder.join("index"), Options::default())?;
        let (after, base) = match opened {
            Opened::At(change) if change > 0 => (change, Some(change)),
            _ => (0, None),
        };
        Ok(Self { index: Arc::new(index), after, base, folder: folder.to_owned() })
    }

    /// Ends this index and opens an empty one.
    pub(crate) fn anew(self) -> Result<Self, IndexError> {
        let folder = self.folder.clone();
        // No merge may go on writing into the new index's folder.
        if let Err(error) = self.index.release() {
            tracing::debug!(error = %error, "the old search index ended with an error");
        }
        drop(self);
        match fs::remove_dir_all(folder.join("index")) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error.into()),
            _ => Self::open(&folder),
        }
    }

    /// Applies changes and makes them searchable.
    pub(crate) fn take(&self, changes: Vec<(u64, Change)>) -> Result<u64, IndexError> {
        if changes.iter().any(|(_, change)| matches!(change, Change::DeleteScope { .. })) {
            File::create(self.marker())?.sync_all()?;
            File::open(&self.folder)?.sync_all()?;
        }
        for (number, change) in changes {
            self.index.apply(number, change)?;
        }
        self.index.commit()
    }

    /// Are there words of erased owners in the files?
    pub(crate) fn purge_is_due(&self) -> bool {
        self.marker().exists()
    }

    /// Rewrites the files that hold words of what was removed.
    pub(crate) fn purge(&self) -> Result<(), IndexError> {
        self.index.purge()?;
        Ok(fs::remove_file(self.marker())?)
    }

    fn marker(&self) -> PathBuf {
        self.folder.join("purge")
    }
}

/// Would the same work again if there were room?
pub(crate) fn is_full(error: &IndexError) -> bool {
    let mut cause: Option<&(dyn std::error::Error + 'static)> = Some(error);
    while let Some(error) = cause {
        if let Some(error) = error.downcast_ref::<io::Error>()
            && matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
        {
            return true;
        }
        cause = error.source();
    }
    // The engine wraps some causes without naming them as such.
    error.to_string().contains("No space left") || format!("{error:?}").contains("StorageFull")
}
