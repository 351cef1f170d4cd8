//! A producer that tells and a consumer that writes down; the same for every transport.

use hanse_events::{DomainEvent, Event, HandlerResult, Subscription};
use hanse_store::{Json, Migration, Schema, StoreError, Tx, params};
pub(crate) use hanse_testkit::{Stage, Value, json, stage_test};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
pub(crate) use uuid::Uuid;

#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub(crate) struct Told {
    pub(crate) about: String,
    pub(crate) number: i64,
    pub(crate) owner: Option<Uuid>,
}

impl DomainEvent for Told {
    const TYPE: &'static str = "producer.Told";
    fn subject(&self) -> String {
        self.about.clone()
    }
    fn owner(&self) -> Option<Uuid> {
        self.owner
    }
}

pub(crate) fn told(about: &str, number: i64) -> Told {
    Told { about: about.into(), number, owner: None }
}

pub(crate) const SCHEMA: Schema = Schema {
    owner: "consumer",
    migrations: &[Migration {
        name: "0001_consumer",
        sql: "CREATE TABLE effects (place BIGINT GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
                  seq BIGINT NOT NULL, subject TEXT NOT NULL, number BIGINT NOT NULL);
              CREATE TABLE moods (subject TEXT PRIMARY KEY, mood TEXT NOT NULL);",
    }],
};

/// What the consumer does with them.
pub(crate) fn subscription() -> Subscription {
    Subscription::new("copy").on(copy).emptied_by(&["DELETE FROM effects"])
}

async fn copy(tx: &mut Tx, event: Event<Told>) -> HandlerResult {
    // The effect comes first, so that a failure has something to undo.
    let sql = "INSERT INTO effects (seq, subject, number) VALUES ($1, $2, $3)";
    tx.execute(sql, params![event.seq, &event.subject, event.data.number]).await?;
    let mood =
        tx.optional("SELECT mood FROM moods WHERE subject = $1", params![event.subject]).await?;
    match mood.map(|row| row.at::<String>(0)).transpose()?.as_deref() {
        Some("panic") => panic!("the handler panicked, as the scene wants"),
        Some(mood) => Err(format!("the handler is {mood}").into()),
        None => Ok(()),
    }
}

/// What was applied, in order: (subject, number).
pub(crate) async fn effects(t: &Stage) -> Vec<(String, i64)> {
    let read = async |tx: &mut Tx| {
        let rows = tx.all("SELECT subject, number FROM effects ORDER BY place", &[]).await?;
        rows.iter().map(|row| Ok((row.at(0)?, row.at(1)?))).collect()
    };
    t.db("consumer").read::<_, StoreError, _>(read).await.unwrap()
}

/// The subjects of what was applied, in the order of the log: a transport may apply different subjects
/// in another order.
pub(crate) async fn subjects(t: &Stage) -> Vec<String> {
    let read = async |tx: &mut Tx| {
        let rows = tx.all("SELECT subject FROM effects ORDER BY seq", &[]).await?;
        rows.iter().map(|row| row.at(0)).collect()
    };
    t.db("consumer").read::<_, StoreError, _>(read).await.unwrap()
}

/// The numbers applied for one subject, in order.
pub(crate) async fn numbers(t: &Stage, subject: &str) -> Vec<i64> {
    let all = effects(t).await;
    all.into_iter().filter(|(about, _)| about == subject).map(|(_, number)| number).collect()
}

pub(crate) async fn execute(
    t: &Stage,
    service: &str,
    sql: &'static str,
    values: Vec<hanse_store::Value>,
) {
    t.db(service)
        .write::<_, StoreError, _>(async move |tx: &mut Tx| tx.execute(sql, &values).await)
        .await
        .unwrap();
}

pub(crate) async fn mood(t: &Stage, subject: &str, mood: &str) {
    let sql = "INSERT INTO moods (subject, mood) VALUES ($1, $2)";
    execute(t, "consumer", sql, params![subject, mood].to_vec()).await;
}

pub(crate) async fn cheer_up(t: &Stage) {
    execute(t, "consumer", "DELETE FROM moods", Vec::new()).await;
}

/// Appends a row that no release of ours would write.
pub(crate) async fn append_raw(
    t: &Stage,
    subject: &str,
    subject_version: i64,
    version: i64,
    data: Value,
) {
    let sql = "INSERT INTO events (id, type, version, subject, subject_version, time, data)
        VALUES ($1, 'producer.Told', $2, $3, $4, $5, $6)";
    let now = t.clock.clock().now();
    let values =
        params![t.ids.new_id(), version, subject, subject_version, now, Json(data)].to_vec();
    execute(t, "producer", sql, values).await;
}

pub(crate) async fn held(t: &Stage) -> Vec<hanse_events::admin::HeldEvent> {
    let read = async |tx: &mut Tx| hanse_events::admin::held(tx, 100).await;
    t.db("consumer").read::<_, StoreError, _>(read).await.unwrap()
}
