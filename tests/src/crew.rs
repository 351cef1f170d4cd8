//! Several people who work on while something breaks, and the verdict on what became of their work.

use std::collections::BTreeMap;
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use serde_json::Value;

use crate::client::{Answer, Client};
use crate::command::hanse;
use crate::split::Split;
use crate::waiting::{eventually, until, until_is};
use crate::writer::{Writer, harbour_total};

/// What a client may be told while something is broken: that it did not work, and to come back.
const HONEST: [&str; 7] = [
    "409 HTT-019",
    "502 UPS-002",
    "503 HTT-017",
    "503 UPS-001",
    "503 UPS-004",
    "503 UPS-006",
    "504 UPS-003",
];
/// What is read beside the writing.
const READ: [&str; 3] = ["/api/thoughts?limit=3", "/api/search?q=harbour&limit=3", OVERVIEW];
const OVERVIEW: &str = "/api/analytics/overview";
/// After a refusal nobody asks again at once.
const BREATH: Duration = Duration::from_millis(20);

/// People with an account each, who write, and one who reads what the first has written.
pub struct Crew {
    writers: Vec<Writer>,
}

/// What happened to their requests.
#[derive(Default)]
pub struct Notes {
    good: AtomicU64,
    answers: Mutex<BTreeMap<String, u64>>,
    slowest: Mutex<Duration>,
    unanswered: Mutex<Vec<String>>,
    dishonest: Mutex<Vec<String>>,
}

impl Crew {
    /// New accounts.
    ///
    /// # Panics
    /// When registering does not work.
    #[must_use]
    pub fn register(split: &Split, names: &[&str]) -> Self {
        let seeds = 1..;
        let writers = names.iter().zip(seeds).map(|(name, seed)| {
            Writer::new(split.register(name), seed, &split.folder.join(format!("journal-{name}")))
        });
        Self { writers: writers.collect() }
    }

    /// Everybody works while `meanwhile` runs, which may wait by the notes.
    pub fn work(&mut self, notes: &Notes, meanwhile: impl FnOnce()) {
        let stop = AtomicBool::new(false);
        let reader = self.writers.first().map(|writer| writer.client.apart());
        std::thread::scope(|scope| {
            // Also when `meanwhile` panics the others must end.
            let _stopping = Stopping(&stop);
            for writer in &mut self.writers {
                let stop = &stop;
                scope.spawn(move || {
                    while !stop.load(Ordering::Acquire) {
                        let begun = Instant::now();
                        notes.note("a change", writer.persist().as_ref(), begun.elapsed());
                        if !writer.is_settled() {
                            std::thread::sleep(BREATH);
                        }
                    }
                });
            }
            if let Some(reader) = reader {
                let stop = &stop;
                scope.spawn(move || read_on(&reader, notes, stop));
            }
            meanwhile();
        });
    }

    /// When all is well again: no acknowledged write is lost, no effect doubled, projections are what a
    /// rebuild from the events makes of them, and nothing is behind.
    ///
    /// # Panics
    /// At the first thing that is not so.
    pub fn verdict(&mut self, split: &Split) {
        for writer in &mut self.writers {
            until("what was not answered can be repeated", || writer.conclude());
            // Its position is the end of everything before.
            until("a last change is answered well", || {
                writer.persist().is_some_and(|answer| answer.status < 300)
            });
        }
        let before = self.compare();
        for (service, subscription) in [("search", "index"), ("analytics", "counters")] {
            replay(split, service, subscription);
        }
        for (rebuilt, before) in self.compare().into_iter().zip(before) {
            assert_eq!(rebuilt, before, "a rebuild ends where the projection was");
        }
        for (name, server) in split.running() {
            let operations = Client::new(&server.ops);
            until(&format!("nothing of {name} is behind"), || {
                let metrics = operations.get("/metrics").text;
                let lags = metrics.lines().filter(|line| line.starts_with("relay_lag_events{"));
                lags.into_iter().all(|line| line.ends_with(" 0"))
            });
        }
    }

