//! Guessing is slow, and nobody is locked out cheaply (AUTN-03).

use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Stage, json, stage_test};
use jiff::SignedDuration;

use crate::door::Door;
use crate::support::{PASSWORD, Person, services};

const WRONG: &str = "another walk by the sea";

/// The real budgets, with cheap hashes.
fn limited() -> Vec<Service> {
    let config = IdentityConfig { login_burst_per_address: 3, ..IdentityConfig::for_tests() };
    vec![hanse_identity::service(config)]
}

/// A small budget for the account as a whole.
fn tight() -> Vec<Service> {
    let config = IdentityConfig { login_burst_per_account: 10, ..IdentityConfig::for_tests() };
    vec![hanse_identity::service(config)]
}

/// One address trying many accounts gets three tries and then one in twenty seconds, whether the
/// accounts exist or not; its neighbour is not affected, nor are its own successes charged.
#[stage_test(local, services = limited)]
async fn an_address_that_guesses_is_slowed_down(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let door = Door::of(&t);
    for _ in 0..20 {
        assert_eq!(door.login("192.0.2.1", &anna.email, PASSWORD).await, "200");
    }
    for who in 0..3 {
        let email = format!("nobody{who}@example.com");
        assert_eq!(door.login("192.0.2.1", &email, WRONG).await, "401 IDN-001");
    }
    assert_eq!(door.login("192.0.2.1", &anna.email, PASSWORD).await, "429 IDN-004");
    assert_eq!(door.login("192.0.2.2", &anna.email, PASSWORD).await, "200");
    t.advance(SignedDuration::from_secs(21));
    assert_eq!(door.login("192.0.2.1", "nobody4@example.com", WRONG).await, "401 IDN-001");
    assert_eq!(door.login("192.0.2.1", &anna.email, PASSWORD).await, "429 IDN-004");
    t.advance(SignedDuration::from_secs(21));
    assert_eq!(door.login("192.0.2.1", &anna.email, PASSWORD).await, "200");
}

/// Guesses at one account from one IPv6 customer wait longer each time; its owner, elsewhere, does
/// not; a success forgets.
#[stage_test(local)]
async fn a_guesser_waits_longer_and_the_owner_does_not(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let door = Door::of(&t);
    let mut waits = Vec::new();
    for host in 0..7 {
        let from = format!("2001:db8:1:2::{host}");
        let mut waited = 0;
        while door.login(&from, &anna.email, WRONG).await == "429 IDN-004" {
            t.advance(SignedDuration::from_secs(1));
            waited += 1;
        }
        waits.push(waited);
    }
    assert_eq!(waits, [0, 0, 0, 0, 2, 4, 8]);
    assert_eq!(door.login("2001:db8:1:2::ff", &anna.email, PASSWORD).await, "429 IDN-004");
    assert_eq!(door.login("2001:db8:1:3::1", &anna.email, PASSWORD).await, "200");
    t.advance(SignedDuration::from_secs(16));
    assert_eq!(door.login("2001:db8:1:2::ff", &anna.email, PASSWORD).await, "200");
    assert_eq!(door.login("2001:db8:1:2::ff", &anna.email, WRONG).await, "401 IDN-001");
    assert_eq!(door.login("2001:db8:1:2::ff", &anna.email, PASSWORD).await, "200");
}

/// Guesses at one account from ever new addresses use up the account's own budget in the end.
#[stage_test(local, services = tight)]
async fn a_crowd_that_guesses_one_account_is_slowed_down(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    let door = Door::of(&t);
    for host in 0..10 {
        let from = format!("198.51.100.{host}");
        assert_eq!(door.login(&from, &anna.email, WRONG).await, "401 IDN-001");
    }
    assert_eq!(door.login("198.51.100.200", &anna.email, WRONG).await, "429 IDN-004");
    assert_eq!(door.login("198.51.100.200", &ben.email, PASSWORD).await, "200");
    t.advance(SignedDuration::from_secs(3));
    assert_eq!(door.login("198.51.100.201", &anna.email, PASSWORD).await, "200");
}

/// Asking which addresses have accounts by registering costs what guessing passwords costs.
#[stage_test(local, services = limited)]
async fn registering_is_no_cheap_way_to_find_accounts(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let door = Door::of(&t);
    let body = json!({ "email": anna.email, "password": PASSWORD, "name": "Anna" });
    for expected in ["409 IDN-002", "409 IDN-002", "409 IDN-002", "429 IDN-004"] {
        let (answer, _) = door.post("192.0.2.9", "/api/v1/auth/register", body.clone()).await;
        assert_eq!(answer, expected);
    }
    assert_eq!(door.login("192.0.2.9", &anna.email, PASSWORD).await, "429 IDN-004");
}

/// A restart forgives nothing.
#[stage_test(local, services = limited)]
async fn limits_survive_a_restart(t: Stage) {
    let door = Door::of(&t);
    for _ in 0..3 {
        assert_eq!(door.login("192.0.2.1", "a@example.com", WRONG).await, "401 IDN-001");
    }
    let again = Door::reopened(&t, limited()).await;
    assert_eq!(again.login("192.0.2.1", "b@example.com", WRONG).await, "429 IDN-004");
}
