use crate::support::*;

/// A-146, INJ-10: files open without running anything.
#[stage_test(split)]
async fn an_export_is_safe_to_open(t: Stage) {
    let (anna, _) = t.users();
    t.emit(created(&anna, 1, "two words", &["=cmd()", "a,b"], "2026-03-02T08:00:00Z")).await;
    t.emit(created(&anna, 2, "one", &["a,b"], "2026-03-01T08:00:00Z")).await;
    t.drain_events().await;
    let tags = anna.get("/api/v1/analytics/export?metric=tags").await;
    assert_eq!(tags.text(), "tag,thoughts\r\n\"a,b\",2\r\n\"'=cmd()\",1\r\n");
    assert_eq!(tags.header("content-type"), "text/csv; charset=utf-8; header=present");
    assert_eq!(tags.header("content-disposition"), "attachment; filename=\"tags.csv\"");
    let days = anna.get("/api/v1/analytics/export?format=csv&from=2026-02-28&to=2026-03-02").await;
    assert_eq!(
        days.text(),
        "day,written,thoughts,words,characters,edits,deletions,sign_ins,activity\r\n\
         2026-02-28,0,0,0,0,0,0,0,0\r\n2026-03-01,1,1,1,3,0,0,0,0\r\n2026-03-02,1,1,2,9,0,0,0,2\r\n"
    );
    let log = anna.get("/api/v1/analytics/export?metric=activity").await.text();
    assert_eq!(log.lines().count(), 3);
    assert_eq!(anna.get("/api/v1/analytics/export?format=xlsx").await.summary(), "400 HTT-006");
}