    /// That everything is there which was acknowledged, and that search and analytics come to say the
    /// same. Returns what analytics says.
    fn compare(&mut self) -> Vec<Value> {
        let compare = |writer: &mut Writer| {
            let living = i64::try_from(writer.compare().len()).expect("a number");
            let (client, position) = (&writer.client, &writer.position);
            until_is("search finds exactly what exists", &Some(living), || {
                harbour_total(client, position)
            });
            let seen = eventually("analytics has come to the end", || {
                let after = [("hanse-after", position.as_str())];
                let answer = client.send("GET", OVERVIEW, &after, None).ok()?;
                let current = answer.status == 200 && answer.header("hanse-stale").is_empty();
                current.then(|| answer.json()["thoughts"].clone())
            });
            assert_eq!(seen["total"], living, "analytics counts exactly what exists: {seen}");
            seen
        };
        self.writers.iter_mut().map(compare).collect()
    }
}

/// Empties a projection; the running platform rebuilds it.
fn replay(split: &Split, service: &str, subscription: &str) {
    let config = split.folder.join("hanse.toml").display().to_string();
    let data = split.folder.join("operator");
    std::fs::create_dir_all(&data).expect("a folder");
    let arguments = ["events", "replay", "--service", service, "--subscription", subscription];
    let said = hanse(&data, &[&arguments[..], &["--config", &config]].concat());
    assert_eq!(said.code, 0, "{}{}", said.out, said.err);
}

fn read_on(client: &Client, notes: &Notes, stop: &AtomicBool) {
    for path in READ.into_iter().cycle() {
        if stop.load(Ordering::Acquire) {
            return;
        }
        let begun = Instant::now();
        let answer = client.send("GET", path, &[], None).ok();
        notes.note(path, answer.as_ref(), begun.elapsed());
        std::thread::sleep(BREATH);
    }
}

struct Stopping<'a>(&'a AtomicBool);

impl Drop for Stopping<'_> {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Release);
    }
}

impl Notes {
    fn note(&self, what: &str, answer: Option<&Answer>, took: Duration) {
        let mut slowest = self.slowest.lock().expect("notes");
        *slowest = slowest.max(took);
        drop(slowest);
        let Some(answer) = answer else {
            let text = format!("{what}, after {} ms", took.as_millis());
            return self.unanswered.lock().expect("notes").push(text);
        };
        let summary = answer.summary();
        if answer.status < 300 {
            self.good.fetch_add(1, Ordering::AcqRel);
        } else if !HONEST.contains(&summary.as_str()) {
            let text = format!("{what}: {summary} {}", answer.text);
            self.dishonest.lock().expect("notes").push(text);
        }
        *self.answers.lock().expect("notes").entry(summary).or_default() += 1;
    }

    /// Good answers so far.
    #[must_use]
    pub fn good(&self) -> u64 {
        self.good.load(Ordering::Acquire)
    }

    /// Waits until this many more good answers have come.
    ///
    /// # Panics
    /// When they do not come.
    pub fn wait_for(&self, more: u64) {
        let wanted = self.good() + more;
        until("requests are answered well", || self.good() >= wanted);
    }

    /// Waits for another refusal of this kind, as in `503 HTT-017`.
    ///
    /// # Panics
    /// When it does not come.
    pub fn wait_for_refusal(&self, summary: &str) {
        let seen = || self.answers.lock().expect("notes").get(summary).copied().unwrap_or(0);
        let before = seen();
        until(&format!("a request is refused: {summary}"), || seen() > before);
    }

    /// Every request got an answer, and an honest one. Prints what there was.
    ///
    /// # Panics
    /// When one did not.
    pub fn assert_honest(&self) {
        let answers = self.answers.lock().expect("notes");
        let counts: Vec<String> =
            answers.iter().map(|(summary, count)| format!("{count} x {summary}")).collect();
        let slowest = self.slowest.lock().expect("notes").as_millis();
        println!("found: {}; the slowest answer after {slowest} ms", counts.join(", "));
        let unanswered = self.unanswered.lock().expect("notes");
        assert!(unanswered.is_empty(), "requests without an answer: {unanswered:?}");
        let dishonest = self.dishonest.lock().expect("notes");
        assert!(dishonest.is_empty(), "answers that explain nothing: {dishonest:#?}");
    }
}
