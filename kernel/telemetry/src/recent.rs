//! The last requests, for `/tracing`: enough to see what just happened without a collector.

use crate::parts::{Apart, PARTS, mine};
use serde::{Serialize, Serializer};
use std::collections::VecDeque;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, PoisonError, TryLockError};

/// How many requests are remembered.
pub const REMEMBERED: usize = 256;

/// A finished request. Nothing in it comes from its caller but the trace id.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct FinishedRequest {
    /// The trace it belonged to, in hex when serialised.
    #[serde(serialize_with = "as_hex")]
    pub trace_id: [u8; 16],
    /// The operationId.
    pub operation: &'static str,
    /// The HTTP method.
    pub method: &'static str,
    /// The HTTP status.
    pub status: u16,
    /// How long it took, in microseconds.
    pub duration_us: u64,
    /// When it finished, in microseconds since the Unix epoch.
    pub at: i64,
}

/// The last [`REMEMBERED`] requests. Clones share it.
///
/// There are several rings, so that threads do not hand one to each other all the time (see
/// [`parts`](crate::parts)). Recording never waits: when another thread holds the ring, the entry is
/// skipped and counted.
#[derive(Debug, Clone, Default)]
pub struct RecentTraces {
    shared: Arc<Shared>,
}

#[derive(Debug, Default)]
struct Shared {
    rings: [Apart<Mutex<VecDeque<FinishedRequest>>>; PARTS],
    skipped: AtomicU64,
}

impl RecentTraces {
    /// Remembers a request, unless the ring is busy at this moment.
    pub fn record(&self, request: FinishedRequest) {
        let mut ring = match mine(&self.shared.rings).0.try_lock() {
            Ok(ring) => ring,
            Err(TryLockError::Poisoned(poisoned)) => poisoned.into_inner(),
            Err(TryLockError::WouldBlock) => {
                self.shared.skipped.fetch_add(1, Ordering::Relaxed);
                return;
            }
        };
        if ring.len() == REMEMBERED {
            ring.pop_front();
        }
        ring.push_back(request);
    }

    /// The remembered requests, newest first.
    pub fn snapshot(&self) -> Vec<FinishedRequest> {
        let mut all = Vec::with_capacity(REMEMBERED);
        for Apart(ring) in &self.shared.rings {
            let ring = ring.lock().unwrap_or_else(PoisonError::into_inner);
            all.extend(ring.iter().rev().copied());
        }
        all.sort_by_key(|request| std::cmp::Reverse(request.at));
        all.truncate(REMEMBERED);
        all
    }

    /// How many requests were not remembered because the ring was busy.
    pub fn skipped(&self) -> u64 {
        self.shared.skipped.load(Ordering::Relaxed)
    }
}

fn as_hex<S: Serializer>(id: &[u8; 16], serializer: S) -> Result<S::Ok, S::Error> {
    serializer.collect_str(&format_args!("{:032x}", u128::from_be_bytes(*id)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(at: i64) -> FinishedRequest {
        FinishedRequest {
            trace_id: [0xab; 16],
            operation: "list_thoughts",
            method: "GET",
            status: 200,
            duration_us: 42,
            at,
        }
    }

    #[test]
    fn only_the_last_are_remembered_newest_first() {
        let recent = RecentTraces::default();
        for at in 0..300 {
            recent.clone().record(request(at));
        }
        let times: Vec<_> = recent.snapshot().iter().map(|request| request.at).collect();
        assert_eq!(times, (44..300).rev().collect::<Vec<_>>());
    }

    #[test]
    fn a_busy_ring_is_not_waited_for() {
        let recent = RecentTraces::default();
        let held = mine(&recent.shared.rings).0.lock().unwrap();
        recent.record(request(1));
        drop(held);
        assert_eq!((recent.skipped(), recent.snapshot().len()), (1, 0));
    }

    #[test]
    fn a_trace_id_is_shown_in_hex() {
        let json = serde_json::to_value(request(1)).unwrap();
        assert_eq!(json["trace_id"], "ab".repeat(16));
    }
}
