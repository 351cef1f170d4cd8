//! Background tasks that do not die quietly.

use std::time::Duration;

use futures_util::FutureExt;
use hanse_telemetry::metrics::Metrics;
use tokio::runtime::{Builder, Handle, Runtime};
use tokio::task::JoinSet;

/// The longest pause before a task is started again.
const LONGEST_PAUSE: u64 = 30;

/// Starts tasks, starts them again when they end or panic, and ends them all together.
pub struct Supervisor {
    tasks: JoinSet<()>,
    metrics: Metrics,
    background: Handle,
}

/// A runtime of one thread for background work, which gives way to requests when the machine is busy;
/// so do the blocking threads that the work uses.
///
/// # Errors
/// When the system gives no thread.
pub fn background_runtime() -> std::io::Result<Runtime> {
    Builder::new_multi_thread()
        .worker_threads(1)
        .thread_name("background")
        .on_thread_start(hanse_store::give_way)
        .enable_all()
        .build()
}

impl Supervisor {
    /// A supervisor whose tasks run on `background`.
    #[must_use]
    pub fn new(metrics: Metrics, background: Handle) -> Self {
        Self { tasks: JoinSet::new(), metrics, background }
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
        let supervised = async move {
            let mut pause = 1;
            loop {
                let ended = std::panic::AssertUnwindSafe(start()).catch_unwind().await;
                let how = if ended.is_err() { "panicked" } else { "ended" };
                tracing::error!(task = name, how, "a background task is started again");
                restarts.inc();
                tokio::time::sleep(Duration::from_secs(pause)).await;
                pause = (pause * 2).min(LONGEST_PAUSE);
            }
        };
        self.tasks.spawn_on(supervised, &self.background);
    }

    /// Ends all tasks at their next await. Transactions under way complete or never happened.
    pub async fn stop(mut self) {
        self.tasks.shutdown().await;
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::sync::atomic::{AtomicU32, Ordering};

    use tokio::sync::Notify;

    use super::*;

    /// CFG-03: a task that panics or ends is counted and started again, and the others go on.
    #[tokio::test]
    async fn a_task_that_dies_is_started_again() {
        let metrics = Metrics::default();
        let mut supervisor = Supervisor::new(metrics.clone(), Handle::current());
        let (lives, alive) = (Arc::new(AtomicU32::new(0)), Arc::new(Notify::new()));
        let (counted, told) = (Arc::clone(&lives), Arc::clone(&alive));
        supervisor.run("mortal", move || {
            let (counted, told) = (Arc::clone(&counted), Arc::clone(&told));
            async move {
                match counted.fetch_add(1, Ordering::Relaxed) {
                    0 => panic!("as the test wants"),
                    1 => {}
                    _ => {
                        told.notify_one();
                        std::future::pending::<()>().await;
                    }
                }
            }
        });
        alive.notified().await;
        assert_eq!(lives.load(Ordering::Relaxed), 3);
        let restarts = metrics.family_counter(
            "task_restarts",
            "Background tasks that were started again",
            "task",
        );
        assert_eq!(restarts.with("mortal").get(), 2);
        supervisor.stop().await;
    }
}
