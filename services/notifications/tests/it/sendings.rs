//! What administrators send.

use hanse_testkit::{Stage, json, stage_test};
use jiff::SignedDuration;

use super::services;
use super::support::{knows, letters, titles};

/// D-096, M-056…M-059, E-050: to some at once, to everybody in pieces, taken back.
#[stage_test(split)]
async fn an_administrator_tells_people_and_takes_it_back(t: Stage) {
    let (admin, anna, ben) = (t.admin(), t.user("anna"), t.user("ben"));
    let mut others = Vec::new();
    for n in 0..300 {
        others.push(t.user(&format!("crowd {n}")));
    }
    for (who, name) in [(&anna, "Anna"), (&ben, "Ben")] {
        knows(&t, who, name).await;
    }
    for (n, who) in others.iter().enumerate() {
        let email = format!("{n}@example.com");
        let event =
            hanse_contracts::identity::UserRegistered { user_id: who.id, email, name: "X".into() };
        t.emit(event).await;
    }
    t.drain_events().await;
    let one = admin
        .post("/api/v1/notifications", json!({"users": [anna.id], "title": "To Anna", "text": "x"}))
        .await;
    assert_eq!((one.summary(), &one.json()["state"]), ("201".into(), &json!("done")));
    assert_eq!((titles(&anna).await, titles(&ben).await.len()), (vec!["To Anna".into()], 0));

    t.advance(SignedDuration::from_secs(1));
    let body =
        json!({"everybody": true, "title": "To all", "text": "x", "channels": ["in_app", "email"]});
    let all = admin.with("idempotency-key", "k").post("/api/v1/notifications", body.clone()).await;
    assert_eq!((&all.json()["state"], &all.json()["people"]), (&json!("waiting"), &json!(302)));
    let repeated = admin.with("idempotency-key", "k").post("/api/v1/notifications", body).await;
    assert_eq!(repeated.location(), all.location());
    t.run_jobs().await;
    let progress = admin.get(all.location()).await.json();
    assert_eq!((&progress["state"], &progress["told"]), (&json!("done"), &json!(302)));
    assert_eq!(progress["deliveries"]["email"]["sent"], 302);
    assert_eq!(letters(&t).len(), 303);
    assert_eq!(titles(&ben).await, ["To all"]);
    assert_eq!(titles(&others[299]).await, ["To all"]);

    assert_eq!(admin.delete(all.location()).await.json()["state"], "cancelled");
    t.run_jobs().await;
    assert_eq!((titles(&anna).await, titles(&ben).await.len()), (vec!["To Anna".into()], 0));
    assert!(titles(&others[299]).await.is_empty());
}

/// E-050, E-051: later, and again and again, at the same time of day.
#[stage_test(split)]
async fn a_sending_waits_repeats_and_ends(t: Stage) {
    let (admin, anna) = (t.admin(), t.user("anna"));
    knows(&t, &anna, "Anna").await;
    let new = |more: hanse_testkit::Value| {
        let mut body =
            json!({"users": [anna.id], "title": "x", "text": "x", "channels": ["in_app"]});
        body.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        body
    };
    let later =
        admin.post("/api/v1/notifications", new(json!({"at": "2026-03-02T10:00:00Z"}))).await;
    let repeat = json!({"at": "2026-03-28T08:00:00Z",
        "repeat": {"every": "day", "zone": "Europe/Berlin", "until": "2026-03-29T12:00:00Z"}});
    let daily = admin.post("/api/v1/notifications", new(repeat)).await;
    t.run_jobs().await;
    assert!(titles(&anna).await.is_empty());
    t.advance(SignedDuration::from_hours(1));
    t.run_jobs().await;
    assert_eq!(titles(&anna).await.len(), 1);
    assert_eq!(admin.get(later.location()).await.json()["state"], "done");
    // To 8:00 on the 28th, then to 7:00 on the 29th: the clocks go forward between.
    for (hours, listed, state) in [(25 * 24 + 22, 2, "waiting"), (22, 2, "waiting"), (1, 3, "done")]
    {
        t.advance(SignedDuration::from_hours(hours));
        t.run_jobs().await;
        assert_eq!(titles(&anna).await.len(), listed, "{hours} hours");
        assert_eq!(admin.get(daily.location()).await.json()["state"], state, "{hours} hours");
    }
    assert_eq!(admin.get(daily.location()).await.json()["rounds"], 2);

    let never =
        admin.post("/api/v1/notifications", new(json!({"at": "2026-05-01T10:00:00Z"}))).await;
    admin.delete(never.location()).await;
    t.advance(SignedDuration::from_hours(60 * 24));
    t.run_jobs().await;
    assert_eq!(titles(&anna).await.len(), 3);
}
