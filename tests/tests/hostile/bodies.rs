//! Bodies that no client of good will sends: garbled, huge, deep or wrong (HTTP-09, HTTP-11).

use std::io::Write as _;
use std::time::{Duration, Instant};

use hanse_e2e::{Client, Server};

use crate::support::{
    HANG, Operation, administrator, complete, connect, document, exchange, operations, platform,
    receive, resident, status,
};
use crate::walk::NOBODY;

const MIB: usize = 1024 * 1024;

/// A POST, PUT or PATCH whose body is bytes, perhaps not text; returns status and text.
fn send(
    server: &Server,
    who: &Client,
    operation: &Operation,
    headers: &str,
    body: &[u8],
) -> (u16, String) {
    let token = who
        .token
        .as_deref()
        .map(|token| format!("authorization: Bearer {token}\r\n"))
        .unwrap_or_default();
    let head = format!(
        "{} {} HTTP/1.1\r\nhost: x\r\nconnection: close\r\n{token}{headers}content-length: {}\r\n\r\n",
        operation.method,
        operation.at("00000000-0000-7000-8000-000000000000"),
        body.len()
    );
    let answer = exchange(&server.url, &[head.as_bytes(), body].concat(), complete);
    (status(&answer), String::from_utf8_lossy(&answer).into_owned())
}

/// A refusal that comes before the body costs its client nothing but the refusal: the next request on
/// the connection is answered. Where too much is to come, or is held back, the answer says that the
/// connection ends.
#[test]
fn a_refusal_leaves_the_connection_as_it_says() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = platform(folder.path());
    let post = |more: &str, length: usize| {
        format!("POST /api/thoughts HTTP/1.1\r\nhost: x\r\n{more}content-length: {length}\r\n\r\n")
    };
    let mut stream = connect(&server.url);
    for round in 0..300 {
        // As many clients do: the head, and what belongs to it a little later.
        stream.write_all(post("", 5).as_bytes()).expect("the head");
        stream.write_all(b"wrong").expect("the body");
        let answer = receive(&mut stream, complete).expect("an answer");
        assert_eq!(status(&answer), 401, "round {round}");
        assert!(!says_end(&answer), "round {round}");
    }
    for (more, sent) in [("expect: 100-continue\r\n", 0), ("", MIB)] {
        let mut stream = connect(&server.url);
        stream.write_all(post(more, 10 * MIB).as_bytes()).expect("the head");
        stream.write_all(&vec![b'x'; sent]).expect("some of the body");
        let answer = receive(&mut stream, complete).expect("an answer");
        assert_eq!(status(&answer), 401);
        assert!(says_end(&answer), "{more}: {}", String::from_utf8_lossy(&answer));
    }
}

fn says_end(answer: &[u8]) -> bool {
    String::from_utf8_lossy(answer).to_lowercase().contains("connection: close\r\n")
}

