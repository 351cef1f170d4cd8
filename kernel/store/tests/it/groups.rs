//! One transaction's failure leaves the others of its group alone, and what they were told stays true.

use std::sync::mpsc;
use std::task::Poll;

use futures_util::future::join_all;
use hanse_store::{Clock, Db, Ids, Migration, Schema, StoreConfig, StoreError, Tx, params};

const SCHEMA: Schema = Schema {
    owner: "groups",
    migrations: &[Migration {
        name: "0001_rows",
        sql: "CREATE TABLE rows (seq BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY, name TEXT NOT NULL UNIQUE);
              CREATE TABLE total (id UUID PRIMARY KEY, sum BIGINT NOT NULL)",
    }],
};
const ADD: &str = "INSERT INTO rows (name) VALUES ($1)";
const COUNT: &str = "INSERT INTO total (id, sum) VALUES ($1, $2)
    ON CONFLICT (id) DO UPDATE SET sum = total.sum + excluded.sum RETURNING sum";

#[derive(Debug)]
enum Failure {
    Mine,
    Store(StoreError),
}

impl From<StoreError> for Failure {
    fn from(error: StoreError) -> Self {
        Self::Store(error)
    }
}

async fn open(folder: &std::path::Path) -> Db {
    let config = StoreConfig::Sqlite { folder: folder.to_owned() };
    let db = Db::open(&config, "groups", Ids::system(Clock::system()), false).await.unwrap();
    db.migrate(&[SCHEMA]).await.unwrap();
    db
}

/// Adds a row and counts it, then ends as `end` says. Gives the row's number.
async fn add(
    db: &Db,
    index: usize,
    end: fn(usize) -> Result<(), Failure>,
) -> Result<(usize, i64), Failure> {
    let total = uuid::Uuid::nil();
    db.write(async move |tx: &mut Tx| {
        let seq = tx.append(ADD, params![format!("row {index}")]).await?.expect("a new row");
        tx.one(COUNT, params![total, 1_i64]).await?;
        end(index)?;
        Ok((index, seq))
    })
    .await
}

/// Lets everything that is submitted while the writer is held fall into one group.
async fn in_one_group<T>(db: &Db, submit: impl AsyncFnOnce() -> T) -> T {
    let (release, held) = mpsc::channel::<()>();
    let (began, begin) = tokio::sync::oneshot::channel();
    let holder = db.write::<_, StoreError, _>(async move |_: &mut Tx| {
        began.send(()).ok();
        held.recv().ok();
        Ok(())
    });
    let all = async {
        begin.await.unwrap();
        // Polled once, every write of `submit` is in the queue; only then the writer goes on.
        let mut work = std::pin::pin!(submit());
        let first = std::future::poll_fn(|cx| Poll::Ready(work.as_mut().poll(cx))).await;
        assert!(first.is_pending());
        drop(release);
        work.await
    };
    let (held, answers) = tokio::join!(holder, all);
    held.unwrap();
    answers
}

#[tokio::test]
async fn a_group_keeps_those_that_succeeded_with_the_numbers_they_were_told() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).await;
    std::panic::set_hook(Box::new(|_| {}));
    let answers = in_one_group(&db, async || {
        join_all((0..60).map(|index| {
            add(&db, index, |index| match index % 7 {
                2 => Err(Failure::Mine),
                5 => panic!("as a handler might"),
                _ => Ok(()),
            })
        }))
        .await
    })
    .await;
    let mut told = Vec::new();
    for (index, answer) in answers.into_iter().enumerate() {
        match (index % 7, answer) {
            (2, Err(Failure::Mine)) | (5, Err(Failure::Store(StoreError::Panicked))) => {}
            (2 | 5, other) => panic!("{index} should have failed: {other:?}"),
            (_, answer) => told.push(answer.unwrap()),
        }
    }
    let stored = db
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            let rows = tx.all("SELECT seq, name FROM rows ORDER BY seq", &[]).await?;
            let sum: i64 = tx.one("SELECT sum FROM total", &[]).await?.at(0)?;
            let rows = rows.iter().map(|row| Ok((row.at::<i64>(0)?, row.at::<String>(1)?)));
            Ok((rows.collect::<Result<Vec<_>, StoreError>>()?, sum))
        })
        .await
        .unwrap();
    let expected: Vec<_> = told.iter().map(|(index, seq)| (*seq, format!("row {index}"))).collect();
    assert_eq!(stored, (expected, told.len() as i64));
}

#[tokio::test]
async fn a_failure_that_wrote_nothing_disturbs_nobody_and_a_caught_one_keeps_the_rest() {
    let folder = tempfile::tempdir().unwrap();
    let db = open(folder.path()).await;
    let answers = in_one_group(&db, async || {
        join_all((0..20).map(|index| {
            let db = &db;
            async move {
                db.write::<_, Failure, _>(async move |tx: &mut Tx| {
                    if index % 4 == 0 {
                        return Err(Failure::Mine);
                    }
                    tx.execute(ADD, params![format!("row {index}")]).await?;
                    // A part that fails and is undone by the transaction itself.
                    tx.savepoint().await?;
                    tx.execute(ADD, params![format!("part {index}")]).await?;
                    let again = tx.execute(ADD, params![format!("row {index}")]).await;
                    assert!(matches!(again, Err(StoreError::Unique(_))), "{again:?}");
                    tx.undo().await?;
                    if index % 4 == 2 { Err(Failure::Mine) } else { Ok(()) }
                })
                .await
            }
        }))
        .await
    })
    .await;
    assert_eq!(answers.iter().filter(|answer| answer.is_ok()).count(), 10);
    let names: Vec<String> = db
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            tx.all("SELECT name FROM rows ORDER BY seq", &[])
                .await?
                .iter()
                .map(|r| r.at(0))
                .collect()
        })
        .await
        .unwrap();
    let expected: Vec<_> =
        (0..20).filter(|index| index % 2 == 1).map(|index| format!("row {index}")).collect();
    assert_eq!(names, expected);
}
