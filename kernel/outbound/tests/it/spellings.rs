//! SSRF-01: the many ways to write an inner address.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use bytes::Bytes;
use http::Request;

use crate::support::{client, get, server};

/// Hosts that lead inside, or would for a careless reader.
const HOSTS: &[&str] = &[
    "127.0.0.1",
    "127.0.0.1.",
    "127.1",
    "127.0.1",
    "127.0.0.2",
    "127.127.127.127",
    "127.0.0.001",
    "0.0.0.0",
    "0",
    "00",
    "0x0",
    "localhost",
    "LOCALHOST",
    "LocalHost",
    "localhost.",
    "localhost.localdomain",
    "ip6-localhost",
    "2130706433",
    "017700000001",
    "0x7f000001",
    "0x7F000001",
    "0x7f.0x0.0x0.0x1",
    "0x7f.1",
    "0177.0.0.1",
    "0177.0.0.01",
    "127.0x0.0.1",
    "0127.0.0.1",
    "127.000.000.001",
    "[::1]",
    "[0:0:0:0:0:0:0:1]",
    "[0000::1]",
    "[::]",
    "[::ffff:127.0.0.1]",
    "[::ffff:7f00:1]",
    "[0:0:0:0:0:ffff:127.0.0.1]",
    "[::FFFF:7F00:0001]",
    "[::127.0.0.1]",
    "[64:ff9b::127.0.0.1]",
    "[64:ff9b::7f00:1]",
    "[2002:7f00:1::]",
    "[2002:7f00:0001::1]",
    "[fe80::1]",
    "[fe80::1%25lo]",
    "[fc00::1]",
    "[fd12:3456::1]",
    "[ff02::1]",
    "[fec0::1]",
    "[::ffff:0:127.0.0.1]",
    "10.0.0.1",
    "10.1",
    "172.16.0.1",
    "172.31.255.254",
    "192.168.1.1",
    "192.168.257",
    "169.254.169.254",
    "169.254.169.254.",
    "2852039166",
    "0xa9fea9fe",
    "0xA9.0xFE.0xA9.0xFE",
    "0251.0376.0251.0376",
    "[::ffff:169.254.169.254]",
    "[::ffff:a9fe:a9fe]",
    "[fd00:ec2::254]",
    "100.100.100.200",
    "100.64.0.1",
    "192.0.0.192",
    "198.18.0.1",
    "224.0.0.1",
    "239.1.1.1",
    "255.255.255.255",
    "240.0.0.1",
    "192.88.99.1",
    "203.0.113.1",
    "[2001:db8::1]",
    "[2001::1]",
    "[100::1]",
    "[3fff::1]",
    "metadata",
    "metadata.google.internal",
    "user@127.0.0.1",
    "93.184.216.34@127.0.0.1",
    "127.0.0.1:80@93.184.216.34",
    "93.184.216.34#@127.0.0.1",
    "127.0.0.1%2f",
    "127.0.0.1%00",
    "127.0.0.1\\@93.184.216.34",
    "①②⑦.0.0.1",
    "127。0。0。1",
    "loc\u{ad}alhost",
];

#[tokio::test]
async fn no_spelling_of_an_inner_address_gets_through() {
    assert!(HOSTS.len() >= 80, "{}", HOSTS.len());
    let reached = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&reached);
    let sink = server("0.0.0.0", move |_, _| {
        count.fetch_add(1, Ordering::Relaxed);
        std::future::ready(())
    })
    .await;
    let client = client(&[]);
    for host in HOSTS {
        for scheme in ["http", "https", "HTTP"] {
            let url = format!("{scheme}://{host}:{}/latest/meta-data", sink.port());
            // Some cannot even be written as the address of a request.
            let Ok(request) = Request::get(&url).body(Bytes::new()) else { continue };
            let answer = client.send(request).await;
            assert!(answer.is_err(), "{url}: {answer:?}");
        }
    }
    assert_eq!(reached.load(Ordering::Relaxed), 0);
    // The same sink can be reached when its network is allowed.
    let allowed = crate::support::client(&["127.0.0.0/8"]);
    get(&allowed, &format!("http://127.0.0.9:{}/", sink.port())).await.unwrap_err();
    assert_eq!(reached.load(Ordering::Relaxed), 1);
}
