//! Writing, changing, tagging, finding.

use hanse_testkit::{Stage, json, stage_test};

use super::services;

/// … …A-042
#[stage_test]
async fn a_thought_is_written_read_changed_and_deleted(t: Stage) {
    let anna = t.user("anna");
    let made = anna
        .post("/api/v1/thoughts", json!({"text": "Herring", "tags": ["Fish/Salted", "#sea"]}))
        .await;
    assert_eq!(made.summary(), "201");
    assert_eq!(made.header("etag"), "\"1\"");
    assert!(!made.header("hanse-position").is_empty());
    assert_eq!(made.json()["tags"], json!(["fish/salted", "sea"]));

    let path = made.location().to_owned();
    assert_eq!(anna.get(&path).await.json()["text"], "Herring");
    let changed = anna.put(&path, json!({"text": "Salted herring"})).await;
    assert_eq!(changed.header("etag"), "\"2\"");
    assert_eq!(changed.json()["tags"], json!([]), "PUT replaces");
    let patched = anna.patch(&path, json!({"tags": ["fish"]})).await;
    assert_eq!(patched.json()["text"], "Salted herring", "PATCH keeps");
    assert_eq!(anna.with("if-match", "\"2\"").delete(&path).await.summary(), "412 HTT-013");
    assert_eq!(anna.with("if-match", "\"3\"").delete(&path).await.summary(), "204");
    assert_eq!(anna.get(&path).await.summary(), "404 THT-001");

    let log = t.log("thoughts").await;
    let kinds: Vec<_> = log.iter().map(|event| event.kind.as_str()).collect();
    assert_eq!(
        kinds,
        [
            "thoughts.ThoughtCreated",
            "thoughts.ThoughtUpdated",
            "thoughts.ThoughtUpdated",
            "thoughts.ThoughtDeleted"
        ]
    );
    assert_eq!(log.iter().map(|event| event.subject_version).collect::<Vec<_>>(), [1, 2, 3, 4]);
}

/// a tag finds what is under it.
#[stage_test]
async fn tags_nest(t: Stage) {
    let anna = t.user("anna");
    for (text, tag) in
        [("one", "work/ideas"), ("two", "work"), ("three", "workshop"), ("four", "home")]
    {
        anna.post("/api/v1/thoughts", json!({"text": text, "tags": [tag]})).await;
    }
    let texts = |answer: hanse_testkit::Answer| -> Vec<String> {
        let body = answer.json();
        body["items"]
            .as_array()
            .unwrap()
            .iter()
            .map(|i| i["text"].as_str().unwrap().to_owned())
            .collect()
    };
    let mut work = texts(anna.get("/api/v1/thoughts?tag=work").await);
    work.sort();
    assert_eq!(work, ["one", "two"]);
    assert_eq!(texts(anna.get("/api/v1/thoughts?tag=work/ideas").await), ["one"]);

    let path = anna.post("/api/v1/thoughts", json!({"text": "five"})).await.location().to_owned();
    let tagged = anna.post(format!("{path}/tags"), json!({"tags": ["work/ideas", "Home"]})).await;
    assert_eq!(
        (tagged.summary(), &tagged.json()["tags"]),
        ("200".into(), &json!(["home", "work/ideas"]))
    );
    let tags = anna.get("/api/v1/thoughts/tags").await.json();
    assert_eq!(
        tags["items"],
        json!([
            {"tag": "home", "thoughts": 2, "direct": 2},
            {"tag": "work", "thoughts": 3, "direct": 1},
            {"tag": "work/ideas", "thoughts": 2, "direct": 2},
            {"tag": "workshop", "thoughts": 1, "direct": 1},
        ])
    );
    let figures = anna.get("/api/v1/thoughts/statistics").await.json();
    assert_eq!((&figures["total"], &figures["tags"]), (&json!(5), &json!(4)));
}

/// Pages neither skip nor repeat, and a cursor is of use only to whom it was given.
#[stage_test]
async fn pages_hold_every_thought_once(t: Stage) {
    let (anna, ben) = t.users();
    for n in 0..7 {
        // Some at the same microsecond: the id decides.
        t.advance(jiff::SignedDuration::from_micros(n % 2));
        anna.post("/api/v1/thoughts", json!({"text": format!("thought {n}")})).await;
    }
    let mut seen = Vec::new();
    let mut path = "/api/v1/thoughts?limit=3".to_owned();
    loop {
        let page = anna.get(&path).await.json();
        seen.extend(page["items"].as_array().unwrap().iter().map(|i| i["text"].to_string()));
        let Some(next) = page["next"].as_str() else { break };
        assert_eq!(
            ben.get(format!("/api/v1/thoughts?cursor={next}")).await.summary(),
            "400 HTT-016"
        );
        assert_eq!(
            anna.get(format!("/api/v1/thoughts/search?q=a&cursor={next}")).await.summary(),
            "400 HTT-016"
        );
        path = format!("/api/v1/thoughts?limit=3&cursor={next}");
    }
    assert_eq!(seen.len(), 7);
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
}

