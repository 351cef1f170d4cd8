use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use hanse_search_index::{Index, Opened, Options};

use crate::{Desk, keys, note, query};

/// What another process would find if this one were killed now.
fn killed(desk: &Desk) -> (tempfile::TempDir, Index, Opened) {
    let copy = tempfile::tempdir().unwrap();
    for entry in fs::read_dir(desk.path()).unwrap() {
        let entry = entry.unwrap();
        fs::copy(entry.path(), copy.path().join(entry.file_name())).unwrap();
    }
    let (index, opened) = Index::open(copy.path(), Options::default()).unwrap();
    (copy, index, opened)
}

fn segment_files(folder: &Path) -> BTreeSet<String> {
    let names = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().file_name());
    names.filter_map(|name| name.into_string().ok()).filter(|name| name.len() > 32).collect()
}

#[test]
fn commits_are_found_at_once_and_a_crash_leaves_the_last_that_was_settled() {
    let mut desk = Desk::with(&["red fox", "red hen"]);
    let settled = segment_files(desk.path());
    // Enough commits that merges replace the segments that the disk has, too.
    for number in 3..=40 {
        desk.put(note(number, 1, "red owl"));
        desk.index.commit().unwrap();
        assert_eq!(desk.find("owl").len(), number as usize - 2);
    }
    assert_eq!((desk.index.visible(), desk.index.settled()), (40, 2));
    assert!(settled.is_subset(&segment_files(desk.path())), "what is settled stays");
    let (_copy, index, opened) = killed(&desk);
    assert_eq!(opened, Opened::At(2));
    assert_eq!(keys(&index.search(&[[1; 16]], &query("red")).unwrap()), [1, 2]);

    // Ends merges, and settles.
    desk.index.release().unwrap();
    assert_eq!(desk.index.settled(), 40);
    assert!(settled.is_disjoint(&segment_files(desk.path())), "what was merged is gone");
    let (_copy, index, opened) = killed(&desk);
    assert_eq!(opened, Opened::At(40));
    assert_eq!(index.search(&[[1; 16]], &query("red")).unwrap().total, 40);
}

#[test]
fn settling_while_segments_are_merged_leaves_a_whole_commit() {
    let mut desk = Desk::new();
    for number in 1..=200 {
        desk.put(note(number, 1, "red owl"));
        desk.index.commit().unwrap();
        if number % 7 == 0 {
            desk.index.settle().unwrap();
            let (_copy, index, opened) = killed(&desk);
            assert_eq!(opened, Opened::At(number.into()));
            assert_eq!(index.len(), u64::from(number));
        }
    }
    // Only what is in use is left once there is nothing more to merge.
    desk.index.release().unwrap();
    desk.put(note(201, 1, "red owl"));
    desk.index.release().unwrap();
    let (copy, index, _) = killed(&desk);
    drop(index);
    assert_eq!(segment_files(desk.path()), segment_files(copy.path()), "nothing to sweep");
}

#[test]
fn a_large_file_goes_to_the_disk_and_is_found() {
    let mut desk = Desk::new();
    // Much to keep and few words, so that the writer's memory is not full before all of it is in one
    // segment: digits that do not compress, in one long word.
    let digits = |number: u32| {
        let scattered = |n: u64| (u64::from(number) << 32 | n).wrapping_mul(0x9E37_79B9_7F4A_7C15);
        (0..3_000).map(|n| format!("{:016x}", scattered(n))).collect::<String>()
    };
    for number in 1..=60 {
        desk.put(note(number, 1, &format!("w{number} {}", digits(number))));
    }
    desk.index.commit().unwrap();
    assert!(!segment_files(desk.path()).is_empty(), "all of it is in memory");
    assert_eq!(desk.find("w42").first(), Some(&42));
    let (desk, opened) = desk.reopen();
    assert_eq!((opened, desk.index.len()), (Opened::At(0), 0));
    assert!(segment_files(desk.path()).is_empty(), "what was never settled is swept");
}
