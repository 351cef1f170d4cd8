use crate::support::*;
use hanse_events::{Emit as _, Progress};
use hanse_store::{StoreError, Tx};

/// EXO-02: a batch in which one event fails is undone as a whole and then applied without it; no
/// effect is doubled.
#[stage_test(local)]
async fn effects_and_position_move_together(t: Stage) {
    t.ends_with_held_events();
    mood(&t, "s3", "sad").await;
    for number in 0..1200 {
        t.emit(told(&format!("s{}", number % 7), number)).await;
    }
    t.drain_events().await;
    let all = effects(&t).await;
    for subject in (0..7).filter(|subject| *subject != 3) {
        let expected: Vec<i64> = (0..1200).filter(|number| number % 7 == subject).collect();
        assert_eq!(numbers(&t, &format!("s{subject}")).await, expected);
    }
    assert_eq!(all.len(), (0..1200).filter(|number| number % 7 != 3).count());
}

/// EXO-05: a replay empties and rebuilds, at once and exactly.
#[stage_test(local)]
async fn a_replay_rebuilds_the_same_effects(t: Stage) {
    for number in 0..600 {
        t.emit(told(&format!("s{}", number % 5), number)).await;
    }
    t.drain_events().await;
    let live = effects(&t).await;
    t.db("consumer")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| subscription().replay(tx).await)
        .await
        .unwrap();
    assert!(effects(&t).await.is_empty());
    t.drain_events().await;
    assert_eq!(effects(&t).await, live);
    assert_eq!(step(&t).await, Progress::Idle);
}

/// EXO-01: an event exists if and only if its transaction does, and subjects count without gaps.
#[stage_test(local)]
async fn a_rolled_back_transaction_tells_nothing(t: Stage) {
    t.emit(told("s", 1)).await;
    let failed = t
        .db("producer")
        .write::<(), StoreError, _>(async move |tx: &mut Tx| {
            tx.emit(&told("s", 2)).await?;
            Err(StoreError::Refused("the scene wants it"))
        })
        .await;
    assert!(failed.is_err());
    t.emit(told("s", 3)).await;
    t.drain_events().await;
    assert_eq!(numbers(&t, "s").await, [1, 3]);
    let versions: Vec<_> =
        t.log("producer").await.iter().map(|event| event.subject_version).collect();
    assert_eq!(versions, [1, 2]);
}
