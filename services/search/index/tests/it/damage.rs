use std::fs;
use std::path::{Path, PathBuf};

use hanse_search_index::{Index, IndexError, Opened, Options};

use crate::{Desk, note};

fn files(folder: &Path, extension: &str) -> Vec<PathBuf> {
    let entries = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    entries.filter(|path| path.extension().is_some_and(|found| found == extension)).collect()
}

fn rebuilt(desk: Desk) -> Desk {
    let (mut desk, opened) = desk.reopen();
    assert!(matches!(opened, Opened::Rebuilt(_)), "{opened:?}");
    assert_eq!((desk.index.len(), desk.index.visible()), (0, 0));
    desk.next = 1;
    desk.put(note(1, 1, "fed again"));
    desk.index.commit().unwrap();
    desk.index.settle().unwrap();
    assert_eq!(desk.find("again"), [1]);
    desk
}

#[test]
fn what_was_committed_survives_and_names_its_position() {
    let mut desk = Desk::with(&["red fox", "red hen"]);
    desk.put(note(3, 1, "red owl"));
    let (mut desk, opened) = desk.reopen();
    assert_eq!(opened, Opened::At(2));
    assert_eq!(desk.find("red").len(), 2);
    desk.next = 3;
    desk.put(note(3, 1, "red owl"));
    desk.index.release().unwrap();
    assert_eq!(desk.index.visible(), 3);
    let (desk, opened) = desk.reopen();
    assert_eq!(opened, Opened::At(3));
    assert_eq!(desk.find("red").len(), 3);
}

#[test]
fn an_index_opened_twice_and_never_fed_is_at_the_beginning() {
    let (_, opened) = Desk::new().reopen();
    assert_eq!(opened, Opened::At(0));
}

#[test]
fn a_folder_has_one_owner() {
    let desk = Desk::with(&["fox"]);
    let second = Index::open(desk.path(), Options::default());
    assert!(matches!(second, Err(IndexError::Busy(_))));
}

#[test]
fn a_truncated_or_missing_file_means_starting_over() {
    for extension in ["idx", "pos", "term", "store", "fast", "fieldnorm"] {
        let desk = Desk::with(&["red fox", "red hen"]);
        let file = files(desk.path(), extension).remove(0);
        let content = fs::read(&file).unwrap();
        fs::write(&file, &content[..content.len() / 2]).unwrap();
        let desk = rebuilt(desk);
        fs::remove_file(files(desk.path(), extension).remove(0)).unwrap();
        rebuilt(desk);
    }
}

#[test]
fn garbage_in_any_of_the_small_files_means_starting_over() {
    for name in ["meta.json", "marker.json"] {
        for garbage in ["", "{}", "garbage", "\0\0\0\0"] {
            let desk = Desk::with(&["red fox"]);
            fs::write(desk.path().join(name), garbage).unwrap();
            rebuilt(desk);
        }
        let desk = Desk::with(&["red fox"]);
        fs::remove_file(desk.path().join(name)).unwrap();
        rebuilt(desk);
    }
}

#[test]
fn another_format_means_starting_over() {
    let desk = Desk::with(&["red fox"]);
    let marker = desk.path().join("marker.json");
    let content = fs::read_to_string(&marker).unwrap().replace("hanse-1", "hanse-0");
    fs::write(&marker, content).unwrap();
    rebuilt(desk);
}

#[test]
fn after_a_reboot_every_file_is_checked_to_the_byte() {
    let other_boot = |desk: &Desk| {
        let marker = r#"{"format":"hanse-1/tantivy-0.27","boot":"another"}"#;
        fs::write(desk.path().join("marker.json"), marker).unwrap();
    };
    let desk = Desk::with(&["red fox", "red hen"]);
    other_boot(&desk);
    let (desk, opened) = desk.reopen();
    assert_eq!(opened, Opened::At(2));
    let file = files(desk.path(), "store").remove(0);
    let mut content = fs::read(&file).unwrap();
    content[3] ^= 1;
    fs::write(&file, content).unwrap();
    other_boot(&desk);
    rebuilt(desk);
}

#[test]
fn leftovers_of_ours_are_swept_and_strangers_are_left_alone() {
    let desk = Desk::with(&["red fox"]);
    let leftover = desk.path().join("0123456789abcdef0123456789abcdef.store");
    let half_written = desk.path().join("meta.json.new");
    let stranger = desk.path().join("letter.txt");
    for path in [&leftover, &half_written, &stranger] {
        fs::write(path, "words").unwrap();
    }
    let (desk, opened) = desk.reopen();
    assert_eq!(opened, Opened::At(1));
    assert!(!leftover.exists() && !half_written.exists() && stranger.exists());
    fs::write(desk.path().join("meta.json"), "garbage").unwrap();
    rebuilt(desk);
    assert!(!stranger.exists() || fs::read(&stranger).unwrap() == b"words");
}
