//! The real binary as a child process.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;

/// The binary under test.
#[must_use]
pub fn binary() -> PathBuf {
    let path = std::env::var("HANSE_BIN")
        .expect("HANSE_BIN is not set: run the tests with `cargo xtask test`");
    PathBuf::from(path)
}

/// A running platform.
pub struct Server {
    child: Child,
    /// Public address, such as `http://127.0.0.1:41234`.
    pub url: String,
    /// Operations address.
    pub ops: String,
    log: Arc<Mutex<String>>,
}

impl Server {
    /// Starts on this data folder and waits until it is ready.
    ///
    /// # Panics
    /// When it does not become ready; the panic shows its log.
    #[must_use]
    pub fn start(data: &Path, more: &[&str]) -> Self {
        Self::try_start(data, more)
            .unwrap_or_else(|log| panic!("the platform did not start:\n{log}"))
    }

    /// Starts, or returns what it said when it ended instead.
    ///
    /// # Errors
    /// Its output.
    pub fn try_start(data: &Path, more: &[&str]) -> Result<Self, String> {
        Self::spawn(Command::new(binary()), data, more)
    }

    /// Starts under another program, such as a tracer: `command` ends with the binary's path.
    ///
    /// # Errors
    /// Its output.
    pub fn spawn(command: Command, data: &Path, more: &[&str]) -> Result<Self, String> {
        Self::spawn_at(command, ["127.0.0.1:0", "127.0.0.1:0"], data, more)
    }

    /// As [`Server::spawn`], listening at a public and an operations address of the caller's choice.
    ///
    /// # Errors
    /// Its output.
    pub fn spawn_at(
        mut command: Command,
        [listen, ops]: [&str; 2],
        data: &Path,
        more: &[&str],
    ) -> Result<Self, String> {
        // What the test runner is told is not the platform's configuration.
        for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HANSE_")) {
            command.env_remove(name);
        }
        let mut child = command
            .arg("serve")
            .arg("--data")
            .arg(data)
            .args(["--listen", listen, "--ops", ops])
            .args(more)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped())
            .spawn()
            .expect("the binary can be run");
        let log = Arc::new(Mutex::new(String::new()));
        let mut stderr = child.stderr.take().expect("a piped stream");
        let sink = Arc::clone(&log);
        let reader = std::thread::spawn(move || {
            let mut buffer = [0; 4096];
            while let Ok(read @ 1..) = stderr.read(&mut buffer) {
                let text =
                    String::from_utf8_lossy(buffer.get(..read).unwrap_or_default()).into_owned();
                sink.lock().expect("the log").push_str(&text);
            }
        });
        let mut lines = BufReader::new(child.stdout.take().expect("a piped stream")).lines();
        let (mut url, mut ops) = (None, None);
        for line in lines.by_ref().map_while(Result::ok) {
            let address = |line: &str| line.split_whitespace().nth(1).map(str::to_owned);
            if line.trim_start().starts_with("public") {
                url = address(&line);
            } else if line.trim_start().starts_with("operations") {
                ops = address(&line);
            }
            if let (Some(url), Some(ops)) = (&url, &ops) {
                let (url, ops) = (url.clone(), ops.clone());
                // Whatever else it prints must not fill the pipe.
                std::thread::spawn(move || lines.for_each(drop));
                return Ok(Self { child, url, ops, log });
            }
        }
        child.wait().ok();
        reader.join().ok();
        let said = log.lock().expect("the log").clone();
        Err(said)
    }

    /// Its process id.
    #[must_use]
    pub fn pid(&self) -> u32 {
        self.child.id()
    }

    /// What it has logged so far.
    #[must_use]
    pub fn log(&self) -> String {
        self.log.lock().expect("the log").clone()
    }

    /// Somebody who is not signed in.
    #[must_use]
    pub fn guest(&self) -> Client {
        Client::new(&self.url)
    }

    /// Somebody new, with an account.
    #[must_use]
    pub fn register(&self, name: &str) -> Client {
        Client::register(&self.url, name)
    }

    /// Ends it at once, as a crash would.
    pub fn kill(mut self) {
        self.child.kill().expect("it runs");
        self.child.wait().expect("it ends");
    }

    /// Sends a signal.
    pub fn signal(&self, signal: Signal) {
        let pid = Pid::from_child(&self.child);
        kill_process(pid, signal).expect("it runs");
    }

    /// Asks it to stop and waits for its end.
    ///
    /// # Panics
    /// When it has not ended after 40 seconds.
    pub fn stop(mut self) -> ExitStatus {
        self.signal(Signal::TERM);
        self.wait()
    }

    /// Waits for its end.
    ///
    /// # Panics
    /// When it has not ended after 40 seconds.
    pub fn wait(&mut self) -> ExitStatus {
        let start = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("it can be waited for") {
                return status;
            }
            assert!(start.elapsed() < Duration::from_secs(40), "it does not end:\n{}", self.log());
            std::thread::sleep(Duration::from_millis(5));
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}
