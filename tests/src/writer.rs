//! Somebody who writes without pause and remembers what was acknowledged and what was not.
//!
//! Every thought says `harbour` and one word that nobody else uses; its tags follow from that word, so
//! that text and tags which do not belong together can be seen. What was sent but not answered is in
//! doubt: it may have happened whole or not at all, and after a restart the writer finds out which.

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write as _;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

use rand::rngs::StdRng;
use rand::{RngExt as _, SeedableRng as _};
use serde_json::{Value, json};

use crate::client::{Answer, Client};

/// Settings for load: no budgets, and tokens that outlive the longest test.
pub const UNHURRIED: [&str; 4] =
    ["--set", "limits.enabled=false", "--set", "identity.access_minutes=600"];

/// One change that was sent.
#[derive(Debug, Clone)]
enum Change {
    Create { word: String, key: Option<String> },
    Rewrite { id: String, word: String },
    Delete { id: String },
}

/// Somebody who writes without pause.
pub struct Writer {
    /// The account.
    pub client: Client,
    /// `Hanse-Position` of the last acknowledged change.
    pub position: String,
    /// Changes that were acknowledged.
    pub acknowledged: u64,
    /// Thoughts that exist, and the word of each.
    pub living: BTreeMap<String, String>,
    /// Thoughts that were deleted, and the word each had.
    pub deleted: BTreeMap<String, String>,
    doubtful: BTreeSet<String>,
    /// Thoughts that nobody touches again, and the words each may have: a change was not answered, and
    /// may even happen later. No word is to be gone.
    open: BTreeMap<String, [Option<String>; 2]>,
    pending: Option<Change>,
    random: StdRng,
    journal: File,
}

/// The tags of the thought with this word.
fn tags_of(word: &str) -> Vec<String> {
    let letters: Vec<char> = word.chars().take(2).collect();
    match letters[..] {
        [first @ 'a'..='m', second] => {
            vec![format!("load/{first}"), format!("pair/{first}{second}")]
        }
        _ => Vec::new(),
    }
}

fn body(word: &str) -> Value {
    json!({ "text": format!("harbour {word}"), "tags": tags_of(word) })
}

impl Writer {
    /// A writer with this account and seed, whose journal is a new file.
    ///
    /// # Panics
    /// When the journal cannot be made.
    #[must_use]
    pub fn new(client: Client, seed: u64, journal: &Path) -> Self {
        Self {
            client,
            position: String::new(),
            acknowledged: 0,
            living: BTreeMap::new(),
            deleted: BTreeMap::new(),
            doubtful: BTreeSet::new(),
            open: BTreeMap::new(),
            pending: None,
            random: StdRng::seed_from_u64(seed),
            journal: File::create_new(journal).expect("a new journal"),
        }
    }

    /// Sends one change. False when no answer came: the change is in doubt then.
    ///
    /// # Panics
    /// When the platform refuses it.
    pub fn write(&mut self) -> bool {
        match self.try_write() {
            Some(answer) => {
                assert!(
                    answer.status < 300,
                    "a write was refused: {} {}",
                    answer.status,
                    answer.text
                );
                true
            }
            None => false,
        }
    }

    /// Sends one change and takes whatever answer comes. After a 5xx the change is in doubt.
    pub fn try_write(&mut self) -> Option<Answer> {
        let change = self.choose();
        self.attempt(change)
    }

    /// Sends one change while the platform is in trouble, and takes whatever comes. A creation with a
    /// key that was not answered well is sent again, with the same key, by the next call; what became
    /// of any other stays open, since a request may be carried out long after its sender gave up.
    pub fn persist(&mut self) -> Option<Answer> {
        let change = match self.pending.take() {
            Some(change @ Change::Create { key: Some(_), .. }) => change,
            before => {
                self.leave_open(before);
                self.choose()
            }
        };
        self.attempt(change)
    }

    /// Has the last change of [`Writer::persist`] been answered well?
    #[must_use]
    pub fn is_settled(&self) -> bool {
        self.pending.is_none()
    }