/// Bodies that are no JSON object of any operation.
fn bodies() -> Vec<(&'static str, Vec<u8>)> {
    let text = |what, text: &str| (what, text.as_bytes().to_vec());
    let deep = |open: &str| open.repeat(100_000);
    vec![
        text("nothing", ""),
        text("blank", " \r\n\t "),
        text("null", "null"),
        text("a number", "0"),
        text("a text", "\"text\""),
        text("a list", "[]"),
        text("a list of one", "[{\"text\":\"x\"}]"),
        text("half an object", "{\"text\":"),
        text("two objects", "{}{}"),
        text("a comment", "{/*x*/}"),
        text("a trailing comma", "{\"text\":\"x\",}"),
        text("single quotes", "{'text':'x'}"),
        text("no quotes", "{text:1}"),
        text("not a number", "{\"text\":NaN}"),
        text("infinity", "{\"text\":-Infinity}"),
        text("a huge number", "{\"text\":1e999999}"),
        ("a long number", format!("{{\"text\":{}}}", "9".repeat(200_000)).into_bytes()),
        ("deep lists", deep("[").into_bytes()),
        ("deep objects", deep("{\"a\":").into_bytes()),
        ("deep in a field", format!("{{\"text\":{}", deep("[")).into_bytes()),
        (
            "deep and closed",
            format!("{{\"text\":{}{}}}", "[".repeat(100_000), "]".repeat(100_000)).into_bytes(),
        ),
        text(
            "a lone surrogate",
            r#"{"text":"\ud800","name":"\udc00","tags":["\ud800"],"email":"\ud800@example.com","password":"\ud800aaaaaaaa"}"#,
        ),
        text(
            "an escaped NUL",
            r#"{"text":"a\u0000b","name":"a\u0000b","tags":["a\u0000b"],"email":"a\u0000@example.com","password":"a\u0000aaaaaaaa","refresh_token":"\u0000","token":"\u0000"}"#,
        ),
        ("a raw NUL", b"{\"text\":\"a\0b\"}".to_vec()),
        ("a raw line break", b"{\"text\":\"a\nb\"}".to_vec()),
        ("invalid UTF-8", b"{\"text\":\"\xff\xfe\"}".to_vec()),
        ("overlong UTF-8", b"{\"text\":\"\xc0\xaf\"}".to_vec()),
        ("UTF-16", b"\xff\xfe{\0}\0".to_vec()),
        ("a byte order mark", b"\xef\xbb\xbf{}".to_vec()),
        ("gzip unannounced", b"\x1f\x8b\x08\0\0\0\0\0\0\x03".to_vec()),
        (
            "noise",
            (0..4096_u32).map(|byte| (byte.wrapping_mul(2_654_435_761) >> 24) as u8).collect(),
        ),
        text("an unknown field", "{\"text\":\"x\",\"owner\":\"me\",\"roles\":[\"admin\"]}"),
        text("a prototype", "{\"__proto__\":{\"admin\":true}}"),
        text(
            "duplicate keys",
            r#"{"text":"a","text":"b","name":"a","name":"b","tags":["a"],"tags":["b"],"email":"a","email":"b","refresh_token":"a","refresh_token":"b","record_history":true,"record_history":false}"#,
        ),
        text(
            "wrong types",
            r#"{"text":1,"name":[],"tags":"x","email":{},"password":true,"refresh_token":7,"record_history":"yes","default_types":0,"token":null}"#,
        ),
        text(
            "nulls",
            r#"{"text":null,"name":null,"tags":null,"email":null,"password":null,"refresh_token":null,"current_password":null,"new_password":null,"token":null}"#,
        ),
        (
            "many keys",
            format!(
                "{{{}\"z\":0}}",
                (0..15_000).map(|key| format!("\"k{key}\":0,")).collect::<String>()
            )
            .into_bytes(),
        ),
    ]
}

pub fn refused(status: u16) -> bool {
    (400..500).contains(&status)
}

fn with_body(server: &Server) -> Vec<Operation> {
    let all: Vec<_> = operations(&document(server))
        .into_iter()
        .filter(|operation| !operation.bodies.is_empty())
        // Nobody gets so far with one that is for other processes.
        .filter(|operation| operation.access != "peer")
        .collect();
    assert!(all.len() >= 10, "{}", all.len());
    all
}

