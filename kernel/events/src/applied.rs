//! How far a service's projections have come, for those who want to read what they wrote.

use std::collections::BTreeMap;
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use tokio::sync::watch;

/// The positions of all projections of a service, by source. Cheap to clone.
#[derive(Clone, Default)]
pub struct Applied {
    sources: Arc<RwLock<BTreeMap<String, Vec<watch::Receiver<i64>>>>>,
}

impl Applied {
    /// Adds a projection: its receiver shows the last event of `source` whose effect can be read.
    pub fn register(&self, source: &str, position: watch::Receiver<i64>) {
        let mut sources = self.sources.write().unwrap_or_else(PoisonError::into_inner);
        sources.entry(source.to_owned()).or_default().push(position);
    }

    /// Waits until every projection of `source` has come to `seq`; false when that takes longer than
    /// `limit`. A source that nothing here follows is always up to date.
    pub async fn wait(&self, source: &str, seq: i64, limit: Duration) -> bool {
        let positions = {
            let sources = self.sources.read().unwrap_or_else(PoisonError::into_inner);
            sources.get(source).cloned().unwrap_or_default()
        };
        let all = async {
            for mut position in positions {
                if position.wait_for(|at| *at >= seq).await.is_err() {
                    return false;
                }
            }
            true
        };
        tokio::time::timeout(limit, all).await.unwrap_or(false)
    }
}
