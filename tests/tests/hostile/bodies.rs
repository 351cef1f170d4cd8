//! Content that no client of good will sends: garbled, huge, deep, wrong, or made to be read as
//! something else further in (HTTP-09, HTTP-11, INJ-01, INJ-02, INJ-11, AUTZ-11).

use std::io::Write as _;
use std::time::{Duration, Instant};

use hanse_e2e::{Answer, Client, Server, Value, json};

use crate::support::{
    HANG, Operation, UNLIMITED, complete, connect, document, exchange, operations, platform,
    receive, resident, status,
};

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

fn refused(status: u16) -> bool {
    (400..500).contains(&status)
}

fn with_body(server: &Server) -> Vec<Operation> {
    let all: Vec<_> = operations(&document(server))
        .into_iter()
        .filter(|operation| !operation.bodies.is_empty())
        .collect();
    assert!(all.len() >= 10, "{}", all.len());
    all
}

/// HTTP-11: every operation with a body refuses every one of them; the platform lives on.
#[test]
fn bad_bodies_are_refused_by_every_operation() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
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
            if status != 415 {
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
    let anna = server.register("anna");
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
            operation.path.replace("{id}", "00000000-0000-7000-8000-000000000000")
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

/// Texts that mean something to a database, a search engine, a pattern or a shell.
fn hostile_words() -> Vec<String> {
    let mut words: Vec<String> = [
        "'",
        "''",
        "\"",
        "\\",
        "\\'",
        ";",
        "--",
        "/*",
        "%",
        "_",
        "%%%%%%%%%%%%",
        "_%_%_%",
        "*",
        "**",
        "*a",
        "a*",
        "?",
        "^",
        "^a",
        "$1",
        "$$",
        ":id",
        "@x",
        "{}",
        "{{7*7}}",
        "${7*7}",
        "' OR '1'='1",
        "'; DROP TABLE thoughts; --",
        "1 UNION SELECT * FROM users",
        "x' AND randomblob(100000000)--",
        "'||pg_sleep(20)||'",
        "1); SELECT pg_sleep(20); --",
        "AND",
        "OR",
        "NOT",
        "NEAR(a b)",
        "NEAR/5",
        "a AND",
        "OR b",
        "NOT NOT",
        "\"a",
        "a\"",
        "\"\"",
        "(",
        ")",
        "((((",
        "a:b",
        "text:a",
        "owner:*",
        "owner_id:0",
        "*:*",
        "_all:a",
        "[a TO z]",
        "{a TO z}",
        "a~",
        "a~9",
        "a^9",
        "+a",
        "-a",
        "-",
        "+-+-",
        "!a",
        "tag:",
        "tag:*",
        "tag:%",
        "tag:work tag:work",
        "<script>alert(1)</script>",
        "../../etc/passwd",
        "\u{202e}",
        "\u{2028}",
        "\u{feff}",
        "\u{200b}",
        "\u{1F6A2}",
        "e\u{301}",
        "\r\n",
        "\t",
        "\u{7f}",
        "\u{1b}[31m",
        "-1",
        "0",
        "99999999999999999999",
        "1e999",
        "NaN",
        "true",
        "null",
        "undefined",
    ]
    .map(str::to_owned)
    .to_vec();
    words.extend([
        "a ".repeat(200),
        "* ".repeat(200),
        "%_".repeat(200),
        "(".repeat(500),
        "\"".repeat(500),
        "a~ ".repeat(150),
        "tag:a ".repeat(80),
    ]);
    words
}

fn encoded(text: &str) -> String {
    text.bytes()
        .map(|byte| {
            if byte.is_ascii_alphanumeric() {
                char::from(byte).to_string()
            } else {
                format!("%{byte:02X}")
            }
        })
        .collect()
}

/// INJ-01, INJ-02, AUTZ-11: in every parameter of every read, they find nothing of others, break
/// nothing, and no wildcard is one.
#[test]
fn hostile_queries_find_nothing_and_break_nothing() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let berta = server.register("berta");
    berta.post(
        "/api/thoughts",
        &json!({"text": "bertascanary harbour work", "tags": ["bertastag/work"]}),
    );
    anna.post("/api/thoughts", &json!({"text": "ballast", "tags": ["hold"]}));
    let check = |answer: &Answer, what: &str| {
        assert!(answer.status < 500, "{what}: {}", answer.text);
        for leak in ["bertascanary", "bertastag", "sqlite", "SELECT"] {
            assert!(
                !answer.text.contains(leak) || what.contains(&encoded(leak)),
                "{what} says {leak}: {}",
                answer.text
            );
        }
    };
    for operation in operations(&document(&server)) {
        if operation.method != "GET" {
            continue;
        }
        let parameters = operation.text.get("parameters").and_then(Value::as_array);
        for parameter in parameters.into_iter().flatten() {
            let text = |key: &str| parameter.get(key).and_then(Value::as_str).unwrap_or_default();
            for word in hostile_words() {
                let path = match text("in") {
                    "query" if text("name") == "q" => {
                        format!("{}?q={}", operation.path, encoded(&word))
                    }
                    "query" => {
                        format!("{}?q=a&{}={}", operation.path, text("name"), encoded(&word))
                    }
                    "path" => operation.at(&encoded(&word)),
                    _ => continue,
                };
                let answer = anna.get(&path);
                check(&answer, &path);
                if text("in") == "path" {
                    assert!(refused(answer.status), "{path}: {}", answer.status);
                }
                if ["limit", "cursor"].contains(&text("name")) {
                    assert!(refused(answer.status), "{path}: {} {}", answer.status, answer.text);
                }
            }
        }
    }
    for wildcard in ["%", "_", "b%", "_allast", "%25", "ba_last"] {
        let answer = anna.get(&format!("/api/thoughts/search?q={}", encoded(wildcard)));
        assert_eq!(answer.json().get("items"), Some(&json!([])), "{wildcard} is a wildcard");
    }
    let long = format!("/api/search?q={}", "word+".repeat(10_000));
    assert!(refused(anna.get(&long).status));
    let answer = anna.get("/api/thoughts/search?q=ballast").json();
    assert_eq!(answer.pointer("/items/0/text"), Some(&json!("ballast")));
}

