//! What keeps the platform from starting, in words; and clocks that jump.

use std::fs::{self, Permissions};
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt as _;
use std::path::Path;
use std::process::Command;

use hanse_e2e::{
    Client, Said, Server, UNHURRIED, Value, binary, hanse, harbour_total, json, overview, run,
    until,
};

/// A command that is expected to fail: one line, for a person, without a panic or a debug dump.
fn refused(said: &Said, code: i32, words: &[&str]) {
    assert_eq!(said.code, code, "{}{}", said.out, said.err);
    let text = said.err.trim();
    assert_eq!(text.lines().count(), 1, "more than one line: {text}");
    plain(text, words);
}

fn plain(text: &str, words: &[&str]) {
    assert!(text.starts_with("hanse: "), "{text}");
    for word in words {
        assert!(text.contains(word), "nothing about {word}: {text}");
    }
    for dump in [
        "panicked",
        "RUST_BACKTRACE",
        "stack backtrace",
        "Error {",
        "Some(",
        "SqliteFailure",
        "{ code",
    ] {
        assert!(!text.contains(dump), "a dump: {text}");
    }
}

fn serve(data: &Path, more: &[&str]) -> Said {
    let addresses =
        ["serve", "--set", "server.listen=\"127.0.0.1:0\"", "--set", "server.ops=\"127.0.0.1:0\""];
    hanse(data, &[&addresses[..], more].concat())
}

/// A port that somebody else has.
#[test]
fn a_port_that_is_taken() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let other = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = other.local_addr().expect("an address").to_string();
    refused(&serve(&data, &["--listen", &address]), 1, &[&address, "--listen", "server.listen"]);
    refused(&serve(&data, &["--ops", &address]), 1, &[&address, "--ops", "server.ops"]);
}

/// A data folder that cannot be written, by the user that it runs as.
#[test]
fn a_data_folder_that_is_not_writable() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    fs::create_dir(&data).expect("a folder");
    fs::set_permissions(folder.path(), Permissions::from_mode(0o755)).expect("a mode");
    fs::set_permissions(&data, Permissions::from_mode(0o555)).expect("a mode");
    // The binary where that user can read it.
    let copy = folder.path().join("hanse");
    fs::copy(binary(), &copy).expect("a copy");
    let as_somebody = |data: &Path| {
        let mut command = if rustix::process::geteuid().is_root() {
            let mut command = Command::new("setpriv");
            command.args(["--reuid=65534", "--regid=65534", "--clear-groups"]).arg(&copy);
            command
        } else {
            Command::new(&copy)
        };
        command.arg("--data").arg(data).args([
            "serve",
            "--listen",
            "127.0.0.1:0",
            "--ops",
            "127.0.0.1:0",
        ]);
        run(command)
    };
    refused(
        &as_somebody(&data),
        1,
        &[&data.display().to_string(), "not writable", "ermission denied"],
    );
    let missing = data.join("deeper");
    refused(&as_somebody(&missing), 1, &[&missing.display().to_string(), "cannot be made"]);
    let file = folder.path().join("file");
    fs::write(&file, "").expect("a file");
    refused(&serve(&file, &[]), 1, &[&file.display().to_string()]);
}

/// A second process on the same folder, and commands that need it alone.
#[test]
fn two_processes_on_one_data_folder() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &[]);
    let place = data.display().to_string();
    refused(&serve(&data, &[]), 1, &[&place, "in use by another hanse"]);
    refused(&hanse(&data, &["migrate"]), 1, &[&place, "in use by another hanse"]);
    assert_eq!(server.guest().get("/health").status, 200, "the first one goes on");
    assert!(server.stop().success());
    Server::start(&data, &[]).kill();
    // The lock of a process that crashed is no lock.
    assert!(Server::start(&data, &[]).stop().success());
}

