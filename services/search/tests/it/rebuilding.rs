use std::time::Duration;

use hanse_contracts::thoughts::{ThoughtDeleted, ThoughtUpdated};
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Stage, json, stage_test};

use crate::{search, services, thought};

/// Everything in the table but the numbers of changes, which go on.
async fn documents(t: &Stage) -> Vec<String> {
    let sql = "SELECT key, owner, kind, time, title, tags, body FROM documents
        WHERE NOT deleted ORDER BY key";
    let rows = t
        .db("search")
        .read::<_, StoreError, _>(async |tx: &mut Tx| tx.all(sql, &[]).await)
        .await
        .expect("documents");
    rows.iter().map(|row| format!("{row:?}")).collect()
}

async fn number(t: &Stage, service: &str, sql: &'static str) -> i64 {
    let read = async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0);
    t.db(service).read::<_, StoreError, _>(read).await.expect("a number")
}

/// EXO-05, A-108: the logs replayed give the same documents and the same answers.
#[stage_test(split)]
async fn a_replay_gives_the_same_documents_and_answers(t: Stage) {
    let anna = t.user("anna");
    for number in 0..40 {
        let id = thought(&t, &anna, &format!("fox number {number}"), &["work"]).await;
        let (user_id, created_at) = (anna.id, t.clock.clock().now());
        if number % 3 == 0 {
            let (text, tags) = (format!("wolf number {number}"), Vec::new());
            t.emit(ThoughtUpdated { thought_id: id, user_id, text, tags, created_at }).await;
        }
        if number % 4 == 0 {
            t.emit(ThoughtDeleted { thought_id: id, user_id, created_at }).await;
        }
    }
    t.drain_events().await;
    let before = documents(&t).await;
    let answers = async || {
        let mut seen = Vec::new();
        for q in ["fox", "wolf", "number", "7"] {
            seen.push(search(&anna, q).await.text());
        }
        seen
    };
    // Cursors are sealed anew each time; these questions have one page.
    let answers = async || {
        let strip = |text: String| text.split("\"next\"").next().unwrap_or_default().to_owned();
        answers().await.into_iter().map(strip).collect::<Vec<_>>()
    };
    let found = answers().await;
    // A row that no event speaks of must not survive.
    t.db("search")
        .write::<_, StoreError, _>(async |tx: &mut Tx| {
            tx.execute("UPDATE documents SET title = 'stray' WHERE NOT deleted", &[]).await
        })
        .await
        .expect("an update");
    assert_eq!(t.admin().post("/api/v1/search/rebuild", json!({})).await.summary(), "202");
    t.drain_events().await;
    assert_eq!(documents(&t).await, before);
    assert_eq!(answers().await, found);
    let index = t.admin().get("/api/v1/search/index").await.json();
    assert_eq!((&index["state"], &index["documents"]), (&json!("ready"), &json!(before.len())));
    // What has to be there again is told by the log's own numbers, however it came: a platform that leaves
    // its broker afterwards has one position where it had several.
    let told = number(&t, "thoughts", "SELECT max(seq) AS n FROM events").await;
    assert_eq!(number(&t, "search", "SELECT whole_at AS n FROM changes").await, told);
}

/// A folder that vanishes under the process: searches say so, the index comes back by itself.
#[stage_test(local)]
async fn a_lost_index_is_built_again(t: Stage) {
    let anna = t.user("anna");
    for number in 0..30 {
        thought(&t, &anna, &format!("fox number {number}"), &[]).await;
    }
    t.drain_events().await;
    let found = search(&anna, "number").await.json();
    assert_eq!(found["total"], 30);
    let folder = t.folder.join("cache/search/index");
    std::fs::remove_dir_all(&folder).expect("the index goes");
    let mut tries = 0;
    loop {
        // Writing makes the loss felt at once.
        thought(&t, &anna, "a wolf", &[]).await;
        for subscriber in t.platform.cell("search").expect("search").subscribers() {
            subscriber.step().await.expect("a step");
        }
        let answer = search(&anna, "number").await;
        assert!([200, 503].contains(&answer.status.as_u16()), "{}", answer.text());
        let again = folder.join("meta.json").exists();
        if again && answer.status == 200 && answer.json()["total"] == 30 {
            break;
        }
        tries += 1;
        assert!(tries < 100, "the index does not come back");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    t.drain_events().await;
}