/// INJ-01: a cursor counts for its list and its owner only, unchanged.
#[test]
fn cursors_cannot_be_forged_or_lent() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let (anna, berta) = (server.register("anna"), server.register("berta"));
    for number in 0..3 {
        for who in [&anna, &berta] {
            who.post("/api/thoughts", &json!({"text": format!("harbour {number}"), "tags": ["a"]}));
        }
    }
    let next = anna
        .get("/api/thoughts?limit=1")
        .json()
        .get("next")
        .and_then(Value::as_str)
        .expect("a cursor")
        .to_owned();
    assert_eq!(anna.get(&format!("/api/thoughts?limit=1&cursor={next}")).status, 200);
    let mut forged: Vec<String> = vec![
        next[1..].to_owned(),
        next[..next.len() - 2].to_owned(),
        format!("{next}A"),
        format!("{next}%3D"),
        next.to_uppercase(),
        next.to_lowercase(),
        "0".into(),
        "1%20OR%201%3D1".into(),
        "%7B%22id%22%3A0%7D".into(),
        "eyJpZCI6MH0".into(),
        "A".repeat(2048),
        "..%2F..".into(),
    ];
    for at in [0, next.len() / 2, next.len() - 3] {
        let mut bytes = next.clone().into_bytes();
        bytes[at] = if bytes[at] == b'A' { b'B' } else { b'A' };
        forged.push(String::from_utf8(bytes).expect("text"));
    }
    for cursor in &forged {
        let answer = anna.get(&format!("/api/thoughts?cursor={cursor}"));
        assert_eq!(answer.summary(), "400 HTT-016", "{cursor}");
    }
    assert_eq!(
        berta.get(&format!("/api/thoughts?cursor={next}")).summary(),
        "400 HTT-016",
        "a lent cursor"
    );
    for other in [
        "/api/thoughts/search?q=harbour&",
        "/auth/sessions?",
        "/api/search/recent?",
        "/api/analytics/activity?",
        "/api/search?q=harbour&",
    ] {
        assert_eq!(anna.get(&format!("{other}cursor={next}")).summary(), "400 HTT-016", "{other}");
    }
}

