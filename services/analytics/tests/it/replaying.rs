use crate::support::*;
use hanse_store::{StoreError, Tx};
use jiff::SignedDuration;

async fn replay(t: &Stage) {
    let cell = t.platform.cell("analytics").unwrap();
    let counters = cell.subscriptions.iter().find(|s| s.name() == "counters").unwrap().clone();
    t.db("analytics")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| counters.replay(tx).await)
        .await
        .unwrap();
    assert_eq!(projection(t).await, "");
    t.drain_events().await;
}

/// EXO-02, EXO-05: rebuilding from the logs gives the same rows, with and without an erased account.
#[stage_test(split)]
async fn a_replay_gives_the_same_rows(t: Stage) {
    let (anna, ben) = t.users();
    for who in [&anna, &ben] {
        t.emit(registered(who)).await;
    }
    for number in 0..600 {
        let who = if number % 3 == 0 { &ben } else { &anna };
        let (tag, day) = (format!("tag{}", number % 7), 1 + number % 28);
        let when = format!("2026-02-{day:02}T{:02}:00:00Z", number % 24);
        t.emit(created(who, number, "some words", &[&tag, "all"], &when)).await;
        if number % 5 == 0 {
            t.emit(updated(who, number, "more words than before", &["new"], &when)).await;
        }
        if number % 4 == 0 {
            t.emit(deleted(who, number, &when)).await;
        }
        t.advance(SignedDuration::from_mins(7));
    }
    t.drain_events().await;
    let live = projection(&t).await;
    replay(&t).await;
    assert_eq!(projection(&t).await, live);

    t.emit(UserDeleted { user_id: ben.id }).await;
    t.drain_events().await;
    let erased = projection(&t).await;
    assert_ne!(erased, live);
    replay(&t).await;
    assert_eq!(projection(&t).await, erased);
    let overview = anna.get("/api/v1/analytics/overview").await.json();
    assert_eq!(overview["thoughts"]["written"], 400);
    assert_eq!(overview["thoughts"]["total"], 300);
}
