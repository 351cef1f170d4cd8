//! Readers of one subscription that go by turns: what they find is taken in together.

use std::time::Duration;

use futures_util::future::select_all;
use hanse_store::StoreError;
use tokio::time::Instant;

use super::apply::take_in;
use super::{BATCH, Look, Progress, Subscriber};

/// How long to sleep when nothing wakes us, so that other processes' commits are seen too.
const IDLE: Duration = Duration::from_secs(1);
/// How soon to look again at a part of the log that is still being written.
const UNSETTLED: Duration = Duration::from_millis(5);
/// Events that each of many parts may give to a batch, however many they are.
const SHARE: u32 = 50;
/// The longest rest of a reader whose log or store fails, in times of [`IDLE`].
const LONGEST_REST: u32 = 30;

/// A reader whose turn comes again and again.
struct Turn<'a> {
    reader: &'a Subscriber,
    failures: u32,
    /// It failed, and is left alone until then.
    rests: Option<Instant>,
}

/// Runs readers of one subscription and one database until the future is dropped. `moved` is called
/// when one of them has come further.
///
/// A part of a log that cannot be read rests, and holds nobody up.
pub(crate) async fn run_together(readers: &[&Subscriber], moved: impl Fn()) {
    let mut changes: Vec<_> = readers.iter().map(|reader| reader.log.changes()).collect();
    if changes.is_empty() {
        return std::future::pending().await;
    }
    let turns = readers.iter().map(|reader| Turn { reader, failures: 0, rests: None });
    let mut turns: Vec<Turn<'_>> = turns.collect();
    let mut asked: Option<Instant> = None;
    loop {
        for change in &mut changes {
            change.mark_unchanged();
        }
        let ask = asked.is_none_or(|asked| asked.elapsed() >= IDLE);
        if ask {
            asked = Some(Instant::now());
        }
        let wait = match step(&mut turns, ask).await {
            Progress::Moved => {
                moved();
                continue;
            }
            Progress::Idle => IDLE,
            Progress::Unsettled => UNSETTLED,
        };
        tokio::select! {
            _ = select_all(changes.iter_mut().map(|change| Box::pin(change.changed()))) => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

/// One look at each log, and one transaction for what was found.
async fn step(turns: &mut [Turn<'_>], ask: bool) -> Progress {
    let limit = (BATCH / u32::try_from(turns.len()).unwrap_or(BATCH).max(1)).max(SHARE);
    let mut progress = Progress::Idle;
    let (mut found, mut whose) = (Vec::new(), Vec::new());
    for (number, turn) in turns.iter_mut().enumerate() {
        if turn.rests.is_some_and(|until| Instant::now() < until) {
            continue;
        }
        match turn.reader.look(limit, ask).await {
            Ok(Look::Events(stretch)) => {
                found.push((turn.reader, stretch));
                whose.push(number);
            }
            Ok(Look::Nothing(one)) => {
                turn.went_well();
                progress = progress.max(one);
            }
            Err(error) => turn.failed(&error),
        }
    }
    if found.is_empty() {
        return progress;
    }
    take_in(&found, |place, taken| {
        let Some(turn) = whose.get(place).and_then(|number| turns.get_mut(*number)) else { return };
        match taken {
            Ok(()) => {
                turn.went_well();
                progress = Progress::Moved;
            }
            Err(error) => turn.failed(&error),
        }
    })
    .await;
    progress
}

impl Turn<'_> {
    fn went_well(&mut self) {
        (self.failures, self.rests) = (0, None);
    }

    fn failed(&mut self, error: &StoreError) {
        let (subscription, source) = (self.reader.name(), self.reader.source());
        let mut rest = IDLE;
        if let StoreError::Contention(cause) = error {
            // Another replica is on the same log, as when the parts are dealt out anew.
            tracing::debug!(subscription, source, cause = %cause, "another replica was faster");
        } else {
            self.failures += 1;
            rest *= self.failures.min(LONGEST_REST);
            let error = error as &dyn std::error::Error;
            tracing::warn!(
                subscription,
                source,
                error,
                "events could not be taken in; trying again"
            );
        }
        self.rests = Some(Instant::now() + rest);
    }
}
