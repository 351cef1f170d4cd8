use crate::support::*;
use jiff::SignedDuration;

const OWN: [&str; 5] = ["overview", "thoughts/stats", "productivity", "activity", "export"];

/// AUTZ-01, AUTZ-02: an account sees its own numbers, a guest none, and only operators the platform's.
#[stage_test(split)]
async fn everybody_sees_their_own_and_operators_the_sums(t: Stage) {
    let (anna, ben) = t.users();
    t.emit(registered(&anna)).await;
    t.emit(created(&anna, 1, "hers alone", &["secret-tag"], "2026-03-02T08:00:00Z")).await;
    t.drain_events().await;
    for path in OWN {
        let path = format!("/api/v1/analytics/{path}");
        assert_eq!(t.guest().get(&path).await.summary(), "401 HTT-010", "{path}");
        assert_eq!(anna.get(&path).await.summary(), "200", "{path}");
        for other in [&ben, &t.admin()] {
            let answer = other.get(&path).await;
            assert_eq!(answer.summary(), "200", "{path}");
            assert!(!answer.text().contains("secret-tag"), "{path}");
            assert!(!answer.text().contains(&thought(1).to_string()), "{path}");
        }
    }
    assert_eq!(ben.get("/api/v1/analytics/overview").await.json()["thoughts"]["total"], 0);
    let path = "/api/v1/analytics/platform";
    assert_eq!(t.guest().get(path).await.summary(), "401 HTT-010");
    assert_eq!(anna.get(path).await.summary(), "403 HTT-012");
    let answer = t.account("olga", &["user", "operator"]).get(path).await;
    let stats = answer.json();
    assert_eq!(
        stats["users"],
        json!({"registered": 1, "deleted": 0, "active_today": 1, "active_last_7_days": 1,
               "active_last_30_days": 1})
    );
    assert_eq!((&stats["thoughts"], &stats["events"]), (&json!(1), &json!(2)));
    let today = stats["series"].as_array().unwrap().last().unwrap();
    assert_eq!(
        today,
        &json!({"date": "2026-03-02", "registrations": 1, "active_users": 1, "sign_ins": 0,
                "written": 1, "events": 2})
    );
    assert!(!answer.text().contains(&anna.id.to_string()));
}

/// A-149, AUTZ-09: the log is paged by cursors that nobody else can use, and forgets after its time.
#[stage_test(split)]
async fn the_activity_log_is_paged_and_bounded(t: Stage) {
    let (anna, ben) = t.users();
    for number in 0..5 {
        t.emit(created(&anna, number, "text", &[], "2026-03-02T08:00:00Z")).await;
        t.advance(SignedDuration::from_secs(1));
    }
    t.emit(UserDisabled { user_id: anna.id }).await;
    t.drain_events().await;
    let first = anna.get("/api/v1/analytics/activity?limit=4").await.json();
    assert_eq!(first["items"][0]["type"], "identity.UserDisabled");
    assert_eq!(first["items"][1]["subject"], format!("thought/{}", thought(4)));
    let next =
        format!("/api/v1/analytics/activity?limit=4&cursor={}", first["next"].as_str().unwrap());
    let second = anna.get(&next).await.json();
    assert_eq!(second["items"].as_array().unwrap().len(), 2);
    assert_eq!(second["next"], json!(null));
    assert_eq!(ben.get(&next).await.summary(), "400 HTT-016");

    t.advance(SignedDuration::from_hours(24 * 91));
    t.run_jobs().await;
    let log = anna.get("/api/v1/analytics/activity").await.json();
    assert_eq!(log["items"], json!([]));
    let overview = anna.get("/api/v1/analytics/overview").await.json();
    assert_eq!(overview["thoughts"]["total"], 5, "counts outlive the log");
    assert_eq!(overview["activity"]["last_active_at"], json!(null), "the purge has run");
}

/// HTTP-02: bad questions get a clear answer.
#[stage_test(split)]
async fn odd_periods_are_refused(t: Stage) {
    let (anna, _) = t.users();
    for (query, answer) in [
        ("from=2026-03-02&to=2026-03-01", "422 ANL-001"),
        ("from=0001-01-01&to=2026-03-01", "422 ANL-002"),
        ("from=-009999-01-01&to=9999-12-31", "422 ANL-002"),
        ("from=yesterday", "400 HTT-006"),
        ("from=2026-02-30", "400 HTT-006"),
        ("owner=somebody", "400 HTT-006"),
        ("to=9999-12-31", "200"),
        ("to=-009999-01-01", "200"),
    ] {
        for path in ["thoughts/stats", "productivity", "export"] {
            let summary = anna.get(format!("/api/v1/analytics/{path}?{query}")).await.summary();
            assert_eq!(summary, answer, "{path}?{query}");
        }
    }
    let bucket = anna.get("/api/v1/analytics/thoughts/stats?bucket=century").await;
    assert_eq!(bucket.summary(), "400 HTT-006");
}
