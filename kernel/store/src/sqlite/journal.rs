//! What a group of transactions has written so far, so that it can be written again.
//!
//! To undo one transaction of a group, SQLite would need a savepoint around each: before every page
//! that one touches, the page is copied, which costs a quarter of the writer's time. Transactions
//! that fail after they have written are rare. So the statements are noted, and when one transaction
//! must go, the whole group is rolled back and the others' statements run again. They meet the same
//! state in the same order, so they do the same; each is held to the number of rows it changed then.

use std::sync::Arc;

use super::connection::Statement;
use crate::Value;

/// A statement that changed something.
pub(super) struct Entry {
    pub(super) statement: Arc<Statement>,
    pub(super) params: Box<[Value]>,
    /// Rows that it changed; nothing for a savepoint.
    pub(super) changed: Option<u64>,
    /// The number that its row got, where that was told to the transaction.
    pub(super) appended: Option<i64>,
}

/// The statements of a group in order. Empty and off unless a group is being written.
#[derive(Default)]
pub(super) struct Journal {
    pub(super) on: bool,
    pub(super) entries: Vec<Entry>,
}

impl Journal {
    pub(super) fn note(
        &mut self,
        statement: &Arc<Statement>,
        params: &[Value],
        changed: Option<u64>,
        appended: Option<i64>,
    ) {
        if self.on {
            let (statement, params) = (Arc::clone(statement), params.into());
            self.entries.push(Entry { statement, params, changed, appended });
        }
    }
}
