//! What is made from files and made again when they change.

use std::error::Error;
use std::fmt::Write as _;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;

use crate::error::TlsError;
use crate::files;

/// How often files are looked at.
const LOOK: Duration = Duration::from_secs(10);

/// Something made from files that can be made again.
pub trait Renewable: Send + Sync {
    /// Reads the files again; when they do not fit together, that is logged and what was there stays.
    fn renew(&self);
}

/// Renews for as long as it is polled, whenever files have changed.
pub async fn keep_current(all: &[Arc<dyn Renewable>]) {
    loop {
        tokio::time::sleep(LOOK).await;
        for one in all {
            one.renew();
        }
    }
}

type Make<T> = Box<dyn Fn() -> Result<T, TlsError> + Send + Sync>;

/// See the module.
pub(crate) struct Renewed<T> {
    /// For logs.
    what: &'static str,
    sources: Vec<PathBuf>,
    make: Make<T>,
    current: ArcSwap<T>,
    /// What the files held when they were last tried, good or not.
    tried: Mutex<Vec<Option<Vec<u8>>>>,
}

impl<T> Renewed<T> {
    pub(crate) fn new(
        what: &'static str,
        sources: &[&str],
        make: impl Fn() -> Result<T, TlsError> + Send + Sync + 'static,
    ) -> Result<Self, TlsError> {
        let sources = sources.iter().filter(|path| !path.is_empty());
        let sources: Vec<PathBuf> = sources.map(PathBuf::from).collect();
        let tried = Mutex::new(contents(&sources));
        let current = ArcSwap::from_pointee(make()?);
        Ok(Self { what, sources, make: Box::new(make), current, tried })
    }

    pub(crate) fn load(&self) -> Arc<T> {
        self.current.load_full()
    }
}

impl<T: Send + Sync> Renewable for Renewed<T> {
    fn renew(&self) {
        let mut tried = self.tried.lock().unwrap_or_else(PoisonError::into_inner);
        let now = contents(&self.sources);
        if *tried == now {
            return;
        }
        *tried = now;
        match (self.make)() {
            Ok(made) => {
                self.current.store(Arc::new(made));
                tracing::info!(what = self.what, "renewed certificates are in force");
            }
            Err(error) => {
                let cause = causes(&error);
                tracing::warn!(
                    what = self.what,
                    cause,
                    "renewed certificates cannot be used; the old ones stay"
                );
            }
        }
    }
}

fn contents(sources: &[PathBuf]) -> Vec<Option<Vec<u8>>> {
    sources.iter().map(|path| files::read(path).ok()).collect()
}

/// An error and what lies behind it, on one line.
pub(crate) fn causes(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        // Writing to a string does not fail.
        let _ = write!(text, ": {cause}");
        source = cause.source();
    }
    text
}
