//! PgBouncer before a PostgreSQL server, lending connections for a transaction only.

use std::process::{Child, Command, Stdio};

use crate::database::Database;
use crate::ports::free_port;
use crate::postgres_server;
use crate::waiting::until;

/// Connections to the server for each database: fewer than ask for one, so that they change hands.
const SHARED: u32 = 3;

/// A pooler. It is ended when this goes.
pub struct Pooler {
    child: Child,
    port: u16,
    folder: tempfile::TempDir,
}

impl Pooler {
    /// Starts one before this server.
    ///
    /// # Panics
    /// When it does not start.
    #[must_use]
    pub fn start(database: &Database) -> Self {
        let folder = tempfile::TempDir::with_prefix("hanse-pooler-").expect("a folder");
        let port = free_port().expect("a free port");
        let address = database.address();
        let (_, server) = address.rsplit_once(':').expect("a port");
        let users = folder.path().join("users");
        std::fs::write(&users, "\"postgres\" \"\"\n").expect("a file");
        let config = format!(
            "[databases]\n* = host=127.0.0.1 port={server}\n[pgbouncer]\nlisten_addr = 127.0.0.1\n\
             listen_port = {port}\nunix_socket_dir =\nauth_type = trust\nauth_file = {users}\n\
             pool_mode = transaction\nmax_client_conn = 500\ndefault_pool_size = {SHARED}\n",
            users = users.display(),
        );
        std::fs::write(folder.path().join("config"), config).expect("a file");
        let pooler = Self { child: spawn(&folder), port, folder };
        pooler.answers();
        pooler
    }

    /// The URL for clients.
    #[must_use]
    pub fn url(&self) -> String {
        Database::url_at(&format!("127.0.0.1:{}", self.port))
    }

    /// Ends it at once and starts it again.
    ///
    /// # Panics
    /// When it does not.
    pub fn crash_and_return(&mut self) {
        self.end();
        self.child = spawn(&self.folder);
        self.answers();
    }

    fn answers(&self) {
        until("the pooler answers", || postgres_server::answers(self.port));
    }

    fn end(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

impl Drop for Pooler {
    fn drop(&mut self) {
        self.end();
    }
}

fn spawn(folder: &tempfile::TempDir) -> Child {
    let mut command = Command::new("pgbouncer");
    let user = rustix::process::geteuid().is_root().then(|| {
        let user = postgres_server::User::unprivileged().expect("a user who is not root");
        for path in
            [folder.path().to_owned(), folder.path().join("config"), folder.path().join("users")]
        {
            postgres_server::give(&path, Some(user)).expect("its owner's");
        }
        user
    });
    postgres_server::become_user(&mut command, user);
    command.arg("-q").arg(folder.path().join("config"));
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().expect("pgbouncer can be started")
}
