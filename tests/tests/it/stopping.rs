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

/// The search index is in memory for a while before it is on disk (ADR 0026). An orderly stop leaves all
/// of it there; a kill leaves less, and the next start feeds the rest again from the table of documents.
#[test]
fn the_search_index_outlives_a_stop_and_a_kill() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    // The highest change of the commit that is on disk.
    let on_disk = || {
        let meta = std::fs::read(data.join("cache/search/index/meta.json")).expect("an index");
        let meta: serde_json::Value = serde_json::from_slice(&meta).expect("JSON");
        meta["payload"].as_str().map_or(0, |change| change.parse::<i64>().expect("a number"))
    };
    // So that nothing is settled for being idle.
    let busy = [&UNHURRIED[..], &["--set", "search.release_after_ms=3600000"]].concat();
    let server = Server::start(&data, &busy);
    let anna = server.register("anna");
    let write = |anna: &Client, count: i64| {
        for number in 0..count {
            let thought = json!({ "text": format!("harbour {number}") });
            assert_eq!(anna.post("/api/thoughts", &thought).status, 201);
        }
    };
    let finds = |anna: &Client, total: i64| {
        until("all is found", || anna.get("/api/search?q=harbour").json()["total"] == total);
    };
    write(&anna, 5);
    finds(&anna, 5);
    assert!(server.stop().success());
    assert_eq!(on_disk(), 5);

    let server = Server::start(&data, &busy);
    let anna = anna.at(&server.url);
    finds(&anna, 5);
    write(&anna, 20);
    finds(&anna, 25);
    server.kill();
    assert!((5..=25).contains(&on_disk()), "{}", on_disk());

    let server = Server::start(&data, &busy);
    finds(&anna.at(&server.url), 25);
    assert!(server.stop().success());
    assert_eq!(on_disk(), 25);
}
