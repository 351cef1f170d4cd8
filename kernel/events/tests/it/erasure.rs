//! An erasure and a transaction that keeps or tells something of the same owner. At once: on PostgreSQL
//! only, since SQLite has one writer.

use crate::support::*;
use hanse_events::{Emit as _, erase_owner, hold_owner};
use hanse_store::{Db, Engine, StoreError, Tx};
use std::time::{Duration, Instant};
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

const GONE: Uuid = Uuid::from_u128(77);

fn theirs() -> Told {
    Told { owner: Some(GONE), ..told("theirs", 1) }
}

enum Work {
    Erase,
    Tell,
    Hold,
    Block,
}

/// Runs a transaction up to its commit, and says when it is there; it goes on when it is told.
fn transaction(
    db: Db,
    work: Work,
) -> (JoinHandle<Result<(), StoreError>>, oneshot::Receiver<()>, oneshot::Sender<()>) {
    let (there, is_there) = oneshot::channel();
    let (go, gone) = oneshot::channel::<()>();
    #[expect(clippy::disallowed_methods, reason = "two requests at once")]
    let running = tokio::spawn(async move {
        db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
            match work {
                Work::Erase => erase_owner(tx, GONE).await?,
                Work::Tell => tx.emit(&theirs()).await?,
                Work::Hold => hold_owner(tx, GONE).await?,
                Work::Block => tx.execute("LOCK TABLE moods", &[]).await.map(drop)?,
            }
            there.send(()).ok();
            gone.await.ok();
            Ok(())
        })
        .await
    });
    (running, is_there, go)
}

/// Waits until somebody waits for a lock of erasure, or until nobody is left who could.
async fn until_waiting_or_done(db: Db, second: &JoinHandle<Result<(), StoreError>>) {
    let advisory = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'advisory' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until_some_or_done(db, advisory, second).await;
}

async fn until_some_or_done(
    db: Db,
    sql: &'static str,
    second: &JoinHandle<Result<(), StoreError>>,
) {
    let start = Instant::now();
    while !second.is_finished() {
        let waiting = async |tx: &mut Tx| tx.one(sql, &[]).await?.at::<i64>(0);
        if db.read::<_, StoreError, _>(waiting).await.unwrap() > 0 {
            return;
        }
        assert!(start.elapsed() < Duration::from_secs(20), "neither waits nor ends");
        tokio::time::sleep(Duration::from_millis(5)).await;
    }
}

/// What was appended, but not committed, when the erasure looked is blanked all the same.
#[stage_test(local)]
async fn an_erasure_waits_for_what_is_being_told(t: Stage) {
    if t.db("producer").engine() != Engine::Postgres {
        return;
    }
    let (telling, told, go_on) = transaction(t.db("producer"), Work::Tell);
    told.await.unwrap();
    let (erasing, _, commit) = transaction(t.db("producer"), Work::Erase);
    commit.send(()).unwrap();
    until_waiting_or_done(t.db("producer"), &erasing).await;
    go_on.send(()).unwrap();
    telling.await.unwrap().unwrap();
    erasing.await.unwrap().unwrap();
    let log = t.log("producer").await;
    assert_eq!(log.len(), 1);
    assert!(log[0].data.is_none(), "the data of an erased owner is still there");
    t.drain_events().await;
    assert!(effects(&t).await.is_empty());
}

/// Whoever tells something while an erasure is under way is refused when it is done.
#[stage_test(local)]
async fn nothing_is_told_after_an_erasure(t: Stage) {
    if t.db("producer").engine() != Engine::Postgres {
        return;
    }
    let (erasing, erased, go_on) = transaction(t.db("producer"), Work::Erase);
    erased.await.unwrap();
    let (telling, _, commit) = transaction(t.db("producer"), Work::Tell);
    commit.send(()).unwrap();
    until_waiting_or_done(t.db("producer"), &telling).await;
    go_on.send(()).unwrap();
    erasing.await.unwrap().unwrap();
    let refused = telling.await.unwrap();
    assert!(matches!(refused, Err(StoreError::Erased)), "{refused:?}");
    assert!(t.log("producer").await.is_empty());
}