    /// When the trouble is over: repeats the last creation if it has a key. False when it has to be
    /// asked again.
    pub fn conclude(&mut self) -> bool {
        match self.pending.take() {
            Some(change @ Change::Create { key: Some(_), .. }) => {
                self.attempt(change).is_some_and(|answer| answer.status < 300)
            }
            before => {
                self.leave_open(before);
                true
            }
        }
    }

    fn attempt(&mut self, change: Change) -> Option<Answer> {
        self.pending = Some(change.clone());
        let answer = self.send(&change).ok()?;
        // A conflict may be one with the same request, still under way.
        if answer.status < 500 && answer.status != 409 {
            self.pending = None;
        }
        if answer.status < 300 {
            self.acknowledge(change, &answer);
        }
        Some(answer)
    }

    fn leave_open(&mut self, change: Option<Change>) {
        let (id, after) = match change {
            Some(Change::Create { word, .. }) => {
                self.doubtful.insert(word);
                return;
            }
            Some(Change::Rewrite { id, word }) => (id, Some(word)),
            Some(Change::Delete { id }) => (id, None),
            None => return,
        };
        let before = self.living.remove(&id);
        self.open.insert(id, [before, after]);
    }

    fn choose(&mut self) -> Change {
        let word: String =
            (0..12).map(|_| char::from(b'a' + self.random.random_range(0..26))).collect();
        let victim = (!self.living.is_empty())
            .then(|| self.random.random_range(0..self.living.len()))
            .and_then(|place| self.living.keys().nth(place).cloned());
        match (self.random.random_range(0..10), victim) {
            (0, Some(id)) => Change::Delete { id },
            (1 | 2, Some(id)) => Change::Rewrite { id, word },
            (3..=6, _) => Change::Create { key: Some(format!("key-{word}")), word },
            _ => Change::Create { key: None, word },
        }
    }

    fn send(&self, change: &Change) -> Result<Answer, ureq::Error> {
        let json = |word: &str| Some(("application/json", body(word).to_string()));
        match change {
            Change::Create { word, key: Some(key) } => {
                self.client.send("POST", "/api/thoughts", &[("idempotency-key", key)], json(word))
            }
            Change::Create { word, key: None } => {
                self.client.send("POST", "/api/thoughts", &[], json(word))
            }
            Change::Rewrite { id, word } => {
                self.client.send("PUT", &format!("/api/thoughts/{id}"), &[], json(word))
            }
            Change::Delete { id } => {
                self.client.send("DELETE", &format!("/api/thoughts/{id}"), &[], None)
            }
        }
    }

    fn acknowledge(&mut self, change: Change, answer: &Answer) {
        self.acknowledged += 1;
        answer.header("hanse-position").clone_into(&mut self.position);
        let line = match change {
            Change::Create { word, .. } => {
                let id = answer.json().get("id").and_then(Value::as_str).expect("an id").to_owned();
                let line = format!("created {id} {word}");
                self.living.insert(id, word);
                line
            }
            Change::Rewrite { id, word } => {
                let line = format!("rewritten {id} {word}");
                self.living.insert(id, word);
                line
            }
            Change::Delete { id } => {
                let line = format!("deleted {id}");
                self.bury(id);
                line
            }
        };
        writeln!(self.journal, "{line}")
            .and_then(|()| self.journal.sync_data())
            .expect("a journal");
    }

    fn bury(&mut self, id: String) {
        if let Some(word) = self.living.remove(&id) {
            self.deleted.insert(id, word);
        }
    }

    /// After a restart: finds out what became of the change in doubt. One with a key is repeated with
    /// the same key.
    ///
    /// # Panics
    /// When it half happened.
    pub fn settle(&mut self, url: &str) {
        self.client = self.client.clone().at(url);
        let Some(change) = self.pending.take() else { return };
        match change {
            Change::Create { key: Some(_), .. } => {
                let answer = self.send(&change).expect("an answer");
                assert_eq!(answer.status, 201, "a repeated request: {}", answer.text);
                self.acknowledge(change, &answer);
            }
            Change::Create { word, key: None } => {
                self.doubtful.insert(word);
            }
            Change::Rewrite { id, word } => {
                let now = self.client.get(&format!("/api/thoughts/{id}"));
                assert_eq!(now.status, 200, "a thought that was changed is gone: {}", now.text);
                if now.json()["text"] == body(&word)["text"] {
                    self.living.insert(id, word);
                }
            }
            Change::Delete { id } => {
                let now = self.client.get(&format!("/api/thoughts/{id}"));
                assert!([200, 404].contains(&now.status), "{}", now.text);
                if now.status == 404 {
                    self.bury(id);
                }
            }
        }
    }

