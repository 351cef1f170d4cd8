//! Backups under load, and what becomes of them.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};

use hanse_e2e::{
    Client, Said, Server, UNHURRIED, Value, Writer, hanse, harbour_total, json, overview, until,
    write_until_cut,
};

use crate::crash::fold;

fn sign_in(server: &Server, name: &str) -> Client {
    let mut client = server.guest();
    let answer = client.post(
        "/auth/login",
        &json!({ "email": format!("{name}@example.com"), "password": format!("kogge {name} 1358") }),
    );
    assert_eq!(answer.status, 200, "{}", answer.text);
    client.signed_in(&answer);
    client
}

fn exported(client: &Client) -> BTreeMap<String, Value> {
    let export = client.get("/api/thoughts/export").text;
    let thought = |line: &str| {
        let thought: Value = line.parse().expect("JSON lines");
        let id = thought["id"].as_str().expect("an id").to_owned();
        (id, json!({ "text": thought["text"], "tags": thought["tags"] }))
    };
    export.lines().map(thought).collect()
}

fn text(path: &Path) -> String {
    path.display().to_string()
}

/// OPS-05, OPS-06: a backup that is made under load holds everything that was acknowledged before it
/// began, no effect without its cause, and the platform goes on from it as if nothing had happened.
#[test]
fn a_backup_under_load_is_one_cut() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &UNHURRIED);
    let mut writers: Vec<Writer> = (0..4)
        .map(|n| {
            let journal = folder.path().join(format!("journal{n}"));
            Writer::new(server.register(&format!("writer{n}")), n, &journal)
        })
        .collect();
    // These exist before any backup begins, and nobody touches them again.
    let keeper = server.register("keeper");
    for n in 0..50 {
        let answer = keeper.post("/api/thoughts", &json!({ "text": format!("harbour kept {n}") }));
        assert_eq!(answer.status, 201);
    }
    let before = exported(&keeper);
    let stop = AtomicBool::new(false);
    let mut backups = Vec::new();
    write_until_cut(&mut writers, &stop, || {
        for n in 0..5 {
            // Acknowledged right before this backup begins.
            let word = format!("eve{n}");
            let answer = keeper.post("/api/thoughts", &json!({ "text": word }));
            assert_eq!(answer.status, 201);
            let backup = folder.path().join(format!("backup{n}"));
            let said = hanse(&data, &["backup", &text(&backup)]);
            assert_eq!(said.code, 0, "{}", said.err);
            backups.push((backup, n));
        }
        stop.store(true, Ordering::Release);
    });
    for writer in &mut writers {
        writer.compare();
    }
    assert!(server.stop().success());

    for (backup, n) in backups {
        let restored = folder.path().join(format!("restored{n}"));
        let said = hanse(&restored, &["restore", &text(&backup)]);
        assert_eq!(said.code, 0, "{}", said.err);
        let doctor = hanse(&restored, &["doctor"]);
        assert_eq!(doctor.code, 0, "{}", doctor.out);
        let server = Server::start(&restored, &UNHURRIED);
        let keeper = sign_in(&server, "keeper");
        let mut kept = exported(&keeper);
        for m in 0..=n {
            let eve = kept.iter().find(|(_, state)| state["text"] == json!(format!("eve{m}")));
            let id = eve.expect("acknowledged before the backup began").0.clone();
            kept.remove(&id);
        }
        assert!(kept == before, "what was there before the backup began is not all there");
        let (living, counts) = fold(&restored);
        let mut all = exported(&keeper);
        for writer in 0..4 {
            let client = sign_in(&server, &format!("writer{writer}"));
            let thoughts = exported(&client);
            let own = client.user["id"].as_str().expect("an id");
            let (written, deletions) = counts.get(own).copied().unwrap_or_default();
            // They go on: what they write now is counted after what they had.
            let answer =
                client.post("/api/thoughts", &json!({ "text": "harbour after the restore" }));
            assert_eq!(answer.status, 201);
            let total = thoughts.len() as i64 + 1;
            until("analytics has counted each event once", || {
                let now = overview(&client);
                (
                    &now["thoughts"]["total"],
                    &now["thoughts"]["written"],
                    &now["activity"]["deletions"],
                ) == (&json!(total), &json!(written + 1), &json!(deletions))
            });
            let position = answer.header("hanse-position").to_owned();
            until("search finds all", || harbour_total(&client, &position) == Some(total));
            all.extend(thoughts);
        }
        assert!(all == living, "rows and events tell different stories");
        assert!(server.stop().success());
        let doctor = hanse(&restored, &["doctor"]);
        assert_eq!(doctor.code, 0, "{}", doctor.out);
    }
}

