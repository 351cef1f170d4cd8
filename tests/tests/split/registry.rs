//! Processes that find each other by Redis, which is killed, emptied and lied to meanwhile.

use std::net::TcpListener;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use hanse_e2e::{Engines, Redis, SERVICES, Split, Writer, harbour_total, json, overview, until};

use crate::CONFIG;

/// What happens to Redis, in words and in deeds; the thief's address is told.
type Day = (&'static str, fn(&mut Redis, &str));

/// A platform without written addresses: who serves where is known by Redis only.
fn by_announcement(redis: &Redis) -> Split {
    let more = format!("{CONFIG}[redis]\nurl = \"{}\"\n", redis.url());
    let mut split = Split::plan(&Engines::shared(), &more, &[("thoughts-2", "thoughts")]);
    for name in SERVICES.iter().map(|(name, _)| *name).chain(["thoughts-2"]) {
        let address = split.address_of(name).to_owned();
        split.set(name, "peers.endpoints={}".to_owned());
        split.set(name, format!("peers.address=\"{address}\""));
    }
    split
}

/// Announces a thief: what Redis knows of one that serves, with the thief's address in its place.
fn forge(redis: &Redis, thief: &str) {
    let entries = redis.ask(&["HGETALL", "hanse:instances:thoughts"]);
    let (id, said) = (&entries[0], &entries[1]);
    let mut said: serde_json::Value = serde_json::from_str(said).expect("JSON");
    said["address"] = json!(thief);
    for id in [id.clone(), id.replace('.', "0."), "another".to_owned()] {
        said["id"] = json!(id);
        let forever = "99999999999999999";
        let written = redis.ask(&["HSET", "hanse:instances:thoughts", &id, &said.to_string()]);
        assert!(["0", "1"].contains(&written[0].as_str()), "{written:?}");
        assert_eq!(redis.ask(&["HSET", "hanse:heartbeats:thoughts", &id, forever]).len(), 1);
    }
}

/// Counts who comes to an address that is nobody's.
fn thief() -> (String, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address").to_string();
    let visitors = Arc::new(AtomicUsize::new(0));
    let count = Arc::clone(&visitors);
    std::thread::spawn(move || {
        for _ in listener.incoming() {
            count.fetch_add(1, Ordering::Relaxed);
        }
    });
    (address, visitors)
}

/// NET-04: losing Redis, or what it knew, costs speed only; and nobody is sent anywhere by it whom the
/// installation does not know.
#[test]
fn processes_find_each_other_whatever_becomes_of_redis() {
    let mut redis = Redis::start();
    let mut split = by_announcement(&redis);
    split.run_all();
    split.joined();
    let journal = split.folder.join("journal");
    let mut writer = Writer::new(split.register("anna"), 11, &journal);
    let url = split.url();
    let (address, visitors) = thief();
    let keyed = json!({ "text": "said once", "tags": [] });
    let key = [("idempotency-key", "once")];
    let bella = split.register("bella");
    let say = || {
        let body = Some(("application/json", keyed.to_string()));
        bella.send("POST", "/api/thoughts", &key, body).expect("an answer")
    };
    let first = say();
    assert_eq!(first.status, 201, "{}", first.text);
    let leaver = split.register("leaver");
    assert_eq!(leaver.post("/auth/logout", &json!({})).status, 204);
    // Other processes hear of it within two seconds, however fast the days below go by.
    until("every process knows who has left", || leaver.get("/api/thoughts").status == 401);

    let days: [Day; 5] = [
        ("a thief is announced", |redis, thief| forge(redis, thief)),
        ("it forgets", |redis, _| drop(redis.ask(&["FLUSHALL"]))),
        ("it dies", |redis, _| redis.kill()),
        ("it is back with nothing", |redis, _| redis.start_again()),
        ("all is well", |_, _| {}),
    ];
    for (what, happens) in days {
        happens(&mut redis, &address);
        for _ in 0..60 {
            assert!(writer.write(), "a write although {what}");
        }
        assert_eq!(say().header("location"), first.header("location"), "done once: {what}");
        assert_eq!(leaver.get("/api/thoughts").status, 401, "what has ended has ended: {what}");
    }

    // One that says goodbye is not asked again, one that dies is tried and left.
    split.stop("thoughts");
    for _ in 0..40 {
        assert!(writer.write(), "the other one serves");
    }
    split.run("thoughts");
    split.ready();
    until("it is found again", || {
        let known = redis.ask(&["HVALS", "hanse:instances:thoughts"]).join(" ");
        known.contains(split.address_of("thoughts"))
    });
    split.kill("thoughts-2");
    writer.settle(&url);
    for _ in 0..40 {
        writer.try_write();
    }
    writer.settle(&url);
    let living = i64::try_from(writer.compare().len()).expect("a number");
    until("search finds exactly what exists", || {
        harbour_total(&writer.client, &writer.position) == Some(living)
    });
    until("analytics counts exactly what exists", || {
        overview(&writer.client)["thoughts"]["total"] == living
    });
    assert_eq!(visitors.load(Ordering::Relaxed), 0, "nobody was sent to the thief");
    split.stop_all();
}
