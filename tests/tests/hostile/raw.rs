//! Clients below HTTP: slow, silent, greedy or garbled (HTTP-01, HTTP-02, HTTP-06).

use std::io::Write as _;
use std::net::TcpStream;
use std::time::{Duration, Instant};

use hanse_e2e::{Client, Server, Value, json};

use crate::support::{HANG, complete, connect, eventually, exchange, platform, receive, status};

/// Connections that the platform has open now; the one that looks is among them.
fn open_connections(server: &Server) -> u64 {
    let metrics = Client::new(&server.ops).get("/metrics").text;
    let line =
        metrics.lines().find(|line| line.starts_with("active_connections ")).expect("the gauge");
    line.split(' ').nth(1).expect("a value").parse().expect("a number")
}

/// Somebody else is served, now.
fn others_are_served(server: &Server) {
    let answer = Client::new(&server.url).get("/.well-known/jwks.json");
    assert_eq!(answer.status, 200, "{}", answer.text);
}

/// Sends one byte a second until the other side has had enough; returns what it said.
fn drip(url: &str, opening: String, endless: &'static [u8]) -> Vec<u8> {
    let mut stream = connect(url);
    stream.write_all(opening.as_bytes()).expect("the opening is taken");
    let start = Instant::now();
    for byte in endless.iter().cycle() {
        assert!(start.elapsed() < HANG, "a client of one byte a second is still being listened to");
        if stream.write_all(&[*byte]).is_err() {
            break;
        }
        let mut peeked = [0];
        match stream.peek(&mut peeked) {
            // Nothing said yet.
            Err(error) if error.kind() == std::io::ErrorKind::WouldBlock => {}
            // An answer, the end, or a reset.
            _ => break,
        }
        std::thread::sleep(Duration::from_millis(800));
    }
    receive(&mut stream, |_| false).expect("the connection ends")
}

/// HTTP-01: headers that never end are given up; a client that sends nothing, part of a first line,
/// or the first half of how HTTP/2 begins, is no better.
#[test]
fn slow_headers_are_cut_off_and_others_served() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let slow: Vec<_> = [
        ("GET /health HTTP/1.1\r\nhost: x\r\nx-slow: ", &b"a"[..]),
        ("", b"G"),
        ("PRI * HTTP/2.0\r\n\r\n", b""),
        ("PRI", b""),
        ("GET", b""),
        ("", b""),
    ]
    .into_iter()
    .map(|(opening, endless)| {
        let url = server.url.clone();
        std::thread::spawn(move || match endless {
            [] => {
                let mut stream = connect(&url);
                stream.write_all(opening.as_bytes()).expect("the opening is taken");
                receive(&mut stream, |_| false)
                    .unwrap_or_else(|| panic!("{opening:?} is held open"))
            }
            _ => drip(&url, opening.to_owned(), endless),
        })
    })
    .collect();
    others_are_served(&server);
    for client in slow {
        let answer = client.join().expect("it was cut off");
        assert!([0, 400, 408].contains(&status(&answer)), "{}", String::from_utf8_lossy(&answer));
    }
    others_are_served(&server);
}

/// HTTP-01: 1,000 idle connections, half of them after a first request, leave room for others and
/// do not stay.
#[test]
fn a_thousand_idle_connections_are_let_go() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let idle: Vec<TcpStream> = (0..1_000)
        .map(|number| {
            let mut stream = connect(&server.url);
            if number % 2 == 0 {
                stream.write_all(b"GET /health HTTP/1.1\r\nhost: x\r\n\r\n").expect("sent");
            }
            stream
        })
        .collect();
    eventually("1,000 connections are open", || open_connections(&server) >= 1_000);
    others_are_served(&server);
    eventually("the idle connections are closed", || open_connections(&server) < 10);
    others_are_served(&server);
    for mut stream in idle {
        receive(&mut stream, |_| false).expect("it was closed");
    }
}

