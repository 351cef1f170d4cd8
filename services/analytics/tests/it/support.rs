//! What the scenes share.

pub(crate) use hanse_contracts::identity::{
    SessionStarted, UserDeleted, UserDisabled, UserRegistered,
};
pub(crate) use hanse_contracts::thoughts::{ThoughtCreated, ThoughtDeleted, ThoughtUpdated};
use hanse_runtime::Service;
use hanse_store::{StoreError, Tx};
pub(crate) use hanse_testkit::{Actor, Stage, TestEvent, json, stage_test};
use jiff::Timestamp;
pub(crate) use uuid::Uuid;

pub(crate) fn services() -> Vec<Service> {
    vec![
        TestEvent::source("thoughts"),
        TestEvent::source("identity"),
        hanse_analytics::service(hanse_analytics::AnalyticsConfig::default()),
    ]
}

pub(crate) fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

pub(crate) fn thought(number: u128) -> Uuid {
    Uuid::from_u128(number)
}

pub(crate) fn tags(tags: &[&str]) -> Vec<String> {
    tags.iter().map(|tag| (*tag).to_owned()).collect()
}

pub(crate) fn created(
    owner: &Actor,
    number: u128,
    text: &str,
    with: &[&str],
    when: &str,
) -> ThoughtCreated {
    ThoughtCreated {
        thought_id: thought(number),
        user_id: owner.id,
        text: text.into(),
        tags: tags(with),
        created_at: at(when),
    }
}

pub(crate) fn updated(
    owner: &Actor,
    number: u128,
    text: &str,
    with: &[&str],
    when: &str,
) -> ThoughtUpdated {
    ThoughtUpdated {
        thought_id: thought(number),
        user_id: owner.id,
        text: text.into(),
        tags: tags(with),
        created_at: at(when),
    }
}

pub(crate) fn deleted(owner: &Actor, number: u128, when: &str) -> ThoughtDeleted {
    ThoughtDeleted { thought_id: thought(number), user_id: owner.id, created_at: at(when) }
}

pub(crate) fn registered(who: &Actor) -> UserRegistered {
    UserRegistered { user_id: who.id, email: "a@example.org".into(), name: "A".into() }
}

/// Every row of every table, in order: equal text means equal projections.
pub(crate) async fn projection(t: &Stage) -> String {
    let dump = async |tx: &mut Tx| {
        let mut text = String::new();
        for sql in [
            "SELECT * FROM hours ORDER BY owner, hour",
            "SELECT * FROM thoughts ORDER BY owner, thought",
            "SELECT * FROM tag_counts ORDER BY owner, tag",
            "SELECT * FROM activity ORDER BY owner, id",
        ] {
            for row in tx.all(sql, &[]).await? {
                text.push_str(&format!("{row:?}\n"));
            }
        }
        Ok(text)
    };
    t.db("analytics").read::<_, StoreError, _>(dump).await.unwrap()
}
