//! How long a bad day lasts: a moment in every test run, minutes with `cargo xtask soak`.
//!
//! The one place that reads `HANSE_SOAK_MINUTES`. Scenes of other crates include this file, so it needs
//! nothing but the standard library.

use std::time::{Duration, Instant};

/// How much of a scene is played.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scale {
    /// Enough to see a defect that is always there: every test run.
    Short,
    /// For this long: `cargo xtask soak`.
    Long(Duration),
}

impl Scale {
    /// The scale of this run.
    ///
    /// # Panics
    /// When `HANSE_SOAK_MINUTES` is no number.
    #[must_use]
    pub fn of_this_run() -> Self {
        match std::env::var("HANSE_SOAK_MINUTES") {
            Ok(minutes) => {
                let minutes: u64 = minutes.parse().expect("HANSE_SOAK_MINUTES is a number");
                Self::Long(Duration::from_secs(60 * minutes))
            }
            Err(_) => Self::Short,
        }
    }

    /// One of two amounts.
    #[must_use]
    pub fn amount<T>(self, short: T, long: T) -> T {
        match self {
            Self::Short => short,
            Self::Long(_) => long,
        }
    }

    /// Counts rounds from 0: `short` of them, or at least as many and for as long as it lasts.
    pub fn rounds(self, short: usize) -> impl Iterator<Item = usize> {
        let begun = Instant::now();
        (0..).take_while(move |round| match self {
            _ if *round < short => true,
            Self::Short => false,
            Self::Long(time) => begun.elapsed() < time,
        })
    }
}
