//! The servers under test as child processes: started, watched, and always ended.

use std::fs::File;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, bail};
use rustix::process::{Pid, Signal, kill_process};

use crate::ports::free_port;
use crate::wire::{Connection, Template};

const START_WITHIN: Duration = Duration::from_secs(60);
const STOP_WITHIN: Duration = Duration::from_secs(40);
const QUIET_WITHIN: Duration = Duration::from_secs(30);

/// A child that does not outlive this value.
struct Ended(Child);

impl Drop for Ended {
    fn drop(&mut self) {
        // It may have ended already, and then there is nothing to do.
        if self.0.kill().is_ok() {
            drop(self.0.wait());
        }
    }
}

/// The bare axum server, a copy of this program.
pub struct Hello {
    _child: Ended,
    pub address: SocketAddr,
}

impl Hello {
    pub async fn start() -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["hello", "--port", &address.port().to_string()]);
        let mut child = Ended(command.stdin(Stdio::null()).spawn().context("starting hello")?);
        wait_for(&mut child.0, address, "/", Path::new("")).await?;
        Ok(Self { _child: child, address })
    }
}

/// The bare hyper server, a copy of this program.
pub struct Bare {
    _child: Ended,
    pub address: SocketAddr,
}

impl Bare {
    pub async fn start() -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["bare", "--port", &address.port().to_string()]);
        let mut child = Ended(command.stdin(Stdio::null()).spawn().context("starting bare")?);
        wait_for(&mut child.0, address, "/", Path::new("")).await?;
        Ok(Self { _child: child, address })
    }
}

/// The bare hyper proxy, a copy of this program.
pub struct Pass {
    _child: Ended,
    pub address: SocketAddr,
}

impl Pass {
    pub async fn start(upstream: SocketAddr) -> anyhow::Result<Self> {
        let address = free_address()?;
        let mut command = Command::new(std::env::current_exe()?);
        command.args(["pass", "--port", &address.port().to_string()]);
        command.args(["--upstream", &upstream.to_string()]);
        let mut child = Ended(command.stdin(Stdio::null()).spawn().context("starting pass")?);
        wait_for(&mut child.0, address, "/", Path::new("")).await?;
        Ok(Self { _child: child, address })
    }
}

/// Debian's nginx.
pub const NGINX: &str = "/usr/sbin/nginx";

/// nginx with `proxy_pass` to an upstream.
pub struct Nginx {
    child: Ended,
    pub address: SocketAddr,
}

impl Nginx {
    pub async fn start(folder: &Path, upstream: SocketAddr) -> anyhow::Result<Self> {
        let address = free_address()?;
        std::fs::create_dir_all(folder)?;
        let folder = folder.canonicalize()?;
        let (place, log) = (folder.display(), folder.join("error.log"));
        let config = format!(
            "daemon off; worker_processes auto; pid {place}/pid; error_log {log} warn;
             events {{ worker_connections 4096; }}
             http {{
               access_log off; tcp_nodelay on; keepalive_requests 100000000;
               client_body_temp_path {place}/body; proxy_temp_path {place}/proxy;
               fastcgi_temp_path {place}/fastcgi; uwsgi_temp_path {place}/uwsgi;
               scgi_temp_path {place}/scgi;
               upstream bare {{ server {upstream}; keepalive 512; keepalive_requests 100000000; }}
               server {{
                 listen {address};
                 location / {{
                   proxy_pass http://bare; proxy_http_version 1.1;
                   proxy_set_header Connection \"\";
                   proxy_set_header X-Forwarded-For $remote_addr;
                 }}
               }}
             }}",
            log = log.display(),
        );
        let path = folder.join("nginx.conf");
        std::fs::write(&path, config)?;
        let mut command = Command::new(NGINX);
        command.arg("-p").arg(&folder).arg("-c").arg(&path).stdin(Stdio::null());
        command.stderr(File::create(folder.join("start.log"))?);
        let mut child = Ended(command.spawn().context("starting nginx")?);
        wait_for(&mut child.0, address, "/", &log).await?;
        Ok(Self { child, address })
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // Killing the master would leave its workers; asked to quit, it takes them along.
        let pid = Pid::from_raw(self.child.0.id().cast_signed());
        if pid.is_some_and(|pid| kill_process(pid, Signal::TERM).is_ok()) {
            drop(self.child.0.wait());
        }
    }
}

/// How `hanse serve` is started for a scenario.
#[derive(Clone)]
pub struct Setup {
    pub hanse: PathBuf,
    pub data: PathBuf,
    /// Further `--set KEY=VALUE`.
    pub settings: Vec<String>,
}

