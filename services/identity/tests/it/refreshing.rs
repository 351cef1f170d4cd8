//! Refresh tokens over their life.

use std::collections::BTreeSet;

use hanse_testkit::{Stage, stage_test};
use jiff::SignedDuration;
use tokio::task::JoinSet;

use crate::support::{Person, refresh, services, text};

/// Refreshes and returns the next token.
async fn next(t: &Stage, token: &str) -> String {
    let answer = refresh(t, token).await;
    assert_eq!(answer.summary(), "200", "{}", answer.text());
    text(&answer.json(), "refresh_token").to_owned()
}

/// AUTN-12: over five generations, showing any token but the newest ends the session for good, and
/// with it the access token.
#[stage_test]
async fn an_old_token_ends_the_session(t: Stage) {
    for shown in 0..5 {
        let anna = Person::register(&t, &format!("anna{shown}")).await;
        let mut tokens = vec![anna.refresh_token().to_owned()];
        for generation in 0..5 {
            tokens.push(next(&t, &tokens[generation]).await);
            t.advance(SignedDuration::from_secs(11));
        }
        assert_eq!(refresh(&t, &tokens[shown]).await.summary(), "401 IDN-006", "{shown}");
        for token in &tokens {
            assert_eq!(refresh(&t, token).await.summary(), "401 IDN-006");
        }
        assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
        assert_eq!(anna.login(&t).await.0.get("/api/v1/users/me").await.summary(), "200");
    }
}

/// AUTN-12: for ten seconds the token before the current one gets the same successor, which is how
/// a lost answer is made good; two before never does.
#[stage_test]
async fn a_lost_answer_can_be_asked_for_again(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let first = next(&t, anna.refresh_token()).await;
    t.advance(SignedDuration::from_secs(10));
    assert_eq!(next(&t, anna.refresh_token()).await, first);
    assert_eq!(next(&t, anna.refresh_token()).await, first);
    let second = next(&t, &first).await;
    assert_ne!(second, first);
    assert_eq!(refresh(&t, anna.refresh_token()).await.summary(), "401 IDN-006");
    assert_eq!(refresh(&t, &second).await.summary(), "401 IDN-006");
}

/// AUTN-12: fifty refreshes at once give one family.
#[stage_test]
async fn refreshes_at_once_give_one_family(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let mut token = anna.refresh_token().to_owned();
    for _ in 0..3 {
        let mut racing = JoinSet::new();
        for _ in 0..50 {
            let (t, token) = (t.clone(), token.clone());
            racing.spawn(async move { refresh(&t, &token).await });
        }
        let mut successors = BTreeSet::new();
        while let Some(answer) = racing.join_next().await {
            let answer = answer.unwrap();
            assert_eq!(answer.summary(), "200", "{}", answer.text());
            successors.insert(text(&answer.json(), "refresh_token").to_owned());
        }
        assert_eq!(successors.len(), 1);
        token = successors.pop_first().unwrap();
    }
    let sessions = anna.actor.get("/api/v1/auth/sessions").await.json();
    assert_eq!(sessions["items"].as_array().map(Vec::len), Some(1));
    next(&t, &token).await;
}

/// AUTN-16: whatever is not the whole token is refused, and does not end the session.
#[stage_test]
async fn only_the_whole_token_counts(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let token = anna.refresh_token();
    for cut in 1..token.len() {
        assert_eq!(refresh(&t, &token[..cut]).await.summary(), "401 IDN-006");
    }
    let twice = format!("{token}{token}");
    let padded = format!("{token}==");
    let spaced = format!(" {token} ");
    for other in [&token.to_uppercase(), &token.to_lowercase(), &twice, &padded, &spaced] {
        assert_eq!(refresh(&t, other).await.summary(), "401 IDN-006");
    }
    assert_eq!(refresh(&t, "").await.summary(), "422 HTT-007");
    assert_eq!(refresh(&t, &"A".repeat(2000)).await.summary(), "422 HTT-007");
    next(&t, token).await;
}

/// A session ends a week after its last refresh, and the access token fifteen minutes after it was
/// made.
#[stage_test]
async fn tokens_end_in_time(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    t.advance(SignedDuration::from_secs(15 * 60 - 1));
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "200");
    t.advance(SignedDuration::from_secs(1));
    assert_eq!(anna.actor.get("/api/v1/users/me").await.summary(), "401 HTT-011");
    let token = next(&t, anna.refresh_token()).await;
    t.advance(SignedDuration::from_hours(6 * 24));
    let token = next(&t, &token).await;
    t.advance(SignedDuration::from_hours(7 * 24));
    assert_eq!(refresh(&t, &token).await.summary(), "401 IDN-006");
}

/// AUTN-16: no token and no password is anywhere in the data.
#[stage_test(local)]
async fn tokens_are_not_stored(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let successor = next(&t, anna.refresh_token()).await;
    let access = text(&anna.answer, "access_token").to_owned();
    let secrets = [anna.refresh_token(), &successor, &access, crate::support::PASSWORD];
    for entry in std::fs::read_dir(&t.folder).unwrap() {
        let path = entry.unwrap().path();
        let Ok(bytes) = std::fs::read(&path) else { continue };
        for secret in secrets {
            let found = bytes.windows(secret.len()).any(|window| window == secret.as_bytes());
            assert!(!found, "{} holds a secret", path.display());
        }
    }
}
