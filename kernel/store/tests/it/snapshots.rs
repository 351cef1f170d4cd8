//! Reads keep their snapshot for the next one, and nobody notices.

use std::time::{Duration, Instant};

use hanse_store::{Clock, Db, Ids, Result, StoreConfig, StoreError, Tx, params};

async fn open(folder: &std::path::Path) -> Db {
    let config = StoreConfig::Sqlite { folder: folder.to_owned() };
    Db::open(&config, "things", Ids::system(Clock::system()), false).await.expect("a store")
}

async fn make(db: &Db) {
    db.write::<_, StoreError, _>(async |tx: &mut Tx| {
        tx.execute("CREATE TABLE things (id INTEGER PRIMARY KEY) STRICT", &[]).await
    })
    .await
    .unwrap();
}

async fn add(db: &Db, id: i64) {
    db.write::<_, StoreError, _>(async move |tx: &mut Tx| {
        tx.execute("INSERT INTO things (id) VALUES ($1)", params![id]).await
    })
    .await
    .unwrap();
}

async fn count(db: &Db) -> i64 {
    db.read::<_, StoreError, _>(async |tx: &mut Tx| {
        tx.one("SELECT count(*) AS n FROM things", &[]).await?.get("n")
    })
    .await
    .unwrap()
}

/// An answered write is in every read that begins after it, however fresh a kept snapshot is.
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_read_sees_every_commit_before_it() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).await;
    make(&db).await;
    for id in 1..=300 {
        // Several connections are left behind with snapshots of the commit before.
        let (one, two, three) = tokio::join!(count(&db), count(&db), count(&db));
        assert_eq!([one, two, three], [id - 1; 3]);
        add(&db, id).await;
        assert_eq!(count(&db).await, id);
    }
}

/// One read is one snapshot, whatever is committed between its statements.
#[tokio::test]
async fn a_read_stays_at_its_snapshot() {
    let folder = tempfile::tempdir().unwrap();
    let (db, other) = (open(folder.path()).await, open(folder.path()).await);
    make(&db).await;
    let (first, second) = other
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let sql = "SELECT count(*) AS n FROM things";
            let first: i64 = tx.one(sql, &[]).await?.get("n")?;
            let (db, runtime) = (db.clone(), tokio::runtime::Handle::current());
            let write = || runtime.block_on(add(&db, 1));
            std::thread::scope(|scope| scope.spawn(write).join()).unwrap();
            Result::Ok((first, tx.one(sql, &[]).await?.get::<i64>("n")?))
        })
        .await
        .unwrap();
    assert_eq!((first, second), (0, 0));
}

/// What another process commits is seen too: a kept snapshot is soon too old to be used.
#[tokio::test]
async fn another_writers_commit_is_seen_while_reads_never_pause() {
    let folder = tempfile::tempdir().unwrap();
    let (db, other) = (open(folder.path()).await, open(folder.path()).await);
    make(&db).await;
    for id in 1..=20 {
        add(&db, id).await;
        let begin = Instant::now();
        while count(&other).await != id {
            assert!(begin.elapsed() < Duration::from_secs(30), "commit {id} is never seen");
        }
    }
}

/// A connection that nobody uses does not keep the log from being emptied.
#[tokio::test]
async fn idle_readers_let_the_log_be_emptied() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).await;
    make(&db).await;
    let log = folder.path().join("things.db-wal");
    for id in 1..=3 {
        add(&db, id).await;
        assert_eq!(count(&db).await, id);
        let begin = Instant::now();
        while std::fs::metadata(&log).unwrap().len() > 0 {
            assert!(begin.elapsed() < Duration::from_secs(30), "the log is never emptied");
            tokio::task::yield_now().await;
        }
    }
}
