//! A throwaway PostgreSQL cluster from the machine's own binaries.
//!
//! It lives in a temporary folder, listens on loopback only, runs as a user other than root
//! (PostgreSQL refuses root) and never syncs: nothing in it is worth keeping.

mod server;

use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::ports::free_port;
use crate::throwaway::Throwaway;
use server::User;

/// The oldest major version whose SQL the store is written for.
const OLDEST: u32 = 15;
const START_WITHIN: Duration = Duration::from_secs(60);
/// INT asks for a fast shutdown, QUIT for an immediate one.
const STOP: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::KILL];
/// What is acknowledged may be lost with the server: nobody crashes this one.
const FORGETFUL: [&str; 2] = ["full_page_writes=off", "synchronous_commit=off"];

pub struct Cluster {
    // Stopped before its folder goes.
    _server: Throwaway,
    port: u16,
    binaries: PathBuf,
    _folder: tempfile::TempDir,
}

impl Cluster {
    pub fn start() -> anyhow::Result<Self> {
        let binaries = find_or_install()?;
        let root = rustix::process::geteuid().is_root();
        let user = root.then(User::unprivileged).transpose()?;
        let folder = tempfile::Builder::new().prefix("hanse-postgres-").tempdir()?;
        server::initialise(&binaries, folder.path(), user)?;
        let port = free_port()?;
        let log = folder.path().join("log");
        let server = server::serve(&binaries, folder.path(), port, user, &FORGETFUL)
            .context("postgres could not be started")?;
        let mut server = Throwaway::guard("postgresql", server, folder.path(), &STOP)?;
        server.wait_until(|| server::answers(port), START_WITHIN, &log)?;
        eprintln!("postgresql: throwaway cluster on 127.0.0.1:{port}");
        Ok(Self { _server: server, port, binaries, _folder: folder })
    }

    /// What the tests read: where this server is, and where its programs are, for those that crash
    /// one of their own.
    pub fn variables(&self) -> [(&'static str, String); 2] {
        [
            ("HANSE_TEST_POSTGRES", self.url()),
            ("HANSE_TEST_POSTGRES_BIN", self.binaries.display().to_string()),
        ]
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the server now rather than at the end of the scope.
    pub fn stop(self) {}
}

fn find_or_install() -> anyhow::Result<PathBuf> {
    if let Some(found) = find() {
        return Ok(found);
    }
    let debian = Path::new("/etc/debian_version").exists();
    if !(debian && rustix::process::geteuid().is_root()) {
        bail!(
            "the tests need the PostgreSQL {OLDEST} or newer server programs (initdb, postgres), \
             found neither in PATH nor under /usr/lib/postgresql; on Debian: \
             `apt-get install postgresql`"
        );
    }
    eprintln!("postgresql: not found, installing Debian's package");
    apt_install("postgresql")?;
    find().context("the package postgresql is installed, but has no initdb of a known version")
}

/// Installs a Debian package, refreshing the package lists only when that is needed.
pub fn apt_install(package: &str) -> anyhow::Result<()> {
    let apt = |arguments: &[&str]| {
        let mut command = Command::new("apt-get");
        command.args(arguments).env("DEBIAN_FRONTEND", "noninteractive").stdout(Stdio::null());
        crate::workspace::run(&mut command)
    };
    let install = ["install", "-y", "--no-install-recommends", package];
    apt(&install).or_else(|_| apt(&["update"]).and_then(|()| apt(&install)))
}

/// The folder with the newest suitable `initdb` and `postgres`.
fn find() -> Option<PathBuf> {
    let path = std::env::var_os("PATH").unwrap_or_default();
    let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
    folders.push("/usr/local/bin".into());
    if let Ok(versions) = std::fs::read_dir("/usr/lib/postgresql") {
        folders.extend(versions.flatten().map(|version| version.path().join("bin")));
    }
    let suitable = folders.into_iter().filter_map(|folder| {
        let complete = folder.join("initdb").is_file() && folder.join("postgres").is_file();
        let version = complete.then(|| version_of(&folder)).flatten()?;
        (version >= OLDEST).then_some((version, folder))
    });
    suitable.max_by_key(|(version, _)| *version).map(|(_, folder)| folder)
}

fn version_of(folder: &Path) -> Option<u32> {
    let mut postgres = Command::new(folder.join("postgres"));
    major_version(&crate::workspace::output(postgres.arg("--version")).ok()?)
}

/// `postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)` is 15; `17beta1` is 17.
fn major_version(text: &str) -> Option<u32> {
    let version = text.split_once("(PostgreSQL) ")?.1;
    let digits: String = version.chars().take_while(char::is_ascii_digit).collect();
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn versions_are_read_as_postgres_prints_them() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n";
        assert_eq!(major_version(debian), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_version("something else"), None);
    }
}
