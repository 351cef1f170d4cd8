//! What processes without identity are told, and who is not.

use hanse_testkit::{Stage, Value, json, stage_test};
use jiff::SignedDuration;

use crate::support::{Person, services, text};

const TRUST: &str = "/api/v1/auth/trust";

fn ended(trust: &Value) -> Vec<&str> {
    trust["ended"].as_array().unwrap().iter().map(|ended| text(ended, "id")).collect()
}

/// NET-07: keys and endings, for other processes of the installation alone.
#[stage_test]
async fn peers_learn_the_keys_and_whose_tokens_count_no_more(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let (phone, _) = anna.login(&t).await;
    let fresh = t.peer().get(TRUST).await.json();
    let published = t.guest().get("/.well-known/jwks.json").await.json();
    let key = |set: &Value, id: &str, public: &str| {
        (text(&set["keys"][0], id).to_owned(), text(&set["keys"][0], public).to_owned())
    };
    assert_eq!(key(&fresh, "id", "public"), key(&published, "kid", "x"));
    assert!(ended(&fresh).is_empty());
    assert_eq!(phone.post("/api/v1/auth/logout", json!({})).await.summary(), "204");
    assert_eq!(ended(&t.peer().get(TRUST).await.json()).len(), 1, "the phone's session");
    assert_eq!(anna.actor.delete("/api/v1/users/me").await.summary(), "204");
    let told = t.peer().get(TRUST).await.json();
    assert!(ended(&told).contains(&text(&anna.answer["user"], "id")), "{told}");
    // From a later moment on there is nothing new, and what is over for good is not repeated.
    t.advance(SignedDuration::from_mins(1));
    let since = format!("{TRUST}?since={}", t.clock.clock().now());
    assert!(ended(&t.peer().get(since).await.json()).is_empty());
    let old = t.peer();
    t.advance(SignedDuration::from_hours(1));
    assert!(ended(&t.peer().get(TRUST).await.json()).is_empty());
    assert_eq!(old.get(TRUST).await.summary(), "401 HTT-011", "credentials are for a moment");
    let forged = t.guest().with("authorization", "Hanse-Peer 1772442000.AAAA");
    assert_eq!(forged.get(TRUST).await.summary(), "401 HTT-011");
    assert_eq!(t.guest().get(TRUST).await.summary(), "401 HTT-010");
    let ben = Person::register(&t, "ben").await;
    assert_eq!(ben.actor.get(TRUST).await.summary(), "403 HTT-012");
}
