//! Every operation × everybody: who may do what, and what nobody may (AUTZ-01, AUTZ-02, AUTZ-12).

use std::collections::BTreeSet;

use hanse_e2e::{Server, json};

use crate::support::{administrator, document, operations, platform};
use crate::walk::*;

/// AUTZ-01, AUTZ-02, AUTZ-09: who may call what is what `x-access` says, and a thing of somebody else
/// does not exist, for administrators neither.
#[test]
fn every_operation_keeps_its_access_policy() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let admin = administrator(&server, data.path());
    let owned = Owned::of(&server, "owner");
    let mut garbage = server.guest();
    garbage.token = Some("not.a.token".into());
    let document = document(&server);
    let mut tried = BTreeSet::new();
    for operation in operations(&document) {
        let path = format!("{}{}", operation.at(owned.id_for(&operation)), query(&operation));
        let what = format!("{} {path}", operation.method);
        // Each has a fresh account, so that whoever may leave may leave.
        let other = server.register(&format!("other-{}", operation.id.replace('_', "-")));
        let anonymous = call(&server.guest(), &operation, &path, &[]);
        let bad = call(&garbage, &operation, &path, &[]);
        let user = call(&other, &operation, &path, &[]);
        // Whoever shows a bad token is nobody: they may sign in again, and nothing else.
        let refused = bad.summary() == "401 HTT-011";
        assert_eq!(refused, operation.access != "public", "{what} with a bad token");
        match operation.access.as_str() {
            // A session, or the token of a sign-in that asks for a factor: a guest has neither.
            "public" if operation.id == "begin_passkey" => {
                assert_eq!(anonymous.summary(), "401 HTT-010", "{what}");
            }
            "public" => assert!(anonymous.summary() != "401 HTT-010", "{what} is public"),
            "user" => {
                assert_eq!(anonymous.summary(), "401 HTT-010", "{what} without a token");
                assert!(
                    !["401 HTT-010", "401 HTT-011", "403 HTT-012"]
                        .contains(&user.summary().as_str()),
                    "{what}: {}",
                    user.text
                );
            }
            // "peer" is for other processes: no account will do.
            "operator" | "admin" | "peer" => {
                assert_eq!(anonymous.summary(), "401 HTT-010", "{what} without a token");
                assert_eq!(user.summary(), "403 HTT-012", "{what} as a user");
            }
            unknown => panic!("{what} has the access policy {unknown:?}"),
        }
        let lasting = ["delete_me", "logout_user", "change_password", "replace_keys"]
            .contains(&operation.id.as_str());
        if !lasting {
            let root = call(&admin, &operation, &path, &[]);
            let refused = [401, 403].contains(&root.status);
            assert!(
                refused == (operation.access == "peer") || operation.access == "public",
                "{what} as administrator: {}",
                root.text
            );
            assert!(root.status < 500, "{what}: {}", root.text);
            // A role is made by putting it.
            if operation.path.contains('{') && operation.id != "replace_role" {
                assert_eq!(root.status, 404, "{what} as administrator: {}", root.text);
            }
        }
        assert!(
            user.status < 500 && anonymous.status < 500,
            "{what}: {} {}",
            user.text,
            anonymous.text
        );
        if operation.path.contains('{') && operation.access == "user" {
            assert_eq!(user.status, 404, "{what} as somebody else: {}", user.text);
            // Somebody else's and nobody's look the same.
            let nobody = call(&other, &operation, &operation.at(NOBODY), &[]);
            assert_eq!(nobody.summary(), user.summary(), "{what}");
        }
        owned.check(&what);
        tried.insert(operation.id);
    }
    assert_eq!(tried.len(), operations(&document).len());
}

/// AUTZ-12: the public door tells nothing of the inside, and the operations door is on loopback.
#[test]
fn the_public_door_shows_no_operations() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let admin = administrator(&server, data.path());
    for path in [
        "/metrics",
        "/tracing",
        "/api/metrics",
        "/api/v1/metrics",
        "/debug",
        "/debug/pprof",
        "/admin",
        "/actuator",
        "/env",
        "/config",
        "/.env",
        "/.git/config",
        "/server-status",
    ] {
        for who in [&server.guest(), &admin] {
            assert_eq!(who.get(path).summary(), "404 HTT-001", "{path}");
        }
    }
    let ready = server.guest().get("/ready").json();
    assert_eq!(ready, json!({"ready": true}), "readiness of the public door is one word");
    let health = server.guest().get("/health").text;
    for mark in ["sqlite", "postgres", "identity", "search", "/tmp", "pid"] {
        assert!(!health.contains(mark), "{health}");
    }
    assert!(server.ops.starts_with("http://127.0.0.1:"), "{}", server.ops);
    let sample = std::process::Command::new(hanse_e2e::binary())
        .args(["config", "sample"])
        .output()
        .expect("it runs");
    let sample = String::from_utf8_lossy(&sample.stdout).into_owned();
    assert!(
        sample.contains("\nops = \"127.0.0.1:3099\"")
            && sample.contains("\nlisten = \"127.0.0.1:3000\""),
        "{sample}"
    );
}

/// AUTN-20: nobody is there before somebody is made, and no example opens a door.
#[test]
fn a_fresh_platform_has_no_account_and_no_known_secret() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let guest = server.guest();
    for (email, password) in [
        ("admin@example.com", "admin"),
        ("admin@localhost", "admin"),
        ("root@localhost", "root"),
        ("you@example.com", "password"),
        ("ann@example.com", "kogge im hafen 1358"),
        ("anna@example.com", "changeme"),
    ] {
        let answer = guest.post("/auth/login", &json!({"email": email, "password": password}));
        assert_eq!(answer.status, 401, "{email}: {}", answer.text);
    }
    for token in ["", "setup", "changeme", "00000000-0000-0000-0000-000000000000"] {
        let answer = guest.post("/auth/setup", &json!({"token": token, "email": "me@example.com", "password": "kogge 1358 hafen", "name": "Me"}));
        assert!((400..500).contains(&answer.status), "{token:?}: {}", answer.text);
    }
    let example = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let other = tempfile::tempdir().expect("a folder");
    let weak =
        Server::try_start(other.path(), &["--set", &format!("secrets.master_key={example}")]);
    assert!(weak.is_err(), "it starts with a master key of zeros");
}
