//! The way of a line to the writer: into a bounded buffer, and from there by a thread of its own.
//!
//! A caller only copies its line under a short lock. While the thread writes one buffer, lines
//! gather in the other; if that one is full, lines are dropped and counted, and the next write
//! says how many. A line after a quiet moment is written at once; of many, each write takes what has
//! gathered for two milliseconds. A writer that hangs therefore costs lines, never requests.

use std::io::{self, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

/// The most bytes that wait for the writer.
const CAPACITY: usize = 4 * 1024 * 1024;
/// Pause after a write, in which the next lines gather.
const GATHER: Duration = Duration::from_millis(2);

#[derive(Debug, Default)]
struct Waiting {
    bytes: Vec<u8>,
    /// The thread waits to be woken. Waking it costs a system call, and a busy server would pay that
    /// for every line.
    asleep: bool,
    writing: bool,
    closed: bool,
}

/// A bounded buffer of log lines with a thread that writes them.
#[derive(Debug, Default)]
pub struct Sink {
    waiting: Mutex<Waiting>,
    filled: Condvar,
    drained: Condvar,
    dropped: AtomicU64,
}

impl Sink {
    /// Starts the thread. It ends when the sink is closed and its lines are written.
    pub fn start(writer: Box<dyn Write + Send>) -> io::Result<Arc<Self>> {
        let sink = Arc::new(Self::default());
        let own = Arc::clone(&sink);
        std::thread::Builder::new().name("hanse-log".to_owned()).spawn(move || own.run(writer))?;
        Ok(sink)
    }

    /// Hands over one line; never waits for the writer.
    pub fn line(&self, line: &str) {
        let mut waiting = self.lock();
        if waiting.closed || waiting.bytes.len() + line.len() > CAPACITY {
            self.dropped.fetch_add(1, Ordering::Relaxed);
            return;
        }
        waiting.bytes.extend_from_slice(line.as_bytes());
        let asleep = std::mem::take(&mut waiting.asleep);
        drop(waiting);
        if asleep {
            self.filled.notify_one();
        }
    }

    /// How many lines were dropped since the start.
    pub fn dropped(&self) -> u64 {
        self.dropped.load(Ordering::Relaxed)
    }

    /// Takes no more lines and waits until the present ones are written, at most for `patience`.
    pub fn close(&self, patience: Duration) {
        let mut waiting = self.lock();
        waiting.closed = true;
        self.filled.notify_one();
        let unwritten = |waiting: &mut Waiting| waiting.writing || !waiting.bytes.is_empty();
        // Whether it ran out of patience makes no difference to a process that ends.
        _ = self
            .drained
            .wait_timeout_while(waiting, patience, unwritten)
            .unwrap_or_else(PoisonError::into_inner);
    }

    fn run(&self, mut writer: Box<dyn Write + Send>) {
        let mut batch = Vec::new();
        let mut reported = 0;
        while self.next(&mut batch) {
            // Standard error that is gone has nobody to tell; the lines are lost.
            _ = writer.write_all(&batch);
            let dropped = self.dropped();
            if dropped > reported {
                _ = writeln!(
                    writer,
                    "{{\"level\":\"WARN\",\"target\":\"hanse_telemetry\",\"message\":\"log lines were dropped\",\"dropped\":{}}}",
                    dropped - reported
                );
                reported = dropped;
            }
            _ = writer.flush();
            batch.clear();
            std::thread::sleep(GATHER);
        }
    }

    /// Waits for lines and swaps them into `batch`; false when closed and empty.
    fn next(&self, batch: &mut Vec<u8>) -> bool {
        let mut waiting = self.lock();
        waiting.writing = false;
        if waiting.bytes.is_empty() {
            self.drained.notify_all();
        }
        let nothing = |waiting: &mut Waiting| {
            waiting.asleep = waiting.bytes.is_empty() && !waiting.closed;
            waiting.asleep
        };
        let mut waiting =
            self.filled.wait_while(waiting, nothing).unwrap_or_else(PoisonError::into_inner);
        std::mem::swap(&mut waiting.bytes, batch);
        waiting.writing = !batch.is_empty();
        waiting.writing
    }

    fn lock(&self) -> MutexGuard<'_, Waiting> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::sync::mpsc;

    /// A writer that announces each write and then waits to be let through.
    struct Gate {
        entered: mpsc::Sender<usize>,
        open: mpsc::Receiver<()>,
    }

    impl Write for Gate {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            _ = self.entered.send(bytes.len());
            _ = self.open.recv();
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn a_hanging_writer_costs_lines_and_they_are_counted() {
        let (entered, wrote) = mpsc::channel();
        let (opener, open) = mpsc::channel();
        let sink = Sink::start(Box::new(Gate { entered, open })).unwrap();
        sink.line("first\n");
        assert_eq!(wrote.recv().unwrap(), 6); // the thread now hangs in the writer
        let line = "x".repeat(CAPACITY / 4);
        for _ in 0..6 {
            sink.line(&line);
        }
        assert_eq!(sink.dropped(), 2);
        sink.close(Duration::from_millis(10)); // patience ends though the writer hangs
        drop(opener);
        sink.close(Duration::from_secs(10));
        let written: usize = wrote.try_iter().sum();
        assert!(written > CAPACITY, "four lines and the note about the others: {written}");
    }
}