    /// Compares everything that exists with everything that was acknowledged, and returns it: the
    /// thoughts as `id → (text, tags)`. Creations in doubt that did happen count as living from now on.
    ///
    /// # Panics
    /// At the first difference.
    pub fn compare(&mut self) -> BTreeMap<String, Value> {
        let export = self.client.get("/api/thoughts/export");
        assert_eq!(export.status, 200, "{}", export.text);
        let (mut found, mut words) = (BTreeMap::new(), Vec::new());
        for line in export.text.lines() {
            let thought: Value = serde_json::from_str(line).expect("JSON lines");
            let id = thought["id"].as_str().expect("an id").to_owned();
            let text = thought["text"].as_str().expect("a text").to_owned();
            let word = text.strip_prefix("harbour ").expect("a text of ours").to_owned();
            assert_eq!(
                thought["tags"],
                json!(tags_of(&word)),
                "text and tags of different writes: {line}"
            );
            assert!(!self.deleted.contains_key(&id), "deleted, and there again: {line}");
            if let Some(may) = self.open.get(&id) {
                assert!(may.contains(&Some(word.clone())), "nobody wrote this: {line}");
            } else if !self.living.contains_key(&id) {
                assert!(
                    self.doubtful.remove(&word),
                    "nobody wrote this, or it was written twice: {line}"
                );
                self.living.insert(id.clone(), word.clone());
            }
            words.push(word);
            let state = json!({ "text": text, "tags": thought["tags"] });
            assert!(found.insert(id, state).is_none(), "twice: {line}");
        }
        for (id, word) in &self.living {
            let state =
                found.get(id).unwrap_or_else(|| panic!("acknowledged and lost: {id} {word}"));
            assert_eq!(state["text"], body(word)["text"], "an acknowledged change of {id} is lost");
        }
        for (id, may) in &self.open {
            assert!(found.contains_key(id) || may.contains(&None), "lost: {id} {may:?}");
        }
        let mut direct: BTreeMap<String, i64> = BTreeMap::new();
        for tag in words.iter().flat_map(|word| tags_of(word)) {
            *direct.entry(tag).or_default() += 1;
        }
        let tags = self.client.get("/api/thoughts/tags").json();
        let counted: BTreeMap<String, i64> = tags["items"]
            .as_array()
            .expect("tags")
            .iter()
            .map(|tag| {
                (
                    tag["tag"].as_str().unwrap_or_default().to_owned(),
                    tag["direct"].as_i64().unwrap_or(-1),
                )
            })
            .filter(|(_, count)| *count != 0)
            .collect();
        assert_eq!(counted, direct, "the rows of tags do not belong to the rows of thoughts");
        found
    }
}

/// Lets all writers write until the connection ends, or `stop` says so.
pub fn write_until_cut(writers: &mut [Writer], stop: &AtomicBool, meanwhile: impl FnOnce()) {
    std::thread::scope(|scope| {
        for writer in writers {
            scope.spawn(move || while !stop.load(Ordering::Acquire) && writer.write() {});
        }
        meanwhile();
    });
}

/// How many of their things search finds under `harbour`, once it has come to this position.
#[must_use]
pub fn harbour_total(client: &Client, position: &str) -> Option<i64> {
    let after = [("hanse-after", position)];
    let headers = if position.is_empty() { &after[..0] } else { &after[..] };
    let answer = client.send("GET", "/api/search?q=harbour&limit=1", headers, None).ok()?;
    answer.json()["total"].as_i64()
}

/// Their analytics overview.
#[must_use]
pub fn overview(client: &Client) -> Value {
    client.get("/api/analytics/overview").json()
}
