//! Waiting for something to eventually true, with a bound that only a defect reaches.

use std::time::{Duration, Instant};

const LONGEST: Duration = Duration::from_secs(60);

/// Waits until the condition holds.
///
/// # Panics
/// When it does not hold after a minute.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    eventually(what, || condition().then_some(()));
}

/// Waits until there is a value.
///
/// # Panics
/// When there is none after a minute.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let start = Instant::now();
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < LONGEST, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