/// HTTP-02: bodies that never end, declared or chunked, to operations that read them and to one that
/// does not, end in a refusal or a closed connection.
#[test]
fn slow_bodies_are_cut_off_and_others_served() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let token = anna.token.clone().expect("a token");
    let head = |line: &str, length: &str| {
        format!(
            "{line} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{length}\r\n\r\n"
        )
    };
    let slow: Vec<_> = [
        head("POST /api/thoughts", "content-length: 1000"),
        head("POST /auth/login", "content-length: 1000"),
        head("POST /api/thoughts", "transfer-encoding: chunked") + "3e8\r\n",
    ]
    .into_iter()
    .map(|opening| {
        let url = server.url.clone();
        std::thread::spawn(move || drip(&url, opening, b" "))
    })
    .collect();
    others_are_served(&server);
    for client in slow {
        let answer = client.join().expect("it was cut off");
        assert!([0, 408].contains(&status(&answer)), "{}", String::from_utf8_lossy(&answer));
    }
    others_are_served(&server);
}

/// HTTP-02: who does not read what was asked for is cut off.
#[test]
fn a_client_that_does_not_read_is_cut_off() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let text = "The harbour freezes in January. ".repeat(1_500);
    let lines: String = (0..40).map(|_| json!({"text": text}).to_string() + "\n").collect();
    let answer = anna
        .send("POST", "/api/thoughts/import", &[], Some(("application/x-ndjson", lines)))
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let whole = anna.get("/api/thoughts/export").text.len();
    // More than the buffers of both ends hold.
    let times = 40 * 1024 * 1024 / whole;
    let request = format!(
        "GET /api/thoughts/export HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\n\r\n",
        anna.token.as_deref().expect("a token")
    );
    eventually("the connections of before are closed", || open_connections(&server) <= 1);
    let mut stream = connect(&server.url);
    stream.write_all(request.repeat(times).as_bytes()).expect("sent");
    eventually("the export is under way", || open_connections(&server) > 1);
    others_are_served(&server);
    eventually("the reader that does not read is gone", || open_connections(&server) <= 1);
    let received = receive(&mut stream, |_| false).expect("the end");
    assert!(received.len() < times * whole, "everything was sent to somebody who did not read");
}

