//! Numbers that every request adds to, in parts of which each thread has its own.
//!
//! What two processors write to in turn is handed from one to the other each time, which costs more
//! than anything else that counting does. So a number has a few parts; a thread always adds to the
//! same one, and who reads adds them up. Threads beyond the parts share them, which is slower and as
//! right.

use std::sync::atomic::{AtomicU64, AtomicUsize, Ordering::Relaxed};

use prometheus_client::metrics::counter::Atomic;

/// Parts of a number. Few threads serve requests: one a processor.
pub const PARTS: usize = 8;

/// A value on cache lines of its own, so that its neighbour is nobody else's.
#[derive(Debug, Default)]
#[repr(align(128))]
pub struct Apart<T>(pub T);

/// This thread's part of any number.
pub fn mine<T>(parts: &[T; PARTS]) -> &T {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    thread_local! {
        static MINE: usize = NEXT.fetch_add(1, Relaxed) % PARTS;
    }
    let [first, ..] = parts;
    // A thread that is ending has forgotten which was its own.
    let mine = MINE.try_with(|mine| *mine).unwrap_or_default();
    parts.get(mine).unwrap_or(first)
}

/// A sum in parts.
#[derive(Debug, Default)]
pub struct Sum([Apart<AtomicU64>; PARTS]);

impl Atomic<u64> for Sum {
    /// The previous value of this thread's part.
    fn inc(&self) -> u64 {
        self.inc_by(1)
    }

    /// The previous value of this thread's part.
    fn inc_by(&self, more: u64) -> u64 {
        mine(&self.0).0.fetch_add(more, Relaxed)
    }

    fn get(&self) -> u64 {
        self.0.iter().map(|part| part.0.load(Relaxed)).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_many_threads_add_is_one_sum() {
        let sum = Sum::default();
        std::thread::scope(|scope| {
            for _ in 0..PARTS * 2 + 1 {
                scope.spawn(|| {
                    for _ in 0..1_000 {
                        sum.inc_by(2);
                    }
                });
            }
        });
        assert_eq!(sum.get(), 2_000 * (PARTS as u64 * 2 + 1));
        let used = sum.0.iter().filter(|part| part.0.load(Relaxed) > 0).count();
        assert!(used > 1, "one part has it all");
    }
}
