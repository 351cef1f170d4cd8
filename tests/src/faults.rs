//! A disk that fails or dawdles: `strace` tampers with the system calls of one thread.

use std::io::{BufRead as _, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::server::Server;
use crate::waiting::eventually;

/// A tracer on one thread of a server. Dropping it lets the thread go.
pub struct Fault {
    tracer: Child,
    log: PathBuf,
}

impl Fault {
    /// Tampers with every sync of the thread that writes the store of `service`; `how` is what
    /// strace's `inject=` says after the names of the calls, such as `error=EIO:when=2+`.
    ///
    /// # Panics
    /// When the thread cannot be traced.
    #[must_use]
    pub fn on_syncs(server: &Server, service: &str, how: &str, log: &Path) -> Self {
        Self::on_calls(server, service, "fdatasync,fsync", how, log)
    }

    /// Tampers with these system calls of the thread that writes the store of `service`.
    ///
    /// # Panics
    /// When the thread cannot be traced.
    #[must_use]
    pub fn on_calls(server: &Server, service: &str, calls: &str, how: &str, log: &Path) -> Self {
        Self::on_thread(server, &format!("write-{service}"), calls, how, log)
    }

    /// Tampers with these system calls of a thread, once there is one of this name.
    ///
    /// # Panics
    /// When the thread cannot be traced.
    #[must_use]
    pub fn on_thread(server: &Server, name: &str, calls: &str, how: &str, log: &Path) -> Self {
        let thread = thread_id(server.pid(), name);
        let mut tracer = Command::new("strace")
            .args([
                "-p",
                &thread,
                "-e",
                &format!("trace={calls}"),
                "-e",
                &format!("inject={calls}:{how}"),
            ])
            .arg("-o")
            .arg(log)
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .expect("strace is installed (cargo xtask test does that)");
        let mut said = String::new();
        let mut stderr = BufReader::new(tracer.stderr.take().expect("a piped stream"));
        stderr.read_line(&mut said).expect("strace says something");
        assert!(said.contains("attached"), "strace cannot trace: {said}");
        std::thread::spawn(move || stderr.lines().for_each(drop));
        Self { tracer, log: log.to_owned() }
    }

    /// The calls that have come back so far, one a line.
    #[must_use]
    pub fn calls(&self) -> Vec<String> {
        let log = std::fs::read_to_string(&self.log).unwrap_or_default();
        log.lines().filter(|line| line.contains(" = ")).map(str::to_owned).collect()
    }
}

impl Drop for Fault {
    fn drop(&mut self) {
        // Interrupted, strace lets the thread go unharmed.
        kill_process(Pid::from_child(&self.tracer), Signal::INT).ok();
        self.tracer.wait().ok();
    }
}

fn thread_id(process: u32, name: &str) -> String {
    eventually(&format!("there is a thread {name}"), || {
        let threads = std::fs::read_dir(format!("/proc/{process}/task")).ok()?;
        // Linux cuts names of threads to fifteen characters.
        let wanted: String = name.chars().take(15).collect();
        threads.flatten().find_map(|thread| {
            let called = std::fs::read_to_string(thread.path().join("comm")).ok()?;
            (called.trim_end() == wanted).then(|| thread.file_name().to_string_lossy().into_owned())
        })
    })
}

/// A small disk of its own, in memory.
pub struct SmallDisk {
    folder: PathBuf,
}

impl SmallDisk {
    /// Mounts a disk of this many mebibytes on a new folder. Needs root, as CI has.
    ///
    /// # Panics
    /// When it cannot be mounted.
    #[must_use]
    pub fn mount(folder: &Path, mebibytes: u32) -> Self {
        std::fs::create_dir(folder).expect("a new folder");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs"])
            .arg(folder)
            .status();
        assert!(status.expect("mount").success(), "a small disk can be mounted (as root)");
        Self { folder: folder.to_owned() }
    }

    /// Bytes that are free.
    ///
    /// # Panics
    /// When the disk is gone.
    #[must_use]
    pub fn free(&self) -> u64 {
        let disk = rustix::fs::statvfs(&self.folder).expect("a disk");
        disk.f_bavail * disk.f_frsize
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        Command::new("umount").arg(&self.folder).status().ok();
    }
}
