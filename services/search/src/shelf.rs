//! Where searches find the index, and how many may look at once.
//!
//! A search costs processor time: a fraction of a millisecond for most, but as much as the caller's
//! documents that match, so it runs on a blocking thread and never holds up other requests. As many
//! run at once as there are processors; the others wait a little, then are told to come back.

use std::num::NonZero;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use hanse_search_index::{Hits, Id, Index, IndexError, Query};
use tokio::sync::{Semaphore, watch};
use tokio::time::timeout;

use crate::error::SearchError;

/// How long a search waits for the index, and for its turn.
const PATIENCE: Duration = Duration::from_secs(2);
/// Seconds after which a refused search may be tried again.
const LATER: u32 = 2;

#[derive(Clone, Default)]
struct Shown {
    index: Option<Arc<Index>>,
    /// It holds everything that it should.
    whole: bool,
}

/// The index, as far as it can be searched.
pub(crate) struct Shelf {
    shown: watch::Sender<Shown>,
    turns: Arc<Semaphore>,
    damaged: AtomicBool,
}

impl Default for Shelf {
    fn default() -> Self {
        let turns = std::thread::available_parallelism().map_or(1, NonZero::get);
        Self {
            shown: watch::Sender::default(),
            turns: Arc::new(Semaphore::new(turns)),
            damaged: AtomicBool::new(false),
        }
    }
}

impl Shelf {
    /// Puts an index up that does not hold everything yet.
    pub(crate) fn put(&self, index: Arc<Index>) {
        self.shown.send_replace(Shown { index: Some(index), whole: false });
    }

    /// Says that the index holds everything; searches may begin.
    pub(crate) fn open(&self) {
        self.shown.send_if_modified(|shown| !std::mem::replace(&mut shown.whole, true));
    }

    /// Takes the index away.
    pub(crate) fn clear(&self) {
        self.shown.send_replace(Shown::default());
    }

    /// Has a search met a file that it could not read? Asking forgets it.
    pub(crate) fn take_damaged(&self) -> bool {
        self.damaged.swap(false, Ordering::AcqRel)
    }

    /// The index as it is, and whether it holds everything.
    pub(crate) fn current(&self) -> (Option<Arc<Index>>, bool) {
        let shown = self.shown.borrow();
        (shown.index.clone(), shown.whole)
    }

    /// Documents of these scopes that match.
    pub(crate) async fn search(&self, scopes: Vec<Id>, query: Query) -> Result<Hits, SearchError> {
        self.ask(move |index| index.search(&scopes, &query)).await
    }

    /// Words of these scopes that complete the last one.
    pub(crate) async fn suggest(
        &self,
        scopes: Vec<Id>,
        text: String,
        limit: usize,
    ) -> Result<Vec<String>, SearchError> {
        self.ask(move |index| index.suggest(&scopes, &text, limit)).await
    }

    async fn ask<T: Send + 'static>(
        &self,
        question: impl FnOnce(&Index) -> Result<T, IndexError> + Send + 'static,
    ) -> Result<T, SearchError> {
        let mut shown = self.shown.subscribe();
        let ready = timeout(PATIENCE, shown.wait_for(|shown| shown.whole)).await;
        let index = ready.ok().and_then(Result::ok).and_then(|shown| shown.index.clone());
        let index = index.ok_or(SearchError::NotReady(LATER))?;
        let turn = timeout(PATIENCE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.ok().and_then(Result::ok).ok_or(SearchError::Busy(LATER))?;
        let answer = tokio::task::spawn_blocking(move || {
            let answer = question(&index);
            drop(turn);
            answer
        });
        let answer = answer.await.map_err(|_| SearchError::NotReady(LATER))?;
        answer.map_err(|source| {
            self.damaged.store(true, Ordering::Release);
            SearchError::Unreadable { seconds: LATER, source }
        })
    }
}
