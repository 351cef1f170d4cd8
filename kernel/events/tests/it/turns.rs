//! PostgreSQL only: statements that go to the server together, and reads whose end nobody waits for.

use crate::support::*;
use futures_util::future::join_all;
use hanse_store::{Db, Engine, Result, StoreError, Tx, params};

const ADD: &str = "INSERT INTO turns (id) VALUES (CAST($1 AS BIGINT))";
/// Fails when it runs, not when it is prepared.
const FAIL: &str = "SELECT 1 / CAST($1 AS BIGINT) AS never";

/// The producer's database with a table of the scene's own, where there are turns to save.
async fn table(t: &Stage) -> Option<Db> {
    let db = t.db("producer");
    if db.engine() != Engine::Postgres {
        return None;
    }
    let make = async |tx: &mut Tx| {
        tx.execute("CREATE TABLE turns (id BIGINT PRIMARY KEY)", &[]).await.map(drop)
    };
    db.write::<_, StoreError, _>(make).await.unwrap();
    Some(db.clone())
}

async fn count(db: &Db) -> Result<i64> {
    db.read(async |tx: &mut Tx| tx.one("SELECT count(*) AS n FROM turns", &[]).await?.at(0)).await
}

#[stage_test(local)]
async fn what_goes_ahead_of_a_statement_takes_part_in_its_transaction(t: Stage) {
    let Some(db) = table(&t).await else { return };
    // Before a statement, and before the commit alone.
    let both = async |tx: &mut Tx| {
        tx.ahead_on_postgres(ADD, params![1_i64]);
        tx.execute(ADD, params![2_i64]).await?;
        tx.ahead_on_postgres(ADD, params![3_i64]);
        Ok(())
    };
    db.write::<_, StoreError, _>(both).await.unwrap();
    assert_eq!(count(&db).await.unwrap(), 3);
    let fails = async |tx: &mut Tx| {
        tx.ahead_on_postgres(FAIL, params![0_i64]);
        tx.execute(ADD, params![4_i64]).await.map(drop)
    };
    assert!(db.write::<_, StoreError, _>(fails).await.is_err());
    let fails_at_the_end = async |tx: &mut Tx| {
        tx.execute(ADD, params![5_i64]).await?;
        tx.ahead_on_postgres(FAIL, params![0_i64]);
        Ok(())
    };
    assert!(db.write::<_, StoreError, _>(fails_at_the_end).await.is_err());
    assert_eq!(count(&db).await.unwrap(), 3, "nothing of what failed is left");
}

#[stage_test(local)]
async fn a_read_that_ended_is_nobody_elses(t: Stage) {
    let Some(db) = table(&t).await else { return };
    for round in 1..=20_i64 {
        let failed = db
            .read::<(), StoreError, _>(async |tx: &mut Tx| {
                tx.all(FAIL, params![0_i64]).await.map(drop)
            })
            .await;
        assert!(failed.is_err());
        db.read::<(), StoreError, _>(async |_: &mut Tx| Ok(())).await.unwrap();
        let add = async move |tx: &mut Tx| tx.execute(ADD, params![round]).await.map(drop);
        db.write::<_, StoreError, _>(add).await.unwrap();
        // Each has a snapshot of its own, taken after the write was answered.
        for seen in join_all((0..20).map(|_| count(&db))).await {
            assert_eq!(seen.unwrap(), round);
        }
    }
    // One that reads twice sees one state, whatever is written in between.
    let other = db.clone();
    let twice = async |tx: &mut Tx| {
        let first: i64 = tx.one("SELECT count(*) AS n FROM turns", &[]).await?.at(0)?;
        let add = async |tx: &mut Tx| tx.execute(ADD, params![100_i64]).await.map(drop);
        other.write::<_, StoreError, _>(add).await?;
        let second: i64 = tx.one("SELECT count(*) AS n FROM turns", &[]).await?.at(0)?;
        Ok::<_, StoreError>((first, second))
    };
    assert_eq!(db.read(twice).await.unwrap(), (20, 20));
}
