//! What the tests of the whole platform run on: servers, tools, and the binary itself.

use std::path::PathBuf;

use anyhow::bail;

use crate::postgres::{self, apt_install};
use crate::redis::Redis;
use crate::{go, kafka};

/// A proxy that delays, drops and cuts what passes through it.
const TOXIPROXY: (&str, &str) = ("github.com/Shopify/toxiproxy/v2/cmd/server", "v2.12.0");

/// What the end-to-end tests spoil disks, clocks and networks with, and speak TLS with, by the package that brings it.
const TOOLS: [(&str, &str); 8] = [
    ("strace", "strace"),
    ("faketime", "faketime"),
    ("setpriv", "util-linux"),
    ("haproxy", "haproxy"),
    ("openssl", "openssl"),
    ("curl", "curl"),
    ("nginx", "nginx-light"),
    ("pgbouncer", "pgbouncer"),
];

/// Throwaway servers, stopped when the value goes.
pub struct Engines {
    postgres: postgres::Cluster,
    kafka: kafka::Cluster,
    redis: Redis,
}

impl Engines {
    /// Starts all of them.
    pub fn start() -> anyhow::Result<Self> {
        let (postgres, kafka) = (postgres::Cluster::start()?, kafka::Cluster::start()?);
        Ok(Self { postgres, kafka, redis: Redis::start()? })
    }

    /// What the tests read.
    pub fn variables(&self) -> Vec<(&'static str, String)> {
        let mut variables = self.postgres.variables().to_vec();
        variables.extend(self.kafka.variables());
        variables.push(("HANSE_TEST_REDIS", self.redis.url()));
        variables
    }

    /// Stops them now rather than at the end of the scope.
    pub fn stop(self) {}
}

/// Installs what the end-to-end tests need besides, and returns what they read.
pub fn fault_tools() -> anyhow::Result<[(&'static str, PathBuf); 1]> {
    for (program, package) in TOOLS {
        let path = std::env::var_os("PATH").unwrap_or_default();
        let mut folders: Vec<PathBuf> = std::env::split_paths(&path).collect();
        folders.push("/usr/sbin".into());
        if folders.iter().any(|folder| folder.join(program).is_file()) {
            continue;
        }
        if !rustix::process::geteuid().is_root() {
            bail!("the tests need `{program}`; install it with `apt-get install {package}`");
        }
        eprintln!("{program}: not found, installing Debian's package");
        apt_install(package)?;
    }
    Ok([("TOXIPROXY_BIN", go::install(TOXIPROXY.0, TOXIPROXY.1)?)])
}
