//! The task that keeps the index in step with the table of documents.
//!
//! # Why index and position can never disagree
//! There are two steps, and each moves its position in the same act as its effect. *Events to
//! table*: the subscription's position and the rows are one transaction of the database. *Table to
//! index*: every commit of the index carries, inside itself, the number of the last change it holds.
//! After a crash the index is exactly one of its commits, and the loop reads on above the number it
//! finds there. The index may be behind the table, never ahead of it (it only reads what is
//! committed and synced), and applying a change twice is harmless. A commit of the index is in memory
//! for a few seconds before it is settled on disk; after a crash, more is applied again. An index that
//! is lost, damaged or behind the table's `floor` is emptied and fed from number 0: the table is the
//! truth.
//!
//! How far a source can be *found* is published only from a snapshot whose newest change the index
//! has committed: positions and changes are read together, so what `Hanse-After` waits for is in
//! the index.
//!
//! # Pace
//! The loop commits as soon as there is something, at most every `commit_every_ms`; what arrives
//! meanwhile goes together, so batches grow with the load, up to 2,000 changes. It is woken by the
//! store's commits, and looks by itself every 250 ms for those of other processes.

mod tidying;

use std::sync::Arc;
use std::time::Duration;

use hanse_runtime::Resources;
use hanse_search_index::Change;
use hanse_store::{StoreError, Topic, Tx};
use hanse_telemetry::metrics::{Counter, Gauge};
use tokio::time::Instant;

use crate::app::App;
use crate::documents::{self, Standing};
use crate::feed::{Feed, is_full};
use crate::found::Found;
use crate::trouble::{Trouble, blocking};

/// Changes and bytes of text in one commit, at most.
const BATCH: usize = 2_000;
const BATCH_BYTES: usize = 8 * 1024 * 1024;
/// How often to look when nothing wakes us.
const IDLE: Duration = Duration::from_millis(250);
/// After this long a commit of the index is on disk: so much is applied again after a crash, at most.
const SETTLE: Duration = Duration::from_secs(5);
/// How often removed documents are looked through for old ones.
const TIDY: Duration = Duration::from_secs(60);
/// The longest pause after failures, and failures in a row after which the index is built anew.
const LONGEST_PAUSE: u32 = 30;
const HOPELESS: u32 = 3;

/// See the module.
pub(crate) struct Indexing {
    app: Arc<App>,
    folder: std::path::PathBuf,
    found: Found,
    documents: Gauge,
    behind: Gauge,
    failures: Counter,
}

/// What lives from one start of the loop to its end.
struct Course {
    feed: Feed,
    /// A snapshot to be published once its newest change is in the index.
    ahead: Option<Standing>,
    purge_at: Option<Instant>,
    tidy_at: Instant,
    /// When to write the index to the disk, if it holds what is not there.
    settle_at: Option<Instant>,
    /// When to give memory back.
    release_at: Option<Instant>,
}

/// A start after an orderly stop has nothing to apply again.
impl Drop for Course {
    fn drop(&mut self) {
        if let Err(error) = self.feed.index.settle() {
            tracing::debug!(%error, "the search index was not settled; the next start feeds it again");
        }
    }
}

/// What a step has done.
enum Step {
    /// It took something in; there may be more at once.
    Full,
    /// It took something in.
    Some,
    /// Nothing to do.
    Idle,
}

impl Indexing {
    pub(crate) fn new(app: &Arc<App>, resources: &Resources) -> Self {
        let metrics = &resources.metrics;
        Self {
            app: Arc::clone(app),
            folder: resources.cache_folder.clone(),
            found: Found::register(&app.home.applied),
            documents: metrics.gauge("search_documents", "Documents that can be found"),
            behind: metrics.gauge("search_changes_behind", "Changes not in the index yet"),
            failures: metrics.counter("search_index_failures", "Failed work on the index"),
        }
    }

    /// Runs until the future is dropped.
    pub(crate) async fn run(&self) {
        self.app.shelf.clear();
        let mut commits = self.app.home.db.changes(Topic::Commits);
        let every = Duration::from_millis(self.app.config.commit_every_ms.into());
        let mut course: Option<Course> = None;
        let mut failures = 0;
        loop {
            commits.mark_unchanged();
            let began = Instant::now();
            match self.round(&mut course).await {
                Ok(Step::Full) => failures = 0,
                Ok(Step::Some) => {
                    failures = 0;
                    tokio::time::sleep_until(began + every).await;
                }
                Ok(Step::Idle) => {
                    failures = 0;
                    tokio::select! {
                        _ = commits.changed() => {}
                        () = tokio::time::sleep(IDLE) => {}
                    }
                }
                Err(trouble) => {
                    failures += 1;
                    self.recover(trouble, failures, &mut course).await;
                }
            }
        }
    }

