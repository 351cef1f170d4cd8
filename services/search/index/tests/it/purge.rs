use std::fs;
use std::path::Path;

use hanse_search_index::{Change, Document};

use crate::{Desk, key, note};

/// Files of the folder with these bytes anywhere in them.
fn holding(folder: &Path, word: &str) -> Vec<String> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let holds = |path: &std::path::PathBuf| {
        fs::read(path).unwrap().windows(word.len()).any(|window| window == word.as_bytes())
    };
    entries.filter(holds).map(|path| path.display().to_string()).collect()
}

#[test]
fn after_a_purge_no_file_has_a_byte_of_what_was_deleted() {
    let mut desk = Desk::new();
    for number in 1..=30_u32 {
        let secret = format!("xyzzy{number:03}");
        let tags = vec![format!("plugh{number:03}")];
        let title = format!("title {secret}");
        desk.put(Document { title, tags, ..note(number, (number % 2) as u8, &secret) });
        if number % 4 == 0 {
            desk.index.commit().unwrap();
        }
    }
    desk.index.commit().unwrap();
    assert!(!holding(desk.path(), "xyzzy006").is_empty());
    desk.change(Change::Delete { key: key(5) });
    desk.put(note(7, 1, "replaced"));
    desk.change(Change::DeleteScope { scope: [0; 16] });
    desk.index.purge().unwrap();
    assert_eq!(desk.index.visible(), 33);
    for number in (2..=30).step_by(2).chain([5, 7]) {
        assert_eq!(holding(desk.path(), &format!("xyzzy{number:03}")), [""; 0]);
        assert_eq!(holding(desk.path(), &format!("plugh{number:03}")), [""; 0]);
    }
    assert_eq!(desk.find("xyzzy009")[0], 9);
    assert_eq!(desk.find("replaced"), [7]);
    assert_eq!(desk.hits(0, "title").total, 0);
    desk.change(Change::DeleteScope { scope: [1; 16] });
    desk.index.purge().unwrap();
    assert_eq!(holding(desk.path(), "xyzzy"), [""; 0]);
    assert_eq!(desk.index.len(), 0);
}
