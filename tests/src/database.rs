//! A PostgreSQL server of a scene's own, to be crashed.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command};

use rustix::process::{Pid, Signal, kill_process};
use tempfile::TempDir;

use crate::certificates::Certificate;
use crate::command::run;
use crate::ports::free_port;
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
    settings: Vec<String>,
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
        let mut database = Self::plan(|_| Vec::new());
        server::initialise(&database.binaries, database.folder.path(), database.user)
            .expect("a cluster");
        database.resume();
        database
    }

    /// As [`Database::start`], and it speaks TLS too, by this certificate.
    ///
    /// # Panics
    /// As [`Database::start`].
    #[must_use]
    pub fn start_encrypted(certificate: &Certificate) -> Self {
        let mut database = Self::plan(|folder| {
            let place = |file: &str| folder.join(file).display().to_string();
            vec![
                "ssl=on".to_owned(),
                format!("ssl_cert_file={}", place("certificate.pem")),
                format!("ssl_key_file={}", place("key.pem")),
            ]
        });
        let (folder, user) = (database.folder.path(), database.user);
        server::initialise(&database.binaries, folder, user).expect("a cluster");
        for (from, to) in
            [(&certificate.certificate, "certificate.pem"), (&certificate.key, "key.pem")]
        {
            let to = folder.join(to);
            std::fs::copy(from, &to).expect("a copy");
            std::fs::set_permissions(&to, Permissions::from_mode(0o600)).expect("its owner's");
            server::give(&to, user).expect("its owner's");
        }
        database.resume();
        database
    }

    /// A server that follows this one, applying what it hears only after `delay` (such as `1h`).
    ///
    /// # Panics
    /// As [`Database::start`].
    #[must_use]
    pub fn follower(&self, delay: &str) -> Self {
        let mut follower = Self::plan(|_| vec![format!("recovery_min_apply_delay={delay}")]);
        let (folder, port) = (follower.folder.path(), self.port.to_string());
        server::give(folder, follower.user).expect("its owner's");
        let mut copy = Command::new(follower.binaries.join("pg_basebackup"));
        copy.arg("-D").arg(folder.join("cluster")).args(["-h", "127.0.0.1", "-p", &port]);
        copy.args(["-U", "postgres", "--write-recovery-conf", "--checkpoint=fast", "--no-sync"]);
        server::become_user(copy.current_dir(folder), follower.user);
        let said = run(copy);
        assert_eq!(said.code, 0, "copying the cluster: {}", said.err);
        follower.resume();
        follower
    }

    fn plan(settings: impl FnOnce(&Path) -> Vec<String>) -> Self {
        let binaries = PathBuf::from(engine("HANSE_TEST_POSTGRES_BIN"));
        let root = rustix::process::geteuid().is_root();
        let user = root.then(|| server::User::unprivileged().expect("a user who is not root"));
        let folder = TempDir::with_prefix("hanse-database-").expect("a folder");
        let settings =
            HONEST.iter().map(|&setting| setting.to_owned()).chain(settings(folder.path()));
        let settings = settings.collect();
        Self {
            binaries,
            port: free_port().expect("a free port"),
            user,
            settings,
            running: None,
            folder,
        }
    }

    /// What a query says, by PostgreSQL's own client: a line a row, columns divided by `|`.
    ///
    /// # Panics
    /// When it fails.
    #[must_use]
    pub fn ask(&self, sql: &str) -> String {
        let mut psql = Command::new(self.binaries.join("psql"));
        psql.args(["-X", "-A", "-t", "-d", &self.url(), "-c", sql]);
        let said = run(psql);
        assert_eq!(said.code, 0, "{sql}: {}", said.err);
        said.out.trim().to_owned()
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
        let settings: Vec<&str> = self.settings.iter().map(String::as_str).collect();
        let server = server::serve(&self.binaries, folder, self.port, self.user, &settings);
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
