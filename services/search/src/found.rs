//! How far each source can be found: what `Hanse-After` waits for.

use std::collections::BTreeMap;

use hanse_events::Applied;
use tokio::sync::watch;

use crate::documents::SUBSCRIPTION;

/// Sources whose events end in documents, each with the subscription that does it.
const SOURCES: [(&str, &str); 2] = [(SUBSCRIPTION, "thoughts"), ("erasure", "identity")];

/// A sender for each of them, heard by the kernel.
pub(crate) struct Found {
    senders: BTreeMap<(&'static str, &'static str), watch::Sender<i64>>,
    applied: Applied,
}

impl Found {
    pub(crate) fn register(applied: &Applied) -> Self {
        let senders = SOURCES.map(|source| (source, watch::Sender::new(-1)));
        for ((_, source), sender) in &senders {
            applied.register(source, sender.subscribe());
        }
        Self { senders: senders.into(), applied: applied.clone() }
    }

    /// Takes (subscription, source, sequence number); a replay may set a source back.
    pub(crate) fn publish(&self, positions: &[(String, String, i64)]) {
        for ((subscription, source), sender) in &self.senders {
            let stored = positions
                .iter()
                .filter(|(name, _, _)| name == subscription)
                .map(|(_, source, seq)| (source.as_str(), *seq));
            let seq = self.applied.reached(source, stored);
            sender.send_if_modified(|at| std::mem::replace(at, seq) != seq);
        }
    }
}
