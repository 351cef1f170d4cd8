//! What clients send and the log repeats (INJ-11).

use hanse_e2e::{Server, Value, json};

use crate::support::{UNLIMITED, complete, document, exchange, operations};
use crate::words::encoded;

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