/// A scene's request to the platform: what it is about, and its bytes.
type Request = (&'static str, Vec<u8>);

fn request(what: &'static str, text: &str) -> Request {
    (what, text.as_bytes().to_vec())
}

/// Requests that no client of good will sends.
fn garbage() -> Vec<Request> {
    let twice = |name: &'static str, header: &str| {
        request(
            name,
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\n{header}\r\n{header}\r\ncontent-length: 0\r\n\r\n"
            ),
        )
    };
    let body = r#"{"email":"a@example.com","password":"x"}"#;
    let many: String = (0..200).map(|number| format!("x-{number}: 1\r\n")).collect();
    let mut binary = Vec::from(&b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..]);
    binary.extend((0..2_000_u32).map(|byte| (byte % 251) as u8));
    vec![
        ("TLS", binary),
        ("zeros", vec![0; 4096]),
        ("noise without a line", vec![b'a'; 200_000]),
        request("blank lines", &"\r\n".repeat(50_000)),
        request("HTTP/0.9", "GET /health\r\n\r\n"),
        request("HTTP/0.9 bare", "GET /health\n"),
        request("HTTP/3.0", "GET /health HTTP/3.0\r\nhost: x\r\n\r\n"),
        request("lower-case version", "GET /health http/1.1\r\nhost: x\r\n\r\n"),
        request("no address", "GET HTTP/1.1\r\nhost: x\r\n\r\n"),
        request("two spaces", "GET  /health  HTTP/1.1\r\nhost: x\r\n\r\n"),
        request("a tab", "GET\t/health\tHTTP/1.1\r\nhost: x\r\n\r\n"),
        request("a space in the address", "GET /he alth HTTP/1.1\r\nhost: x\r\n\r\n"),
        request(
            "a long line",
            &format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(100_000)),
        ),
        request(
            "a long address",
            &format!("GET /{} HTTP/1.1\r\nhost: x\r\n\r\n", "a".repeat(10_000)),
        ),
        request("a long method", &format!("{} / HTTP/1.1\r\nhost: x\r\n\r\n", "A".repeat(100_000))),
        request("too many headers", &format!("GET /health HTTP/1.1\r\nhost: x\r\n{many}\r\n")),
        request(
            "a huge header",
            &format!("GET /health HTTP/1.1\r\nhost: x\r\nx-a: {}\r\n\r\n", "a".repeat(200_000)),
        ),
        request(
            "a huge header name",
            &format!("GET /health HTTP/1.1\r\nhost: x\r\n{}: a\r\n\r\n", "a".repeat(200_000)),
        ),
        request("a space before the colon", "GET /health HTTP/1.1\r\nhost: x\r\nx-a : 1\r\n\r\n"),
        request("a header without a name", "GET /health HTTP/1.1\r\nhost: x\r\n: 1\r\n\r\n"),
        request("a header without a colon", "GET /health HTTP/1.1\r\nhost: x\r\nx-a\r\n\r\n"),
        request("a folded header", "GET /health HTTP/1.1\r\nhost: x\r\nx-a: 1\r\n  2\r\n\r\n"),
        request("a NUL in a header", "GET /health HTTP/1.1\r\nhost: x\r\nx-a: 1\x002\r\n\r\n"),
        request(
            "a bare CR in a header",
            "GET /health HTTP/1.1\r\nhost: x\r\nx-a: 1\rx-b: 2\r\n\r\n",
        ),
        request("a name with a bracket", "GET /health HTTP/1.1\r\nhost: x\r\nx(a): 1\r\n\r\n"),
        request(
            "underscores on an operation",
            "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\nx_user_id: 1\r\n\r\n",
        ),
        request(
            "underscores on a document",
            "GET /docs HTTP/1.1\r\nhost: x\r\nx_user_id: 1\r\n\r\n",
        ),
        request(
            "twins",
            "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\nhanse-after: a\r\nhanse_after: a\r\n\r\n",
        ),
        request("two hosts", "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n"),
        request(
            "two hosts on a document",
            "GET /openapi.json HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        ),
        request(
            "two hosts on an OPTIONS",
            "OPTIONS /api/thoughts HTTP/1.1\r\nhost: x\r\nhost: y\r\n\r\n",
        ),
        twice("two tokens", "authorization: Bearer a"),
        twice("two types", "content-type: application/json"),
        twice("two keys", "idempotency-key: a"),
        twice("two conditions", "if-match: \"1\""),
        twice("two positions", "hanse-after: a"),
        twice("two traces", "traceparent: 00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        request(
            "two lengths",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {0}\r\ncontent-length: 5\r\n\r\n{body}",
                body.len()
            ),
        ),
        request(
            "the same length twice",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {0}\r\ncontent-length: {0}\r\n\r\n{body}",
                body.len()
            ),
        ),
        request(
            "a list of lengths",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: {0}, {0}\r\n\r\n{body}",
                body.len()
            ),
        ),
        request(
            "a negative length",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: -1\r\n\r\n",
        ),
        request(
            "a length with a sign",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: +5\r\n\r\nhello",
        ),
        request(
            "a length in hex",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 0x5\r\n\r\nhello",
        ),
        request(
            "a length beyond numbers",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n",
                "9".repeat(30)
            ),
        ),
        request(
            "an unknown coding",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: cow\r\n\r\n",
        ),
        request(
            "chunked not last",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked, gzip\r\n\r\n0\r\n\r\n",
        ),
        request(
            "chunked in HTTP/1.0",
            "POST /auth/login HTTP/1.0\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n",
        ),
        request(
            "a chunk length that is none",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n\r\n",
        ),
        request(
            "a chunk length beyond numbers",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\nffffffffffffffffff\r\n\r\n",
        ),
        request(
            "a chunk extension without end",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n1;{}",
                "a".repeat(100_000)
            ),
        ),
        request(
            "a chunk that is longer than it says",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n2\r\n{}{}{}\r\n0\r\n\r\n",
        ),
        request(
            "trailers without end",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n0\r\n{}",
                "x-a: 1\r\n".repeat(20_000)
            ),
        ),
        request(
            "a length and chunks",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ncontent-length: 5\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
        ),
        request(
            "chunks and a length",
            &format!(
                "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\ncontent-length: 5\r\n\r\n{:x}\r\n{body}\r\n0\r\n\r\n",
                body.len()
            ),
        ),
        request(
            "a proxy's request",
            "GET http://169.254.169.254/latest HTTP/1.1\r\nhost: x\r\n\r\n",
        ),
        request("a tunnel", "CONNECT 169.254.169.254:80 HTTP/1.1\r\nhost: x\r\n\r\n"),
        request("everything", "OPTIONS * HTTP/1.1\r\nhost: x\r\n\r\n"),
        request(
            "an upgrade to WebSocket",
            "GET /api/thoughts HTTP/1.1\r\nhost: x\r\nconnection: upgrade\r\nupgrade: websocket\r\n\r\n",
        ),
        request(
            "an upgrade to h2c",
            "GET /api/thoughts HTTP/1.1\r\nhost: x\r\nconnection: upgrade, http2-settings\r\nupgrade: h2c\r\nhttp2-settings: AAMAAABkAAQAoAAAAAIAAAAA\r\n\r\n",
        ),
        request(
            "an expectation that is none",
            "POST /auth/login HTTP/1.1\r\nhost: x\r\nexpect: 200-maybe\r\ncontent-length: 0\r\n\r\n",
        ),
        (
            "HTTP/2 with noise",
            [b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n".to_vec(), vec![0xff; 4096]].concat(),
        ),
    ]
}

