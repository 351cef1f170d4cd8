//! Words that are made to be read as something else further in (INJ-01, INJ-02, AUTZ-11).

use hanse_e2e::{Answer, Value, json};

use crate::bodies::refused;
use crate::support::{document, operations, platform};

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

pub fn encoded(text: &str) -> String {
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
