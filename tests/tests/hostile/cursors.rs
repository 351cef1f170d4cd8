//! Cursors that are forged or lent (INJ-01).

use hanse_e2e::{Value, json};

use crate::support::platform;

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
