use crate::support::*;
use jiff::SignedDuration;

const TODAY: &str = "2026-03-02T08:00:00Z";
const YESTERDAY: &str = "2026-03-01T23:59:59Z";
const LAST_WEEK: &str = "2026-02-23T12:00:00Z";
const LONG_AGO: &str = "2019-05-05T05:05:05Z";

/// EXO-01: the numbers are exact after creation, change, deletion and import.
#[stage_test(split)]
async fn the_overview_counts_what_exists(t: Stage) {
    let (anna, ben) = t.users();
    t.emit(created(&anna, 1, "one two three", &["a", "b"], TODAY)).await;
    t.emit(created(&anna, 2, "four", &["a", "a"], YESTERDAY)).await;
    t.emit(created(&anna, 3, "five  six", &[], LAST_WEEK)).await;
    t.emit(created(&anna, 4, "seven", &["c"], LONG_AGO)).await;
    t.emit(created(&ben, 5, "his own", &["x"], TODAY)).await;
    t.emit(updated(&anna, 1, "one", &["b", "d"], TODAY)).await;
    t.emit(deleted(&anna, 4, LONG_AGO)).await;
    t.emit(deleted(&anna, 99, TODAY)).await;
    t.emit(SessionStarted { user_id: anna.id, session_id: thought(7) }).await;
    t.drain_events().await;

    let overview = anna.get("/api/v1/analytics/overview").await.json();
    assert_eq!(
        overview["thoughts"],
        json!({
            "total": 3, "today": 1, "last_7_days": 2, "last_30_days": 3, "written": 4,
            "words": 4, "characters": 16, "average_words": 1.33, "tags": 3,
        })
    );
    assert_eq!(
        overview["activity"],
        json!({
            "today": 8, "last_7_days": 8, "last_30_days": 8, "edits": 1, "deletions": 2,
            "sign_ins": 1, "last_active_at": "2026-03-02T09:00:00Z",
        })
    );
    let stats = anna.get("/api/v1/analytics/thoughts/stats?bucket=week").await.json();
    assert_eq!(
        stats["tags"],
        json!([{"tag": "a", "thoughts": 1}, {"tag": "b", "thoughts": 1}, {"tag": "d", "thoughts": 1}])
    );
    let last_week =
        stats["series"].as_array().unwrap().iter().find(|week| week["start"] == "2026-02-23");
    assert_eq!(
        last_week.unwrap(),
        &json!({"start": "2026-02-23", "written": 2, "thoughts": 2, "words": 3, "characters": 13,
                "edits": 0, "deletions": 0})
    );
}

/// streaks and habits follow the days on which thoughts were written.
#[stage_test(split)]
async fn a_streak_is_made_of_days_and_survives_deletion(t: Stage) {
    let (anna, _) = t.users();
    for (number, day) in
        [(1, "2026-02-27"), (2, "2026-02-28"), (3, "2026-03-01"), (4, "2026-02-01")]
    {
        t.emit(created(&anna, number, "text", &[], &format!("{day}T10:30:00Z"))).await;
    }
    t.emit(deleted(&anna, 2, "2026-02-28T10:30:00Z")).await;
    t.drain_events().await;
    let answer = anna.get("/api/v1/analytics/productivity").await.json();
    assert_eq!(answer["current_streak_days"], 3, "today is not over yet");
    assert_eq!(answer["longest_streak_days"], 3);
    assert_eq!(answer["active_days"], 4);
    assert_eq!(answer["busiest_hour"], 10);
    assert_eq!(answer["busiest_weekday"], "sunday");
    assert_eq!(answer["series"].as_array().unwrap().len(), 365);
    t.advance(SignedDuration::from_hours(48));
    let later = anna.get("/api/v1/analytics/productivity").await.json();
    assert_eq!(later["current_streak_days"], 0);
}

/// EXO-01, EXO-02: a clock that jumps back neither loses nor doubles anything.
#[stage_test(local)]
async fn a_clock_that_jumps_back_loses_nothing(t: Stage) {
    let (anna, _) = t.users();
    t.emit(created(&anna, 1, "ahead", &[], "2026-03-02T09:00:00Z")).await;
    t.drain_events().await;
    t.advance(SignedDuration::from_hours(-72));
    t.emit(created(&anna, 2, "behind", &[], "2026-02-27T09:00:00Z")).await;
    t.drain_events().await;
    // A token from the future is not valid; she signs in again.
    let anna = t.user("anna");
    let overview = anna.get("/api/v1/analytics/overview").await.json();
    assert_eq!(overview["thoughts"]["total"], 2);
    assert_eq!(overview["thoughts"]["last_7_days"], 2);
    assert_eq!(overview["activity"]["today"], 2);
    let log = anna.get("/api/v1/analytics/activity").await.json();
    assert_eq!(log["items"].as_array().unwrap().len(), 2);
}
