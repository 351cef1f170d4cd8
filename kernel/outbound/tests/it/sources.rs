//! SSRF-02: nothing but the kernel makes connections.

use std::path::{Path, PathBuf};

/// What makes a connection or a client.
const CONSTRUCTORS: &[&str] = &[
    "TcpStream::connect",
    "UdpSocket::bind",
    "UnixStream::connect",
    "hyper::client",
    "client::conn",
    "client::legacy",
    "reqwest",
    "ureq",
    "lettre",
    "isahc",
    "to_socket_addrs",
    "lookup_host",
];

#[test]
fn only_the_kernel_makes_connections() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned();
    let mut looked_at = 0;
    let mut left: Vec<PathBuf> =
        ["services", "contracts", "hanse"].map(|name| root.join(name)).into();
    while let Some(path) = left.pop() {
        if path.is_dir() {
            // Tests play clients; examples and benches measure.
            if !["tests", "examples", "benches", "target"].iter().any(|name| path.ends_with(name)) {
                left.extend(std::fs::read_dir(&path).unwrap().map(|entry| entry.unwrap().path()));
            }
        } else if path.extension().is_some_and(|kind| kind == "rs") {
            looked_at += 1;
            let text = std::fs::read_to_string(&path).unwrap();
            // Asks this very program whether it is ready, at the address it was configured with.
            if path.ends_with("hanse/src/commands/health.rs") {
                continue;
            }
            let found = CONSTRUCTORS.iter().find(|name| text.contains(*name));
            assert_eq!(found, None, "{}", path.display());
        }
    }
    assert!(looked_at > 100, "{looked_at} files");
}