/// OPS-04: an older release does not touch a newer one's data.
#[test]
fn data_of_a_newer_release() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    assert!(Server::start(&data, &[]).stop().success());
    for service in ["identity", "thoughts", "search", "analytics"] {
        let file =
            rusqlite::Connection::open(data.join(format!("{service}.db"))).expect("a database");
        let add = "INSERT INTO schema_migrations (owner, name, checksum, applied_at) VALUES (?1, '0999_next', '', 0)";
        file.execute(add, [service]).expect("a row");
        drop(file);
        let words = [service, "newer than this release", "restore a backup"];
        refused(&serve(&data, &[]), 1, &words);
        refused(&hanse(&data, &["migrate"]), 1, &words);
        for command in ["list", "positions", "dead-letters"] {
            refused(&hanse(&data, &["events", command, "--service", service]), 1, &words);
        }
        let doctor = hanse(&data, &["doctor"]);
        assert_eq!(doctor.code, 3, "{}", doctor.out);
        assert!(doctor.out.contains("newer than this release"), "{}", doctor.out);
        if service == "identity" {
            let create = ["user", "create", "--email", "bert@example.com"];
            refused(&hanse(&data, &create), 1, &words);
            refused(&hanse(&data, &["user", "disable", "--email", "a@example.com"]), 1, &words);
            refused(&hanse(&data, &["keys", "list"]), 1, &words);
            refused(&hanse(&data, &["keys", "replace"]), 1, &words);
        }
        let file =
            rusqlite::Connection::open(data.join(format!("{service}.db"))).expect("a database");
        file.execute("DELETE FROM schema_migrations WHERE name = '0999_next'", []).expect("a row");
    }
    Server::start(&data, &[]).kill();
}

/// CFG-01, CFG-02: every mistake is named at once, with its key and where it stands; nothing starts.
#[test]
fn a_configuration_with_mistakes() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let file = folder.path().join("hanse.toml");
    fs::write(
        &file,
        "[server]\nlisten = \"nowhere\"\nconnections = \"many\"\nlisted = 1\n[serve]\nx = 1\n\
         [identity]\naccess_minutes = 0\n[log]\nformat = \"xml\"\n[search]\ncommit_every_ms = -5\n",
    )
    .expect("a file");
    let mut command = Command::new(binary());
    command
        .args(["serve", "--set", "limits.user_burst=lots", "--set", "nonsense", "--config"])
        .arg(&file)
        .arg("--data")
        .arg(&data)
        .env("HANSE_SERVER_LISTNE", "127.0.0.1:1")
        .env("HANSE_SERVER_OPS", "127.0.0.1:99999");
    let said = run(command);
    assert_eq!(said.code, 2, "{}", said.err);
    let named = [
        "server.listen",
        "server.connections",
        "server.listed",
        "serve.x",
        "log.format",
        "search.commit_every_ms",
        "limits.user_burst",
        "nonsense",
        "HANSE_SERVER_LISTNE",
        "server.ops",
        "hanse.toml",
        "identity",
    ];
    plain(&said.err, &named);
    // A line for each, and the heading that counts them.
    let lines = said.err.trim().lines().count();
    assert!(said.err.contains(&format!("{} mistake", lines - 1)), "{}", said.err);
    assert!(!data.exists(), "nothing is made before the configuration is good");

    fs::write(&file, "[server\nlisten = 3").expect("a file");
    let mut command = Command::new(binary());
    command.args(["config", "check", "--config"]).arg(&file);
    let said = run(command);
    assert_eq!(said.code, 2);
    plain(&said.err, &["hanse.toml"]);
    let mut command = Command::new(binary());
    command.args(["config", "check", "--config", "/nowhere/hanse.toml"]);
    let said = run(command);
    assert_eq!(said.code, 2);
    plain(&said.err, &["/nowhere/hanse.toml", "No such file"]);
}

/// CFG-05: a master key that others can read, or that is none.
#[test]
fn a_master_key_that_is_no_secret() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    assert!(Server::start(&data, &[]).stop().success());
    let key = data.join("master.key");
    let good = fs::read_to_string(&key).expect("a key");
    assert_eq!(fs::metadata(&key).expect("a key").permissions().mode() & 0o777, 0o600);
    for mode in [0o640, 0o604, 0o644] {
        fs::set_permissions(&key, Permissions::from_mode(mode)).expect("a mode");
        refused(&serve(&data, &[]), 1, &["master.key", "read by others", "chmod 600"]);
        assert_eq!(hanse(&data, &["doctor"]).code, 3);
    }
    fs::set_permissions(&key, Permissions::from_mode(0o600)).expect("a mode");
    fs::write(&key, "c2hvcnQ=\n").expect("a key");
    let said = serve(&data, &[]);
    refused(&said, 1, &["master.key", "32 bytes in base64"]);
    assert!(!said.err.contains("c2hvcnQ"), "the key is shown");
    fs::write(&key, &good).expect("a key");
    Server::start(&data, &[]).kill();
}

