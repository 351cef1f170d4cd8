//! PostgreSQL only: a transaction may commit after another that took a higher sequence number.

use crate::support::*;
use hanse_events::Progress;
use hanse_store::{Engine, StoreError, Tx};
use tokio_postgres::{Client, NoTls};

/// A connection of the scene's own to the producer's database.
async fn connect(t: &Stage) -> Client {
    let name = async |tx: &mut Tx| {
        tx.one("SELECT CAST(current_database() AS TEXT) AS name", &[]).await?.at::<String>(0)
    };
    let name = t.db("producer").read::<_, StoreError, _>(name).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "the scene plays a foreign process")]
    let url = std::env::var("HANSE_TEST_POSTGRES").unwrap();
    let mut config: tokio_postgres::Config = url.parse().unwrap();
    let (client, connection) = config.dbname(name).connect(NoTls).await.unwrap();
    #[expect(clippy::disallowed_methods, reason = "drives one connection and ends with it")]
    tokio::spawn(connection);
    client
}

/// Begins as a request does: its first write gives the transaction its id.
async fn begin(client: &Client) {
    client.batch_execute("BEGIN; SELECT pg_current_xact_id()").await.unwrap();
}

/// Appends as `emit` does: the transaction has an id before it takes a number.
async fn append(client: &Client, subject: &str, number: i64) {
    let sql = format!(
        "INSERT INTO events (seq, id, type, version, subject, subject_version, time, data)
         OVERRIDING SYSTEM VALUE VALUES
         (nextval(CASE WHEN pg_current_xact_id() IS NOT NULL THEN 'events_seq_seq'::regclass END),
          gen_random_uuid(), 'producer.Told', 1, '{subject}', {number}, now(),
          '{{\"about\": \"{subject}\", \"number\": {number}, \"owner\": null}}')"
    );
    client.batch_execute(&sql).await.unwrap();
}

async fn end(client: &Client, how: &str) {
    client.batch_execute(how).await.unwrap();
}

/// Steps until nothing moves any more.
async fn settle(t: &Stage) -> Progress {
    loop {
        match step(t).await {
            Progress::Moved => {}
            other => return other,
        }
    }
}

fn on_postgres(t: &Stage) -> bool {
    t.db("producer").engine() == Engine::Postgres
}

/// The younger transaction takes the lower number and commits last.
#[stage_test(local)]
async fn an_event_that_commits_late_is_not_skipped(t: Stage) {
    if !on_postgres(&t) {
        return;
    }
    let (older, younger) = (connect(&t).await, connect(&t).await);
    t.emit(told("early", 1)).await;
    t.drain_events().await;
    begin(&older).await;
    begin(&younger).await;
    append(&younger, "late", 1).await;
    append(&older, "soon", 1).await;
    end(&older, "COMMIT").await;
    for _ in 0..5 {
        assert_eq!(settle(&t).await, Progress::Unsettled);
        assert_eq!(effects(&t).await.len(), 1, "nothing is delivered past the gap");
        t.emit(told("busy", 1)).await;
    }
    end(&younger, "COMMIT").await;
    t.drain_events().await;
    let subjects = subjects(&t).await;
    assert_eq!(subjects[..3], ["early", "late", "soon"]);
    assert_eq!(subjects.len(), 8);
}

/// The older transaction takes the lower number and commits last.
#[stage_test(local)]
async fn an_old_transaction_holds_the_log_only_while_it_runs(t: Stage) {
    if !on_postgres(&t) {
        return;
    }
    let (older, younger) = (connect(&t).await, connect(&t).await);
    begin(&older).await;
    append(&older, "late", 1).await;
    begin(&younger).await;
    append(&younger, "soon", 1).await;
    end(&younger, "COMMIT").await;
    assert_eq!(settle(&t).await, Progress::Unsettled);
    assert!(effects(&t).await.is_empty());
    end(&older, "COMMIT").await;
    t.drain_events().await;
    assert_eq!(subjects(&t).await, ["late", "soon"]);
}

/// A number whose transaction was rolled back holds nothing up, also when nobody writes any more.
#[stage_test(local)]
async fn a_number_that_was_rolled_back_blocks_nobody(t: Stage) {
    if !on_postgres(&t) {
        return;
    }
    let (one, two) = (connect(&t).await, connect(&t).await);
    begin(&one).await;
    append(&one, "gone", 1).await;
    begin(&two).await;
    for number in 1..=3 {
        append(&two, "kept", number).await;
        append(&one, "gone", number + 1).await;
    }
    end(&two, "COMMIT").await;
    assert_eq!(settle(&t).await, Progress::Unsettled);
    end(&one, "ROLLBACK").await;
    t.drain_events().await;
    assert_eq!(numbers(&t, "kept").await, [1, 2, 3]);
}
