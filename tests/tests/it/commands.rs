//! The commands of an operator, beside a running platform and without one.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;

use hanse_e2e::{Server, Value, hanse, json, until};

/// Every file of a folder and what is in it.
fn contents(folder: &Path) -> BTreeMap<String, Vec<u8>> {
    let entries = fs::read_dir(folder).expect("a folder").map(|entry| entry.expect("an entry"));
    entries
        .filter(|entry| entry.path().is_file())
        .map(|entry| {
            let name = entry.file_name().into_string().expect("a name");
            (name, fs::read(entry.path()).expect("a file"))
        })
        .collect()
}

/// OPS-19: whoever only looks leaves no trace: no file is made, no byte is changed.
#[test]
fn looking_changes_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data #1?");
    let server = Server::start(&data, &[]);
    let anna = server.register("anna");
    assert_eq!(anna.post("/api/thoughts", &json!({ "text": "harbour" })).status, 201);
    assert_eq!(hanse(&data, &["doctor"]).code, 0, "beside a running platform");
    assert!(server.stop().success());
    let looks: [&[&str]; 8] = [
        &["doctor"],
        &["doctor", "--json"],
        &["events", "list", "--service", "thoughts"],
        &["events", "positions", "--service", "search"],
        &["events", "dead-letters", "--service", "analytics"],
        &["keys", "list"],
        &["jobs", "list", "--service", "notifications"],
        &["jobs", "dead", "--service", "identity", "--json"],
    ];
    // Whether empty logs stay behind depends on which connection closed last: both must do.
    for service in ["thoughts", "search"] {
        for ending in ["-wal", "-shm"] {
            fs::remove_file(data.join(format!("{service}.db{ending}"))).ok();
        }
    }
    let before = contents(&data);
    for look in looks {
        let said = hanse(&data, look);
        assert_eq!(said.code, 0, "{look:?}: {}{}", said.out, said.err);
        let after = contents(&data);
        let names = |files: &BTreeMap<String, Vec<u8>>| files.keys().cloned().collect::<Vec<_>>();
        assert_eq!(names(&before), names(&after), "{look:?} made or removed a file");
        // The index of a log is no data: whoever opens the log may build it anew.
        for (name, bytes) in before.iter().filter(|(name, _)| !name.ends_with("-shm")) {
            assert!(after[name] == *bytes, "{look:?} changed {name}");
        }
    }
    // What was written last is in a log after a crash, and is seen there.
    let server = Server::start(&data, &[]);
    let anna = server.register("bert");
    assert_eq!(anna.post("/api/thoughts", &json!({ "text": "lighthouse" })).status, 201);
    server.kill();
    let names: Vec<_> = contents(&data).into_keys().collect();
    let said = hanse(&data, &["events", "list", "--service", "thoughts"]);
    assert!(said.out.contains("lighthouse"), "{}{}", said.out, said.err);
    assert_eq!(names, contents(&data).into_keys().collect::<Vec<_>>());
    let nothing = folder.path().join("nothing");
    assert_eq!(hanse(&nothing, &["doctor"]).code, 3);
    assert!(!nothing.exists(), "doctor made a folder");
}

/// M-114: the stream of one subject, from its first event or from a version on.
#[test]
fn what_happened_to_a_subject_is_listed() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let anna = server.register("anna");
    let thought = |text: &str| anna.post("/api/thoughts", &json!({ "text": text }));
    let id = thought("fog").json()["id"].as_str().expect("an id").to_owned();
    assert_eq!(thought("storm").status, 201);
    let path = format!("/api/thoughts/{id}");
    assert_eq!(anna.put(&path, &json!({ "text": "fog, and no wind" })).status, 200);
    assert_eq!(anna.delete(&path).status, 204);
    let subject = format!("thought/{id}");
    let stream = |more: &[&str]| {
        let asked = ["events", "list", "--service", "thoughts", "--json", "--subject"];
        let said = hanse(&data, &[&asked[..], more].concat());
        let events: Vec<Value> = serde_json::from_str(&said.out).expect("JSON");
        let kind = |event: &Value| event["type"].as_str().expect("a type").to_owned();
        events.iter().map(kind).collect::<Vec<_>>()
    };
    let all = ["thoughts.ThoughtCreated", "thoughts.ThoughtUpdated", "thoughts.ThoughtDeleted"];
    assert_eq!(stream(&[&subject]), all);
    assert_eq!(stream(&[&subject, "--after", "1"]), all[1..]);
    assert_eq!(stream(&[&subject, "--limit", "2"]), all[..2]);
    assert!(stream(&["somebody else"]).is_empty());
    server.kill();
}