/// HTTP-06: a garbled request is refused with 4xx or a closed connection; never served, never a 5xx,
/// never a hang.
#[test]
fn garbled_requests_are_refused() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let mut wrong = Vec::new();
    for (what, bytes) in garbage() {
        let answer = exchange(&server.url, &bytes, complete);
        let status = status(&answer);
        if status != 0 && !(400..500).contains(&status) {
            wrong.push(format!(
                "{what}: {}",
                String::from_utf8_lossy(&answer[..answer.len().min(400)])
            ));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
    others_are_served(&server);
}

/// HTTP-06: what one connection sends is read as one sequence of requests and no other. After a
/// refused or ambiguous request nothing that stood in its body is taken for the next one.
#[test]
fn no_request_hides_in_another() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let token = anna.token.clone().expect("a token");
    let hidden = format!(
        "POST /api/thoughts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\
         content-type: application/json\r\ncontent-length: 17\r\n\r\n{{\"text\":\"hidden\"}}"
    );
    let carriers = [
        // A body that is refused by its type, its size, its address and its missing token.
        format!(
            "POST /api/thoughts HTTP/1.1\r\nhost: x\r\ncontent-type: text/plain\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "POST /nowhere HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "GET /health HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "DELETE /docs HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "POST /auth/login HTTP/1.1\r\nhost: x\r\nhost: y\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        // Two readers disagree about where the first request ends.
        format!(
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: 0\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: chunked\r\n\r\n{:x}\r\n{hidden}\r\n0\r\n\r\n",
            hidden.len()
        ),
        format!(
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding : chunked\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ntransfer-encoding: xchunked\r\ncontent-length: {}\r\n\r\n{hidden}",
            hidden.len()
        ),
        format!(
            "POST /auth/login HTTP/1.1\r\nhost: x\r\ncontent-length: {}\r\ntransfer-encoding: chunked\r\n\r\n0\r\n\r\n{hidden}",
            hidden.len() + 5
        ),
    ];
    for carrier in carriers {
        let last = "GET /.well-known/jwks.json HTTP/1.1\r\nhost: x\r\nconnection: close\r\n\r\n";
        exchange(&server.url, format!("{carrier}{last}").as_bytes(), |_| false);
        let thoughts = anna.get("/api/thoughts").json();
        let items = thoughts.get("items").and_then(Value::as_array).expect("items");
        assert!(items.is_empty(), "a request was hidden in\n{carrier}");
    }
}
