//! Moving in from another system.

use std::path::PathBuf;

use hanse_identity::import::{Format, Progress, import_users, refusals, try_import};
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Stage, Value, json, stage_test};

use crate::support::{PASSWORD, Person, login, services, text};

/// "a long walk by the sea" as bcrypt, as Django's PBKDF2, and as passlib's scrypt.
const HASHES: [&str; 3] = [
    "$2b$04$w5HznxKUyLD1zkd8/cjsS.dr8Y1JL1bwbIC7u4jFYewvXGDBqYudm",
    "pbkdf2_sha256$1000$saltsaltsalt$aeEc7ANwh4OHcU1JNfHjq8029aon/jX060hmpr2cVuU=",
    "$scrypt$ln=8,r=8,p=1$kDLmfK91jjEmZEwJ4RzD+A$rVu90PgmZEYYxjI6DrBShXXbuB9GTvvNYT4WX5A26IM",
];

fn file(t: &Stage, name: &str, content: &str) -> PathBuf {
    let path = t.folder.join(name);
    std::fs::write(&path, content).unwrap();
    path
}

fn progress(records: u64, made: u64, refused: u64) -> Progress {
    Progress { records, made, refused }
}

async fn count(t: &Stage, sql: &'static str) -> i64 {
    let db = t.db("identity");
    db.read::<_, StoreError, _>(async |tx: &mut Tx| tx.one(sql, &[]).await?.at(0)).await.unwrap()
}

/// People sign in with the passwords that they had, which are ours from then on; what could not be
/// taken is reported with its line, and a dry run says the same and does nothing.
#[stage_test]
async fn people_move_in_with_their_passwords(t: Stage) {
    Person::register(&t, "taken").await;
    let [bcrypt, pbkdf2, scrypt] = HASHES;
    let id = "0195f000-0000-7000-8000-000000000007";
    let lines = [
        json!({ "email": "one@example.com", "password_hash": bcrypt, "name": "One", "id": id,
            "roles": ["operator"], "verified": true, "created_at": "2019-05-06T07:08:09Z" }),
        json!({ "email": "two@example.com", "password_hash": pbkdf2 }),
        json!({ "email": "Three@Example.com", "password_hash": scrypt, "disabled": true }),
        json!({ "email": "taken@example.com", "password_hash": bcrypt }),
        json!({ "email": "two@example.com" }),
        json!({ "email": "five@example.com", "id": id }),
        json!({ "email": "six@example.com", "password_hash": "$2b$31$s6crV.rcJbIV4iohjYasOufb2KWdyxUw8ughFVl45U.YLPZKbc49W" }),
        json!({ "email": "seven@example.com", "is_admin": true }),
        json!({ "email": "eight@example.com" }),
    ];
    let content: String = lines.iter().map(|line| format!("{line}\n")).collect();
    let path = file(&t, "users.jsonl", &content);
    let db = t.db("identity");

    let mut refused = Vec::new();
    let tried = try_import(&db, &path, Format::JsonLines, |no| refused.push(no)).await.unwrap();
    assert_eq!(count(&t, "SELECT count(*) AS c FROM users").await, 1);
    let done = import_users(&db, &path, Format::JsonLines, |_| ()).await.unwrap();
    assert_eq!((tried, done), (progress(9, 4, 5), progress(9, 4, 5)));
    assert_eq!(refusals(&db, &path, 0).await.unwrap(), refused);
    let said: Vec<_> = refused.iter().map(|no| (no.line, no.reason.as_str())).collect();
    assert_eq!(
        said,
        [
            (4, "there is an account with this address"),
            (5, "there is an account with this address"),
            (6, "there is an account with this id, or there was one"),
            (7, "checking the password hash would cost too much time or memory"),
            (8, "a field is missing, unknown or of another type (column 39)"),
        ]
    );

    for (name, expected) in [("one", "200"), ("two", "200"), ("three", "401 IDN-001")] {
        let email = format!("{name}@example.com");
        assert_eq!(login(&t, &email, "a long walk by the lake").await.summary(), "401 IDN-001");
        assert_eq!(login(&t, &email, PASSWORD).await.summary(), expected, "{name}");
        assert_eq!(login(&t, &email, PASSWORD).await.summary(), expected, "{name}");
    }
    assert_eq!(login(&t, "eight@example.com", "").await.summary(), "422 HTT-007");
    assert_eq!(login(&t, "eight@example.com", PASSWORD).await.summary(), "401 IDN-001");
    let ours =
        "SELECT count(*) AS c FROM users WHERE password LIKE '$argon2id$v=19$m=64,t=1,p=1$%'";
    assert_eq!(count(&t, ours).await, 3, "the one who registered and the two who signed in");

    let one = login(&t, "one@example.com", PASSWORD).await.json();
    let me = t.bearer(text(&one, "access_token")).get("/api/v1/users/me").await.json();
    assert_eq!(text(&me, "id"), id);
    assert_eq!(text(&me, "created_at"), "2019-05-06T07:08:09Z");
    assert_eq!(me["roles"], json!(["user", "operator"]));
    let verified = "SELECT count(*) AS c FROM users WHERE email_verified_at IS NOT NULL";
    assert_eq!(count(&t, verified).await, 1);
    let told = "SELECT count(*) AS c FROM events WHERE type = 'identity.UserRegistered'";
    assert_eq!(count(&t, told).await, 5);
}

