//! Refusals that strangers can cause as often as they like are told once a second.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Instant;

/// Milliseconds between two lines.
const PAUSE: u64 = 1_000;

pub(crate) struct Complaints {
    born: Instant,
    /// When a line may be written again, in milliseconds since `born`.
    next: AtomicU64,
    unsaid: AtomicU64,
}

impl Default for Complaints {
    fn default() -> Self {
        Self { born: Instant::now(), next: AtomicU64::new(0), unsaid: AtomicU64::new(0) }
    }
}

impl Complaints {
    /// How many were left out since the last line, if this one is to be written.
    pub(crate) fn due(&self) -> Option<u64> {
        let now = u64::try_from(self.born.elapsed().as_millis()).unwrap_or(u64::MAX);
        let next = self.next.load(Ordering::Relaxed);
        let claim = || {
            let (set, get) = (Ordering::Relaxed, Ordering::Relaxed);
            self.next.compare_exchange(next, now + PAUSE, set, get).is_ok()
        };
        if now >= next && claim() {
            return Some(self.unsaid.swap(0, Ordering::Relaxed));
        }
        self.unsaid.fetch_add(1, Ordering::Relaxed);
        None
    }
}

#[cfg(test)]
mod tests {
    use super::Complaints;

    #[test]
    fn what_was_left_out_is_counted() {
        let complaints = Complaints::default();
        assert_eq!(complaints.due(), Some(0));
        assert_eq!([complaints.due(), complaints.due()], [None, None]);
        complaints.next.store(0, std::sync::atomic::Ordering::Relaxed);
        assert_eq!(complaints.due(), Some(2));
    }
}