/// HTTP-10, HTTP-11: every operation with a body refuses every one of them, compressed ones unread; the
/// platform lives on.
#[test]
fn bad_bodies_are_refused_by_every_operation() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    // Whoever may call all of them: no refusal comes before the body is looked at.
    let anna = administrator(&server, data.path());
    let mut wrong = Vec::new();
    for operation in with_body(&server) {
        for (what, body) in bodies() {
            // Every text is a change that changes nothing, or a file of thoughts, for these.
            for kind in &operation.bodies {
                let (status, text) =
                    send(&server, &anna, &operation, &format!("content-type: {kind}\r\n"), &body);
                let lenient = operation.id == "import_thoughts" && status == 200;
                if !refused(status) && !lenient {
                    wrong.push(format!("{} {kind} with {what}: {text}", operation.id));
                }
                if text.contains("panicked") || text.contains(".rs:") {
                    wrong.push(format!("{} with {what} leaks: {text}", operation.id));
                }
            }
        }
        for (what, headers) in [
            ("no type", ""),
            ("a form", "content-type: application/x-www-form-urlencoded\r\n"),
            ("text", "content-type: text/plain\r\n"),
            ("XML", "content-type: application/xml\r\n"),
            ("many parts", "content-type: multipart/form-data; boundary=x\r\n"),
            ("a type without a name", "content-type: ;;;\r\n"),
            ("gzip", "content-type: application/json\r\ncontent-encoding: gzip\r\n"),
            ("brotli", "content-type: application/json\r\ncontent-encoding: br\r\n"),
            ("gzip twice", "content-type: application/json\r\ncontent-encoding: gzip, gzip\r\n"),
            ("an unknown coding", "content-type: application/json\r\ncontent-encoding: cow\r\n"),
        ] {
            let (status, text) = send(&server, &anna, &operation, headers, b"{}");
            // Who cannot sign a report is refused before its body is looked at.
            let unsigned = operation.id == "take_report" && status == 403;
            if status != 415 && !unsigned {
                wrong.push(format!("{} with {what}: {text}", operation.id));
            }
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert_eq!(anna.get("/users/me").status, 200);
}

/// HTTP-09: more than an operation takes is 413, declared or not, before it is kept: memory stays
/// bounded while 16 clients send 64 MiB each.
#[test]
fn oversized_bodies_are_refused_in_bounded_memory() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = administrator(&server, data.path());
    let token = anna.token.clone().expect("a token");
    for operation in with_body(&server) {
        let kind = operation.bodies.first().expect("a type");
        let limit = if operation.id == "import_thoughts" { 8 * MIB } else { 256 * 1024 };
        let body = vec![b' '; limit + 1];
        let (status, text) =
            send(&server, &anna, &operation, &format!("content-type: {kind}\r\n"), &body);
        assert_eq!(status, 413, "{}: {text}", operation.id);
        // A claim alone is enough.
        let claim = format!(
            "{} {} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: {kind}\r\ncontent-length: 1000000000000\r\n\r\n",
            operation.method,
            operation.at(NOBODY)
        );
        let answer = exchange(&server.url, claim.as_bytes(), complete);
        assert_eq!(crate::support::status(&answer), 413, "{}", operation.id);
    }
    let before = resident(server.pid());
    let most = std::thread::scope(|scope| {
        let clients: Vec<_> = (0..16).map(|number| {
            let (url, token) = (&server.url, &token);
            scope.spawn(move || {
                let mut stream = connect(url);
                let coding = if number % 2 == 0 { "transfer-encoding: chunked".to_owned() } else { format!("content-length: {}", 64 * MIB) };
                let head = format!("POST /api/thoughts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\ncontent-type: application/json\r\n{coding}\r\n\r\n");
                stream.write_all(head.as_bytes()).expect("the head is taken");
                let piece = if number % 2 == 0 { format!("{MIB:x}\r\n{}\r\n", " ".repeat(MIB)) } else { " ".repeat(MIB) };
                // Cut off at some point, or the answer came: both are good.
                for _ in 0..64 {
                    if stream.write_all(piece.as_bytes()).is_err() { break }
                }
                let answer = receive(&mut stream, complete).expect("an answer or the end");
                assert!([0, 413].contains(&status(&answer)), "{}", String::from_utf8_lossy(&answer));
            })
        }).collect();
        let mut most = 0;
        while clients.iter().any(|client| !client.is_finished()) {
            most = most.max(resident(server.pid()));
            std::thread::sleep(Duration::from_millis(20));
        }
        most
    });
    assert!(most < before + 96 * MIB as u64, "{before} bytes became {most}");
    assert_eq!(anna.get("/users/me").status, 200);
}

/// HTTP-09: a chunked body of one byte a chunk that never ends is ended.
#[test]
fn an_endless_body_is_ended() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let mut stream = connect(&server.url);
    let head = format!(
        "POST /api/thoughts HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {}\r\ncontent-type: application/json\r\ntransfer-encoding: chunked\r\n\r\n",
        anna.token.as_deref().expect("a token")
    );
    stream.write_all(head.as_bytes()).expect("the head is taken");
    let start = Instant::now();
    while stream.write_all(&b"1\r\n \r\n".repeat(1000)).is_ok() {
        assert!(start.elapsed() < HANG, "it is still read");
    }
    let answer = receive(&mut stream, complete).expect("the end");
    assert!([0, 413].contains(&status(&answer)), "{}", String::from_utf8_lossy(&answer));
}
