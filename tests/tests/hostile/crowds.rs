//! More connections than usual, and more than there are files for (OVL-05).

use std::io::{Read as _, Write as _};
use std::net::TcpStream;
use std::process::Command;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hanse_e2e::{Server, binary, json, until};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};

use crate::support::{HANG, UNLIMITED, connect, resident};

const CROWD: usize = 10_000;
/// Bytes that an idle connection may take.
const EACH: u64 = 24 * 1024;
const ASK: &[u8] = b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n";

fn patient(server: &Server) -> TcpStream {
    let connection = connect(&server.url);
    connection.set_read_timeout(Some(HANG)).expect("a timeout");
    connection
}

/// Connections that the platform serves now.
fn open(server: &Server) -> usize {
    let metrics = hanse_e2e::Client::new(&server.ops).get("/metrics").text;
    let line = metrics.lines().find_map(|line| line.strip_prefix("active_connections "));
    line.and_then(|count| count.trim().parse().ok()).expect("a number of connections")
}

/// Asks on each in turn, so that none is idle for long, until told to stop; one that was idle for too
/// long nevertheless is opened again.
fn keep(server: &Server, connections: &mut [TcpStream], enough: &AtomicBool) {
    let mut answer = [0; 4096];
    while !enough.load(Ordering::Acquire) {
        for connection in &mut *connections {
            let asked = connection.write_all(ASK).and_then(|()| connection.read(&mut answer));
            match asked {
                Ok(read @ 1..) => assert!(answer[..read].starts_with(b"HTTP/1.1 200 ")),
                _ => *connection = patient(server),
            }
        }
    }
}

/// Ten thousand connections on which little happens take little, and leave nothing behind.
#[test]
fn ten_thousand_connections_are_held() {
    let Rlimit { maximum, .. } = getrlimit(Resource::Nofile);
    let files = Rlimit { current: maximum, maximum };
    setrlimit(Resource::Nofile, files).expect("as many files as are allowed");
    let folder = tempfile::tempdir().expect("a folder");
    let limits = ["server.connections=11000", "server.connections_per_address=11000"];
    let more = [&UNLIMITED[..], &["--set", limits[0], "--set", limits[1]]].concat();
    let server = Server::start(folder.path(), &more);
    let before = resident(server.pid());
    // Where the system allows fewer files, as many as it does.
    let room =
        maximum.map_or(CROWD, |most| usize::try_from(most).unwrap_or(CROWD).saturating_sub(1_000));
    let many = CROWD.min(room);
    let mut crowd: Vec<TcpStream> = (0..many).map(|_| patient(&server)).collect();
    let enough = AtomicBool::new(false);
    let held = std::thread::scope(|scope| {
        for part in crowd.chunks_mut(many / 4) {
            scope.spawn(|| keep(&server, part, &enough));
        }
        let start = Instant::now();
        let mut most = 0;
        while most < many && start.elapsed() < HANG {
            most = most.max(open(&server));
        }
        let bytes = resident(server.pid()).saturating_sub(before);
        enough.store(true, Ordering::Release);
        assert!(most >= many, "{most} at most");
        bytes / many as u64
    });
    println!("found: {held} bytes for each of {many} connections");
    assert!(held <= EACH, "{held} bytes each");
    drop(crowd);
    until("they are gone", || open(&server) < 10);
    assert!(server.stop().success());
}

/// Files run out for those who come last, and never for the stores: who is inside goes on working, who
/// waits is let in when there is room.
#[test]
fn files_run_out_for_newcomers_only() {
    const FILES: usize = 700;
    let folder = tempfile::tempdir().expect("a folder");
    let mut command = Command::new("prlimit");
    command.arg(format!("--nofile={FILES}:{FILES}")).arg("--").arg(binary());
    let server = Server::spawn(command, folder.path(), &UNLIMITED).expect("it starts");
    until("it says so", || server.log().contains("too few open files"));
    let anna = server.register("anna");
    let crowd: Vec<TcpStream> = (0..FILES * 2).map(|_| patient(&server)).collect();
    // Everything that the work of a service opens anew: a commit, a segment of the index, a merge.
    for number in 0..60 {
        let thought = json!({ "text": format!("tide {number}") });
        assert_eq!(anna.post("/api/thoughts", &thought).status, 201);
    }
    until("all is found", || anna.get("/api/search?q=tide").json()["total"] == 60);
    let used = std::fs::read_dir(format!("/proc/{}/fd", server.pid())).expect("its files").count();
    assert!(used < FILES, "{used} files");
    drop(crowd);
    let newcomer = server.guest();
    until("others are let in", || newcomer.get("/health").status == 200);
    let log = server.log();
    assert!(!log.contains("could not be accepted"), "{log}");
    assert!(server.stop().success());
}
