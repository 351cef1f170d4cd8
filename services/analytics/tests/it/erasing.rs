use crate::support::*;

/// Nothing of an erased account stays, not in the platform's sums either; late events of theirs are
/// skipped; others are untouched.
#[stage_test(split)]
async fn an_erased_account_leaves_no_trace(t: Stage) {
    let (anna, ben) = t.users();
    t.emit(registered(&ben)).await;
    t.emit(created(&ben, 2, "his", &["y"], "2026-03-02T08:00:00Z")).await;
    t.drain_events().await;
    let before = projection(&t).await;

    t.emit(registered(&anna)).await;
    t.emit(created(&anna, 1, "hers", &["x"], "2026-03-01T08:00:00Z")).await;
    t.drain_events().await;
    assert_ne!(projection(&t).await, before);
    t.emit(UserDeleted { user_id: anna.id }).await;
    t.drain_events().await;
    t.emit(created(&anna, 3, "late", &["x"], "2026-03-02T08:00:00Z")).await;
    t.drain_events().await;

    let after = projection(&t).await;
    assert!(!after.contains(&format!("{:?}", anna.id)) && !after.contains("\"x\""));
    let stats = t.admin().get("/api/v1/analytics/platform").await.json();
    assert_eq!(stats["users"]["registered"], 1);
    assert_eq!(stats["users"]["deleted"], 1);
    assert_eq!(stats["thoughts"], 1);
    assert_eq!(ben.get("/api/v1/analytics/overview").await.json()["thoughts"]["total"], 1);
    assert_eq!(anna.get("/api/v1/analytics/overview").await.json()["thoughts"]["written"], 0);
}
