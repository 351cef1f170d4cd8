//! Who may do what (AUTZ-01, AUTZ-03), and what an erasure leaves.

use hanse_contracts::identity::UserDeleted;
use hanse_testkit::{Stage, json, stage_test};

use super::services;

/// AUTZ-01: somebody else's thought does not exist, whoever asks.
#[stage_test]
async fn a_thought_exists_for_its_owner_only(t: Stage) {
    let (anna, ben) = t.users();
    let path = anna.post("/api/v1/thoughts", json!({"text": "mine"})).await.location().to_owned();
    let tags = format!("{path}/tags");
    for (who, expected) in
        [(ben, "404 THT-001"), (t.admin(), "404 THT-001"), (t.guest(), "401 HTT-010")]
    {
        assert_eq!(who.get(&path).await.summary(), expected);
        assert_eq!(who.put(&path, json!({"text": "taken"})).await.summary(), expected);
        assert_eq!(who.patch(&path, json!({"text": "taken"})).await.summary(), expected);
        assert_eq!(who.delete(&path).await.summary(), expected);
        assert_eq!(who.post(&tags, json!({"tags": ["x"]})).await.summary(), expected);
    }
    let lists = [
        "/thoughts",
        "/thoughts/search?q=mine",
        "/thoughts/tags",
        "/thoughts/export",
        "/thoughts/statistics",
    ];
    for list in lists {
        let path = format!("/api/v1{list}");
        assert_eq!(t.guest().get(&path).await.summary(), "401 HTT-010", "{list}");
        assert!(!t.user("ben").get(&path).await.text().contains("mine"), "{list}");
        assert!(!t.admin().get(&path).await.text().contains("mine"), "{list}");
    }
    let guest = t.guest().post("/api/v1/thoughts", json!({"text": "x"})).await;
    assert_eq!(guest.summary(), "401 HTT-010");
    let nobody = t.account("nobody", &["wizard"]);
    assert_eq!(nobody.get("/api/v1/thoughts").await.summary(), "403 HTT-012", "AUTZ-09");
    assert_eq!(anna.get(&path).await.json()["text"], "mine");
}

/// AUTZ-03 and HTTP-11: only what is allowed goes in.
#[stage_test]
async fn nothing_unexpected_goes_in(t: Stage) {
    let anna = t.user("anna");
    let refused = [
        (json!({"text": "x", "owner": "0"}), "400 HTT-005"),
        (json!({"text": "x", "version": 9}), "400 HTT-005"),
        (json!({"text": 7}), "400 HTT-005"),
        (json!(["text"]), "400 HTT-005"),
        (json!({"text": ""}), "422 HTT-007"),
        (json!({"text": "  \n "}), "422 THT-003"),
        (json!({"text": "a\u{0}b"}), "400 HTT-005"),
        (json!({"text": "x".repeat(65_537)}), "422 HTT-007"),
        (json!({"text": "x", "tags": vec!["t"; 51]}), "422 HTT-007"),
        (json!({"text": "x", "tags": ["a//b"]}), "422 THT-002"),
        (json!({"text": "x".repeat(300_000)}), "413 HTT-003"),
    ];
    for (body, expected) in refused {
        let shown: String = body.to_string().chars().take(60).collect();
        assert_eq!(anna.post("/api/v1/thoughts", body).await.summary(), expected, "{shown}");
    }
    let deep = format!("{}1{}", "[".repeat(100_000), "]".repeat(100_000));
    for (kind, text, expected) in [
        ("application/json", deep, "400 HTT-005"),
        ("application/json", "{\"text\": \"\\ud800\"}".into(), "400 HTT-005"),
        ("application/json", "{\"text\": \"a\", \"text\": \"b\"}".into(), "400 HTT-005"),
        ("text/plain", "{\"text\": \"a\"}".into(), "415 HTT-004"),
    ] {
        let answer =
            anna.send(hanse_http::Method::POST, "/api/v1/thoughts", Some((kind, text))).await;
        assert_eq!(answer.summary(), expected);
    }
    for path in
        ["/thoughts?limit=0", "/thoughts?limit=x", "/thoughts?colour=red", "/thoughts?cursor=AAAA"]
    {
        let status = anna.get(format!("/api/v1{path}")).await.status;
        assert!(status.is_client_error(), "{path}: {status}");
    }
    assert_eq!(anna.get("/api/v1/thoughts/not-an-id").await.summary(), "404 HTT-001");
    assert_eq!(anna.delete("/api/v1/thoughts").await.summary(), "405 HTT-002");
}

/// Erasure reaches rows, stored answers and the log, and nothing can be added afterwards.
#[stage_test(split)]
async fn an_erased_account_leaves_nothing(t: Stage) {
    let (anna, ben) = t.users();
    anna.with("idempotency-key", "k")
        .post("/api/v1/thoughts", json!({"text": "quicksilver"}))
        .await;
    ben.post("/api/v1/thoughts", json!({"text": "stays"})).await;
    t.emit(UserDeleted { user_id: anna.id }).await;
    t.drain_events().await;
    assert_eq!(anna.get("/api/v1/thoughts").await.json()["items"], json!([]));
    assert_eq!(anna.get("/api/v1/thoughts/tags").await.json()["items"], json!([]));
    assert!(t.log("thoughts").await.iter().all(|e| e.owner != Some(anna.id) || e.data.is_none()));
    assert_eq!(
        anna.post("/api/v1/thoughts", json!({"text": "late"})).await.summary(),
        "401 HTT-011"
    );
    assert_eq!(ben.get("/api/v1/thoughts").await.json()["items"].as_array().unwrap().len(), 1);
}
