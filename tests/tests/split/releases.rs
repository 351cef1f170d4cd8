//! OPS-02, OPS-03, EXO-11: what an older release has left is read and goes on; and, in the long form, both
//! releases run side by side while one process after another is replaced.
//!
//! `tests/recorded` holds a whole platform's databases as the release of that commit has written them,
//! as `pg_dump` prints them, with the key that its secrets are sealed under.

use std::fs::Permissions;
use std::os::unix::fs::PermissionsExt as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use hanse_e2e::{
    Client, Crew, Engines, Notes, Scale, Split, Value, binary, engine, hanse, harbour_total, json,
    overview, run, until_is,
};

use crate::CONFIG;

const STORES: [&str; 4] = ["identity", "thoughts", "search", "analytics"];
const TWINS: [(&str, &str); 4] = [
    ("identity-2", "identity"),
    ("thoughts-2", "thoughts"),
    ("search-2", "search"),
    ("analytics-2", "analytics"),
];

fn recorded() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("recorded/11495d8")
}

fn psql(url: &str, arguments: &[&str]) {
    let programs = engine("HANSE_TEST_POSTGRES_BIN");
    let mut psql = Command::new(Path::new(&programs).join("psql"));
    psql.args(["-X", "-q", "-v", "ON_ERROR_STOP=1", "-d", url]).args(arguments);
    let said = run(psql);
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

/// Puts the recorded databases where a platform that has not started yet will look for its own.
fn restore(split: &Split, engines: &Engines) {
    for store in STORES {
        let database = format!("{}{store}", split.store_prefix());
        psql(
            &engines.postgres,
            &[
                "-c",
                &format!(
                    "CREATE DATABASE {database} TEMPLATE template0 ENCODING 'UTF8' \
             LC_COLLATE 'C' LC_CTYPE 'C.UTF-8'"
                ),
            ],
        );
        let (server, _) = engines.postgres.rsplit_once('/').expect("a URL");
        let dump = recorded().join(format!("{store}.sql")).display().to_string();
        psql(&format!("{server}/{database}"), &["-f", &dump, "-o", "/dev/null"]);
    }
    let key = split.folder.join("master.key");
    std::fs::copy(recorded().join("master.key"), &key).expect("a key");
    // Version control does not keep a secret from others.
    std::fs::set_permissions(key, Permissions::from_mode(0o600)).expect("a key of our own");
}

fn operate(split: &Split, arguments: &[&str]) {
    let config = split.folder.join("hanse.toml").display().to_string();
    let data = split.folder.join("operator");
    std::fs::create_dir_all(&data).expect("a folder");
    let said = hanse(&data, &[arguments, &["--config", &config]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

#[test]
fn an_older_release_is_followed() {
    recorded_data_goes_on();
    // The long form really runs the older release, which `cargo xtask soak` builds.
    if let Scale::Long(_) = Scale::of_this_run() {
        let older = engine("HANSE_OLD_BIN");
        side_by_side(&PathBuf::from(older));
    }
}

fn recorded_data_goes_on() {
    let engines = Engines::shared();
    let mut split = Split::plan(&engines, CONFIG, &[]);
    restore(&split, &engines);
    split.run_all();
    let facts = std::fs::read_to_string(recorded().join("facts.json")).expect("facts");
    let facts: Value = serde_json::from_str(&facts).expect("JSON");
    let mut anna = Client::new(&split.url());
    let signed_in = anna.post("/auth/login", &facts["account"]);
    assert_eq!(signed_in.status, 200, "{}", signed_in.text);
    anna.signed_in(&signed_in);
    assert_eq!(export(&anna), facts["thoughts"], "every thought as it was");
    let mut count = i64::try_from(export(&anna).as_array().expect("a list").len()).expect("few");
    assert_eq!(harbour_total(&anna, ""), Some(count));
    assert_eq!(overview(&anna)["thoughts"]["total"], count);

    // What is written now follows what was written then.
    let body = json!({ "text": "harbour of a newer release", "tags": ["load/new"] });
    let written = anna.post("/api/thoughts", &body);
    assert_eq!(written.status, 201, "{}", written.text);
    count += 1;
    let position = written.header("hanse-position");
    until_is("search follows", &Some(count), || harbour_total(&anna, position));

    let total = || overview(&anna)["thoughts"]["total"].as_i64();
    until_is("analytics follows", &Some(count), total);

    // And its events, published by this release, say the same as the projections it had made.
    let before = overview(&anna)["thoughts"].clone();
    for source in ["identity", "thoughts"] {
        operate(&split, &["events", "republish", "--service", source]);
    }
    for (service, subscription) in [("search", "index"), ("analytics", "counters")] {
        let which = ["--service", service, "--subscription", subscription];
        operate(&split, &[&["events", "replay"][..], &which].concat());
    }
    until_is("search is rebuilt", &Some(count), || harbour_total(&anna, position));
    until_is("analytics is rebuilt", &before, || overview(&anna)["thoughts"].clone());
    split.stop_all();
}

/// All thoughts of an account, as id, text and tags.
fn export(client: &Client) -> Value {
    let answer = client.get("/api/thoughts/export");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let thoughts = answer.text.lines().map(|line| {
        let thought: Value = serde_json::from_str(line).expect("JSON lines");
        json!({ "id": thought["id"], "text": thought["text"], "tags": thought["tags"] })
    });
    let mut thoughts: Vec<Value> = thoughts.collect();
    thoughts.sort_by_key(|thought| thought["id"].to_string());
    thoughts.into()
}

/// A platform of the older release, twice of everything, is replaced by this one while people work.
fn side_by_side(older: &Path) {
    let mut split = Split::plan(&Engines::shared(), CONFIG, &TWINS);
    let names: Vec<&'static str> = TWINS.iter().flat_map(|(two, one)| [*one, *two]).collect();
    for name in names.iter().chain(&["gateway"]) {
        split.run_from(name, older.to_owned());
    }
    split.run_all();
    split.joined();
    let mut crew = Crew::register(&split, &["anna", "ben", "cora"]);
    let notes = Notes::default();
    crew.work(&notes, || {
        for name in &names {
            notes.wait_for(200);
            split.stop(name);
            split.run_from(name, binary());
            split.run(name);
            split.ready();
        }
        notes.wait_for(200);
    });
    println!("found: {} processes replaced by the newer release", names.len());
    notes.assert_honest();
    crew.verdict(&split);
    split.stop_all();
}
