use hanse_testkit::{Stage, json, stage_test};

use crate::{search, services, thought};

/// AUTZ-01, AUTZ-02: every operation as guest, user and administrator.
#[stage_test(split)]
async fn each_operation_lets_in_whom_it_should(t: Stage) {
    let (guest, anna, admin) = (t.guest(), t.user("anna"), t.admin());
    let operator = t.account("olga", &["user", "operator"]);
    let reads = ["?q=fox", "/suggestions?q=fox", "/recent", "/analytics", "/preferences"];
    for path in reads.map(|path| format!("/api/v1/search{path}")) {
        assert_eq!(guest.get(&path).await.summary(), "401 HTT-010", "{path}");
        assert_eq!(anna.get(&path).await.summary(), "200", "{path}");
        assert_eq!(admin.get(&path).await.summary(), "200", "{path}");
    }
    let history = "/api/v1/search/history";
    assert_eq!(guest.delete(history).await.summary(), "401 HTT-010");
    assert_eq!(anna.delete(history).await.summary(), "204");
    let preferences = "/api/v1/search/preferences";
    let body = json!({ "record_history": true, "default_types": [] });
    assert_eq!(guest.put(preferences, body.clone()).await.summary(), "401 HTT-010");
    assert_eq!(anna.put(preferences, body).await.summary(), "200");
    let index = "/api/v1/search/index";
    assert_eq!(guest.get(index).await.summary(), "401 HTT-010");
    assert_eq!(anna.get(index).await.summary(), "403 HTT-012");
    assert_eq!(operator.get(index).await.summary(), "200");
    let rebuild = "/api/v1/search/rebuild";
    assert_eq!(guest.post(rebuild, json!({})).await.summary(), "401 HTT-010");
    assert_eq!(anna.post(rebuild, json!({})).await.summary(), "403 HTT-012");
    assert_eq!(operator.post(rebuild, json!({})).await.summary(), "403 HTT-012");
    assert_eq!(admin.post(rebuild, json!({})).await.summary(), "202");
    t.drain_events().await;
}

/// AUTZ-11: what others write changes no byte of any answer, not even an administrator's.
#[stage_test(split)]
async fn nothing_of_others_leaks_through_any_answer(t: Stage) {
    let (anna, ben) = t.users();
    for text in ["a red fox in the snow", "the fox and the hound", "foxes, many foxes"] {
        thought(&t, &anna, text, &["work"]).await;
    }
    t.drain_events().await;
    let probes =
        ["fox", "fo", "canary", "canray", "hound", "tag:work", "tag:secret", "the", "-fox the"];
    let look = async || {
        let mut seen = Vec::new();
        for q in probes {
            let found = search(&anna, q).await;
            seen.push(format!("{q}: {}", found.text()));
        }
        for q in ["fo", "ca", "can", "sec", "h"] {
            let found = anna.get(format!("/api/v1/search/suggestions?q={q}")).await;
            seen.push(format!("{q}: {}", found.text()));
        }
        anna.delete("/api/v1/search/history").await;
        seen
    };
    let before = look().await;
    for number in 0..20 {
        let text = format!("canary fox fox hound {number} foxcanary the secret");
        thought(&t, &ben, &text, &["work", "secret"]).await;
        search(&ben, "canary secret").await;
    }
    t.drain_events().await;
    assert_eq!(look().await, before);
    let of_admin = search(&t.admin(), "canary").await.json();
    assert_eq!(of_admin["total"], 0);
    let recent = anna.get("/api/v1/search/recent").await.text();
    let analytics = anna.get("/api/v1/search/analytics").await.text();
    assert!(!recent.contains("canary") && !analytics.contains("canary"));
}