/// A running `hanse serve`.
pub struct Server {
    child: Ended,
    pub address: SocketAddr,
    /// From the start of the process to the first 200 of `/ready`.
    pub ready_after: Duration,
}

impl Server {
    pub async fn start(setup: &Setup) -> anyhow::Result<Self> {
        let (address, operations) = (free_address()?, free_address()?);
        std::fs::create_dir_all(&setup.data)?;
        let log_path = setup.data.with_extension("log");
        let log = File::create(&log_path)?;
        let mut command = Command::new(&setup.hanse);
        command.arg("serve").arg("--data").arg(&setup.data);
        command.args(["--listen", &address.to_string(), "--ops", &operations.to_string()]);
        command.args(["--set", "limits.enabled=false", "--set", "log.level=warn"]);
        command.args(setup.settings.iter().flat_map(|setting| ["--set", setting]));
        command.stdin(Stdio::null()).stdout(log.try_clone()?).stderr(log);

        let begin = Instant::now();
        let child = command.spawn();
        let child = child.with_context(|| format!("starting {}", setup.hanse.display()))?;
        let mut child = Ended(child);
        wait_for(&mut child.0, operations, "/ready", &log_path).await?;
        Ok(Self { child, address, ready_after: begin.elapsed() })
    }

    /// Asks the server to drain and waits until it has ended.
    pub async fn stop(mut self) -> anyhow::Result<()> {
        let pid = Pid::from_raw(self.child.0.id().cast_signed()).context("a process id")?;
        kill_process(pid, Signal::TERM)?;
        let deadline = Instant::now() + STOP_WITHIN;
        while self.child.0.try_wait()?.is_none() {
            if Instant::now() > deadline {
                bail!("the server did not stop within {STOP_WITHIN:?} of SIGTERM");
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        Ok(())
    }

    /// Waits until the server uses almost no processor: what it does after a scenario, indexing
    /// for example, must not slow down the server it is compared with.
    pub async fn quiet(&self) -> anyhow::Result<()> {
        let deadline = Instant::now() + QUIET_WITHIN;
        let mut before = self.processor_ticks()?;
        while Instant::now() < deadline {
            tokio::time::sleep(Duration::from_millis(500)).await;
            let now = self.processor_ticks()?;
            if now - before <= 2 {
                break;
            }
            before = now;
        }
        Ok(())
    }

    /// Resident memory in bytes.
    pub fn resident(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/status", self.child.0.id());
        resident_in(&std::fs::read_to_string(path)?).context("no VmRSS")
    }

    /// Time on a processor so far, in hundredths of a second.
    pub fn processor_ticks(&self) -> anyhow::Result<u64> {
        let path = format!("/proc/{}/stat", self.child.0.id());
        ticks_in(&std::fs::read_to_string(path)?).context("no processor time")
    }
}

async fn wait_for(
    child: &mut Child,
    address: SocketAddr,
    path: &str,
    log: &Path,
) -> anyhow::Result<()> {
    let request = Template::get(path, None);
    let deadline = Instant::now() + START_WITHIN;
    loop {
        if let Ok(mut connection) = Connection::open(address).await
            && let Ok(200) = connection.exchange(request.fill(0, &mut Vec::new())).await
        {
            return Ok(());
        }
        let said = || std::fs::read_to_string(log).unwrap_or_default();
        if let Some(status) = child.try_wait()? {
            bail!("the server ended while starting ({status}): {}", said().trim());
        }
        if Instant::now() > deadline {
            bail!("{address}{path} is not ready after {START_WITHIN:?}: {}", said().trim());
        }
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
}

fn free_address() -> anyhow::Result<SocketAddr> {
    Ok(SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()?)))
}

fn resident_in(status: &str) -> Option<u64> {
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    let kilobytes: u64 = line.trim().strip_suffix("kB")?.trim().parse().ok()?;
    Some(kilobytes * 1024)
}

/// Fields 14 and 15 of proc(5) `stat`, counted after the name, which may hold spaces.
fn ticks_in(stat: &str) -> Option<u64> {
    let mut fields = stat.rsplit_once(')')?.1.split_whitespace().skip(11);
    let user: u64 = fields.next()?.parse().ok()?;
    let system: u64 = fields.next()?.parse().ok()?;
    Some(user + system)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn proc_is_read_as_the_kernel_writes_it() {
        assert_eq!(resident_in("Name:\thanse\nVmRSS:\t   51200 kB\n"), Some(52_428_800));
        let stat = "42 (a (b) c) S 1 42 42 0 -1 4194560 1 2 3 4 250 50 0 0 20 0 5 0 100";
        assert_eq!(ticks_in(stat), Some(300));
    }
}
