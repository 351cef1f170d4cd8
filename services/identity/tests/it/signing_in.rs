//! Passwords as the world sees them.

use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_store::{StoreError, Tx, params};
use hanse_testkit::{Answer, Stage, json, stage_test};

use crate::support::{PASSWORD, Person, login, services};

/// Everything of an answer that two callers could compare.
fn visible(answer: &Answer) -> (u16, Vec<(String, String)>, String) {
    let mut headers: Vec<_> = answer
        .headers
        .iter()
        .filter(|(name, _)| !["x-request-id", "date"].contains(&name.as_str()))
        .map(|(name, value)| (name.to_string(), value.to_str().unwrap_or_default().to_owned()))
        .collect();
    headers.sort();
    let mut body = answer.json();
    body.as_object_mut().unwrap().remove("request_id").unwrap();
    (answer.status.as_u16(), headers, body.to_string())
}

/// AUTN-01: unknown, wrong and disabled cannot be told apart. (The work behind each is compared
/// beside the code that does it.)
#[stage_test]
async fn failures_of_a_login_look_the_same(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    hanse_identity::admin::disable_user(&t.db("identity"), &ben.email).await.unwrap();
    let wrong = visible(&login(&t, &anna.email, "another walk by the sea").await);
    assert_eq!(visible(&login(&t, "nobody@example.com", PASSWORD).await), wrong);
    assert_eq!(visible(&login(&t, &ben.email, PASSWORD).await), wrong);
    assert_eq!(visible(&login(&t, "not an address", PASSWORD).await), wrong);
    assert!(wrong.2.contains("IDN-001"), "{}", wrong.2);
    assert_eq!(login(&t, " ANNA@Example.COM", PASSWORD).await.summary(), "200");
}

/// AUTN-04: nothing is cut off, and composition does not matter.
#[stage_test(local)]
async fn long_and_odd_passwords_are_compared_whole(t: Stage) {
    let base: String = ('a'..='z').cycle().step_by(7).take(1023).collect();
    let cases = [
        (format!("{base}x"), format!("{base}y")),
        (format!("{}x", &base[..72]), format!("{}y", &base[..72])),
        ("caf\u{e9} noir \u{1f98a}".to_owned(), "cafe noir \u{1f98a}".to_owned()),
    ];
    for (index, (right, wrong)) in cases.iter().enumerate() {
        let email = format!("case{index}@example.com");
        let body = json!({ "email": email, "password": right, "name": "Case" });
        let answer = t.guest().post("/api/v1/auth/register", body).await;
        assert_eq!(answer.summary(), "201", "{}", answer.text());
        assert_eq!(login(&t, &email, right).await.summary(), "200", "{index}");
        assert_eq!(login(&t, &email, wrong).await.summary(), "401 IDN-001", "{index}");
    }
    let decomposed = "cafe\u{301} noir \u{1f98a}";
    assert_eq!(login(&t, "case2@example.com", decomposed).await.summary(), "200");
}

/// AUTN-04: short, long, common and personal passwords are refused, with the reason.
#[stage_test(local)]
async fn weak_passwords_are_refused(t: Stage) {
    let long = "ab1".repeat(342);
    let cases = [
        ("k7#mQ2x", "422 HTT-007"),
        (long.as_str(), "422 HTT-007"),
        ("Password123!", "422 IDN-003"),
        ("anna@example.com", "422 IDN-003"),
        ("zzzzzzzzzzzz", "422 IDN-003"),
    ];
    for (password, expected) in cases {
        let body = json!({ "email": "anna@example.com", "password": password, "name": "Anna" });
        let answer = t.guest().post("/api/v1/auth/register", body).await;
        assert_eq!(answer.summary(), expected, "{password}");
        assert!(answer.json()["errors"]["password"].is_string(), "{}", answer.text());
    }
}

fn real() -> Vec<Service> {
    vec![hanse_identity::service_with_defaults()]
}

async fn stored(t: &Stage, email: &str) -> String {
    t.db("identity")
        .read::<_, StoreError, _>(async |tx: &mut Tx| {
            tx.one("SELECT password FROM users WHERE email = $1", params![email]).await?.at(0)
        })
        .await
        .unwrap()
}

/// AUTN-05: what is stored by default is argon2id with what OWASP advises, under a salt of its own.
#[stage_test(local, services = real)]
async fn passwords_are_stored_as_argon2id(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let first = stored(&t, &anna.email).await;
    assert!(first.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{first}");
    assert_ne!(stored(&t, &ben.email).await, first, "the same password");
    assert!(!first.contains(PASSWORD));
}

/// AUTN-05: an account made under weaker parameters is rehashed when its owner signs in, and stays
/// signed in elsewhere.
#[stage_test(local)]
async fn outdated_hashes_are_renewed_at_login(t: Stage) {
    let old = IdentityConfig { argon2_passes: 2, ..IdentityConfig::for_tests() };
    let db = t.db("identity");
    let new = hanse_identity::admin::NewAccount {
        email: "anna@example.com",
        name: "Anna",
        password: PASSWORD,
    };
    hanse_identity::admin::create_user(&db, &old, new, &[]).await.unwrap();
    assert!(stored(&t, "anna@example.com").await.contains("t=2"));
    for _ in 0..2 {
        assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "200");
        assert!(stored(&t, "anna@example.com").await.contains("m=64,t=1,p=1"));
    }
}
