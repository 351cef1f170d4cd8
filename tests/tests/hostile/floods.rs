//! Floods of what costs its sender little: HTTP/2 frames (HTTP-05), and passwords (OVL-04).

use std::io::Write as _;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Instant;

use hanse_e2e::{Server, json};

use crate::frames::{
    CONTINUATION, DATA, END_HEADERS, END_STREAM, GET, HEADERS, PING, POST, Peer, RST_STREAM,
    SETTINGS, WINDOW_UPDATE, frame, head,
};
use crate::support::{HANG, complete, connect, platform, receive, status};

/// What a flood may leave behind in memory; each sends many times as much.
const LEFT: u64 = 48 * 1024;

/// What the sender of a flood must meet with.
#[derive(Clone, Copy, PartialEq, Eq)]
enum End {
    /// The connection is closed on it.
    Closed,
    /// It is closed, or costs nothing that lasts.
    Borne,
}

struct Flood {
    name: &'static str,
    rounds: u32,
    end: End,
    opening: fn() -> Vec<u8>,
    round: fn(u32) -> Vec<u8>,
}

fn stream(round: u32) -> u32 {
    round * 2 + 1
}

fn request(round: u32) -> Vec<u8> {
    frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &head(GET, "/openapi.json"))
}

/// A header that goes into the table of the connection, and its name again and again.
fn bomb(round: u32) -> Vec<u8> {
    let mut block = head(GET, "/health");
    let value = [b'v'; 3_900];
    block.extend([0x40, 1, b'a', 0x7f]);
    // 3,900 in RFC 7541's coding of integers after a prefix of seven bits.
    block.extend([0x80 | ((3_900 - 127) & 0x7f) as u8, ((3_900 - 127) >> 7) as u8]);
    block.extend(value);
    block.extend(std::iter::repeat_n(0xbe, 12_000));
    frame(HEADERS, END_HEADERS | END_STREAM, stream(round), &block)
}

const FLOODS: [Flood; 8] = [
    Flood {
        name: "requests that are taken back at once",
        rounds: 20_000,
        end: End::Closed,
        opening: Vec::new,
        round: |round| {
            [request(round), frame(RST_STREAM, 0, stream(round), &8_u32.to_be_bytes())].concat()
        },
    },
    Flood {
        name: "requests that make the server take them back",
        rounds: 20_000,
        end: End::Closed,
        opening: Vec::new,
        round: |round| {
            [request(round), frame(WINDOW_UPDATE, 0, stream(round), &0_u32.to_be_bytes())].concat()
        },
    },
    Flood {
        name: "a head that never ends",
        rounds: 20_000,
        end: End::Closed,
        opening: || frame(HEADERS, END_STREAM, 1, &head(GET, "/health")),
        round: |_| {
            let mut header = vec![0x00, 1, b'a', 0x7e];
            header.extend([b'v'; 126]);
            frame(CONTINUATION, 0, 1, &header.repeat(8))
        },
    },
    Flood {
        name: "empty pieces of a body",
        rounds: 200_000,
        end: End::Borne,
        opening: || frame(HEADERS, END_HEADERS, 1, &head(POST, "/api/v1/auth/login")),
        round: |_| frame(DATA, 0, 1, &[]),
    },
    Flood {
        name: "settings",
        rounds: 100_000,
        end: End::Borne,
        opening: Vec::new,
        round: |round| frame(SETTINGS, 0, 0, &[&[0, 3][..], &round.to_be_bytes()].concat()),
    },
    Flood {
        name: "pings",
        rounds: 100_000,
        end: End::Borne,
        opening: Vec::new,
        round: |round| frame(PING, 0, 0, &u64::from(round).to_be_bytes()),
    },
    Flood {
        name: "heads that unfold a thousandfold",
        rounds: 500,
        end: End::Borne,
        opening: Vec::new,
        round: bomb,
    },
    Flood {
        name: "settings that change the size of the table",
        rounds: 100_000,
        end: End::Borne,
        opening: Vec::new,
        round: |round| {
            let size = (round % 2) * 65_536;
            frame(SETTINGS, 0, 0, &[&[0, 1][..], &size.to_be_bytes()].concat())
        },
    },
];

