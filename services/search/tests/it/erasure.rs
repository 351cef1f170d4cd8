use std::path::{Path, PathBuf};
use std::time::Duration;

use hanse_contracts::identity::UserDeleted;
use hanse_testkit::{Stage, stage_test};

use crate::{ids, search, services, thought, total};

/// Letters that compression cannot shorten and that occur nowhere else.
const WORDS: [&str; 3] = ["qzvkwyxjpfbm", "wjxqkzgvyhpd", "zkqjxvwpygbf"];

/// The files of the search service that hold these bytes.
fn holding(folder: &Path, word: &str) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![folder.to_owned()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let path = entry.path();
            let name = entry.file_name().to_string_lossy().into_owned();
            if path.is_dir() {
                folders.push(path);
            } else if !name.starts_with("thoughts.") && !name.starts_with("identity.") {
                let content = std::fs::read(&path).unwrap_or_default();
                if content.windows(word.len()).any(|window| window == word.as_bytes()) {
                    found.push(path);
                }
            }
        }
    }
    found
}

/// AUTZ-11 and the erasure of issue 2: rows, log, history and index lose every byte, soon.
#[stage_test(split)]
async fn an_erased_person_leaves_no_byte(t: Stage) {
    let (anna, ben) = t.users();
    thought(&t, &anna, &format!("about {}", WORDS[0]), &[WORDS[1]]).await;
    let kept = thought(&t, &ben, "about foxes", &[]).await;
    t.drain_events().await;
    assert_eq!(total(&search(&anna, WORDS[0]).await), 1);
    search(&anna, WORDS[2]).await;
    anna.get("/api/v1/search/recent").await;
    search(&anna, WORDS[1]).await;
    if t.db("search").file().is_some() {
        assert!(!holding(&t.folder, WORDS[0]).is_empty());
    }
    t.emit(UserDeleted { user_id: anna.id }).await;
    t.drain_events().await;
    assert_eq!(total(&search(&anna, "about").await), 0);
    let mut tries = 0;
    loop {
        let left: Vec<_> = WORDS.iter().flat_map(|word| holding(&t.folder, word)).collect();
        if left.is_empty() {
            break;
        }
        tries += 1;
        assert!(tries < 100, "words are left in {left:?}");
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Their token may still be valid: what they do leaves nothing either.
    search(&anna, WORDS[0]).await;
    anna.get("/api/v1/search/recent").await;
    thought(&t, &anna, WORDS[0], &[]).await;
    t.drain_events().await;
    assert_eq!(total(&search(&anna, WORDS[0]).await), 0);
    let recent = anna.get("/api/v1/search/recent").await.json();
    assert_eq!(recent["items"].as_array().map(Vec::len), Some(0));
    assert_eq!(ids(&search(&ben, "about").await), [kept.to_string()]);
}