    async fn round(&self, course: &mut Option<Course>) -> Result<Step, Trouble> {
        let damaged = self.app.shelf.take_damaged();
        let course = match course {
            Some(course) => course,
            None => course.insert(self.open().await?),
        };
        if damaged {
            tracing::error!("a search met a damaged index; it is built anew");
            self.anew(course).await?;
        }
        self.step(course).await
    }

    async fn open(&self) -> Result<Course, Trouble> {
        let folder = self.folder.clone();
        let feed = blocking(move || Feed::open(&folder)).await?;
        self.app.shelf.put(Arc::clone(&feed.index));
        let now = Instant::now();
        let purge_at = feed.purge_is_due().then_some(now);
        let tidy_at = now + TIDY;
        Ok(Course { feed, ahead: None, purge_at, tidy_at, settle_at: None, release_at: None })
    }

    async fn anew(&self, course: &mut Course) -> Result<(), Trouble> {
        self.app.shelf.clear();
        (course.ahead, course.settle_at) = (None, None);
        let feed = course.feed.clone();
        course.feed = blocking(move || feed.anew()).await?;
        self.app.shelf.put(Arc::clone(&course.feed.index));
        Ok(())
    }

    async fn step(&self, course: &mut Course) -> Result<Step, Trouble> {
        let after = course.feed.after;
        let (standing, changes, all) = self
            .app
            .home
            .db
            .scan::<_, StoreError, _>(async move |tx: &mut Tx| {
                let standing = documents::standing(tx).await?;
                let (changes, all) = documents::changes(tx, after, BATCH, BATCH_BYTES).await?;
                Ok((standing, changes, all))
            })
            .await?;
        let base = *course.feed.base.get_or_insert(standing.floor);
        if standing.floor > base.max(after) {
            tracing::info!("the search index does not know of removed documents; it is built anew");
            self.anew(course).await?;
            return Ok(Step::Full);
        }
        self.behind.set(i64::try_from(standing.last.saturating_sub(after)).unwrap_or(i64::MAX));
        course.ahead.get_or_insert(standing);
        let idle = changes.is_empty();
        self.take(course, changes).await?;
        self.publish(course, all);
        self.settle(course).await?;
        if idle {
            self.tidy(course).await?;
        }
        Ok(match (idle, all) {
            (true, _) => Step::Idle,
            (false, true) => Step::Some,
            (false, false) => Step::Full,
        })
    }

    /// Puts changes into the index.
    async fn take(&self, course: &mut Course, changes: Vec<(u64, Change)>) -> Result<(), Trouble> {
        let Some(&(last, _)) = changes.last() else { return Ok(()) };
        let erased: Vec<_> = changes
            .iter()
            .filter_map(|(_, change)| match change {
                Change::DeleteScope { scope } => Some(uuid::Uuid::from_bytes(*scope)),
                _ => None,
            })
            .collect();
        let feed = course.feed.clone();
        blocking(move || feed.take(changes)).await?;
        course.feed.after = last;
        for owner in &erased {
            self.app.history.forget(*owner, None);
        }
        let now = Instant::now();
        if !erased.is_empty() {
            let pause = Duration::from_millis(self.app.config.purge_after_ms.into());
            course.purge_at.get_or_insert(now + pause);
        }
        course.release_at = Some(self.release_at(now));
        course.settle_at.get_or_insert(now + SETTLE);
        self.documents.set(i64::try_from(course.feed.index.len()).unwrap_or(i64::MAX));
        if course.purge_at.is_some_and(|at| at <= now) {
            self.purge(course).await?;
        }
        Ok(())
    }

    /// Says how far every source can be found, once the index holds all of a snapshot.
    fn publish(&self, course: &mut Course, all_read: bool) {
        let reached = |standing: &Standing| all_read || standing.last <= course.feed.after;
        let Some(standing) = course.ahead.take_if(|standing| reached(standing)) else { return };
        if standing.whole {
            self.app.shelf.open();
        }
        self.found.publish(&standing.positions);
    }

    /// After a failure: wait, begin again above what the index holds, and in the end build it anew.
    /// A full disk is not the index's fault; then it stays as it is.
    async fn recover(&self, trouble: Trouble, failures: u32, course: &mut Option<Course>) {
        self.failures.inc();
        tracing::error!(
            error = &trouble as &dyn std::error::Error,
            failures,
            "the search index lags"
        );
        if let Some(course) = course {
            course.feed.after = course.feed.index.visible();
        }
        let full = matches!(&trouble, Trouble::Index(error) if is_full(error));
        let hopeless = matches!(trouble, Trouble::Index(_)) && !full && failures >= HOPELESS;
        tokio::time::sleep(Duration::from_secs(failures.min(LONGEST_PAUSE).into())).await;
        if hopeless && let Some(course) = course {
            tracing::error!("the search index cannot be written; it is built anew");
            if let Err(trouble) = self.anew(course).await {
                tracing::error!(error = &trouble as &dyn std::error::Error, "that failed, too");
            }
        }
    }
}
