use crate::support::*;
use hanse_events::admin;
use hanse_store::{StoreError, Tx};
use jiff::SignedDuration;

/// Lets every retry happen that is going to.
async fn exhaust(t: &Stage) {
    for _ in 0..8 {
        t.drain_events().await;
        t.advance(SignedDuration::from_mins(6));
    }
    t.drain_events().await;
}

/// EXO-04: what cannot be applied is tried a bounded number of times and then kept with its cause;
/// its own subject waits, all others flow at once.
#[stage_test(local)]
async fn a_poisoned_subject_waits_and_the_others_flow(t: Stage) {
    t.ends_with_held_events();
    t.emit(told("good", 1)).await;
    append_raw(&t, "broken", 1, 1, json!({})).await;
    append_raw(&t, "newer", 1, 2, json!({"about": "newer", "number": 1, "owner": null})).await;
    mood(&t, "failing", "sad").await;
    t.emit(told("failing", 1)).await;
    mood(&t, "panicking", "panic").await;
    t.emit(told("panicking", 1)).await;
    for subject in ["broken", "newer", "failing", "panicking", "good"] {
        t.emit(told(subject, 2)).await;
    }
    t.drain_events().await;
    assert_eq!(numbers(&t, "good").await, [1, 2], "without waiting for anybody");
    assert_eq!(effects(&t).await.len(), 2, "a failure leaves no half effect");

    exhaust(&t).await;
    let held = held(&t).await;
    let dead: Vec<_> = held.iter().filter(|event| event.dead).collect();
    assert_eq!(dead.len(), 4);
    assert!(dead.iter().all(|event| event.attempts == 5));
    let cause = |subject: &str| &dead.iter().find(|event| event.subject == subject).unwrap().cause;
    assert!(cause("broken").contains("missing field"), "{}", cause("broken"));
    assert!(cause("newer").contains("newer than version 1"), "{}", cause("newer"));
    assert_eq!(cause("failing"), "the handler is sad");
    assert!(cause("panicking").contains("panicked"), "{}", cause("panicking"));
    assert_eq!(held.iter().filter(|event| !event.dead && event.attempts == 0).count(), 4);

    t.emit(told("failing", 3)).await;
    t.emit(told("good", 3)).await;
    t.drain_events().await;
    assert_eq!(numbers(&t, "good").await, [1, 2, 3]);
    assert_eq!(effects(&t).await.len(), 3);
}

/// EXO-04: a redriven event is applied first, then those behind it; a discarded one never.
#[stage_test(local)]
async fn redrive_and_discard_let_the_subject_flow_in_order(t: Stage) {
    for subject in ["a", "b"] {
        mood(&t, subject, "sad").await;
        for number in 1..=3 {
            t.emit(told(subject, number)).await;
        }
    }
    exhaust(&t).await;
    assert!(effects(&t).await.is_empty());
    cheer_up(&t).await;
    t.drain_events().await;
    assert!(effects(&t).await.is_empty(), "a dead letter is not tried by itself");

    let dead =
        held(&t).await.into_iter().find(|event| event.dead && event.subject == "b").unwrap().seq;
    let (wrong, dropped, redriven) = t
        .db("consumer")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            let wrong = admin::discard(tx, "copy", dead + 1).await?;
            let dropped = admin::discard(tx, "copy", dead).await?;
            Ok((wrong, dropped, admin::redrive(tx, "copy", None).await?))
        })
        .await
        .unwrap();
    assert_eq!((wrong, dropped, redriven), (0, 1, 1), "one that only waits cannot be discarded");
    t.emit(told("a", 4)).await;
    t.drain_events().await;
    assert_eq!(numbers(&t, "a").await, [1, 2, 3, 4]);
    assert_eq!(numbers(&t, "b").await, [2, 3]);
    assert!(held(&t).await.is_empty());
}

/// EXO-04: an event that fails for a while is applied once, in order, when the trouble is over.
#[stage_test(local)]
async fn a_passing_trouble_heals_by_itself(t: Stage) {
    mood(&t, "a", "sad").await;
    t.emit(told("a", 1)).await;
    t.drain_events().await;
    t.emit(told("a", 2)).await;
    t.drain_events().await;
    cheer_up(&t).await;
    t.drain_events().await;
    assert!(effects(&t).await.is_empty(), "not before its delay");
    t.advance(SignedDuration::from_secs(2));
    t.drain_events().await;
    assert_eq!(numbers(&t, "a").await, [1, 2]);
}

/// Events of an erased owner are skipped: those under way, those that wait, and later ones.
#[stage_test(local)]
async fn erased_owners_are_skipped(t: Stage) {
    let gone = Uuid::from_u128(77);
    let theirs = move |number| Told { owner: Some(gone), ..told("theirs", number) };
    mood(&t, "theirs", "sad").await;
    t.emit(theirs(1)).await;
    t.emit(theirs(2)).await;
    t.drain_events().await;
    t.emit(theirs(3)).await;
    t.db("consumer")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            hanse_events::erase_owner(tx, gone).await
        })
        .await
        .unwrap();
    cheer_up(&t).await;
    t.emit(told("other", 1)).await;
    exhaust(&t).await;
    assert_eq!(effects(&t).await, [("other".to_owned(), 1)]);
    assert!(held(&t).await.is_empty());

    t.db("producer")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            hanse_events::erase_owner(tx, gone).await
        })
        .await
        .unwrap();
    let refused = t
        .db("producer")
        .write::<_, StoreError, _>(async move |tx: &mut Tx| {
            use hanse_events::Emit as _;
            tx.emit(&theirs(4)).await
        })
        .await;
    assert!(matches!(refused, Err(StoreError::Erased)));
    assert!(
        t.log("producer").await.iter().filter(|e| e.owner == Some(gone)).all(|e| e.data.is_none())
    );
}

/// The kit: a scene does not overlook that a handler has failed.
#[stage_test(local)]
#[should_panic(expected = "copy of consumer could not apply producer.Told broken: missing field")]
async fn a_scene_fails_when_an_event_was_set_aside(t: Stage) {
    append_raw(&t, "broken", 1, 1, json!({})).await;
    t.drain_events().await;
}

/// The kit: a scene about failing handlers has one.
#[stage_test(local)]
#[should_panic(expected = "without an event that was set aside")]
async fn a_scene_about_poison_fails_without_any(t: Stage) {
    t.ends_with_held_events();
}