/// Sends a flood without reading an answer, as far as it is taken; then reads what there is. Has the
/// connection been closed?
fn send(server: &Server, flood: &Flood) -> bool {
    let mut peer = Peer::new(server, 65_535);
    peer.send(&(flood.opening)());
    let rounds: Vec<u32> = (0..flood.rounds).collect();
    rounds.chunks(100).all(|some| {
        let frames: Vec<u8> = some.iter().flat_map(|round| (flood.round)(*round)).collect();
        peer.send(&frames)
    });
    let start = Instant::now();
    let mut open = peer.listen();
    while open && flood.end == End::Closed && start.elapsed() < HANG {
        open = peer.listen();
    }
    !open
}

/// Resident memory in KiB.
fn resident(server: &Server) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", server.pid()));
    let status = status.expect("the process runs");
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    line.trim().trim_end_matches(" kB").parse().expect("a number")
}

/// HTTP-05: rapid reset and its kin end the connection or are borne, in bounded memory, while others
/// are served.
#[test]
fn floods_of_frames_are_cut_off_or_borne() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let guest = server.guest();
    // What is made once, such as the documents, is not the flood's.
    assert_eq!(guest.get("/openapi.json").status, 200);
    for flood in &FLOODS {
        let before = resident(&server);
        let over = AtomicBool::new(false);
        let closed = std::thread::scope(|threads| {
            let others = threads.spawn(|| {
                let mut served = 0;
                while !over.load(Ordering::Acquire) || served == 0 {
                    assert_eq!(guest.get("/health").status, 200, "during {}", flood.name);
                    served += 1;
                }
            });
            let closed = send(&server, flood);
            over.store(true, Ordering::Release);
            others.join().expect("others are served");
            closed
        });
        let left = resident(&server).saturating_sub(before);
        assert!(left < LEFT, "{} leaves {left} KiB", flood.name);
        assert!(closed || flood.end == End::Borne, "{} goes on for ever", flood.name);
    }
}

/// OVL-04: passwords are slow on purpose, and whoever sends a thousand at once slows down nobody else:
/// hashes run in a bounded pool with a bounded queue, and what finds no room is told so at once.
#[test]
fn a_flood_of_passwords_is_somebody_elses_business() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = platform(folder.path());
    let anna = server.register("anna");
    let threads = |server: &Server| {
        let tasks = std::fs::read_dir(format!("/proc/{}/task", server.pid())).expect("it runs");
        tasks.count()
    };
    let (memory, before) = (resident(&server), threads(&server));
    let body = r#"{"email":"anna@example.com","password":"another walk by the sea"}"#;
    let login = format!(
        "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\n\
         content-length: {}\r\n\r\n{body}",
        body.len()
    );
    let mut flood: Vec<_> = (0..1_000)
        .map(|_| {
            let mut stream = connect(&server.url);
            stream.write_all(login.as_bytes()).expect("the request");
            stream
        })
        .collect();
    let (mut most, mut crowd) = (0, 0);
    for _ in 0..200 {
        assert_eq!(anna.get("/users/me").status, 200);
        most = most.max(resident(&server));
        crowd = crowd.max(threads(&server));
    }
    let (mut tried, mut refused) = (0, 0);
    for stream in &mut flood {
        let answer = receive(stream, complete).expect("an answer");
        match status(&answer) {
            401 => tried += 1,
            503 => {
                let text = String::from_utf8_lossy(&answer).to_lowercase();
                assert!(text.contains("\r\nretry-after: "), "{text}");
                refused += 1;
            }
            other => panic!("{other}: {}", String::from_utf8_lossy(&answer)),
        }
    }
    assert!(tried > 0 && refused > 0, "{tried} were tried and {refused} refused");
    let more = most.saturating_sub(memory) / 1024;
    assert!(more < 200, "a flood of a thousand takes {more} MiB");
    assert!(crowd < before + 32, "{before} threads have become {crowd}");
    drop(flood);
    let rightly = json!({ "email": "anna@example.com", "password": "kogge anna 1358" });
    assert_eq!(server.guest().post("/auth/login", &rightly).status, 200);
}
