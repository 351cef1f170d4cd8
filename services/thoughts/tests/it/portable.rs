//! Out and in again.

use hanse_http::Method;
use hanse_testkit::{Actor, Answer, Stage, json, stage_test};

use super::services;

async fn import(who: &Actor, kind: &str, file: String) -> Answer {
    who.send(Method::POST, "/api/v1/thoughts/import", Some((kind, file))).await
}

/// a file brings back exactly what it was made from, for its owner and for anybody else.
#[stage_test]
async fn an_export_imports_to_the_identical_state(t: Stage) {
    let (anna, ben) = t.users();
    let texts = [
        "plain",
        "two\nlines\n",
        "\n\nempty lines around\n\n\n",
        "<!-- thought {} -->\nlooks like ours",
        "\\<!-- thought and escaped",
        "dashes -- in text --> and \"quotes\" \\ back",
        "CR\r\nLF and \u{2028} and 漢字",
        " leading and trailing ",
    ];
    for text in texts {
        t.advance(jiff::SignedDuration::from_micros(1_234_567));
        anna.post("/api/v1/thoughts", json!({"text": text, "tags": ["t--x/y", "z"]})).await;
    }
    for (format, kind) in [("jsonl", "application/x-ndjson"), ("markdown", "text/markdown")] {
        let path = format!("/api/v1/thoughts/export?format={format}");
        let file = anna.get(&path).await.text();
        assert_eq!(
            import(&anna, kind, file.clone()).await.json(),
            json!({"imported": 0, "replaced": 0, "unchanged": 8})
        );
        for item in anna.get("/api/v1/thoughts").await.json()["items"].as_array().unwrap() {
            let path = format!("/api/v1/thoughts/{}", item["id"].as_str().unwrap());
            assert_eq!(anna.delete(path).await.summary(), "204");
        }
        assert_eq!(import(&anna, kind, file.clone()).await.json()["imported"], 8);
        assert_eq!(anna.get(&path).await.text(), file, "{format}");
        // Somebody else gets the content, and learns nothing of the ids being taken.
        assert_eq!(import(&ben, kind, file.clone()).await.json()["imported"], 8);
    }
    let first = anna.get("/api/v1/thoughts?limit=1").await.json()["items"][0]["id"].clone();
    let path = format!("/api/v1/thoughts/{}", first.as_str().unwrap());
    assert_eq!(anna.get(&path).await.summary(), "200");
    assert_eq!(ben.get(&path).await.summary(), "404 THT-001");
}

/// All or none, and the answer names the line.
#[stage_test]
async fn a_bad_line_imports_nothing(t: Stage) {
    let anna = t.user("anna");
    let kind = "application/x-ndjson";
    for (bad, line) in [
        ("{\"text\": \"ok\"}\n{\"text\": \"\"}", 2),
        ("{\"text\": \"ok\"}\n\n{\"text\": \"x\", \"owner\": 1}", 3),
        ("{\"text\": \"x\", \"tags\": [\"a//b\"]}", 1),
        ("not json", 1),
        ("{\"text\": \"x\", \"created_at\": \"yesterday\"}", 1),
    ] {
        let answer = import(&anna, kind, bad.into()).await;
        assert_eq!(answer.summary(), "422 THT-004");
        assert!(
            answer.json()["detail"].as_str().unwrap().contains(&format!("line {line}:")),
            "{bad}"
        );
    }
    let many = "{\"text\": \"x\"}\n".repeat(1_001);
    assert_eq!(import(&anna, kind, many).await.summary(), "422 THT-004");
    assert_eq!(import(&anna, "text/markdown", "no head".into()).await.summary(), "422 THT-004");
    assert_eq!(import(&anna, kind, "x".repeat(9_000_000)).await.summary(), "413 HTT-003");
    assert_eq!(import(&anna, "application/json", "{}".into()).await.summary(), "415 HTT-004");
    assert_eq!(import(&t.guest(), kind, "{\"text\": \"x\"}".into()).await.summary(), "401 HTT-010");
    assert_eq!(anna.get("/api/v1/thoughts").await.json()["items"], json!([]));
    // A time to come, or before both engines' years, is brought into range.
    let odd = "{\"text\": \"a\", \"created_at\": \"9000-01-01T00:00:00Z\"}\n{\"text\": \"b\", \"created_at\": \"-009000-01-01T00:00:00Z\"}";
    assert_eq!(import(&anna, kind, odd.into()).await.json()["imported"], 2);
}