/// INJ-02: what looks like a pattern is only text.
#[stage_test]
async fn exact_search_takes_everything_as_text(t: Stage) {
    let anna = t.user("anna");
    for text in ["100% wool", "a_b", "Größe in Lübeck", "\"quoted\" AND NOT ("] {
        anna.post("/api/v1/thoughts", json!({"text": text})).await;
    }
    let count = async |q: &str| {
        let answer = anna.get(format!("/api/v1/thoughts/search?q={q}")).await;
        assert_eq!(answer.summary(), "200", "{q}");
        answer.json()["items"].as_array().unwrap().len()
    };
    assert_eq!(count("%25").await, 1);
    assert_eq!(count("_").await, 1);
    assert_eq!(count("gr%C3%B6sse").await, 0);
    assert_eq!(count("GR%C3%96%C3%9FE%20l%C3%BCb").await, 1);
    assert_eq!(count("%22quoted%22%20NOT%20(").await, 1);
    assert_eq!(count("%27%3B--").await, 0);
    assert_eq!(anna.get("/api/v1/thoughts/search?q=").await.summary(), "422 HTT-007");
    assert_eq!(anna.get("/api/v1/thoughts/search?q=%00").await.summary(), "400 HTT-006");
}

/// EXO-06: one effect, one answer.
#[stage_test]
async fn a_repeated_request_is_answered_once_more_and_done_once(t: Stage) {
    let (anna, ben) = t.users();
    let keyed = anna.with("idempotency-key", "k-1");
    let body = json!({"text": "only once"});
    let answers = futures_util::future::join_all(
        (0..20).map(|_| keyed.post("/api/v1/thoughts", body.clone())),
    )
    .await;
    let first = &answers[0];
    assert_eq!(first.summary(), "201");
    assert!(
        answers
            .iter()
            .all(|answer| answer.bytes == first.bytes && answer.location() == first.location())
    );
    let position = first.header("hanse-position");
    assert!(!position.is_empty());
    assert!(answers.iter().all(|answer| answer.header("hanse-position") == position));
    assert_eq!(anna.get("/api/v1/thoughts").await.json()["items"].as_array().unwrap().len(), 1);
    assert_eq!(
        keyed.post("/api/v1/thoughts", json!({"text": "other"})).await.summary(),
        "422 HTT-014"
    );
    let other = ben.with("idempotency-key", "k-1").post("/api/v1/thoughts", body.clone()).await;
    assert_ne!(other.location(), first.location(), "keys belong to a person");
    // A failed request leaves its key free.
    let fresh = anna.with("idempotency-key", "k-2");
    assert_eq!(
        fresh.post("/api/v1/thoughts", json!({"text": "x", "tags": [","]})).await.summary(),
        "422 THT-002"
    );
    assert_eq!(fresh.post("/api/v1/thoughts", body.clone()).await.summary(), "201");
    t.advance(jiff::SignedDuration::from_hours(25));
    t.run_jobs().await;
    assert_eq!(
        keyed.post("/api/v1/thoughts", json!({"text": "after a day"})).await.summary(),
        "201"
    );
}

/// A page is bounded by bytes too, however long its thoughts are; none is left out or comes twice.
#[stage_test]
async fn long_thoughts_make_short_pages(t: Stage) {
    let anna = t.user("anna");
    // Every character of these takes two in JSON.
    let text = "\"".repeat(65_536);
    let mut written = Vec::new();
    for n in 0..20 {
        let made = anna.post("/api/v1/thoughts", json!({ "text": text, "tags": ["long"] })).await;
        assert_eq!(made.summary(), "201", "{n}");
        written.insert(0, made.json()["id"].clone());
        t.advance(jiff::SignedDuration::from_secs(1));
    }
    for list in
        ["/thoughts?limit=200", "/thoughts?limit=200&tag=long", "/thoughts/search?limit=200&q=%22"]
    {
        let (mut found, mut cursor, mut pages) = (Vec::new(), String::new(), 0);
        loop {
            let page = anna.get(format!("/api/v1{list}{cursor}")).await;
            assert_eq!(page.summary(), "200");
            assert!(page.bytes.len() <= 1_100_000, "{list}: {} bytes", page.bytes.len());
            let page = page.json();
            found.extend(page["items"].as_array().unwrap().iter().map(|item| item["id"].clone()));
            pages += 1;
            let Some(next) = page["next"].as_str() else { break };
            cursor = format!("&cursor={next}");
        }
        assert_eq!(found, written, "{list}");
        assert!((3..=4).contains(&pages), "{list}: {pages} pages");
    }
}