/// DUR-16: starts with its clock shifted by this much against the true time.
fn at_another_time(data: &Path, shift: &str) -> Server {
    let mut command = Command::new(binary());
    command.env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1").env("FAKETIME", shift);
    // Time that only goes on monotonically must stay true, or nothing ever times out rightly.
    command.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    Server::spawn(command, data, &UNHURRIED).unwrap_or_else(|said| panic!("{shift}: {said}"))
}

/// Everything that exists, in the order of the list, a few a page.
fn listed(anna: &Client) -> Vec<String> {
    let (mut found, mut cursor) = (Vec::new(), String::new());
    loop {
        let page = anna.get(&format!("/api/thoughts?limit=7{cursor}"));
        assert_eq!(page.status, 200, "{}", page.text);
        let page = page.json();
        let items = page["items"].as_array().expect("items");
        found.extend(items.iter().map(|item| item["text"].as_str().expect("a text").to_owned()));
        let Some(next) = page["next"].as_str() else { return found };
        cursor = format!("&cursor={next}");
    }
}

/// DUR-16: a clock that is 400 days ahead, then an hour behind, then right: no write fails or is lost,
/// nothing is listed twice or left out, tokens of the future and the past end, jobs do not storm.
#[test]
fn a_clock_that_jumps() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut written = Vec::new();
    let server = Server::start(&data, &UNHURRIED);
    let mut anna = server.register("anna");
    let first_token = anna.token.clone();
    let mut position = String::new();
    let mut server = Some(server);
    for (round, shift) in ["+0", "+400d", "-1h", "+0"].into_iter().enumerate() {
        if round > 0 {
            drop(server.take());
            let started = at_another_time(&data, shift);
            anna = anna.at(&started.url);
            // An access token of another time is refused or works; it is never an error of ours.
            let answer = anna.get("/api/thoughts");
            assert!([200, 401].contains(&answer.status), "{shift}: {}", answer.text);
            if shift == "+400d" {
                assert_eq!(answer.summary(), "401 HTT-011", "a token that is 400 days old");
            }
            anna.token = None;
            let again = anna.post(
                "/auth/login",
                &json!({ "email": "anna@example.com", "password": "kogge anna 1358" }),
            );
            assert_eq!(again.status, 200, "{shift}: {}", again.text);
            anna.signed_in(&again);
            let refresh = anna.refresh.clone().expect("a token");
            let again = anna.post("/auth/refresh", &json!({ "refresh_token": refresh }));
            assert_eq!(again.status, 200, "{shift}: {}", again.text);
            anna.signed_in(&again);
            server = Some(started);
        }
        for n in 0..20 {
            let text = format!("harbour {round} {n}");
            let answer = anna.post(
                "/api/thoughts",
                &json!({ "text": text, "tags": [format!("round/{round}")] }),
            );
            assert_eq!(answer.status, 201, "{shift}: {}", answer.text);
            answer.header("hanse-position").clone_into(&mut position);
            written.push(text);
        }
        let mut found = listed(&anna);
        found.sort();
        let mut wanted = written.clone();
        wanted.sort();
        assert_eq!(found, wanted, "{shift}: listed twice or left out");
        let count = written.len() as i64;
        until("search knows everything", || harbour_total(&anna, &position) == Some(count));
        until("analytics knows everything", || {
            overview(&anna)["thoughts"]["total"] == json!(count)
        });
        let log = server.as_ref().map(Server::log).unwrap_or_default();
        assert!(log.lines().count() < 200, "{shift}: it storms:\n{log}");
        assert!(!log.contains("ERROR"), "{shift}: {log}");
    }
    // The very first token is some seconds old, and the time is right again.
    anna.token = first_token;
    assert_eq!(anna.get("/api/thoughts").status, 200);
    let server = server.expect("it runs");
    let metrics = Client::new(&server.ops).get("/metrics").text;
    let errors =
        metrics.lines().filter(|line| line.contains("status=\"5") && !line.ends_with(" 0"));
    assert_eq!(errors.collect::<Vec<_>>(), Vec::<&str>::new());
    assert!(server.stop().success());
    let doctor = hanse(&data, &["doctor", "--json"]);
    let findings: Value = serde_json::from_str(&doctor.out).expect("JSON");
    assert_eq!(doctor.code, 0, "{findings:#}");
}
