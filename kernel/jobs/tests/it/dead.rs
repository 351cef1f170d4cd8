//! EXO-10: jobs that gave up are seen, tried again when an operator says so, or dropped.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use hanse_jobs::admin::{self, Waiting, Which};
use hanse_jobs::{Outcome, Run, Worker};
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Stage, stage_test};

use super::services;
use super::support::ask;

async fn dead(t: &Stage, which: &Which) -> Vec<Waiting> {
    let look = async |tx: &mut Tx| admin::list(tx, true, which, 100).await;
    t.db("works").read::<_, StoreError, _>(look).await.unwrap()
}

async fn redrive(t: &Stage, which: Which) -> u64 {
    let redrive = async move |tx: &mut Tx| admin::redrive(tx, &which).await;
    t.db("works").write::<_, StoreError, _>(redrive).await.unwrap()
}

/// A job that never works holds up only itself; tried again it has fresh tries under the same key.
#[stage_test]
async fn a_dead_job_is_seen_redriven_and_dropped(t: Stage) {
    let works = Arc::new(AtomicBool::new(false));
    let mended = Arc::clone(&works);
    let worker = Worker::new()
        .on("letter", move |run: Run<u32>| {
            let fine = mended.load(Ordering::Relaxed) || run.payload != 1;
            async move { if fine { Ok(Outcome::Done) } else { Err("the receiver is away".into()) } }
        })
        .tries("letter", 1)
        .on("other", |_: Run<u32>| async { Err("never".into()) })
        .tries("other", 1);
    let db = t.db("works");
    ask(&t, "letter", 0..3).await;
    ask(&t, "other", 7..8).await;
    while worker.step(&db).await.unwrap() > 0 {}
    let found = dead(&t, &Which::default()).await;
    assert_eq!(found.len(), 2, "the others were done");
    let letters = Which { kind: Some("letter".into()), id: None };
    let found = dead(&t, &letters).await;
    assert_eq!(found[0].cause.as_deref(), Some("the receiver is away"));
    assert_eq!((found[0].attempts, found[0].dead, found.len()), (1, true, 1));

    let one = Which { kind: Some("other".into()), id: Some(found[0].id) };
    assert_eq!(redrive(&t, one).await, 0, "both must fit");
    assert_eq!(redrive(&t, letters.clone()).await, 1);
    while worker.step(&db).await.unwrap() > 0 {}
    assert_eq!(dead(&t, &letters).await.len(), 1, "it failed again");
    works.store(true, Ordering::Relaxed);
    assert_eq!(redrive(&t, Which { kind: None, id: Some(found[0].id) }).await, 1);
    while worker.step(&db).await.unwrap() > 0 {}
    assert!(dead(&t, &letters).await.is_empty());

    let left = dead(&t, &Which::default()).await;
    let drop = async move |tx: &mut Tx| admin::discard(tx, left[0].id).await;
    assert_eq!(db.write::<_, StoreError, _>(drop).await.unwrap(), 1);
    ask(&t, "letter", 9..10).await;
    let waiting = async |tx: &mut Tx| admin::list(tx, false, &Which::default(), 100).await;
    let waiting = db.read::<_, StoreError, _>(waiting).await.unwrap();
    let id = waiting.iter().find(|job| job.kind == "letter").unwrap().id;
    let discard = async move |tx: &mut Tx| admin::discard(tx, id).await;
    assert_eq!(db.write::<_, StoreError, _>(discard).await.unwrap(), 0, "it is not dead");
}
