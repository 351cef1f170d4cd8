//! Clients that hold places: over HTTP/2, where a connection can look alive for ever, and by many
//! connections (HTTP-01, HTTP-02).

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hanse_e2e::Server;

use crate::frames::{PING, Peer, WINDOW_UPDATE, frame};
use crate::support::{HANG, complete, connect, exchange, platform, receive, status};

/// Lives as long as it may, doing this now and then; panics when it may for too long.
fn until_let_go(what: &str, peer: &mut Peer, mut each: impl FnMut(&mut Peer, u32) -> bool) {
    let start = Instant::now();
    let mut round = 0;
    while peer.listen() {
        assert!(start.elapsed() < HANG, "it is held open: {what}");
        if start.elapsed() >= Duration::from_secs(round.into()) {
            round += 1;
            if !each(peer, round) {
                return;
            }
        }
    }
}

/// HTTP-01, HTTP-02: answering and asking for signs of life is not a use of a connection; an answer whose
/// window stays shut is not kept, whatever else its client asks for.
#[test]
fn idle_and_stalled_http2_connections_are_let_go() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    std::thread::scope(|threads| {
        threads.spawn(|| {
            let ping = |peer: &mut Peer, _| peer.send(&frame(PING, 0, 0, b"are you?"));
            until_let_go("pings only", &mut Peer::new(&server, 65_535), ping);
        });
        threads.spawn(|| {
            let mut peer = Peer::new(&server, 65_535);
            assert!(peer.get(1, "/health"));
            until_let_go("a request long ago", &mut peer, |_, _| true);
            assert_eq!(peer.answers, 1);
        });
        threads.spawn(|| {
            let mut peer = Peer::new(&server, 0);
            assert!(peer.get(1, "/openapi.json"));
            until_let_go("a shut window", &mut peer, |_, _| true);
            assert_eq!((peer.answers, peer.data), (1, 0));
        });
        threads.spawn(|| {
            let mut peer = Peer::new(&server, 0);
            let more = |peer: &mut Peer, round: u32| peer.get(round * 2 - 1, "/openapi.json");
            until_let_go("shut windows, ever more", &mut peer, more);
            assert!(peer.answers > 1);
            assert_eq!(peer.data, 0);
        });
    });
}

/// The other side of it: who reads slowly but steadily gets everything.
#[test]
fn a_slow_http2_reader_gets_its_answer() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let whole = server.guest().get("/openapi.json").text.len();
    let mut peer = Peer::new(&server, 0);
    assert!(peer.get(1, "/openapi.json"));
    // For longer than anything may stand still, a little now and then; then the rest.
    let start = Instant::now();
    let mut granted = 0_u32;
    while start.elapsed() < Duration::from_secs(40) {
        assert!(peer.listen(), "a slow reader was cut off after {:?}", start.elapsed());
        if start.elapsed() >= Duration::from_secs(u64::from(granted / 1024)) {
            granted += 1024;
            peer.send(&frame(WINDOW_UPDATE, 0, 1, &1024_u32.to_be_bytes()));
        }
    }
    assert!(peer.data > 20 * 1024 && peer.data <= granted as usize, "{} bytes", peer.data);
    for stream in [0, 1] {
        peer.send(&frame(WINDOW_UPDATE, 0, stream, &10_000_000_u32.to_be_bytes()));
    }
    while peer.data < whole {
        assert!(start.elapsed() < HANG * 2, "the rest did not come");
        assert!(peer.listen(), "the rest did not come");
    }
    assert_eq!(peer.data, whole);
}

/// One address cannot take every place; one that many clients share can.
#[test]
fn an_address_has_so_many_connections() {
    let data = tempfile::tempdir().expect("a folder");
    let health = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";
    let few = ["--set", "server.connections_per_address=5"];
    let server = Server::start(data.path(), &few);
    let mut held: Vec<TcpStream> = (0..5).map(|_| connect(&server.url)).collect();
    for stream in &mut held {
        stream.write_all(health).expect("sent");
        assert_eq!(status(&receive(stream, complete).expect("an answer")), 200);
    }
    assert_eq!(exchange(&server.url, health, complete), b"", "the sixth is closed unheard");
    drop(held.pop());
    let start = Instant::now();
    while status(&exchange(&server.url, health, complete)) != 200 {
        assert!(start.elapsed() < HANG, "a place that is free again is not given");
    }
    drop((held, server));
    let trusted = [&few[..], &["--set", "gateway.trusted_proxies=[\"127.0.0.1\"]"]].concat();
    let server = Server::start(data.path(), &trusted);
    let mut held: Vec<TcpStream> = (0..20).map(|_| connect(&server.url)).collect();
    for stream in &mut held {
        stream.write_all(health).expect("sent");
        assert_eq!(status(&receive(stream, complete).expect("an answer")), 200);
    }
}
