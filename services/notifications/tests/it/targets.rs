//! Devices and systems, at servers of the scene.

use hanse_contracts::messages::Channel;
use hanse_jobs::admin::{self, Which};
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Stage, Value, json, stage_test};
use jiff::SignedDuration;

use super::services;
use super::support::{Receiver, deliveries, knows, news, tell};

const TARGETS: &str = "/api/v1/notifications/targets";

/// EXO-10: a webhook is tried for more than a day with growing pauses, under one id, and ends as failed.
#[stage_test(split)]
async fn a_webhook_is_tried_again_for_a_day(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    let receiver = Receiver::answering(&[500, 301, 200]).await;
    let url = format!("http://{}/hook", receiver.address);
    let target = json!({"kind": "webhook", "name": "mine", "url": url});
    let made = anna.with("idempotency-key", "k").post(TARGETS, target.clone()).await;
    assert_eq!(made.summary(), "201");
    assert!(made.json()["secret"].as_str().unwrap().starts_with("whsec_"));
    assert!(!anna.get(TARGETS).await.text().contains("whsec_"), "shown once");
    assert_eq!(ben.delete(made.location()).await.summary(), "404 NTF-008");
    let mut quiet = news(&t, "hello");
    quiet.channels = vec![Channel::InApp];
    tell(&t, &anna, quiet).await;
    t.run_jobs().await;
    assert!(receiver.all().is_empty(), "not by this way");
    t.advance(SignedDuration::from_secs(1));
    anna.put("/api/v1/notifications/preferences", json!({"channels": {"email": false}})).await;
    tell(&t, &anna, news(&t, "hello")).await;
    t.run_jobs().await;
    assert_eq!(deliveries(&anna).await, json!([["webhook", "queued", 1]]));
    t.advance(SignedDuration::from_secs(3));
    t.run_jobs().await;
    t.advance(SignedDuration::from_secs(6));
    t.run_jobs().await;
    assert_eq!(deliveries(&anna).await, json!([["webhook", "sent", 3]]));
    let got = receiver.all();
    assert_eq!(got.len(), 3);
    assert!(
        got.iter().all(|one| one.header("webhook-id") == got[0].header("webhook-id")),
        "one id"
    );
    assert!(got[0].header("webhook-signature").starts_with("v1,"));
    let body: hanse_testkit::Value = serde_json::from_slice(&got[0].body).unwrap();
    assert_eq!(
        (&body["type"], &body["data"]["title"]),
        (&json!("notifications.announcement"), &json!("hello"))
    );

    // Registering it again gives a new secret; both sign.
    let again = anna.with("idempotency-key", "k2").post(TARGETS, target).await;
    assert_eq!(again.json()["id"], made.json()["id"]);
    assert_ne!(again.json()["secret"], made.json()["secret"]);
    tell(&t, &anna, news(&t, "signed twice")).await;
    t.run_jobs().await;
    assert_eq!(receiver.all()[3].header("webhook-signature").matches("v1,").count(), 2);
}

/// EXO-10: what never works ends as a dead letter, after more than 24 hours, holds up nobody else's, and is
/// delivered when an operator has it tried again. Every try is on record.
#[stage_test(split)]
async fn a_webhook_that_never_works_is_given_up_until_it_is_redriven(t: Stage) {
    let (anna, ben) = t.users();
    knows(&t, &anna, "Anna").await;
    knows(&t, &ben, "Ben").await;
    let mut answers = vec![500; 17];
    answers.push(200);
    let receiver = Receiver::answering(answers.leak()).await;
    anna.post(TARGETS, json!({"kind": "webhook", "url": format!("http://{}/", receiver.address)}))
        .await;
    anna.put("/api/v1/notifications/preferences", json!({"channels": {"email": false}})).await;
    tell(&t, &anna, news(&t, "hello")).await;
    let mut hours = 0;
    for _ in 0..200 {
        t.run_jobs().await;
        if deliveries(&anna).await[0][1] == "failed" {
            break;
        }
        t.advance(SignedDuration::from_mins(15));
        hours += 1;
    }
    assert_eq!(receiver.all().len(), 17);
    assert!(hours / 4 >= 24, "{hours} quarters of an hour");
    assert_eq!(deliveries(&anna).await, json!([["webhook", "failed", 17]]));
    let other = Receiver::answering(&[200]).await;
    ben.post(TARGETS, json!({"kind": "webhook", "url": format!("http://{}/", other.address)}))
        .await;
    let mut to_ben = news(&t, "hello");
    to_ben.values.insert("title".into(), "hello, Ben".into());
    tell(&t, &ben, to_ben).await;
    t.run_jobs().await;
    assert_eq!(other.all().len(), 1);

    let redrive = async |tx: &mut Tx| {
        let which = Which { kind: Some("webhook".into()), id: None };
        let dead = admin::list(tx, true, &which, 10).await?;
        Ok((dead.len(), dead[0].cause.clone(), admin::redrive(tx, &which).await?))
    };
    let redriven = t.db("notifications").write::<_, StoreError, _>(redrive).await.unwrap();
    assert_eq!(redriven, (1, Some("answered 500".into()), 1));
    t.run_jobs().await;
    assert_eq!(deliveries(&anna).await, json!([["webhook", "sent", 18]]));
    let got = receiver.all();
    assert_eq!(got.len(), 18);
    assert!(got.iter().all(|one| one.header("webhook-id") == got[0].header("webhook-id")));
    let page = anna.get("/api/v1/notifications").await.json();
    let story = format!("/api/v1/notifications/{}", page["items"][0]["id"].as_str().unwrap());
    let story = anna.get(&story).await.json();
    let steps = story["deliveries"][0]["steps"].as_array().unwrap();
    let of = |step: &Value| (step["number"].clone(), step["state"].clone(), step["cause"].clone());
    assert_eq!(steps.len(), 18);
    assert_eq!(of(&steps[16]), (json!(17), json!("failed"), json!("answered 500")));
    assert_eq!(of(&steps[17]), (json!(18), json!("sent"), json!(null)));
    assert!(steps[0]["at"].as_str() < steps[17]["at"].as_str());
}

/// SSRF-01: no target leads inside, and one that answers "gone" is forgotten.
#[stage_test(split)]
async fn a_target_leads_outside_only(t: Stage) {
    let anna = t.user("anna");
    knows(&t, &anna, "Anna").await;
    for url in [
        "http://127.0.0.2/",
        "https://[::1]/",
        "http://169.254.169.254/latest/meta-data",
        "https://10.0.0.1/",
        "file:///etc/passwd",
        "http://example.com@127.0.0.1/",
        "https://192.168.1.1:8443/x",
    ] {
        for kind in ["webhook", "web_push"] {
            let refused = anna.post(TARGETS, json!({"kind": kind, "url": url})).await;
            assert_eq!(refused.summary(), "422 NTF-009", "{url}");
        }
    }
    let receiver = Receiver::answering(&[410]).await;
    anna.post(TARGETS, json!({"kind": "webhook", "url": format!("http://{}/", receiver.address)}))
        .await;
    anna.put("/api/v1/notifications/preferences", json!({"channels": {"email": false}})).await;
    tell(&t, &anna, news(&t, "hello")).await;
    t.run_jobs().await;
    assert_eq!(deliveries(&anna).await, json!([["webhook", "failed", 1]]));
    assert_eq!(anna.get(TARGETS).await.json()["items"], json!([]), "gone");
}
