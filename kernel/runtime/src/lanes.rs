//! One runtime a core for connections.

use std::io;
use std::sync::Arc;

use tokio::runtime::{Builder, Handle, Runtime};

/// Threads that serve connections, each with a runtime of its own: a request is served where its
/// connection is read, and what it waits for wakes no other thread (`docs/adr/0024`).
///
/// Dropping this ends what still runs on them without waiting for it.
pub struct Lanes {
    handles: Arc<[Handle]>,
    runtimes: Vec<Runtime>,
}

impl Lanes {
    /// Starts as many lanes as there are processors.
    ///
    /// # Errors
    /// When the system gives no thread.
    pub fn start() -> io::Result<Self> {
        let count = std::thread::available_parallelism()?.get();
        // A runtime of one worker, and not one for the current thread: whoever wakes that one from
        // outside, as a store does, makes a system call each time, whether it sleeps or not.
        let lane = |_| {
            Builder::new_multi_thread().worker_threads(1).thread_name("lane").enable_all().build()
        };
        let runtimes: Vec<Runtime> = (0..count).map(lane).collect::<io::Result<_>>()?;
        let handles = runtimes.iter().map(|runtime| runtime.handle().clone()).collect();
        Ok(Self { handles, runtimes })
    }

    /// Where connections can be spawned.
    #[must_use]
    pub fn handles(&self) -> Arc<[Handle]> {
        Arc::clone(&self.handles)
    }
}

impl Drop for Lanes {
    fn drop(&mut self) {
        self.runtimes.drain(..).for_each(Runtime::shutdown_background);
    }
}
