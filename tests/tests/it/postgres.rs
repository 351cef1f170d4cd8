//! PostgreSQL as operators run it: behind a pooler, with a replica, by TLS.

use std::path::Path;

use hanse_e2e::{
    Authority, Client, Database, Pooler, Redis, Server, Writer, harbour_total, overview, until,
};
use tempfile::TempDir;

fn platform(folder: &Path, settings: &[String]) -> Server {
    let mut more = vec!["--set", "limits.enabled=false"];
    more.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    Server::start(folder, &more)
}

fn store(url: &str) -> String {
    format!("store.url=\"{url}\"")
}

/// NET-03: a pooler that lends its few connections by the transaction, and dies under load.
#[test]
fn a_pooler_may_stand_before_the_database() {
    let database = Database::start();
    let mut pooler = Pooler::start(&database);
    let folder = TempDir::new().expect("a folder");
    let data = folder.path().join("data");
    let server = platform(&data, &[store(&pooler.url()), "store.pooled=true".to_owned()]);
    let mut writers: Vec<Writer> = (0..3)
        .map(|seed| {
            let client = Client::register(&server.url, &format!("writer{seed}"));
            Writer::new(client, seed, &folder.path().join(format!("journal{seed}")))
        })
        .collect();
    for round in 0..3 {
        std::thread::scope(|scope| {
            for writer in &mut writers {
                scope.spawn(|| (0..40).for_each(|_| assert!(writer.write())));
            }
        });
        if round == 2 {
            break;
        }
        pooler.crash_and_return();
        for writer in &mut writers {
            until("the store is reached again", || {
                writer.client.get("/api/thoughts?limit=1").status == 200
            });
        }
    }
    for writer in &mut writers {
        let living = i64::try_from(writer.compare().len()).expect("a number");
        until("search finds exactly what exists", || {
            harbour_total(&writer.client, &writer.position) == Some(living)
        });
        until("analytics counts exactly what exists", || {
            overview(&writer.client)["thoughts"]["total"] == living
        });
    }
    let left = "SELECT count(*) FROM pg_stat_activity WHERE application_name = 'hanse' AND \
                datname = 'hanse_thoughts'";
    let shared: u32 = database.ask(left).parse().expect("a number");
    assert!((1..=3).contains(&shared), "{shared} connections stand for all of them");
    assert!(server.stop().success());
}

/// NET-06: only what was declared to lag is read from a replica, and not even that by somebody who
/// says what they have written; without the replica everything is as before.
#[test]
fn a_replica_answers_only_what_may_lag() {
    let database = Database::start();
    let folder = TempDir::new().expect("a folder");
    let first = platform(&folder.path().join("first"), &[store(&database.url())]);
    let anna = Client::register(&first.url, "anna");
    let body = serde_json::json!({ "text": "before", "tags": [] });
    let position = anna.post("/api/thoughts", &body).header("hanse-position").to_owned();
    let after = [("hanse-after", position.as_str())];
    let seen = anna.send("GET", "/api/analytics/overview", &after, None).expect("an answer");
    assert_eq!(seen.json()["thoughts"]["total"], 1);
    assert!(first.stop().success());

    let mut replica = database.follower("1h");
    let replica_url = format!("store.replica_url=\"{}\"", replica.url());
    let server = platform(&folder.path().join("first"), &[store(&database.url()), replica_url]);
    let anna = anna.at(&server.url);
    let body = serde_json::json!({ "text": "afterwards", "tags": [] });
    let written = anna.post("/api/thoughts", &body);
    assert_eq!(written.status, 201, "{}", written.text);
    assert_eq!(anna.get(written.header("location")).status, 200, "what was written can be read");
    assert_eq!(anna.get("/api/thoughts").json()["items"].as_array().expect("a list").len(), 2);
    let position = written.header("hanse-position").to_owned();
    let after = [("hanse-after", position.as_str())];
    let total = |headers: &[(&str, &str)]| {
        let path = "/api/analytics/overview";
        anna.send("GET", path, headers, None).expect("an answer").json()["thoughts"]["total"]
            .clone()
    };
    assert_eq!(total(&after), 2, "whoever says what they wrote is answered by the main server");
    assert_eq!(total(&[]), 1, "others by the replica, which is an hour behind here");
    replica.crash();
    assert_eq!(total(&[]), 2, "the main server answers while the replica is away");
    assert!(server.stop().success());
}

/// NET-02: the links to the engines are encrypted, and nobody else's certificate is believed.
#[test]
fn links_to_the_engines_can_be_encrypted() {
    let (authority, stranger) = (Authority::new(), Authority::new());
    let certificate = authority.issue("engine", "IP:127.0.0.1", 30);
    let database = Database::start_encrypted(&certificate);
    let (redis, redis_url) = Redis::start_encrypted(&certificate);
    let folder = TempDir::new().expect("a folder");
    let settings = |trusted: &Authority| {
        let file = trusted.file().display().to_string();
        [
            store(&format!("{}?sslmode=require", database.url())),
            format!("store.ca_file=\"{file}\""),
            format!("redis.url=\"{redis_url}\""),
            format!("redis.ca_file=\"{file}\""),
        ]
    };
    let strangers: Vec<String> = settings(&stranger).to_vec();
    let more: Vec<&str> = strangers.iter().flat_map(|setting| ["--set", setting]).collect();
    let said = Server::try_start(&folder.path().join("stranger"), &more).err().unwrap_or_default();
    assert!(said.contains("certificate"), "it says why it does not start: {said}");

    let server = platform(&folder.path().join("data"), &settings(&authority));
    let client = Client::register(&server.url, "anna");
    let mut writer = Writer::new(client, 3, &folder.path().join("journal"));
    (0..20).for_each(|_| assert!(writer.write()));
    writer.compare();
    let links = "SELECT ssl, count(*) FROM pg_stat_ssl JOIN pg_stat_activity USING (pid) \
                 WHERE application_name = 'hanse' GROUP BY ssl";
    let links = database.ask(links);
    assert!(links.starts_with("t|") && !links.contains("f|"), "all by TLS: {links}");
    let ops = Client::new(&server.ops);
    until("redis is reached", || {
        let ready = ops.get("/ready").json();
        let needs = ready["dependencies"].as_array().cloned().unwrap_or_default();
        needs.iter().any(|need| need["name"] == "redis" && need["ready"] == true)
    });
    assert_eq!(redis.ask(&["PING"]), ["PONG"]);
    assert!(server.stop().success());
}
