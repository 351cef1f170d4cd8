//! INJ-13: nothing that a client sends becomes a header of an answer, or a part of one that it should
//! not be.

use hanse_e2e::{Answer, Value, json};

use crate::support::{administrator, document, operations, platform};
use crate::walk::{call, example};

/// Ends of lines in every spelling, what closes a quoted name, and what turns the direction of text.
const HOSTILE: [&str; 9] = [
    "a\r\nx-canary: 1",
    "a\nx-canary: 1",
    "a\rx-canary: 1",
    "a\u{85}x-canary: 1",
    "a\u{2028}x-canary: 1",
    "x\"; filename=\"canary.exe",
    "x\u{202e}gpj.exe",
    "../../canary.html",
    "嘊嘍x-canary: 1",
];

fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02x}")).collect()
}

/// Headers are what they would have been: none more, and none with a part of what was sent that means
/// something in a header.
fn is_clean(what: &str, answer: &Answer) {
    for (name, value) in &answer.headers {
        let value = String::from_utf8_lossy(value.as_bytes());
        let whole = format!("{name}: {value}");
        assert!(!name.as_str().contains("canary"), "{what}: {whole}");
        assert!(value.is_ascii() && !value.chars().any(char::is_control), "{what}: {whole}");
        if name == "content-disposition" {
            let file =
                value.strip_prefix("attachment; filename=\"").and_then(|v| v.strip_suffix('"'));
            let plain = |b: u8| b.is_ascii_alphanumeric() || b"-_.".contains(&b);
            assert!(file.is_some_and(|name| name.bytes().all(plain)), "{what}: {whole}");
            assert!(!value.contains("canary"), "{what}: {whole}");
        }
        if name == "location" || name == "set-cookie" {
            assert!(!value.contains(['"', '<', '\\']), "{what}: {whole}");
        }
    }
}

/// A body in which every text is this one.
fn bent(value: Value, text: &str) -> Value {
    match value {
        Value::String(_) => json!(text),
        Value::Array(items) => items.into_iter().map(|item| bent(item, text)).collect(),
        Value::Object(members) => {
            members.into_iter().map(|(name, member)| (name, bent(member, text))).collect()
        }
        other => other,
    }
}

/// INJ-13: every operation, with it in the path, the query, the headers and the body.
#[test]
fn what_clients_send_becomes_no_header() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let admin = administrator(&server, data.path());
    let anna = server.register("anna");
    let document = document(&server);
    let (mut tried, mut saved) = (0, 0);
    for operation in operations(&document) {
        if ["delete_me", "logout_user"].contains(&operation.id.as_str()) {
            continue;
        }
        let who = if operation.access == "admin" { &admin } else { &anna };
        for text in HOSTILE {
            let code = encoded(text);
            let paths = [
                operation.at(&code),
                format!("{}?format=jsonl&q={code}&cursor={code}&metric={code}", operation.at("x")),
                format!("{}?format={code}", operation.at("x")),
            ];
            let right = operation.example.clone().unwrap_or_else(|| example(&operation));
            let body = bent(right, text).to_string();
            let body = operation.bodies.first().map(|kind| (kind.as_str(), body));
            // What HTTP itself can carry: the bytes without ends of lines.
            let plain: String = text.chars().filter(char::is_ascii_graphic).collect();
            let headers =
                [("idempotency-key", plain.as_str()), ("origin", &plain), ("hanse-after", &plain)];
            for path in &paths {
                let send = || who.send(&operation.method, path, &headers, body.clone());
                // A connection that was closed behind a refused body may be tried once more.
                let answer = send().or_else(|_| send());
                let answer =
                    answer.unwrap_or_else(|error| panic!("{} {path}: {error}", operation.id));
                assert!(answer.status < 500, "{} {path}: {}", operation.id, answer.text);
                is_clean(&operation.id, &answer);
                tried += 1;
            }
        }
        if operation.method == "GET" {
            for query in ["?format=jsonl", "?format=markdown", "?format=csv", "?metric=tags", ""] {
                let answer = call(who, &operation, &format!("{}{query}", operation.at("x")), &[]);
                is_clean(&operation.id, &answer);
                saved += usize::from(!answer.header("content-disposition").is_empty());
            }
        }
    }
    assert!(!server.log().contains("panicked"), "{}", server.log());
    assert!(tried > 1_000 && saved >= 3, "{tried} requests, {saved} files");
}

/// INJ-13: what leads on, and what a cookie is made of, on the pages.
#[test]
fn what_leads_on_becomes_no_header() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let admin = administrator(&server, data.path());
    let redirect = "https://app.example.com/cb";
    let draft = |name: &str, redirect: &str| {
        json!({
            "name": name, "grant_types": ["authorization_code"], "scope": "openid",
            "redirect_uris": [redirect],
        })
    };
    let made = admin.post("/oauth/clients", &draft("Board", redirect));
    assert_eq!(made.status, 201, "{}", made.text);
    let made = made.json();
    let id = made.get("client_id").and_then(Value::as_str).expect("an id");
    for text in HOSTILE {
        let code = encoded(text);
        // Where people are sent back to cannot be made of it,
        let refused = admin.post("/oauth/clients", &draft("Board", &format!("{redirect}?{text}")));
        let fits = text.bytes().all(|b| b.is_ascii_alphanumeric() || b"./".contains(&b));
        let wanted = if fits { 201 } else { 422 };
        assert_eq!(refused.status, wanted, "{text:?}: {}", refused.text);
        let guest = server.guest();
        for path in [
            // and what comes back with them is encoded.
            format!(
                "/oauth/authorize?client_id={id}&redirect_uri={redirect}&response_type=x&state={code}"
            ),
            format!(
                "/oauth/authorize?client_id={id}&redirect_uri={redirect}{code}&response_type=code"
            ),
            format!("/oauth/sign-in?next={code}"),
            format!("/oauth/sign-in?next=/oauth/authorize?{code}"),
            format!("/oauth/second-factor?next={code}&factor={code}"),
            format!("/oauth/reset-password?token={code}"),
            format!("/oauth/verify-email?token={code}"),
            format!("/oauth/external/{code}?next={code}"),
            format!("/oauth/logout?post_logout_redirect_uri={code}&state={code}"),
        ] {
            let answer =
                guest.send("GET", &path, &[], None).unwrap_or_else(|e| panic!("{path}: {e}"));
            assert!(answer.status < 500, "{path}: {}", answer.text);
            is_clean(&path, &answer);
            let to = answer.header("location");
            let ours = to.is_empty()
                || to.starts_with("/oauth/")
                || to.starts_with(&format!("{redirect}?"));
            assert!(ours, "{path} leads to {to}");
        }
    }
}
