//! What the hostile scenes share: a platform without budgets, its OpenAPI document, raw sockets.

use std::io::{ErrorKind, Read as _, Write as _};
use std::net::TcpStream;
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use hanse_e2e::{Client, Server, Value, binary};

/// Longest that anything in these scenes may take before it counts as a hang.
pub const HANG: Duration = Duration::from_secs(60);

/// Budgets are another scene's business: here they would answer before what is tested does.
pub const UNLIMITED: [&str; 4] =
    ["--set", "limits.enabled=false", "--set", "identity.limit_sign_ins=false"];

/// A platform that refuses nobody for asking often.
pub fn platform(data: &Path) -> Server {
    Server::start(data, &UNLIMITED)
}

/// Somebody with the role `admin`, made the way an operator makes one.
pub fn administrator(server: &Server, data: &Path) -> Client {
    let mut admin = server.guest();
    let mut command = Command::new(binary());
    // What the test runner is told is not the platform's configuration.
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HANSE_")) {
        command.env_remove(name);
    }
    let made = command
        .args(["user", "create", "--admin", "--email", "harbour-master@example.com"])
        .args(["--name", "Harbour master", "--json", "--data"])
        .arg(data)
        .output()
        .expect("the binary runs");
    assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
    let made: Value = serde_json::from_slice(&made.stdout).expect("JSON");
    let password = made.get("password").and_then(Value::as_str).expect("a password");
    let answer = admin.post(
        "/auth/login",
        &hanse_e2e::json!({"email": "harbour-master@example.com", "password": password}),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    admin.signed_in(&answer);
    admin
}

/// One operation of the OpenAPI document.
pub struct Operation {
    pub id: String,
    pub method: String,
    pub path: String,
    pub access: String,
    /// Media types of its body; empty when it takes none.
    pub bodies: Vec<String>,
    /// The document's own example of a JSON body, if it has one.
    pub example: Option<Value>,
    pub text: Value,
}

impl Operation {
    /// Its path with this id in every place for one.
    pub fn at(&self, id: &str) -> String {
        let mut path = self.path.clone();
        while let (Some(open), Some(close)) = (path.find('{'), path.find('}')) {
            path.replace_range(open..=close, id);
        }
        path
    }
}

/// The published OpenAPI document.
pub fn document(server: &Server) -> Value {
    let answer = server.guest().get("/openapi.json");
    assert_eq!(answer.status, 200);
    answer.json()
}

/// Every operation of the document.
pub fn operations(document: &Value) -> Vec<Operation> {
    let text = |value: &Value, key: &str| {
        value.get(key).and_then(Value::as_str).unwrap_or_default().to_owned()
    };
    let mut operations = Vec::new();
    for (path, methods) in document.get("paths").and_then(Value::as_object).expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            let bodies = operation.pointer("/requestBody/content").and_then(Value::as_object);
            let schema = operation.pointer("/requestBody/content/application~1json/schema");
            let named = schema.and_then(|schema| schema.get("$ref")?.as_str());
            let schema = match named {
                Some(name) => document.pointer(name.trim_start_matches('#')),
                None => schema,
            };
            operations.push(Operation {
                example: schema.and_then(|schema| schema.pointer("/examples/0").cloned()),
                id: text(operation, "operationId"),
                method: method.to_uppercase(),
                path: path.clone(),
                access: text(operation, "x-access"),
                bodies: bodies.into_iter().flat_map(|kinds| kinds.keys().cloned()).collect(),
                text: operation.clone(),
            });
        }
    }
    assert!(operations.len() > 30, "the document is nearly empty");
    operations
}

/// A raw connection to an address such as `http://127.0.0.1:3000`.
pub fn connect(url: &str) -> TcpStream {
    let stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_millis(200))).expect("a timeout");
    stream.set_write_timeout(Some(HANG)).expect("a timeout");
    stream
}

/// Sends bytes as they are and returns what comes until the other side closes or, when `open` says
/// that what came is enough, until then. Panics when neither happens: that is a hang.
pub fn exchange(url: &str, request: &[u8], enough: impl Fn(&[u8]) -> bool) -> Vec<u8> {
    let mut stream = connect(url);
    // A peer that has refused already may not want the rest.
    stream.write_all(request).ok();
    receive(&mut stream, enough).unwrap_or_else(|| {
        panic!(
            "no answer and no end after {:?}",
            String::from_utf8_lossy(&request[..request.len().min(200)])
        )
    })
}

/// Reads until the end or until it is enough; `None` when neither comes in time.
pub fn receive(stream: &mut TcpStream, enough: impl Fn(&[u8]) -> bool) -> Option<Vec<u8>> {
    let (start, mut received, mut buffer) = (Instant::now(), Vec::new(), vec![0; 64 * 1024]);
    while start.elapsed() < HANG {
        match stream.read(&mut buffer) {
            Ok(0) => return Some(received),
            Ok(read) => {
                received.extend_from_slice(&buffer[..read]);
                if enough(&received) {
                    return Some(received);
                }
            }
            Err(error) if matches!(error.kind(), ErrorKind::WouldBlock | ErrorKind::TimedOut) => {}
            Err(_) => return Some(received),
        }
    }
    None
}

/// The status of a raw answer; 0 when there is none.
pub fn status(answer: &[u8]) -> u16 {
    let text = String::from_utf8_lossy(&answer[..answer.len().min(32)]).into_owned();
    text.strip_prefix("HTTP/1.1 ")
        .or(text.strip_prefix("HTTP/1.0 "))
        .and_then(|rest| rest.get(..3)?.parse().ok())
        .unwrap_or(0)
}

/// A whole answer whose length is declared.
pub fn complete(answer: &[u8]) -> bool {
    let Some(end) = answer.windows(4).position(|window| window == b"\r\n\r\n") else {
        return false;
    };
    let head = String::from_utf8_lossy(&answer[..end]).to_lowercase();
    let length = head
        .lines()
        .find_map(|line| line.strip_prefix("content-length: ")?.trim().parse::<usize>().ok());
    length.is_none_or(|length| answer.len() >= end + 4 + length)
}

/// Waits until a condition holds.
pub fn eventually(what: &str, mut holds: impl FnMut() -> bool) {
    let start = Instant::now();
    while !holds() {
        assert!(start.elapsed() < HANG, "it never came true: {what}");
        std::thread::sleep(Duration::from_millis(50));
    }
}

/// Memory of a process in bytes.
pub fn resident(pid: u32) -> u64 {
    let text = std::fs::read_to_string(format!("/proc/{pid}/status")).expect("it runs");
    let line = text.lines().find_map(|line| line.strip_prefix("VmRSS:")).expect("a line");
    let kib: u64 = line.trim().trim_end_matches(" kB").parse().expect("a number");
    kib * 1024
}
