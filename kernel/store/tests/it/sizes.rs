//! What a request carries with it and copies on its way.

use hanse_store::{Clock, Db, Ids, StoreConfig, StoreError, Tx};

/// PostgreSQL's part of a transaction takes some kilobytes, in which no request on a file needs to have
/// a share.
#[tokio::test]
async fn a_transaction_has_no_room_for_the_other_engine() {
    let folder = tempfile::tempdir().unwrap();
    let config = StoreConfig::Sqlite { folder: folder.path().to_owned() };
    let ids = Ids::system(Clock::system());
    let db = Db::open(&config, "things", ids, false).await.expect("a store");
    let work = async |tx: &mut Tx| tx.one("SELECT 1", &[]).await.map(drop);
    let read = size_of_val(&db.read::<_, StoreError, _>(work));
    let write = size_of_val(&db.write::<_, StoreError, _>(work));
    assert!(read <= 512 && write <= 512, "{read} and {write} bytes");
}
