//! Waiting for something to eventually true, with a bound that only a defect reaches.

use std::fmt::Debug;
use std::time::{Duration, Instant};

use crate::scale::Scale;

/// What was played for minutes may take minutes to be caught up with.
fn longest() -> Duration {
    Scale::of_this_run().amount(Duration::from_secs(60), Duration::from_secs(600))
}

/// Waits until the condition holds.
///
/// # Panics
/// When it does not hold after a minute, or ten in a long run.
pub fn until(what: &str, mut condition: impl FnMut() -> bool) {
    eventually(what, || condition().then_some(()));
}

/// Waits until there is a value.
///
/// # Panics
/// When there is none after a minute, or ten in a long run.
pub fn eventually<T>(what: &str, mut attempt: impl FnMut() -> Option<T>) -> T {
    let (start, longest) = (Instant::now(), longest());
    loop {
        if let Some(value) = attempt() {
            return value;
        }
        assert!(start.elapsed() < longest, "it never came to this: {what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// Waits until what is asked for is as wanted, and says what it was last when that does not come.
///
/// # Panics
/// When it is something else after a minute, or ten in a long run.
pub fn until_is<T: PartialEq + Debug>(what: &str, wanted: &T, mut ask: impl FnMut() -> T) {
    let (start, longest) = (Instant::now(), longest());
    loop {
        let seen = ask();
        if seen == *wanted {
            return;
        }
        assert!(start.elapsed() < longest, "{what}: {wanted:?} was to come, but it is {seen:?}");
        std::thread::sleep(Duration::from_millis(10));
    }
}