/// INJ-11: nothing a client sends begins a line of its own in the log, in either format, or moves
/// the cursor of the terminal that shows it.
#[test]
fn nothing_forges_a_line_of_the_log() {
    let evil = "x\r\nFORGED line\nFORGED \u{1b}[2J\u{1b}]0;FORGED\u{7}\u{2028}FORGED\u{2029}FORGED\u{85}FORGED\u{9b}31m";
    for format in ["pretty", "json"] {
        let data = tempfile::tempdir().expect("a folder");
        let choice = format!("log.format={format}");
        let mut more = UNLIMITED.to_vec();
        more.extend(["--set", &choice, "--set", "log.level=debug"]);
        let server = Server::start(data.path(), &more);
        let anna = server.register("anna");
        for operation in operations(&document(&server)) {
            if ["delete_me", "logout_user"].contains(&operation.id.as_str()) {
                continue;
            }
            let body = json!({"text": evil, "tags": [evil], "name": evil, "email": evil, "password": evil, "refresh_token": evil, evil: evil}).to_string();
            let only = |name: &str, value: Value| json!({name: value}).to_string();
            for body in [
                body,
                only("text", json!(evil)),
                only("name", json!(evil)),
                only("tags", json!([evil])),
                only("refresh_token", json!(evil)),
            ] {
                let body = operation.bodies.first().map(|kind| (kind.as_str(), body));
                let path = format!(
                    "{}?q={evil}&tag={evil}&cursor={evil}",
                    operation.at(&encoded(evil)),
                    evil = encoded(evil)
                );
                anna.send(&operation.method, &path, &[("user-agent", "x\tFORGED")], body)
                    .expect("an answer");
            }
        }
        // Headers and addresses as bytes: what the parser lets through must not get further.
        for head in [
            "GET /x\u{1b}[2JFORGED HTTP/1.1\r\nhost: x\r\n",
            "GET /x%0d%0aFORGED HTTP/1.1\r\nhost: x\r\n",
            "GET /x\u{2028}FORGED HTTP/1.1\r\nhost: x\r\n",
            "GET /users/me HTTP/1.1\r\nhost: x\u{2028}FORGED\r\nuser-agent: x\u{2028}FORGED\u{85}\r\ntraceparent: \u{2028}FORGED\r\n",
            "GET /users/me HTTP/1.1\r\nhost: x\r\nuser-agent: x\u{1b}[2JFORGED\r\n",
            "GET /users/me HTTP/1.1\r\nhost: x\r\nauthorization: Bearer \u{2028}FORGED\r\n",
            "FORGED /users/me HTTP/1.1\r\nhost: x\r\n",
            "GET /users/me?\u{2028}FORGED HTTP/1.1\r\nhost: FORGED\r\n",
        ] {
            exchange(&server.url, format!("{head}connection: close\r\n\r\n").as_bytes(), complete);
        }
        let login = json!({"email": "anna@example.com", "password": "kogge anna 1358"}).to_string();
        anna.send(
            "POST",
            "/auth/login",
            &[("user-agent", "x\tFORGED")],
            Some(("application/json", login)),
        )
        .expect("an answer");
        crate::support::eventually("the log is written", || {
            server.log().contains("FORGED") || server.log().lines().count() > 100
        });
        let log = server.log();
        for line in log.lines() {
            let whole = if format == "json" {
                serde_json::from_str::<Value>(line).is_ok()
            } else {
                line.starts_with("20") && line.get(10..11) == Some("T")
            };
            assert!(whole, "{format}: this line is nobody's: {line:?}");
        }
        for character in ['\u{1b}', '\u{7}', '\r', '\u{2028}', '\u{2029}', '\u{85}', '\u{9b}'] {
            assert!(!log.contains(character), "{format}: {character:?} is in the log");
        }
    }
}