fn copy_of(backup: &Path, to: PathBuf) -> PathBuf {
    fs::create_dir(&to).expect("a folder");
    for entry in fs::read_dir(backup).expect("a folder") {
        let entry = entry.expect("an entry");
        fs::copy(entry.path(), to.join(entry.file_name())).expect("a copy");
    }
    to
}

fn refused(said: &Said, words: &[&str]) {
    assert_eq!(said.code, 1, "{}{}", said.out, said.err);
    assert_eq!(said.err.trim().lines().count(), 1, "{}", said.err);
    for word in words {
        assert!(said.err.contains(word), "nothing about {word}: {}", said.err);
    }
}

/// OPS-06: a set that is damaged, incomplete, foreign or in the wrong place is refused, and what is
/// there stays as it is.
#[test]
fn what_is_no_good_backup_is_refused() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let anna = server.register("anna");
    assert_eq!(anna.post("/api/thoughts", &json!({ "text": "old" })).status, 201);
    let good = folder.path().join("good");
    assert_eq!(hanse(&data, &["backup", &text(&good)]).code, 0);
    refused(&hanse(&data, &["backup", &text(&good)]), &["must not exist yet"]);
    refused(&hanse(&data, &["restore", &text(&good)]), &["in use by another hanse"]);
    assert_eq!(anna.post("/api/thoughts", &json!({ "text": "new" })).status, 201);
    assert!(server.stop().success());

    for name in ["thoughts.db", "identity.db", "master.key"] {
        let damaged = copy_of(&good, folder.path().join(format!("damaged {name}")));
        let mut bytes = fs::read(damaged.join(name)).expect("a file");
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(damaged.join(name), bytes).expect("a file");
        refused(&hanse(&data, &["restore", &text(&damaged)]), &[name, "nothing was restored"]);
        fs::remove_file(damaged.join(name)).expect("a file");
        refused(&hanse(&data, &["restore", &text(&damaged)]), &[name, "missing"]);
    }
    let without = copy_of(&good, folder.path().join("without"));
    fs::remove_file(without.join("manifest.json")).expect("a file");
    refused(&hanse(&data, &["restore", &text(&without)]), &["manifest"]);
    refused(&hanse(&data, &["restore", &text(&folder.path().join("nothing"))]), &["manifest"]);
    let manifest: Value =
        fs::read_to_string(good.join("manifest.json")).expect("a file").parse().expect("JSON");
    let digest = manifest["files"]["thoughts.db"].clone();
    let outside = folder.path().join("outside.db");
    fs::copy(good.join("thoughts.db"), &outside).expect("a copy");
    for foreign in [
        "../outside.db",
        &text(&outside),
        "..",
        "",
        "hanse.lock",
        "evil.sh",
        "other.db",
        "thoughts.db-wal",
    ] {
        let mut changed = manifest.clone();
        changed["files"][foreign] = digest.clone();
        let set =
            copy_of(&good, folder.path().join(format!("foreign {}", foreign.replace('/', "_"))));
        if !foreign.is_empty() && !foreign.contains(['/', '\\']) && foreign != ".." {
            fs::copy(good.join("thoughts.db"), set.join(foreign)).expect("a copy");
        }
        fs::write(set.join("manifest.json"), changed.to_string()).expect("a file");
        refused(&hanse(&data, &["restore", &text(&set)]), &["manifest names"]);
    }
    let mut empty = manifest.clone();
    empty["files"] = json!({});
    let set = copy_of(&good, folder.path().join("empty"));
    fs::write(set.join("manifest.json"), empty.to_string()).expect("a file");
    refused(&hanse(&data, &["restore", &text(&set)]), &["manifest names no"]);

    // After all that the data is as it was, and a good set takes its place; twice, and what was there
    // before is kept each time.
    let server = Server::start(&data, &[]);
    let anna = anna.at(&server.url);
    assert_eq!(exported(&anna).len(), 2);
    assert!(server.stop().success());
    for _ in 0..2 {
        assert_eq!(hanse(&data, &["restore", &text(&good)]).code, 0);
    }
    for leftover in ["thoughts.db-wal", "thoughts.db-shm"] {
        assert!(!data.join(leftover).exists(), "{leftover} belongs to other data");
    }
    let server = Server::start(&data, &[]);
    assert_eq!(exported(&anna.clone().at(&server.url)).len(), 1, "as when the backup was made");
    assert!(server.stop().success());
    let kept = folder.path().join("data.before-restore");
    let server = Server::start(&kept, &[]);
    assert_eq!(exported(&anna.at(&server.url)).len(), 2, "the data from before the first restore");
}
