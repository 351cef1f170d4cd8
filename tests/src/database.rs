//! A PostgreSQL server of a scene's own, to be crashed.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Child;

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::postgres_server as server;
use crate::split::engine;
use crate::waiting::until;

/// Whatever it has acknowledged is in its log, as everywhere but in throwaway servers.
const HONEST: [&str; 1] = ["synchronous_commit=on"];

/// A server of its own. It is ended when the value goes.
pub struct Database {
    binaries: PathBuf,
    port: u16,
    user: Option<server::User>,
    running: Option<Child>,
    // Goes when the server has ended.
    folder: TempDir,
}

impl Database {
    /// Makes a cluster and serves it.
    ///
    /// # Panics
    /// When the programs are missing or do not start.
    #[must_use]
    pub fn start() -> Self {
        let binaries = PathBuf::from(engine("HANSE_TEST_POSTGRES_BIN"));
        let root = rustix::process::geteuid().is_root();
        let user = root.then(|| server::User::unprivileged().expect("a user who is not root"));
        let folder = TempDir::with_prefix("hanse-database-").expect("a folder");
        server::initialise(&binaries, folder.path(), user).expect("a cluster");
        let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
        let port = listener.local_addr().expect("an address").port();
        drop(listener);
        let mut database = Self { binaries, port, user, running: None, folder };
        database.resume();
        database
    }

    /// Where it listens, `host:port`.
    #[must_use]
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// The URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        Self::url_at(&self.address())
    }

    /// The URL for clients that come by another address.
    #[must_use]
    pub fn url_at(address: &str) -> String {
        format!("postgres://postgres@{address}/postgres")
    }

    /// Ends it at once, as `pg_ctl stop -m immediate` does: no checkpoint, no farewell; the next start
    /// recovers from the log.
    ///
    /// # Panics
    /// When it does not run.
    pub fn crash(&mut self) {
        let mut server = self.running.take().expect("it runs");
        kill_process(Pid::from_child(&server), Signal::QUIT).expect("it runs");
        server.wait().expect("it ends");
    }

    /// Starts it again on the same data and port, and waits until it answers.
    ///
    /// # Panics
    /// When it does not.
    pub fn resume(&mut self) {
        let folder = self.folder.path();
        let server = server::serve(&self.binaries, folder, self.port, self.user, &HONEST);
        self.running = Some(server.expect("a server"));
        until("the database answers", || server::answers(self.port));
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        if self.running.is_some() {
            self.crash();
        }
    }
}