/// Somebody who is held cannot be erased before the transaction ends, and one who was erased is refused.
#[stage_test(local)]
async fn who_is_held_stays_until_the_end(t: Stage) {
    if t.db("producer").engine() == Engine::Postgres {
        let (holding, held, go_on) = transaction(t.db("producer"), Work::Hold);
        held.await.unwrap();
        let (erasing, erased, commit) = transaction(t.db("producer"), Work::Erase);
        commit.send(()).unwrap();
        until_waiting_or_done(t.db("producer"), &erasing).await;
        assert!(!erasing.is_finished(), "erased while somebody relied on them");
        go_on.send(()).unwrap();
        holding.await.unwrap().unwrap();
        erased.await.unwrap();
        erasing.await.unwrap().unwrap();
    } else {
        t.db("producer").write(async |tx: &mut Tx| erase_owner(tx, GONE).await).await.unwrap();
    }
    let refused = t.db("producer").write(async |tx: &mut Tx| hold_owner(tx, GONE).await).await;
    assert!(matches!(refused, Err(StoreError::Erased)), "{refused:?}");
}

/// A projection that has just been told of an owner does not keep it when the owner is erased.
#[stage_test(local)]
async fn a_projection_keeps_nothing_of_an_erased_owner(t: Stage) {
    if t.db("producer").engine() != Engine::Postgres {
        return;
    }
    t.emit(theirs()).await;
    let (erasing, erased, go_on) = transaction(t.db("consumer"), Work::Erase);
    erased.await.unwrap();
    let reader = subscriber(&t);
    #[expect(clippy::disallowed_methods, reason = "a subscriber of its own")]
    let applying = tokio::spawn(async move { reader.step().await.map(drop) });
    until_waiting_or_done(t.db("consumer"), &applying).await;
    go_on.send(()).unwrap();
    erasing.await.unwrap().unwrap();
    applying.await.unwrap().unwrap();
    t.drain_events().await;
    assert!(effects(&t).await.is_empty(), "an effect about an erased owner");
}

/// The other way round: what a projection was just adding is there when the erasure looks for it.
#[stage_test(local)]
async fn an_erasure_waits_for_a_projection(t: Stage) {
    if t.db("producer").engine() != Engine::Postgres {
        return;
    }
    t.emit(theirs()).await;
    // A row that the handler reads, held by somebody else, stops it in the middle of its work.
    let (blocking, blocks, unblock) = transaction(t.db("consumer"), Work::Block);
    blocks.await.unwrap();
    let reader = subscriber(&t);
    #[expect(clippy::disallowed_methods, reason = "a subscriber of its own")]
    let applying = tokio::spawn(async move { reader.step().await.map(drop) });
    let relation = "SELECT count(*) AS n FROM pg_locks WHERE locktype = 'relation' AND NOT granted
        AND database = (SELECT oid FROM pg_database WHERE datname = current_database())";
    until_some_or_done(t.db("consumer"), relation, &applying).await;
    let consumer = t.db("consumer");
    #[expect(clippy::disallowed_methods, reason = "two requests at once")]
    let erasing = tokio::spawn(async move {
        consumer
            .write::<_, StoreError, _>(async |tx: &mut Tx| {
                erase_owner(tx, GONE).await?;
                tx.execute("DELETE FROM effects WHERE subject = 'theirs'", &[]).await.map(drop)
            })
            .await
    });
    until_waiting_or_done(t.db("consumer"), &erasing).await;
    unblock.send(()).unwrap();
    blocking.await.unwrap().unwrap();
    applying.await.unwrap().unwrap();
    erasing.await.unwrap().unwrap();
    t.drain_events().await;
    assert!(effects(&t).await.is_empty(), "an effect about an erased owner");
}
