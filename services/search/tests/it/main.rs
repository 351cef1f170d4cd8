//! Scenes of the search service, with stand-ins for the services it hears of.

#![expect(clippy::indexing_slicing, clippy::expect_used, reason = "a scene fails by panicking")]

mod access;
mod erasure;
mod finding;
mod history;
mod rebuilding;

use hanse_contracts::thoughts::ThoughtCreated;
use hanse_runtime::Service;
use hanse_search::{SearchConfig, service};
use hanse_testkit::{Actor, Answer, Stage, TestEvent};
use uuid::Uuid;

fn services() -> Vec<Service> {
    let config = SearchConfig { purge_after_ms: 50, ..SearchConfig::default() };
    vec![TestEvent::source("thoughts"), TestEvent::source("identity"), service(config)]
}

/// A thought is written; returns its id.
async fn thought(t: &Stage, owner: &Actor, text: &str, tags: &[&str]) -> Uuid {
    let thought_id = t.ids.new_id();
    t.emit(ThoughtCreated {
        thought_id,
        user_id: owner.id,
        text: text.to_owned(),
        tags: tags.iter().map(|tag| (*tag).to_owned()).collect(),
        created_at: t.clock.clock().now(),
    })
    .await;
    thought_id
}

/// Text as a value of a query.
fn encoded(text: &str) -> String {
    text.bytes().map(|byte| format!("%{byte:02X}")).collect()
}

async fn search(who: &Actor, q: &str) -> Answer {
    who.get(format!("/api/v1/search?q={}", encoded(q))).await
}

/// Ids of the hits.
fn ids(answer: &Answer) -> Vec<String> {
    assert_eq!(answer.status, 200, "{}", answer.text());
    let body = answer.json();
    let items = body["items"].as_array().expect("items").clone();
    items.iter().map(|item| item["id"].as_str().expect("an id").to_owned()).collect()
}

fn total(answer: &Answer) -> u64 {
    assert_eq!(answer.status, 200, "{}", answer.text());
    answer.json()["total"].as_u64().expect("a total")
}
