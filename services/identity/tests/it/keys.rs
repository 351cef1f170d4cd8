//! Keys that sign access tokens (AUTN-21).

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hanse_identity::IdentityConfig;
use hanse_identity::admin::replace_signing_keys;
use hanse_runtime::Secrets;
use hanse_testkit::{Stage, Value, stage_test};
use jiff::SignedDuration;

use crate::support::{Person, refresh, services, text};

async fn published(t: &Stage) -> Vec<String> {
    let set = t.guest().get("/.well-known/jwks.json").await.json();
    let keys = set["keys"].as_array().unwrap();
    assert!(keys.iter().all(|key| key.get("d").is_none() && key["alg"] == "EdDSA"));
    keys.iter().map(|key| text(key, "kid").to_owned()).collect()
}

fn key_of(tokens: &Value) -> String {
    let (header, _) = text(tokens, "access_token").split_once('.').unwrap();
    let header: Value = serde_json::from_slice(&URL_SAFE_NO_PAD.decode(header).unwrap()).unwrap();
    text(&header, "kid").to_owned()
}

/// The next key is published a day before it signs, and the last one stays until its tokens have
/// ended: nobody notices.
#[stage_test]
async fn keys_rotate_unnoticed(t: Stage) {
    let hours = SignedDuration::from_hours;
    let anna = Person::register(&t, "anna").await;
    let first = published(&t).await;
    assert_eq!(first, [key_of(&anna.answer)]);
    t.advance(hours(6 * 24));
    let mut tokens = refresh(&t, anna.refresh_token()).await.json();
    for _ in 0..4 {
        t.run_jobs().await;
        assert_eq!(published(&t).await, first);
        t.advance(hours(5 * 24 + 18));
        tokens = refresh(&t, text(&tokens, "refresh_token")).await.json();
    }
    t.run_jobs().await;
    let both = published(&t).await;
    assert_eq!((both.len(), &both[0]), (2, &first[0]));
    assert_eq!(key_of(&tokens), first[0]);
    t.advance(hours(24) - SignedDuration::from_mins(1));
    tokens = refresh(&t, text(&tokens, "refresh_token")).await.json();
    assert_eq!(key_of(&tokens), first[0]);
    let old = t.bearer(text(&tokens, "access_token"));
    t.advance(SignedDuration::from_mins(2));
    tokens = refresh(&t, text(&tokens, "refresh_token")).await.json();
    assert_eq!(key_of(&tokens), both[1]);
    t.run_jobs().await;
    assert_eq!(old.get("/api/v1/users/me").await.summary(), "200");
    t.advance(hours(1));
    t.run_jobs().await;
    assert_eq!(published(&t).await, [both[1].clone()]);
}

/// A moment of load: requests and a refresh at the same time as the jobs that rotate, none of which may
/// fail. The next tokens.
async fn a_moment(t: &Stage, tokens: &Value) -> Value {
    let old = t.bearer(text(tokens, "access_token"));
    let me = || async { assert_eq!(old.get("/api/v1/users/me").await.summary(), "200") };
    let next = async {
        let answer = refresh(t, text(tokens, "refresh_token")).await;
        assert_eq!(answer.summary(), "200", "{}", answer.text());
        let next = answer.json();
        let new = t.bearer(text(&next, "access_token"));
        assert_eq!(new.get("/api/v1/users/me").await.summary(), "200");
        next
    };
    let ((), next, ..) = tokio::join!(t.run_jobs(), next, me(), me(), me(), me());
    next
}

/// OPS-12, AUTN-21: through publication, change and withdrawal of keys, no request of anybody fails.
#[stage_test]
async fn signing_keys_rotate_under_load_without_a_failed_request(t: Stage) {
    let (minutes, hours) = (SignedDuration::from_mins, SignedDuration::from_hours);
    let anna = Person::register(&t, "anna").await;
    let mut tokens = anna.answer.clone();
    let first = key_of(&tokens);
    for _ in 0..4 {
        t.advance(hours(6 * 24));
        tokens = refresh(&t, text(&tokens, "refresh_token")).await.json();
    }
    t.advance(hours(5 * 24) - minutes(20));
    tokens = refresh(&t, text(&tokens, "refresh_token")).await.json();
    let mut seen = Vec::new();
    for moments in [10, 30] {
        for _ in 0..moments {
            t.advance(minutes(5));
            tokens = a_moment(&t, &tokens).await;
            seen.push((published(&t).await.len(), key_of(&tokens) == first));
        }
        t.advance(hours(24) - minutes(55));
        tokens = refresh(&t, text(&tokens, "refresh_token")).await.json();
    }
    seen.dedup();
    // One key; the next is published; it signs; the first is withdrawn.
    assert_eq!(seen, [(1, true), (2, true), (2, false), (1, false)]);
}

/// A key that is feared to be known is withdrawn, and running processes see it within seconds.
#[stage_test(local)]
async fn keys_can_be_replaced_at_once(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let before = published(&t).await;
    let secrets = Secrets::new(&[9; 32]);
    replace_signing_keys(&t.db("identity"), &IdentityConfig::for_tests(), &secrets).await.unwrap();
    let patience = std::time::Instant::now();
    while published(&t).await == before {
        assert!(patience.elapsed().as_secs() < 30, "the old keys are still in use");
        tokio::time::sleep(std::time::Duration::from_millis(100)).await;
    }
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    let tokens = refresh(&t, anna.refresh_token()).await.json();
    let actor = t.bearer(text(&tokens, "access_token"));
    assert_eq!(actor.get("/api/v1/users/me").await.summary(), "200");
}
