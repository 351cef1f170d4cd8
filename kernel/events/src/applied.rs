//! How far a service's projections have come, for those who want to read what they wrote.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use hanse_store::{Db, Result, StoreError, Tx, params};
use tokio::sync::watch;

/// How often the database is asked about parts that another replica follows.
const POLL: Duration = Duration::from_millis(20);
/// How many parts of a source have a position, and the least of them.
const LEAST: &str = "SELECT count(*) AS parts, coalesce(min(seq), 0) AS seq FROM positions
    WHERE subscription = $1 AND source LIKE $2";

/// The positions of all projections of a service, by source. Cheap to clone.
#[derive(Clone, Default)]
pub struct Applied {
    sources: Arc<RwLock<BTreeMap<String, Vec<Projection>>>>,
}

#[derive(Clone)]
enum Projection {
    /// Followed whole, by this process.
    Whole(watch::Receiver<i64>),
    /// Followed in parts, perhaps by several replicas: the truth is in the database.
    Parts(Parts),
}

#[derive(Clone)]
struct Parts {
    db: Db,
    subscription: &'static str,
    count: u32,
    /// Wakes when a part that this process follows has moved.
    moved: watch::Receiver<u64>,
}

impl Applied {
    /// Adds a projection: its receiver shows the last event of `source` whose effect can be read.
    pub fn register(&self, source: &str, position: watch::Receiver<i64>) {
        self.add(source, Projection::Whole(position));
    }

    /// Adds a projection of a source that is followed in `count` parts. `moved` wakes when one of
    /// them has moved here; those that other replicas follow are looked up in `db`.
    pub fn register_parts(
        &self,
        source: &str,
        count: u32,
        db: Db,
        subscription: &'static str,
        moved: watch::Receiver<u64>,
    ) {
        self.add(source, Projection::Parts(Parts { db, subscription, count, moved }));
    }

    fn add(&self, source: &str, projection: Projection) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.entry(source.to_owned()).or_default().push(projection);
    }

    /// Waits until every projection of `source` has come to `seq`; false when that takes longer than
    /// `limit`. A source that nothing here follows is always up to date.
    pub async fn wait(&self, source: &str, seq: i64, limit: Duration) -> bool {
        let projections = {
            let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
            sources.get(source).cloned().unwrap_or_default()
        };
        let all = async {
            for projection in projections {
                let reached = match projection {
                    Projection::Whole(mut position) => {
                        position.wait_for(|at| *at >= seq).await.is_ok()
                    }
                    Projection::Parts(parts) => parts.wait(source, seq).await,
                };
                if !reached {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(limit, all).await.unwrap_or(false)
    }
}

impl Parts {
    async fn wait(mut self, source: &str, seq: i64) -> bool {
        loop {
            self.moved.mark_unchanged();
            match self.least(source).await {
                Ok(least) if least >= seq => return true,
                Ok(_) => {}
                Err(error) => {
                    let error = &error as &dyn std::error::Error;
                    tracing::debug!(source, error, "positions could not be read");
                }
            }
            tokio::select! {
                changed = self.moved.changed() => if changed.is_err() { return false },
                () = tokio::time::sleep(POLL) => {}
            }
        }
    }

    /// Up to where all parts have come; a part without a position has not begun.
    async fn least(&self, source: &str) -> Result<i64> {
        let (subscription, count) = (self.subscription, i64::from(self.count));
        let parts = format!("{source}/%");
        self.db
            .read::<_, StoreError, _>(async move |tx: &mut Tx| {
                let row = tx.one(LEAST, params![subscription, parts]).await?;
                Ok(if row.at::<i64>(0)? < count { 0 } else { row.at(1)? })
            })
            .await
    }
}
