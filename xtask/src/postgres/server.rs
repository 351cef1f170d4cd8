//! How a PostgreSQL server is made and run from the machine's own binaries.
//!
//! Shared by this tool and by the tests that crash a server of their own, so it needs nothing but
//! the standard library. Whoever starts a server ends it.

use std::fs::File;
use std::io::{Error, Read as _, Result, Write as _};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt as _;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

/// Who the server runs as, when this process may not run it itself: PostgreSQL refuses root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct User {
    uid: u32,
    gid: u32,
}

impl User {
    /// `postgres` when the package made that user, else `nobody`.
    pub fn unprivileged() -> Result<Self> {
        let accounts = std::fs::read_to_string("/etc/passwd")?;
        let user = account(&accounts, "postgres").or_else(|| account(&accounts, "nobody"));
        user.ok_or_else(|| {
            Error::other("PostgreSQL refuses root, and there is no user `postgres` or `nobody`")
        })
    }
}

/// Makes a cluster in `folder`, which comes to belong to `user`.
pub fn initialise(binaries: &Path, folder: &Path, user: Option<User>) -> Result<()> {
    give(folder, user)?;
    let mut initdb = Command::new(binaries.join("initdb"));
    initdb.arg("-D").arg(folder.join("cluster")).args(["-U", "postgres", "-A", "trust"]);
    initdb.args(["--no-sync", "-E", "UTF8", "--locale=C.UTF-8"]).current_dir(folder);
    become_user(&mut initdb, user);
    let output = initdb.output()?;
    if !output.status.success() {
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        return Err(Error::other(format!("creating a PostgreSQL cluster failed:\n{said}")));
    }
    Ok(())
}

/// Lets a file or folder belong to who runs the server.
pub fn give(path: &Path, user: Option<User>) -> Result<()> {
    let Some(User { uid, gid }) = user else { return Ok(()) };
    std::os::unix::fs::chown(path, Some(uid), Some(gid))
}

/// Serves the cluster in `folder` on loopback, with these settings besides. It never syncs: what is
/// written survives any end of the server, and nothing in it is worth a power cut.
pub fn serve(
    binaries: &Path,
    folder: &Path,
    port: u16,
    user: Option<User>,
    settings: &[&str],
) -> Result<Child> {
    let log = File::options().create(true).append(true).open(folder.join("log"))?;
    let mut postgres = Command::new(binaries.join("postgres"));
    postgres.arg("-D").arg(folder.join("cluster")).args(["-p", &port.to_string()]);
    postgres.arg("-c").arg(format!("unix_socket_directories={}", folder.display()));
    let always = ["listen_addresses=127.0.0.1", "max_connections=400", "fsync=off"];
    for setting in always.iter().chain(settings) {
        postgres.args(["-c", setting]);
    }
    // Its own process group: a Ctrl-C in the terminal is for this tool, which then stops it.
    postgres.current_dir(folder).process_group(0);
    postgres.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    become_user(&mut postgres, user);
    postgres.spawn()
}

/// Sends a start-up message (protocol 3.0): `R` asks for authentication, so the server is up;
/// `E` means it is still starting.
pub fn answers(port: u16) -> bool {
    let talk = || -> Result<u8> {
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

/// Lets a command run as this user.
pub fn become_user(command: &mut Command, user: Option<User>) {
    if let Some(User { uid, gid }) = user {
        command.uid(uid).gid(gid);
    }
}

fn account(accounts: &str, name: &str) -> Option<User> {
    let line = accounts.lines().find(|line| line.split(':').next() == Some(name))?;
    let mut fields = line.split(':').skip(2);
    let uid = fields.next()?.parse().ok()?;
    let gid = fields.next()?.parse().ok()?;
    Some(User { uid, gid })
}

#[cfg(test)]
mod tests {
    use super::{User, account};

    #[test]
    fn accounts_are_found_by_their_whole_name() {
        let accounts = "root:x:0:0:root:/root-home:/bin/sh\npostgresql:x:9:9::/:\n\
                        postgres:x:101:104:PostgreSQL administrator,,,:/var/lib:/bin/bash\n";
        assert_eq!(account(accounts, "postgres"), Some(User { uid: 101, gid: 104 }));
        assert_eq!(account(accounts, "nobody"), None);
    }
}
