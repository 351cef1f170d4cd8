//! Scenes against a real folder.
#![expect(clippy::unwrap_used, reason = "a scene that cannot be set up has failed")]

mod canary;
mod damage;
mod finding;
mod hostile;
mod paging;
mod purge;
mod settling;

use std::path::Path;

use hanse_search_index::{Change, Document, Hits, Id, Index, Opened, Options, Query};

/// An index in a folder of its own, fed by numbered changes.
struct Desk {
    index: Index,
    folder: tempfile::TempDir,
    next: u64,
}

impl Desk {
    fn new() -> Desk {
        let folder = tempfile::tempdir().unwrap();
        let (index, opened) = Index::open(folder.path(), Options::default()).unwrap();
        assert_eq!(opened, Opened::Empty);
        Desk { index, folder, next: 1 }
    }

    fn change(&mut self, change: Change) {
        self.index.apply(self.next, change).unwrap();
        self.next += 1;
    }

    fn put(&mut self, document: Document) {
        self.change(Change::Put(document));
    }

    /// A desk whose commit, on disk, holds these bodies in scope 1, with keys 1, 2, 3…
    fn with(bodies: &[&str]) -> Desk {
        let mut desk = Desk::new();
        for (at, body) in bodies.iter().enumerate() {
            desk.put(note(at as u32 + 1, 1, body));
        }
        desk.index.commit().unwrap();
        desk.index.settle().unwrap();
        desk
    }

    fn find(&self, text: &str) -> Vec<u32> {
        keys(&self.hits(1, text))
    }

    fn hits(&self, scope: u8, text: &str) -> Hits {
        self.index.search(&[[scope; 16]], &query(text)).unwrap()
    }

    /// Closes and opens again, as a new process would.
    fn reopen(self) -> (Desk, Opened) {
        let Desk { index, folder, next } = self;
        drop(index);
        let (index, opened) = Index::open(folder.path(), Options::default()).unwrap();
        (Desk { index, folder, next }, opened)
    }

    fn path(&self) -> &Path {
        self.folder.path()
    }
}

fn query(text: &str) -> Query {
    Query { text: text.to_owned(), limit: 50, ..Query::default() }
}

fn key(number: u32) -> Id {
    u128::from(number).to_be_bytes()
}

fn keys(hits: &Hits) -> Vec<u32> {
    hits.hits.iter().map(|hit| u128::from_be_bytes(hit.key) as u32).collect()
}

fn note(number: u32, scope: u8, body: &str) -> Document {
    Document {
        key: key(number),
        kind: "thoughts".to_owned(),
        scope: [scope; 16],
        title: String::new(),
        body: body.to_owned(),
        tags: Vec::new(),
        time_us: 1_000,
    }
}
