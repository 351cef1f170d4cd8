//! A throwaway Redis from the machine's own binary.
//!
//! It lives in a temporary folder, listens on loopback only and writes nothing to disk. Scenes that
//! treat a server badly start their own.

use std::fs::File;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, SocketAddr, TcpStream};
use std::os::unix::process::CommandExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use anyhow::{Context, bail};
use rustix::process::Signal;

use crate::ports::free_port;
use crate::postgres::apt_install;
use crate::throwaway::Throwaway;

const PROGRAM: &str = "redis-server";
/// The oldest major version that speaks RESP3.
const OLDEST: u32 = 6;
const START_WITHIN: Duration = Duration::from_secs(30);

pub struct Redis {
    // Stopped before its folder goes.
    _server: Throwaway,
    port: u16,
    _folder: tempfile::TempDir,
}

impl Redis {
    pub fn start() -> anyhow::Result<Self> {
        ensure()?;
        let folder = tempfile::Builder::new().prefix("hanse-redis-").tempdir()?;
        let port = free_port()?;
        let log = folder.path().join("log");
        let server = serve(folder.path(), port, &log)?;
        // There is nothing to save, so there is nothing to wait for.
        let mut server = Throwaway::guard("redis", server, folder.path(), &[Signal::KILL])?;
        server.wait_until(|| answers(port), START_WITHIN, &log)?;
        eprintln!("redis: throwaway server on 127.0.0.1:{port}");
        Ok(Self { _server: server, port, _folder: folder })
    }

    pub fn url(&self) -> String {
        format!("redis://127.0.0.1:{}", self.port)
    }
}

fn serve(folder: &Path, port: u16, log: &Path) -> anyhow::Result<Child> {
    let log = File::create(log)?;
    let mut redis = Command::new(PROGRAM);
    redis.args(["--port", &port.to_string(), "--bind", "127.0.0.1", "--save", ""]);
    redis.args(["--appendonly", "no", "--dir"]).arg(folder);
    // Its own process group: a Ctrl-C in the terminal is for this tool, which then stops it.
    redis.current_dir(folder).process_group(0);
    redis.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);
    redis.spawn().context("redis-server could not be started")
}

fn answers(port: u16) -> bool {
    let talk = || -> std::io::Result<[u8; 7]> {
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, port));
        let mut stream = TcpStream::connect_timeout(&address, Duration::from_secs(1))?;
        stream.set_read_timeout(Some(Duration::from_secs(1)))?;
        stream.write_all(b"PING\r\n")?;
        let mut answer = [0; 7];
        stream.read_exact(&mut answer)?;
        Ok(answer)
    };
    talk().is_ok_and(|answer| &answer == b"+PONG\r\n")
}

fn ensure() -> anyhow::Result<()> {
    match version() {
        Some(version) if version >= OLDEST => return Ok(()),
        Some(version) => bail!("the tests need Redis {OLDEST} or newer, this is {version}"),
        None => {}
    }
    let debian = Path::new("/etc/debian_version").exists();
    if !(debian && rustix::process::geteuid().is_root()) {
        bail!(
            "the tests need {PROGRAM} {OLDEST} or newer in PATH; on Debian: `apt-get install {PROGRAM}`"
        );
    }
    eprintln!("redis: not found, installing Debian's package");
    apt_install(PROGRAM)?;
    version().map(drop).context("the package is installed, but redis-server does not run")
}

fn version() -> Option<u32> {
    let text = crate::workspace::output(Command::new(PROGRAM).arg("--version")).ok()?;
    major_version(&text)
}

/// `Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 …` is 7; Valkey says the same.
fn major_version(text: &str) -> Option<u32> {
    text.split_once("v=")?.1.split('.').next()?.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::major_version;

    #[test]
    fn versions_are_read_as_the_server_prints_them() {
        let debian = "Redis server v=7.0.15 sha=00000000:0 malloc=jemalloc-5.3.0 bits=64\n";
        assert_eq!(major_version(debian), Some(7));
        assert_eq!(major_version("Valkey server v=8.1.0 sha=00000000:0"), Some(8));
        assert_eq!(major_version("something else"), None);
    }
}
