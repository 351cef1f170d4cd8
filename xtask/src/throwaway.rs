//! A server that a test run starts for itself and that never outlives it.
//!
//! It is stopped when its owner says so; a small shell waiting on a pipe stops it when this process
//! is killed, so that no end of a test run, Ctrl-C and `kill -9` included, leaves a server behind.

use std::io::Write;
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, ChildStdin, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

const STOP_WITHIN: Duration = Duration::from_secs(10);

pub struct Throwaway {
    name: &'static str,
    server: Child,
    watchdog: Child,
    /// Closing this pipe without a word makes the watchdog stop the server.
    leash: Option<ChildStdin>,
    /// How it is asked to stop, politely first; the next is sent when one has not worked.
    signals: &'static [Signal],
}

impl Throwaway {
    /// Takes charge of a server that was just started in `folder`, which goes with it.
    pub fn guard(
        name: &'static str,
        mut server: Child,
        folder: &Path,
        signals: &'static [Signal],
    ) -> anyhow::Result<Self> {
        match watch(server.id(), folder) {
            Ok((watchdog, leash)) => {
                Ok(Self { name, server, watchdog, leash: Some(leash), signals })
            }
            Err(error) => {
                server.kill()?;
                Err(error)
            }
        }
    }

    /// Waits until the server answers; shows its log when it ends instead, or takes too long.
    pub fn wait_until(
        &mut self,
        answers: impl Fn() -> bool,
        within: Duration,
        log: &Path,
    ) -> anyhow::Result<()> {
        let (name, deadline) = (self.name, Instant::now() + within);
        while !answers() {
            let log = || std::fs::read_to_string(log).unwrap_or_default();
            if let Some(status) = self.server.try_wait()? {
                bail!("{name} ended while starting ({status}):\n{}", log());
            }
            if Instant::now() > deadline {
                bail!("{name} did not answer within {within:?}:\n{}", log());
            }
            std::thread::sleep(Duration::from_millis(25));
        }
        Ok(())
    }

    fn end(&mut self) -> std::io::Result<()> {
        for signal in self.signals {
            if self.server.try_wait()?.is_some() {
                break;
            }
            if let Some(pid) = Pid::from_raw(self.server.id().cast_signed()) {
                kill_process(pid, *signal)?;
            }
            let deadline = Instant::now() + STOP_WITHIN;
            while self.server.try_wait()?.is_none() && Instant::now() < deadline {
                std::thread::sleep(Duration::from_millis(10));
            }
        }
        if let Some(mut leash) = self.leash.take() {
            leash.write_all(b"stopped\n")?;
        }
        self.watchdog.wait().map(drop)
    }
}

impl Drop for Throwaway {
    fn drop(&mut self) {
        if let Err(error) = self.end() {
            eprintln!("warning: stopping {} {}: {error}", self.name, self.server.id());
        }
    }
}

/// Starts the shell that stops the server should this process end without doing so.
fn watch(server: u32, folder: &Path) -> anyhow::Result<(Child, ChildStdin)> {
    const SCRIPT: &str = r#"
        trap "" INT TERM HUP
        read -r word
        [ "$word" = stopped ] && exit 0
        kill -INT "$1" 2>/dev/null
        for _ in 1 2 3 4 5 6 7 8 9 10; do kill -0 "$1" 2>/dev/null || break; sleep 0.5; done
        kill -QUIT "$1" 2>/dev/null
        rm -rf -- "$2"
    "#;
    let mut shell = Command::new("sh");
    shell.args(["-c", SCRIPT, "sh", &server.to_string()]).arg(folder);
    shell.stdin(Stdio::piped()).stdout(Stdio::null()).stderr(Stdio::null()).process_group(0);
    let mut shell = shell.spawn().context("sh could not be started")?;
    let Some(leash) = shell.stdin.take() else { bail!("the watchdog has no input") };
    Ok((shell, leash))
}