/// Waits until search's subscriptions have positions: a platform that is stopped at once has none yet.
fn begun(data: &Path) {
    until("the subscriptions have begun", || {
        let said = hanse(data, &["events", "positions", "--service", "search", "--json"]);
        let positions: Value = serde_json::from_str(&said.out).unwrap_or_default();
        positions.as_array().is_some_and(|positions| positions.len() > 1)
    });
}

/// EXO-10: jobs are looked at by command, and only those that gave up are touched.
#[test]
fn jobs_are_seen_and_only_dead_ones_are_touched() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let said = hanse(&data, &["jobs", "list", "--service", "notifications", "--json"]);
    let jobs: Value = serde_json::from_str(&said.out).expect("JSON");
    let daily = jobs.as_array().expect("a list").iter().find(|job| job["kind"] == "tidy");
    let id = daily.expect("the daily job")["id"].as_str().expect("an id").to_owned();
    let said = hanse(&data, &["jobs", "list", "--service", "notifications", "--kind", "tidy"]);
    assert!(said.out.starts_with(&id) && said.out.lines().count() == 1, "{}", said.out);
    let dead = hanse(&data, &["jobs", "dead", "--service", "notifications", "--json"]);
    assert_eq!((dead.code, dead.out.trim()), (0, "[]"));
    for command in ["redrive", "discard"] {
        let said = hanse(&data, &["jobs", command, "--service", "notifications", "--id", &id]);
        assert_eq!(said.code, 1, "{}", said.out);
        assert!(said.err.contains("no such dead job"), "{}", said.err);
    }
    let said = hanse(&data, &["jobs", "redrive", "--service", "notifications"]);
    assert_eq!((said.code, said.out.trim()), (0, "0 job(s) will be tried again"));
    let said = hanse(&data, &["jobs", "dead", "--service", "letters"]);
    assert!(said.code == 1 && said.err.contains("notifications"), "{}", said.err);
    assert!(server.stop().success());
}

/// A name that is not known is answered with those that are, and is a failure.
#[test]
fn events_of_something_unknown() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    begun(&data);
    assert!(server.stop().success());
    let fails = |command: &[&str], words: &[&str]| {
        let said = hanse(&data, &[&["events"], command].concat());
        assert_eq!(said.code, 1, "{command:?}: {}", said.out);
        for word in words {
            assert!(said.err.contains(word), "{command:?}: nothing about {word}: {}", said.err);
        }
    };
    let commands: [&[&str]; 3] = [&["redrive"], &["discard", "--seq", "1"], &["replay"]];
    for command in commands {
        let of = |service, subscription| {
            [command, &["--service", service, "--subscription", subscription]].concat()
        };
        fails(&of("serch", "documents"), &["serch", "identity, thoughts, search, analytics"]);
        fails(&of("search", "nothing"), &["search has no subscription nothing", "index"]);
        fails(&of("identity", "index"), &["identity has no subscriptions"]);
    }
    let one = ["redrive", "--service", "search", "--subscription", "index", "--seq", "9"];
    fails(&one, &["no such dead letter"]);
    let said =
        hanse(&data, &["events", "redrive", "--service", "search", "--subscription", "index"]);
    assert_eq!((said.code, said.out.as_str()), (0, "0 dead letter(s) will be tried again\n"));
}

