//! What the index loop does besides feeding: purging, giving memory back, forgetting old removals.

use std::sync::Arc;
use std::time::Duration;

use hanse_store::{StoreError, Tx};
use jiff::SignedDuration;
use tokio::time::Instant;

use super::{Course, Indexing, TIDY};
use crate::documents;
use crate::trouble::{Trouble, blocking};

impl Indexing {
    /// What waits for a quiet moment.
    pub(super) async fn tidy(&self, course: &mut Course) -> Result<(), Trouble> {
        let now = Instant::now();
        if course.purge_at.is_some_and(|at| at <= now) {
            self.purge(course).await?;
        }
        if course.release_at.is_some_and(|at| at <= now) {
            course.release_at = None;
            let index = Arc::clone(&course.feed.index);
            blocking(move || index.release()).await?;
            course.settle_at = None;
        }
        if course.tidy_at <= now {
            course.tidy_at = now + TIDY;
            let settled = course.feed.index.settled();
            let age = SignedDuration::from_mins(self.app.config.tombstone_minutes.into());
            let db = &self.app.home.db;
            db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
                documents::forget_removed(tx, settled, age).await
            })
            .await?;
        }
        Ok(())
    }

    /// Writes the index to the disk when that is due, and until it succeeds.
    pub(super) async fn settle(&self, course: &mut Course) -> Result<(), Trouble> {
        if course.settle_at.is_some_and(|at| at <= Instant::now()) {
            let index = Arc::clone(&course.feed.index);
            blocking(move || index.settle()).await?;
            course.settle_at = None;
        }
        Ok(())
    }

    pub(super) async fn purge(&self, course: &mut Course) -> Result<(), Trouble> {
        let feed = course.feed.clone();
        blocking(move || feed.purge()).await?;
        (course.purge_at, course.settle_at) = (None, None);
        course.release_at = Some(self.release_at(Instant::now()));
        Ok(())
    }

    pub(super) fn release_at(&self, now: Instant) -> Instant {
        now + Duration::from_millis(self.app.config.release_after_ms.into())
    }
}
