//! Kill -9 under load, again and again.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::atomic::AtomicBool;
use std::time::Duration;

use hanse_e2e::{
    Client, Server, UNHURRIED, Value, Writer, hanse, harbour_total, json, overview, until,
    write_until_cut,
};
use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};

/// What a log of events says that exists, by thought.
#[derive(Default)]
struct Folded {
    living: BTreeMap<String, Value>,
    created: BTreeMap<String, i64>,
    deleted: BTreeMap<String, i64>,
}

/// Reads the whole log of thoughts and applies it. Every subject counts its own events without a gap.
pub(crate) fn fold(data: &Path) -> (BTreeMap<String, Value>, BTreeMap<String, (i64, i64)>) {
    let (mut after, mut folded) = (0, Folded::default());
    let mut versions: BTreeMap<String, i64> = BTreeMap::new();
    loop {
        let arguments = ["events", "list", "--service", "thoughts", "--limit", "1000", "--after"];
        let said = hanse(data, &[&arguments[..], &[&after.to_string()]].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let events: Vec<Value> = said
            .out
            .lines()
            .map(|line| serde_json::from_str(line).expect("a CloudEvent"))
            .collect();
        for event in &events {
            after = event["sequence"].as_str().expect("a sequence").parse().expect("a number");
            let data = &event["data"];
            let (id, owner) = (text(&data["thought_id"]), text(&data["user_id"]));
            let version = versions.entry(id.clone()).or_default();
            *version += 1;
            assert_eq!(event["subjectversion"], *version, "the history of {id} has a gap");
            let state = json!({ "text": data["text"], "tags": data["tags"] });
            match event["type"].as_str() {
                Some("thoughts.ThoughtCreated") => {
                    *folded.created.entry(owner).or_default() += 1;
                    assert!(folded.living.insert(id, state).is_none(), "created twice");
                }
                Some("thoughts.ThoughtUpdated") => {
                    assert!(
                        folded.living.insert(id, state).is_some(),
                        "changed without being there"
                    );
                }
                Some("thoughts.ThoughtDeleted") => {
                    *folded.deleted.entry(owner).or_default() += 1;
                    assert!(folded.living.remove(&id).is_some(), "deleted without being there");
                }
                other => panic!("an event of another kind: {other:?}"),
            }
        }
        if events.len() < 1000 {
            break;
        }
    }
    let Folded { living, created, deleted } = folded;
    let counts = created
        .into_iter()
        .map(|(owner, count)| {
            let deletions = deleted.get(&owner).copied().unwrap_or_default();
            (owner, (count, deletions))
        })
        .collect();
    (living, counts)
}

fn text(value: &Value) -> String {
    value.as_str().expect("a text").to_owned()
}

/// Waits until analytics and search agree with what exists, exactly.
fn projections_agree(
    client: &Client,
    position: &str,
    living: i64,
    (written, deletions): (i64, i64),
) {
    until("analytics counts each event once", || {
        let now = overview(client);
        let seen =
            (&now["thoughts"]["total"], &now["thoughts"]["written"], &now["activity"]["deletions"]);
        seen == (&json!(living), &json!(written), &json!(deletions))
    });
    until("search finds everything that exists, and nothing else", || {
        harbour_total(client, position) == Some(living)
    });
}

fn each_word_is_found(writer: &Writer, random: &mut StdRng) {
    // The total says that nothing is missing; these words, that each is found by itself.
    let sample = |words: &BTreeMap<String, String>, random: &mut StdRng| -> Vec<(String, String)> {
        let share = (words.len() / 100).max(1);
        let chosen = words.iter().filter(|_| random.random_range(0..share) == 0);
        chosen.map(|(id, word)| (id.clone(), word.clone())).collect()
    };
    for (id, word) in sample(&writer.living, random) {
        let found = writer.client.get(&format!("/api/search?q={word}")).json();
        assert_eq!(found["items"][0]["id"], id, "{word} is not found: {found}");
    }
    for (_, word) in sample(&writer.deleted, random) {
        let found = writer.client.get(&format!("/api/search?q={word}")).json();
        assert_eq!(found["total"], 0, "{word} was deleted: {found}");
    }
}

/// DUR-01, EXO-01, EXO-02, EXO-05, EXO-06, OPS-19: a crash at any moment loses nothing that was
/// acknowledged, leaves nothing half, and counts nothing twice.
#[test]
fn killing_it_again_and_again_loses_nothing() {
    let cycles: u32 =
        std::env::var("HANSE_CRASH_CYCLES").ok().and_then(|text| text.parse().ok()).unwrap_or(200);
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut random = StdRng::seed_from_u64(u64::from(cycles));
    let mut server = Server::start(&data, &UNHURRIED);
    let mut writers: Vec<Writer> = (0..4)
        .map(|n| {
            let journal = folder.path().join(format!("journal{n}"));
            Writer::new(server.register(&format!("writer{n}")), n, &journal)
        })
        .collect();
    let never = AtomicBool::new(false);
    for _ in 0..cycles {
        let moment = Duration::from_millis(random.random_range(5..300));
        write_until_cut(&mut writers, &never, || {
            // The moment of the crash, not a wait for anything.
            std::thread::sleep(moment);
            server.kill();
        });
        server = Server::start(&data, &UNHURRIED);
        for writer in &mut writers {
            writer.settle(&server.url);
        }
    }
    let acknowledged: u64 = writers.iter().map(|writer| writer.acknowledged).sum();
    println!("{cycles} crashes, {acknowledged} acknowledged changes");
    assert!(acknowledged > u64::from(cycles), "there was hardly any load");

    let mut exported = BTreeMap::new();
    for writer in &mut writers {
        exported.extend(writer.compare());
    }
    let (living, counts) = fold(&data);
    assert_eq!(living.len(), exported.len(), "rows and events tell of different thoughts");
    for (id, state) in &exported {
        assert_eq!(living.get(id), Some(state), "rows and events tell different stories of {id}");
    }
    let agree = |writers: &[Writer]| {
        for writer in writers {
            let count = counts[&text(&writer.client.user["id"])];
            assert_eq!(count.0 - count.1, writer.living.len() as i64);
            projections_agree(&writer.client, &writer.position, writer.living.len() as i64, count);
        }
    };
    agree(&writers);
    for writer in &writers {
        each_word_is_found(writer, &mut random);
    }
    let doctor = hanse(&data, &["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);

    // From the first event again, beside the running platform.
    for (service, subscription) in [("analytics", "counters"), ("search", "index")] {
        let said = hanse(
            &data,
            &["events", "replay", "--service", service, "--subscription", subscription],
        );
        assert_eq!(said.code, 0, "{}", said.err);
    }
    agree(&writers);
    assert!(server.stop().success());
    let doctor = hanse(&data, &["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
}
