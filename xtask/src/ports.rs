//! Ports of servers that must be told theirs before they start.
//!
//! Asking for port 0 and giving the answer to somebody else is a race that is lost now and then:
//! such a port is from the range of outgoing connections, and until the server has it, or while it
//! restarts, any client's socket may sit on it. So these come from below that range, where only
//! listeners are, and no two calls in a process give the same one.

use std::io::{Error, ErrorKind, Result};
use std::net::{Ipv4Addr, TcpListener};
use std::sync::atomic::{AtomicU32, Ordering};

/// How many ports below the range of outgoing connections are given out, from the top.
const PORTS: u32 = 16_384;
/// Keeps processes that run side by side apart.
const STRIDE: u32 = 97;

static GIVEN: AtomicU32 = AtomicU32::new(0);

/// A port on loopback where nothing listens.
///
/// # Errors
/// When all are taken.
pub fn free_port() -> Result<u16> {
    let end = first_outgoing();
    let start = std::process::id().wrapping_mul(STRIDE);
    for _ in 0..PORTS {
        let offset = start.wrapping_add(GIVEN.fetch_add(1, Ordering::Relaxed)) % PORTS;
        let port = u16::try_from(end.saturating_sub(PORTS) + offset).unwrap_or_default();
        match TcpListener::bind((Ipv4Addr::LOCALHOST, port)) {
            Ok(_) => return Ok(port),
            Err(error) if error.kind() == ErrorKind::AddrInUse => {}
            Err(error) => return Err(error),
        }
    }
    Err(Error::new(ErrorKind::AddrInUse, "every port for tests is taken"))
}

/// The first port that Linux gives to outgoing connections; its own default where it does not say.
fn first_outgoing() -> u32 {
    std::fs::read_to_string("/proc/sys/net/ipv4/ip_local_port_range")
        .ok()
        .and_then(|range| range.split_whitespace().next()?.parse().ok())
        .filter(|first| (PORTS + 1024..=65_535).contains(first))
        .unwrap_or(32_768)
}
