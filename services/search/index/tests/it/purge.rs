use std::fs;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::path::Path;

use hanse_search_index::{Change, Document};

use crate::{Desk, key, note};

/// Files of the folder with these bytes anywhere in them.
fn holding(folder: &Path, word: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        // A merge may delete a file that was just listed.
        let content = fs::read(path).unwrap_or_default();
        content.windows(word.len()).any(|window| window == word.as_bytes())
    };
    entries.filter(holds).map(|path| path.display().to_string()).collect()
}

/// Letters without a pattern, or compression would hide them from a search for bytes.
fn secret(salt: u64, number: u32) -> String {
    let letter = |at: u32| {
        let mut hasher = DefaultHasher::new();
        (salt, number, at).hash(&mut hasher);
        char::from(b'a' + (hasher.finish() % 26) as u8)
    };
    (0..12).map(letter).collect()
}

#[test]
fn after_a_purge_no_file_has_a_byte_of_what_was_deleted() {
    let mut desk = Desk::new();
    for number in 1..=30_u32 {
        let word = secret(1, number);
        let tags = vec![secret(1_000, number)];
        let title = format!("title {}", secret(2_000, number));
        desk.put(Document { title, tags, ..note(number, (number % 2) as u8, &word) });
        if number % 4 == 0 {
            desk.index.commit().unwrap();
        }
    }
    // Merges end here: one under way would take files away while they are looked at.
    desk.index.release().unwrap();
    // Most can be seen before, or the search below would prove nothing. Compression may break a word where four of its letters occur elsewhere by chance.
    for salt in [1, 2_000] {
        let seen = |number: &u32| !holding(desk.path(), &secret(salt, *number)).is_empty();
        let visible = (1..=30).filter(seen).count();
        assert!(visible > 15, "only {visible} of salt {salt}");
    }
    desk.change(Change::Delete { key: key(5) });
    desk.put(note(7, 1, "replaced"));
    desk.change(Change::DeleteScope { scope: [0; 16] });
    desk.index.purge().unwrap();
    assert_eq!(desk.index.visible(), 33);
    for number in (2..=30).step_by(2).chain([5, 7]) {
        for salt in [1, 1_000, 2_000] {
            assert_eq!(holding(desk.path(), &secret(salt, number)), [""; 0]);
        }
    }
    assert_eq!(desk.find(&secret(1, 9)), [9]);
    assert_eq!(desk.find("replaced"), [7]);
    assert_eq!(desk.hits(0, "title").total, 0);
    desk.change(Change::DeleteScope { scope: [1; 16] });
    desk.index.purge().unwrap();
    assert_eq!(desk.index.len(), 0);
    let left = fs::read_dir(desk.path()).unwrap().map(|entry| entry.unwrap().file_name());
    assert!(left.into_iter().all(|name| name.to_string_lossy().len() < 32));
}
