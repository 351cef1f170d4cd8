//! What an operator does on the console.

use hanse_http::Role;
use hanse_identity::IdentityConfig;
use hanse_identity::admin::{
    AdminError, NewAccount, create_user, disable_user, has_admin, issue_setup_token, reset_password,
};
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Answer, Stage, json, stage_test};
use jiff::SignedDuration;

use crate::support::{PASSWORD, Person, login, refresh, services};

async fn set_up(t: &Stage, token: &str, name: &str) -> Answer {
    let email = format!("{name}@example.com");
    let body = json!({ "token": token, "email": email, "password": PASSWORD, "name": name });
    t.guest().post("/api/v1/auth/setup", body).await
}

/// AUTN-20: there is no account at first, and the first administrator's token works once, for a day,
/// and only while there is none.
#[stage_test]
async fn the_first_administrator_is_made_once(t: Stage) {
    let (db, config) = (t.db("identity"), IdentityConfig::for_tests());
    for (email, password) in [("admin@example.com", "admin"), ("admin@localhost", "password")] {
        assert_eq!(login(&t, email, password).await.summary(), "401 IDN-001");
    }
    assert_eq!(set_up(&t, "guess", "mallory").await.summary(), "403 IDN-007");
    let old = issue_setup_token(&db, &config).await.unwrap().unwrap();
    let late = issue_setup_token(&db, &config).await.unwrap().unwrap();
    assert_eq!(set_up(&t, &old, "mallory").await.summary(), "403 IDN-007");
    t.advance(SignedDuration::from_hours(24));
    assert_eq!(set_up(&t, &late, "mallory").await.summary(), "403 IDN-007");
    assert!(!has_admin(&db).await.unwrap());

    let token = issue_setup_token(&db, &config).await.unwrap().unwrap();
    assert_eq!(set_up(&t, &token[..40], "mallory").await.summary(), "403 IDN-007");
    let made = set_up(&t, &token, "olga").await;
    assert_eq!(made.summary(), "201", "{}", made.text());
    assert_eq!(made.json()["user"]["roles"], json!(["user", "operator", "admin"]));
    assert!(has_admin(&db).await.unwrap());
    assert_eq!(set_up(&t, &token, "mallory").await.summary(), "403 IDN-007");
    assert!(issue_setup_token(&db, &config).await.unwrap().is_none());
}

/// AUTN-08, AUTN-13: a reset password and a disabled account end every session, the other keeps its.
#[stage_test]
async fn reset_and_disabled_accounts_are_out(t: Stage) {
    let (db, config) = (t.db("identity"), IdentityConfig::for_tests());
    let anna = Person::register(&t, "anna").await;
    let ben = Person::register(&t, "ben").await;
    reset_password(&db, &config, "Anna@example.com", "two ravens on a wire").await.unwrap();
    assert_eq!(refresh(&t, anna.refresh_token()).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, &anna.email, PASSWORD).await.summary(), "401 IDN-001");
    assert_eq!(login(&t, &anna.email, "two ravens on a wire").await.summary(), "200");
    assert_eq!(refresh(&t, ben.refresh_token()).await.summary(), "200");
    disable_user(&db, &ben.email).await.unwrap();
    assert_eq!(refresh(&t, ben.refresh_token()).await.summary(), "401 IDN-006");
    assert_eq!(login(&t, &ben.email, PASSWORD).await.summary(), "401 IDN-001");
    let unknown = disable_user(&db, "nobody@example.com").await;
    assert!(matches!(unknown, Err(AdminError::UnknownUser(_))), "{unknown:?}");
}

/// Nobody can lock everybody out.
#[stage_test(local)]
async fn the_last_administrator_stays(t: Stage) {
    let (db, config) = (t.db("identity"), IdentityConfig::for_tests());
    for name in ["one", "two"] {
        let email = format!("{name}@example.com");
        let new = NewAccount { email: &email, name, password: PASSWORD };
        create_user(&db, &config, new, &[Role::Admin]).await.unwrap();
        let again = create_user(&db, &config, new, &[]).await;
        assert!(matches!(again, Err(AdminError::Draft(_))), "{again:?}");
    }
    disable_user(&db, "one@example.com").await.unwrap();
    let last = disable_user(&db, "two@example.com").await;
    assert!(matches!(last, Err(AdminError::LastAdministrator)), "{last:?}");
    assert_eq!(login(&t, "two@example.com", PASSWORD).await.summary(), "200");
}

/// What others are told, in order, and that nothing personal is left of it after a deletion.
#[stage_test]
async fn every_change_is_told(t: Stage) {
    let (db, config) = (t.db("identity"), IdentityConfig::for_tests());
    let anna = Person::register(&t, "anna").await;
    anna.actor.put("/api/v1/users/me", json!({ "name": "Anna B." })).await;
    let (phone, _) = anna.login(&t).await;
    phone.post("/api/v1/auth/logout", json!({})).await;
    reset_password(&db, &config, &anna.email, "two ravens on a wire").await.unwrap();
    disable_user(&db, &anna.email).await.unwrap();
    let told = async || {
        let sql = "SELECT type FROM events ORDER BY seq";
        let rows = db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.all(sql, &[]).await).await;
        rows.unwrap().iter().map(|row| row.at::<String>(0).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(
        told().await,
        [
            "identity.UserRegistered",
            "identity.SessionStarted",
            "identity.UserUpdated",
            "identity.SessionStarted",
            "identity.SessionRevoked",
            "identity.SessionRevoked",
            "identity.PasswordChanged",
            "identity.UserDisabled",
        ]
    );
    let ben = Person::register(&t, "ben").await;
    assert_eq!(ben.actor.delete("/api/v1/users/me").await.summary(), "204");
    assert_eq!(told().await.last().map(String::as_str), Some("identity.UserDeleted"));
    let sql = "SELECT count(*) AS left_over FROM events WHERE type = 'identity.UserRegistered'
        AND data IS NOT NULL";
    let left = db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.one(sql, &[]).await).await;
    assert_eq!(left.unwrap().at::<i64>(0).unwrap(), 1);
}