/// An import that was killed between two transactions goes on where it stopped.
#[stage_test]
async fn an_interrupted_import_makes_nobody_twice(t: Stage) {
    let rows: String = (0..700).map(|n| format!("p{n}@example.com\n")).collect();
    let path = file(&t, "users.csv", &format!("email\n{rows}no address\n"));
    let db = t.db("identity");
    let mut seen = Vec::new();
    {
        // Dropped after the first transaction, as by a kill.
        let mut import = Box::pin(import_users(&db, &path, Format::Csv, |p| seen.push(p)));
        let mut polls = 0;
        std::future::poll_fn(|cx| {
            polls += 1;
            let done = import.as_mut().poll(cx).is_ready();
            assert!(!done || polls > 1, "it was done at once");
            if polls > 4 || done { std::task::Poll::Ready(()) } else { std::task::Poll::Pending }
        })
        .await;
    }
    let done = import_users(&db, &path, Format::Csv, |p| seen.push(p)).await.unwrap();
    assert_eq!(done, progress(701, 700, 1));
    assert!(seen.windows(2).all(|pair| pair[0].records <= pair[1].records), "{seen:?}");
    assert_eq!(count(&t, "SELECT count(*) AS c FROM users").await, 700);
    assert_eq!(count(&t, "SELECT count(*) AS c FROM events").await, 700);
    // A third time there is nothing left to do.
    assert_eq!(
        import_users(&db, &path, Format::Csv, |_| panic!("read again")).await.unwrap(),
        done
    );
    assert_eq!(refusals(&db, &path, 0).await.unwrap()[0].line, 702);
    assert_eq!(refusals(&db, &path, 701).await.unwrap(), []);
}

/// AUTZ-06: who was deleted does not come back under the same id, by no file.
#[stage_test(local)]
async fn an_erased_id_stays_erased(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let id = anna.answer["user"]["id"].clone();
    assert_eq!(anna.actor.delete("/api/v1/users/me").await.summary(), "204");
    let line = json!({ "email": "anna@example.com", "id": id });
    let path = file(&t, "users.jsonl", &line.to_string());
    let db = t.db("identity");
    let done = import_users(&db, &path, Format::JsonLines, |_| ()).await.unwrap();
    assert_eq!(done, progress(1, 0, 1));
    assert_eq!(login(&t, "anna@example.com", PASSWORD).await.summary(), "401 IDN-001");
}

/// A dump of Supabase, as `pg_dump` writes it.
#[stage_test]
async fn a_dump_of_supabase_is_read(t: Stage) {
    let dump = format!(
        "SET standard_conforming_strings = on;\n\nCOPY auth.users (instance_id, id, aud, role, email, \
         encrypted_password, email_confirmed_at, raw_user_meta_data, is_super_admin, created_at, \
         banned_until, deleted_at, is_anonymous) FROM stdin;\n\
         \\N\t0195f000-0000-7000-8000-000000000001\tauthenticated\tauthenticated\tanna@example.com\t{}\t\
         2024-01-01 00:00:00.5+00\t{{\"full_name\": \"Anna Berg\"}}\t\\N\t2023-05-06 07:08:09+00\t\\N\t\\N\tf\n\
         \\.\n\nCOPY auth.sessions (id) FROM stdin;\n\\.\n",
        HASHES[0]
    );
    let path = file(&t, "dump.sql", &dump);
    let db = t.db("identity");
    let done = import_users(&db, &path, Format::Supabase, |_| ()).await.unwrap();
    assert_eq!(done, progress(1, 1, 0));
    let anna = login(&t, "anna@example.com", PASSWORD).await.json();
    assert_eq!(anna["user"]["name"], "Anna Berg");
    assert_eq!(anna["user"]["roles"], Value::from(vec!["user"]));
}
