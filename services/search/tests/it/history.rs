use hanse_testkit::{Actor, Stage, json, stage_test};
use jiff::SignedDuration;

use crate::{ids, search, services, thought};

async fn recent(who: &Actor) -> Vec<String> {
    let body = who.get("/api/v1/search/recent").await.json();
    let items = body["items"].as_array().expect("items").clone();
    items.iter().map(|item| item["query"].as_str().expect("a query").to_owned()).collect()
}

/// searches are kept, newest first, until they are forgotten.
#[stage_test(split)]
async fn searches_are_remembered_until_forgotten(t: Stage) {
    let (anna, ben) = t.users();
    for q in ["fox", "  red   fox ", "wolf", "fox"] {
        search(&anna, q).await;
        t.advance(SignedDuration::from_secs(1));
    }
    search(&ben, "owl").await;
    assert_eq!(recent(&anna).await, ["fox", "wolf", "red fox"]);
    let first = anna.get("/api/v1/search/recent?limit=2").await.json();
    let next = first["next"].as_str().expect("a next page");
    let page = format!("/api/v1/search/recent?limit=2&cursor={next}");
    assert_eq!(anna.get(&page).await.json()["items"][0]["query"], "red fox");
    assert_eq!(ben.get(&page).await.summary(), "400 HTT-016");
    assert_eq!(anna.delete("/api/v1/search/history?q=wolf").await.summary(), "204");
    assert_eq!(recent(&anna).await, ["fox", "red fox"]);
    search(&anna, "badger").await;
    assert_eq!(anna.delete("/api/v1/search/history").await.summary(), "204");
    assert_eq!(recent(&anna).await, [""; 0]);
    assert_eq!(recent(&ben).await, ["owl"]);
}

/// the caller's own searches in numbers.
#[stage_test(local)]
async fn searches_are_counted(t: Stage) {
    let (anna, ben) = t.users();
    thought(&t, &anna, "a fox", &[]).await;
    t.drain_events().await;
    for q in ["fox", "fox", "wolf"] {
        search(&anna, q).await;
    }
    let analytics = anna.get("/api/v1/search/analytics").await.json();
    assert_eq!(analytics["searches"], 3);
    assert_eq!(analytics["queries"], 2);
    assert_eq!(analytics["queries_without_results"], 1);
    assert_eq!(analytics["top"][0]["query"], "fox");
    assert_eq!(analytics["top"][0]["times"], 2);
    assert_eq!(analytics["without_results"][0]["query"], "wolf");
    assert_eq!(ben.get("/api/v1/search/analytics").await.json()["searches"], 0);
}

/// what a person chooses holds for them, and is not overwritten unseen.
#[stage_test(split)]
async fn preferences_are_followed(t: Stage) {
    let (anna, ben) = t.users();
    let id = thought(&t, &anna, "a fox", &[]).await;
    t.drain_events().await;
    let path = "/api/v1/search/preferences";
    let found = anna.get(path).await;
    assert_eq!(found.json(), json!({ "record_history": true, "default_types": [] }));
    assert_eq!(found.header("etag"), "\"0\"");
    let chosen = json!({ "record_history": false, "default_types": ["journals"] });
    let saved = anna.with("if-match", "\"0\"").put(path, chosen.clone()).await;
    assert_eq!((saved.summary().as_str(), saved.header("etag")), ("200", "\"1\""));
    let unseen = anna.with("if-match", "\"0\"").put(path, chosen.clone()).await;
    assert_eq!(unseen.summary(), "412 HTT-013");
    assert_eq!(anna.get(path).await.json(), chosen);
    assert_eq!(ids(&search(&anna, "fox").await), [""; 0]);
    let named = anna.get("/api/v1/search?q=fox&types=thoughts").await;
    assert_eq!(ids(&named), [id.to_string()]);
    assert_eq!(recent(&anna).await, [""; 0]);
    assert_eq!(ben.get(path).await.json()["record_history"], true);
    for (body, expected) in [
        (json!({ "record_history": true, "default_types": ["users"] }), "422 SRC-002"),
        (json!({ "record_history": true }), "400 HTT-005"),
        (json!({ "record_history": true, "default_types": [], "owner": ben.id }), "400 HTT-005"),
    ] {
        assert_eq!(anna.put(path, body).await.summary(), expected);
    }
}
