//! Stopping under load.

use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hanse_e2e::{Client, Server, UNHURRIED, Writer, hanse, json, until};
use rustix::process::Signal;

/// OPS-01, OPS-13: asked to stop, it says so first, goes on serving for the time that load balancers
/// need, finishes what is under way, and ends well. Nothing that was acknowledged is lost, and nobody
/// is cut off in the middle of an answer.
#[test]
fn stopping_under_load_fails_no_request() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let more = [&UNHURRIED[..], &["--set", "server.drain_delay_seconds=1"]].concat();
    let mut server = Server::start(&data, &more);
    let mut writers: Vec<Writer> = (0..6)
        .map(|n| {
            let journal = folder.path().join(format!("journal{n}"));
            Writer::new(server.register(&format!("writer{n}")), n, &journal)
        })
        .collect();
    let (written, unready) = (AtomicU64::new(0), AtomicBool::new(false));
    let served_while_unready = AtomicU64::new(0);
    std::thread::scope(|scope| {
        for writer in &mut writers {
            let (written, unready, served) = (&written, &unready, &served_while_unready);
            // Like clients behind a load balancer that has looked away: no new request once it says
            // that it is not ready, a few late ones aside.
            scope.spawn(move || {
                let mut late = 0;
                while late < 3 {
                    let is_late = unready.load(Ordering::Acquire);
                    assert!(writer.write(), "a request was cut off");
                    written.fetch_add(1, Ordering::Relaxed);
                    late += u32::from(is_late);
                    served.fetch_add(u64::from(is_late), Ordering::Relaxed);
                }
            });
        }
        until("there is load", || written.load(Ordering::Relaxed) > 100);
        server.signal(Signal::TERM);
        let ops = Client::new(&server.ops);
        until("it says that it is not ready", || {
            let ready = ops.get("/ready");
            ready.status == 503 && ready.json()["draining"] == json!(true)
        });
        unready.store(true, Ordering::Release);
    });
    assert_eq!(served_while_unready.load(Ordering::Relaxed), 18, "late requests are still served");
    let status = server.wait();
    assert_eq!(status.code(), Some(0), "{}", server.log());
    let late = server.guest().send("GET", "/health", &[], None);
    assert!(late.is_err(), "it has ended, and its port with it");

    let doctor = hanse(&data, &["doctor"]);
    assert_eq!(doctor.code, 0, "{}", doctor.out);
    let server = Server::start(&data, &UNHURRIED);
    for writer in &mut writers {
        writer.settle(&server.url);
        writer.compare();
    }
    // Nothing is left to fold in after a proper stop.
    assert!(server.stop().success());
    for name in ["identity", "thoughts", "search", "analytics"] {
        let log = std::fs::metadata(data.join(format!("{name}.db-wal"))).map_or(0, |log| log.len());
        assert_eq!(log, 0, "{name}: the log was not folded in");
    }
}

/// OPS-01: without a delay, too, it ends well under load; who is cut off was not acknowledged.
#[test]
fn stopping_at_once_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start(&data, &UNHURRIED);
    let mut writers: Vec<Writer> = (0..6)
        .map(|n| {
            let journal = folder.path().join(format!("journal{n}"));
            Writer::new(server.register(&format!("writer{n}")), n, &journal)
        })
        .collect();
    for signal in [Signal::TERM, Signal::INT, Signal::TERM] {
        let written = AtomicU64::new(0);
        std::thread::scope(|scope| {
            for writer in &mut writers {
                let written = &written;
                scope.spawn(move || {
                    while writer.write() {
                        written.fetch_add(1, Ordering::Relaxed);
                    }
                });
            }
            until("there is load", || written.load(Ordering::Relaxed) > 100);
            server.signal(signal);
        });
        let status = server.wait();
        assert_eq!(status.code(), Some(0), "{}", server.log());
        server = Server::start(&data, &UNHURRIED);
        for writer in &mut writers {
            writer.settle(&server.url);
            writer.compare();
        }
    }
}
