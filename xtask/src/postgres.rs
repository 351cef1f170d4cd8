//! A throwaway PostgreSQL cluster from the machine's own binaries.
//!
//! It lives in a temporary folder, listens on loopback only, runs as a user other than root
//! (PostgreSQL refuses root) and never syncs: nothing in it is worth keeping.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::throwaway::Throwaway;

/// The oldest major version whose SQL the store is written for.
const OLDEST: u32 = 15;
const START_WITHIN: Duration = Duration::from_secs(60);
/// INT asks for a fast shutdown, QUIT for an immediate one.
const STOP: [Signal; 3] = [Signal::INT, Signal::QUIT, Signal::KILL];

pub struct Cluster {
    // Stopped before its folder goes.
    _server: Throwaway,
    port: u16,
    _folder: tempfile::TempDir,
}

/// Who the server runs as, when this process may not run it itself.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct User {
    uid: u32,
    gid: u32,
}

impl Cluster {
    pub fn start() -> anyhow::Result<Self> {
        let binaries = find_or_install()?;
        let user = if rustix::process::geteuid().is_root() { Some(unprivileged()?) } else { None };
        let folder = tempfile::Builder::new().prefix("hanse-postgres-").tempdir()?;
        if let Some(user) = user {
            std::os::unix::fs::chown(folder.path(), Some(user.uid), Some(user.gid))?;
        }
        initialise(&binaries, folder.path(), user)?;
        let port = TcpListener::bind((Ipv4Addr::LOCALHOST, 0))?.local_addr()?.port();
        let log = folder.path().join("log");
        let server = serve(&binaries, folder.path(), port, user, &log)?;
        let mut server = Throwaway::guard("postgresql", server, folder.path(), &STOP)?;
        server.wait_until(|| answers(port), START_WITHIN, &log)?;
        eprintln!("postgresql: throwaway cluster on 127.0.0.1:{port}");
        Ok(Self { _server: server, port, _folder: folder })
    }

    pub fn url(&self) -> String {
        format!("postgres://postgres@127.0.0.1:{}/postgres", self.port)
    }

    /// Stops the server now rather than at the end of the scope.
    pub fn stop(self) {}
}

fn initialise(binaries: &Path, folder: &Path, user: Option<User>) -> anyhow::Result<()> {
    let mut initdb = Command::new(binaries.join("initdb"));
    initdb.arg("-D").arg(folder.join("cluster")).args(["-U", "postgres", "-A", "trust"]);
    initdb.args(["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]).current_dir(folder);
    become_user(&mut initdb, user);
    crate::workspace::output(&mut initdb).context("creating a PostgreSQL cluster").map(drop)
}

fn serve(
    binaries: &Path,
    folder: &Path,
    port: u16,
    user: Option<User>,
    log: &Path,
) -> anyhow::Result<Child> {
    let log = File::create(log)?;
    let mut postgres = Command::new(binaries.join("postgres"));
    postgres.arg("-D").arg(folder.join("cluster")).args(["-p", &port.to_string()]);
    postgres.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    for setting in [
        "listen_addresses=127.0.0.1",
        "max_connections=400",
        "fsync=off",
        "full_page_writes=off",
        "synchronous_commit=off",
    ] {
        postgres.args(["-c", setting]);
    }
    // Its own process group: a Ctrl-C in the terminal is for this tool, which then stops it.
    postgres.current_dir(folder).process_group(0);
    postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    become_user(&mut postgres, user);
    postgres.spawn().context("postgres could not be started")
}

/// Sends a start-up message (protocol 3.0): `R` asks for authentication, so the server is up;
/// `E` means it is still starting.
fn answers(port: u16) -> bool {
    let talk = || -> std::io::Result<u8> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        let parameters = b"user\0postgres\0database\0postgres\0\0";
        let length = (8 + parameters.len()) as u32;
        stream.write_all(&length.to_be_bytes())?;
        stream.write_all(&196_608_u32.to_be_bytes())?;
        stream.write_all(parameters)?;
        let mut first = [0];
        stream.read_exact(&mut first)?;
        Ok(first[0])
    };
    matches!(talk(), Ok(b'R'))
}

fn become_user(command: &mut Command, user: Option<User>) {
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
}

/// `postgres` when the package made that user, else `nobody`.
fn unprivileged() -> anyhow::Result<User> {
    let accounts = std::fs::read_to_string("/etc/passwd").context("reading /etc/passwd")?;
    let user = account(&accounts, "postgres").or_else(|| account(&accounts, "nobody"));
    user.context("PostgreSQL does not run as root, and there is no user `postgres` or `nobody`")
}

fn account(accounts: &str, name: &str) -> Option<User> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { uid, gid })
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
    use super::{User, account, major_version};

    #[test]
    fn versions_are_read_as_postgres_prints_them() {
        let debian = "postgres (PostgreSQL) 15.14 (Debian 15.14-0+deb12u1)\n";
        assert_eq!(major_version(debian), Some(15));
        assert_eq!(major_version("postgres (PostgreSQL) 17beta1"), Some(17));
        assert_eq!(major_version("something else"), None);
    }

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let accounts = "root:x:0:0:root:/root-home:/bin/sh\npostgresql:x:9:9::/:\n\
                        postgres:x:101:104:PostgreSQL administrator,,,:/var/lib:/bin/bash\n";
        assert_eq!(account(accounts, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(account(accounts, "nobody"), None);
    }
}
