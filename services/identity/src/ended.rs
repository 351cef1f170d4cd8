//! Sessions and accounts that a transaction has ended, for the moment after its commit.

use std::sync::{Arc, OnceLock};

use uuid::Uuid;

use crate::service::Identity;

/// Noted inside a transaction, refused in this process once that has committed. Clones are one list.
#[derive(Clone, Debug, Default)]
pub(crate) struct Ended(Arc<OnceLock<Vec<Uuid>>>);

impl Ended {
    /// Notes them; of a transaction that runs again the first time counts.
    pub(crate) fn note(&self, ids: Vec<Uuid>) {
        self.0.set(ids).ok();
    }

    /// Refuses their tokens from now on.
    pub(crate) fn refuse(&self, app: &Identity) {
        app.refuse(self.0.get().into_iter().flatten().copied());
    }
}
