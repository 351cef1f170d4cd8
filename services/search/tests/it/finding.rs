use hanse_contracts::identity::UserDeleted;
use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted, ThoughtUpdated};
use hanse_testkit::{Stage, stage_test};
use uuid::Uuid;

use crate::{encoded, ids, search, services, thought, total};

/// what was written is found, with its shape as outside clients rely on it.
#[stage_test(split)]
async fn what_was_written_is_found(t: Stage) {
    let anna = t.user("anna");
    let id = thought(&t, &anna, "A <b>red</b> fox\ncrossed the yard", &["work/ideas"]).await;
    t.drain_events().await;
    let answer = search(&anna, "fox yar").await;
    let hit = answer.json()["items"][0].clone();
    assert_eq!(hit["type"], "thoughts");
    assert_eq!(hit["id"], id.to_string());
    assert_eq!(hit["url"], format!("/api/v1/thoughts/{id}"));
    assert_eq!(hit["title"], "A <b>red</b> fox");
    let snippet = "A &lt;b&gt;red&lt;/b&gt; <mark>fox</mark> crossed the <mark>yard</mark>";
    assert_eq!(hit["snippet"], snippet);
    assert!(hit["score"].as_f64().expect("a score") > 0.0);
    assert_eq!(total(&answer), 1);
    assert!(answer.json()["next"].is_null());
    for q in ["yrad", "tag:work", "\"fox crossed\"", "FOX"] {
        assert_eq!(ids(&search(&anna, q).await), [id.to_string()], "{q}");
    }
    for q in ["fox -yard", "\"crossed fox\"", "tag:ideas", "wolf"] {
        assert_eq!(total(&search(&anna, q).await), 0, "{q}");
    }
}

/// an update replaces, a delete removes.
#[stage_test(split)]
async fn changes_are_reflected(t: Stage) {
    let anna = t.user("anna");
    let id = thought(&t, &anna, "the first words", &[]).await;
    let gone = thought(&t, &anna, "fleeting words", &[]).await;
    t.drain_events().await;
    assert_eq!(total(&search(&anna, "words").await), 2);
    let (user_id, created_at) = (anna.id, t.clock.clock().now());
    let (text, tags) = ("the second words".to_owned(), Vec::new());
    t.emit(ThoughtUpdated { thought_id: id, user_id, text, tags, created_at }).await;
    t.emit(ThoughtDeleted { thought_id: gone, user_id, created_at }).await;
    t.drain_events().await;
    assert_eq!(total(&search(&anna, "first").await), 0);
    assert_eq!(ids(&search(&anna, "words").await), [id.to_string()]);
}

/// types that have no source yet find nothing, unknown ones are refused.
#[stage_test(split)]
async fn types_narrow_a_search(t: Stage) {
    let anna = t.user("anna");
    thought(&t, &anna, "a fox", &[]).await;
    t.drain_events().await;
    let of = async |types: &str| anna.get(format!("/api/v1/search?q=fox&types={types}")).await;
    assert_eq!(total(&of("thoughts,journals,tasks").await), 1);
    assert_eq!(total(&of("journals,tasks").await), 0);
    assert_eq!(total(&of("").await), 1);
    assert_eq!(of("thoughts,users").await.summary(), "422 SRC-002");
}

/// Pages go on behind a cursor that serves its owner and its question only.
#[stage_test(split)]
async fn pages_go_on_behind_their_cursor(t: Stage) {
    let (anna, ben) = t.users();
    for number in 0..7 {
        thought(&t, &anna, &format!("fox number {number}"), &[]).await;
    }
    thought(&t, &ben, "fox", &[]).await;
    t.drain_events().await;
    let mut seen = Vec::new();
    let mut next = String::new();
    for page in 0..3 {
        let answer = anna.get(format!("/api/v1/search?q=fox&limit=3{next}")).await;
        assert_eq!(total(&answer), 7);
        seen.extend(ids(&answer));
        match answer.json()["next"].as_str() {
            Some(cursor) => next = format!("&cursor={cursor}"),
            None => assert_eq!(page, 2),
        }
    }
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 7);
    let foreign = ben.get(format!("/api/v1/search?q=fox&limit=3{next}")).await;
    assert_eq!(foreign.summary(), "400 HTT-016");
    let other = anna.get(format!("/api/v1/search?q=number&limit=3{next}")).await;
    assert_eq!(other.summary(), "400 HTT-016");
    assert_eq!(anna.get("/api/v1/search?q=fox&cursor=AAAA").await.summary(), "400 HTT-016");
}