/// Whatever prints something prints JSON when it is asked to.
#[test]
fn every_command_speaks_json() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let ask = |command: &[&str]| -> Value {
        let said = hanse(&data, &[command, &["--json"]].concat());
        assert_eq!(said.code, 0, "{command:?}: {}{}", said.out, said.err);
        serde_json::from_str(&said.out)
            .unwrap_or_else(|error| panic!("{command:?}: {error}: {}", said.out))
    };
    assert_eq!(ask(&["migrate"])["migrated"][0], "identity");
    assert!(
        ask(&["user", "create", "--admin", "--email", "a@example.com"])["password"].is_string()
    );
    ask(&["user", "create", "--admin", "--email", "b@example.com"]);
    assert_eq!(ask(&["user", "disable", "--email", "a@example.com"])["disabled"], true);
    assert!(ask(&["user", "reset-password", "--email", "b@example.com"])["password"].is_string());
    assert_eq!(ask(&["config", "check"])["good"], true);
    assert!(ask(&["config", "show"])["server"].is_object());
    assert!(ask(&["version"])["version"].is_string());
    assert_eq!(ask(&["events", "list", "--service", "identity"])[0]["specversion"], "1.0");
    let server = Server::start(&data, &[]);
    begun(&data);
    assert!(server.stop().success());
    let positions = ["events", "positions", "--service", "search"];
    assert!(ask(&positions)[0]["seq"].is_number());
    assert_eq!(ask(&["events", "dead-letters", "--service", "search"]), json!([]));
    let index = ["--service", "search", "--subscription", "index"];
    assert_eq!(ask(&[&["events", "redrive"], &index[..]].concat())["redriven"], 0);
    assert_eq!(ask(&[&["events", "replay"], &index[..]].concat())["replayed"], "index");
    assert_eq!(ask(&["keys", "list"])[0]["state"], "signing");
    assert!(ask(&["doctor"]).is_array());
    let backup = folder.path().join("backup").display().to_string();
    assert_eq!(ask(&["backup", &backup])["format"], 1);
    assert!(ask(&["restore", &backup])["before"].is_string());
}

/// AUTN-21: after a key is feared to be known, no token that it signed is taken for long, by a process
/// that goes on running; and nobody has to sign in again.
#[test]
fn signing_keys_are_replaced_at_once() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let mut anna = server.register("anna");
    assert_eq!(anna.get("/api/v1/users/me").status, 200);
    let listed = || -> Vec<Value> {
        let said = hanse(&data, &["keys", "list", "--json"]);
        assert_eq!(said.code, 0, "{}", said.err);
        serde_json::from_str(&said.out).expect("JSON")
    };
    let old = listed();
    assert_eq!(old.len(), 1);
    let said = hanse(&data, &["keys", "replace"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let new = listed();
    assert_eq!(new.len(), 1);
    assert_ne!(new[0]["id"], old[0]["id"]);
    assert!(said.out.contains(new[0]["id"].as_str().expect("an id")), "{}", said.out);
    until("the old token is refused", || anna.get("/api/v1/users/me").status == 401);
    let published = server.guest().get("/.well-known/jwks.json").json();
    assert_eq!(published["keys"].as_array().map(Vec::len), Some(1));
    assert_eq!(published["keys"][0]["kid"], new[0]["id"]);
    let refresh = anna.refresh.clone().expect("a token");
    let again = anna.post("/auth/refresh", &json!({ "refresh_token": refresh }));
    assert_eq!(again.status, 200, "{}", again.text);
    anna.signed_in(&again);
    assert_eq!(anna.get("/api/v1/users/me").status, 200);
    // A key that does not exist is not made up.
    fs::rename(data.join("master.key"), folder.path().join("elsewhere")).expect("a file");
    let said = hanse(&data, &["keys", "replace"]);
    assert_eq!(said.code, 1);
    assert!(said.err.contains("no master key"), "{}", said.err);
    assert!(!data.join("master.key").exists());
}
