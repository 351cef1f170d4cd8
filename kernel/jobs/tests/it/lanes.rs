//! Every kind is a lane of its own.

use std::sync::{Arc, Mutex};

use hanse_jobs::{Outcome, Tried, Worker};
use hanse_testkit::{Stage, stage_test};
use jiff::SignedDuration;

use super::services;
use super::support::ask;

/// Batches of a kind are as large as it says, a failed one alone is tried again, and pauses double.
#[stage_test]
async fn many_are_performed_together_and_failures_apart(t: Stage) {
    let batches: Arc<Mutex<Vec<Vec<u32>>>> = Arc::default();
    let seen = Arc::clone(&batches);
    let worker = Worker::new()
        .on_many("letter", 4, move |runs| {
            let payloads: Vec<u32> =
                runs.iter().map(|run: &hanse_jobs::Run<u32>| run.payload).collect();
            seen.lock().unwrap().push(payloads.clone());
            async move {
                let tried = |payload: u32| -> Tried {
                    if payload == 5 { Err("not this one".into()) } else { Ok(Outcome::Done) }
                };
                payloads.into_iter().map(tried).collect()
            }
        })
        .tries("letter", 3);
    let db = t.db("works");
    ask(&t, "letter", 0..10).await;
    ask(&t, "unknown", 0..3).await;
    while worker.step(&db).await.unwrap() > 0 {}
    let sizes: Vec<usize> = batches.lock().unwrap().iter().map(Vec::len).collect();
    assert_eq!(sizes, [4, 4, 2]);
    for pause in [3, 6, 3600] {
        t.advance(SignedDuration::from_secs(pause));
        worker.step(&db).await.unwrap();
    }
    let batches = batches.lock().unwrap();
    assert_eq!(batches.iter().skip(3).collect::<Vec<_>>(), [&vec![5], &vec![5]], "three tries");
}

/// A kind that fails as a whole, or gives too few results, loses no job.
#[stage_test]
async fn a_batch_that_fails_is_tried_again(t: Stage) {
    let tries: Arc<Mutex<u32>> = Arc::default();
    let count = Arc::clone(&tries);
    let worker = Worker::new().on_many("letter", 8, move |runs: Vec<hanse_jobs::Run<u32>>| {
        let mut count = count.lock().unwrap();
        *count += 1;
        let results = if *count == 1 { 1 } else { runs.len() };
        async move { (0..results).map(|_| Ok(Outcome::Done)).collect() }
    });
    let db = t.db("works");
    ask(&t, "letter", 0..3).await;
    assert_eq!(worker.step(&db).await.unwrap(), 3);
    assert_eq!(worker.step(&db).await.unwrap(), 0);
    t.advance(SignedDuration::from_secs(3));
    assert_eq!(worker.step(&db).await.unwrap(), 2);
    t.advance(SignedDuration::from_hours(24));
    assert_eq!(worker.step(&db).await.unwrap(), 0);
}
