//! Background tasks that do not die quietly.

use std::time::Duration;

use futures_util::FutureExt;
use hanse_telemetry::metrics::Metrics;
use tokio::task::JoinSet;

/// The longest pause before a task is started again.
const LONGEST_PAUSE: u64 = 30;

/// Starts tasks, starts them again when they end or panic, and ends them all together.
pub struct Supervisor {
    tasks: JoinSet<()>,
    metrics: Metrics,
}

impl Supervisor {
    /// A supervisor without tasks.
    #[must_use]
    pub fn new(metrics: Metrics) -> Self {
        Self { tasks: JoinSet::new(), metrics }
    }

    /// Runs a task for as long as the supervisor lives. A task is not supposed to end: when it does,
    /// or panics, that is logged, counted (`task_restarts_total`), and it is started again.
    pub fn run<F, Fut>(&mut self, name: &'static str, start: F)
    where
        F: Fn() -> Fut + Send + 'static,
        Fut: Future<Output = ()> + Send + 'static,
    {
        let restarts = self
            .metrics
            .family_counter("task_restarts", "Background tasks that were started again", "task")
            .with(name);
        self.tasks.spawn(async move {
            let mut pause = 1;
            loop {
                let ended = std::panic::AssertUnwindSafe(start()).catch_unwind().await;
                let how = if ended.is_err() { "panicked" } else { "ended" };
                tracing::error!(task = name, how, "a background task is started again");
                restarts.inc();
                tokio::time::sleep(Duration::from_secs(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        });
    }

    /// Ends all tasks at their next await. Transactions under way complete or never happened.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}