/// completions come from the caller's own words and searches.
#[stage_test(split)]
async fn what_is_typed_is_completed(t: Stage) {
    let (anna, ben) = t.users();
    thought(&t, &anna, "a foxglove and a foxhole, a foxglove", &[]).await;
    thought(&t, &anna, "foxglove", &[]).await;
    thought(&t, &ben, "foxtrot foxtrot", &[]).await;
    t.drain_events().await;
    search(&anna, "Foxglove garden").await;
    search(&anna, "Foxglove and").await;
    search(&ben, "foxy").await;
    anna.get("/api/v1/search/recent").await;
    let answer = anna.get("/api/v1/search/suggestions?q=fox").await.json();
    let texts: Vec<_> =
        answer["items"].as_array().expect("items").iter().map(|i| i["text"].clone()).collect();
    assert_eq!(texts, ["Foxglove and", "foxglove", "foxhole"]);
    let answer = anna.get("/api/v1/search/suggestions?q=red%20foxh").await.json();
    assert_eq!(answer["items"][0]["text"], "red foxhole");
    assert_eq!(answer["items"][0]["source"], "words");
}

/// Any text is a question; whatever is wrong is the client's, and nothing is a server error.
#[stage_test(local)]
async fn hostile_questions_are_answered(t: Stage) {
    let anna = t.user("anna");
    thought(&t, &anna, "a fox", &[]).await;
    t.drain_events().await;
    let long = "a".repeat(512);
    let many = "a ".repeat(250);
    let hostile = [
        "\"",
        "-",
        "--",
        "tag:",
        "tag:\"",
        "*",
        "a*",
        "/.*/",
        "[a TO z]",
        "a:b",
        "\\",
        "'; DROP TABLE x",
        "AND OR NOT",
        "(((((",
        "\u{202e}x",
        "𝕱𝖔𝖝",
        "مرحبا",
        "東京都",
        "e\u{301}",
        "-fox",
        &long,
        &many,
    ];
    for q in hostile {
        for path in ["search", "search/suggestions"] {
            let answer = anna.get(format!("/api/v1/{path}?q={}", encoded(q))).await;
            assert_eq!(answer.status, 200, "{path} {q:?}: {}", answer.text());
        }
    }
    let refused = [
        ("", "400 HTT-006"),
        ("?q=", "422 HTT-007"),
        ("?q=%20%09", "422 HTT-007"),
        ("?q=a&limit=0", "422 HTT-007"),
        ("?q=a&limit=101", "422 HTT-007"),
        ("?q=a&limit=x", "400 HTT-006"),
        ("?q=a&user=ben", "400 HTT-006"),
        ("?q=a%00b", "400 HTT-006"),
    ];
    for (query, expected) in refused {
        assert_eq!(anna.get(format!("/api/v1/search{query}")).await.summary(), expected, "{query}");
    }
    let too_long = anna.get(format!("/api/v1/search?q={}", "a".repeat(513))).await;
    assert_eq!(too_long.summary(), "422 HTT-007");
}

/// A thought that is imported under an id that somebody else's had is found: after a deletion of that
/// thought, and after a deletion of that account which has not been heard of here yet.
#[stage_test(split)]
async fn an_id_that_is_free_again_can_be_found(t: Stage) {
    let (anna, ben) = t.users();
    let deleted = thought(&t, &anna, "kogge", &[]).await;
    let left = thought(&t, &anna, "hulk", &[]).await;
    t.drain_events().await;
    t.emit(ThoughtDeleted {
        thought_id: deleted,
        user_id: anna.id,
        created_at: t.clock.clock().now(),
    })
    .await;
    let created = |thought_id: Uuid, text: &str| ThoughtCreated {
        thought_id,
        user_id: ben.id,
        text: text.to_owned(),
        tags: Vec::new(),
        created_at: t.clock.clock().now(),
    };
    t.emit(created(deleted, "schnigge one")).await;
    t.emit(created(left, "schnigge two")).await;
    // An account's own id can be a thought's, too.
    t.emit(created(anna.id, "schnigge three")).await;
    t.drain_events().await;
    assert_eq!(total(&search(&ben, "schnigge").await), 3);
    t.emit(UserDeleted { user_id: anna.id }).await;
    t.drain_events().await;
    assert_eq!(total(&search(&ben, "schnigge").await), 3);
    assert_eq!(total(&search(&anna, "hulk").await), 0);
    assert_eq!(total(&search(&anna, "schnigge").await), 0);
}
