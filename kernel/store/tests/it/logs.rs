//! The write-ahead log stays short while writes go on without a pause.

use futures_util::future::join_all;
use hanse_store::{Clock, Db, Ids, Migration, Schema, StoreConfig, StoreError, Tx, params};

const SCHEMA: Schema = Schema {
    owner: "logs",
    migrations: &[Migration {
        name: "0001_pieces",
        sql: "CREATE TABLE pieces (id UUID PRIMARY KEY, piece BYTEA NOT NULL)",
    }],
};
const MEGABYTE: u64 = 1 << 20;
/// What is written in one go.
const PIECE: usize = 1 << 16;

async fn open(folder: &std::path::Path) -> Db {
    let config = StoreConfig::Sqlite { folder: folder.to_owned() };
    let db = Db::open(&config, "logs", Ids::system(Clock::system()), false).await.unwrap();
    db.migrate(&[SCHEMA]).await.unwrap();
    db
}

async fn add(db: &Db) {
    let add = async |tx: &mut Tx| {
        let id = tx.new_id();
        let piece = vec![7_u8; PIECE];
        tx.execute("INSERT INTO pieces (id, piece) VALUES ($1, $2)", params![id, piece]).await
    };
    assert_eq!(db.write::<_, StoreError, _>(add).await.unwrap(), 1);
}

#[tokio::test]
async fn a_log_is_folded_in_while_writes_go_on() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).await;
    let log = folder.path().join("logs.db-wal");
    let mut pieces = 0;
    loop {
        join_all((0..16).map(|_| add(&db))).await;
        pieces += 16;
        let written = pieces * PIECE as u64;
        // The file of a log that was begun anew keeps its length, so it tells how long it ever was.
        let length = std::fs::metadata(&log).unwrap().len();
        if written > 64 * MEGABYTE && written > 2 * length {
            break;
        }
        assert!(written < 1024 * MEGABYTE, "{length} bytes of log after {written} written");
    }
    drop(db);
    let count = open(folder.path())
        .await
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            tx.one("SELECT COUNT(*) AS pieces FROM pieces", &[]).await?.at::<i64>(0)
        })
        .await
        .unwrap();
    assert_eq!(count.cast_unsigned(), pieces);
}
