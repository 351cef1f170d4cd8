use hanse_search_index::{Change, Document, Query, Typos};

use crate::{Desk, key, keys, note, query};

#[test]
fn a_document_is_found_after_the_commit_and_comes_back_whole() {
    let mut desk = Desk::new();
    let title = "Fox <news>".to_owned();
    desk.put(Document { title, ..note(7, 1, "A <b>quick</b> fox jumps") });
    assert_eq!(desk.find("fox"), [0_u32; 0]);
    assert_eq!(desk.index.commit().unwrap(), 1);
    assert_eq!(desk.index.visible(), 1);
    assert_eq!(desk.index.len(), 1);
    let hits = desk.hits(1, "fox");
    let hit = &hits.hits[0];
    assert_eq!((hit.key, hit.kind.as_str(), hit.time_us), (key(7), "thoughts", 1_000));
    assert_eq!(hit.title, "Fox <news>");
    assert_eq!(hit.snippet, "A &lt;b&gt;quick&lt;/b&gt; <mark>fox</mark> jumps");
    assert_eq!((hits.total, hits.next), (1, None));
}

#[test]
fn putting_again_replaces_and_deleting_removes() {
    let mut desk = Desk::with(&["red fox", "red hen"]);
    desk.put(note(1, 1, "blue fox"));
    desk.change(Change::Delete { key: key(2) });
    desk.put(note(3, 1, "red owl"));
    desk.put(note(3, 1, "green owl"));
    desk.index.commit().unwrap();
    assert_eq!(desk.find("red"), [0_u32; 0]);
    assert_eq!(desk.find("blue"), [1]);
    assert_eq!(desk.find("owl"), [3]);
    assert_eq!(desk.index.len(), 2);
    desk.change(Change::DeleteScope { scope: [1; 16] });
    desk.put(note(4, 1, "late owl"));
    desk.index.commit().unwrap();
    assert_eq!(desk.find("owl"), [4]);
}

#[test]
fn a_change_applied_twice_changes_nothing() {
    let desk = Desk::with(&["red fox", "red hen"]);
    let before = desk.hits(1, "red");
    desk.index.apply(1, Change::Put(note(1, 1, "red fox"))).unwrap();
    assert_eq!(desk.index.commit().unwrap(), 2);
    assert_eq!(desk.hits(1, "red"), before);
}

#[test]
fn all_words_must_match_and_the_last_may_be_unfinished() {
    let desk = Desk::with(&["red fox", "red foxglove", "blue fox"]);
    assert_eq!(desk.find("red fox"), [1, 2]);
    assert_eq!(desk.find("red foxgl"), [2]);
    assert_eq!(desk.find("fo red"), [0_u32; 0]);
    assert_eq!(desk.find("r b"), [0_u32; 0]);
}

#[test]
fn a_typo_is_forgiven_but_ranks_below_the_word_itself() {
    let mut desk = Desk::with(&["garden", "gadren hose", "understanding", "gardne gardne"]);
    desk.put(Document { title: "gardan gardan".to_owned(), ..note(5, 1, "") });
    desk.index.commit().unwrap();
    assert_eq!(desk.find("garden")[0], 1);
    assert_eq!(desk.hits(1, "garden").total, 4);
    assert_eq!(desk.find("undrestandnig"), [3]);
    assert_eq!(desk.find("understanding x"), [0_u32; 0]);
    assert_eq!(desk.find("gar").len(), 3);
    let refuse = Query { typos: Typos::Refuse, ..query("garden") };
    assert_eq!(keys(&desk.index.search(&[[1; 16]], &refuse).unwrap()), [1]);
    let short = Desk::with(&["cat", "car"]);
    assert_eq!(short.find("cat"), [1]);
}

#[test]
fn a_phrase_matches_in_sequence_and_not_across_title_and_body() {
    let mut desk = Desk::with(&["quick red fox", "red quick fox", "fox quick"]);
    desk.put(Document { title: "quick".to_owned(), ..note(4, 1, "red") });
    desk.index.commit().unwrap();
    assert_eq!(desk.find("\"quick red\""), [1]);
    assert_eq!(desk.find("\"quick fox\""), [2]);
    assert_eq!(desk.find("\"Quick\" \"fox\"").len(), 3);
    assert_eq!(desk.find("\"qui\""), [0_u32; 0]);
    assert_eq!(desk.find("fox -\"quick red\"").len(), 2);
}

#[test]
fn words_tags_and_kinds_can_be_excluded_or_demanded() {
    let mut desk = Desk::new();
    let tags = |tags: &[&str]| tags.iter().map(|tag| (*tag).to_owned()).collect::<Vec<_>>();
    desk.put(Document { tags: tags(&["Work/Atlas", "x"]), ..note(1, 1, "red fox") });
    desk.put(Document { tags: tags(&["work"]), ..note(2, 1, "blue fox") });
    desk.put(Document { kind: "tasks".to_owned(), ..note(3, 1, "red hen") });
    desk.index.commit().unwrap();
    assert_eq!(desk.find("tag:work fox").len(), 2);
    assert_eq!(desk.find("tag:WORK/atlas"), [1]);
    assert_eq!(desk.find("tag:atlas"), [0_u32; 0]);
    assert_eq!(desk.find("fox -tag:work/atlas"), [2]);
    assert_eq!(desk.find("-fox"), [3]);
    assert_eq!(desk.find("red -hen"), [1]);
    let tasks = Query { kinds: vec!["tasks".to_owned(), "none".to_owned()], ..query("red") };
    assert_eq!(keys(&desk.index.search(&[[1; 16]], &tasks).unwrap()), [3]);
}

#[test]
fn chinese_japanese_and_korean_are_found_by_any_part() {
    let desk =
        Desk::with(&["我喜欢北京烤鸭", "東京都庁に行きました", "京北", "서울특별시", "カメラ"]);
    assert_eq!(desk.find("北京"), [1]);
    assert_eq!(desk.find("鸭"), [1]);
    assert_eq!(desk.find("京").len(), 3);
    assert_eq!(desk.find("京都庁"), [2]);
    assert_eq!(desk.find("行きました"), [2]);
    assert_eq!(desk.find("東庁"), [0_u32; 0]);
    assert_eq!(desk.find("\"東京都\" 行"), [2]);
    assert_eq!(desk.find("特별"), [0_u32; 0]);
    assert_eq!(desk.find("특별"), [4]);
    assert_eq!(desk.find("ｶﾒﾗ"), [5]);
    assert_eq!(desk.hits(1, "北京").hits[0].snippet, "我喜欢<mark>北京</mark>烤鸭");
}

#[test]
fn case_and_diacritics_do_not_matter() {
    let desk = Desk::with(&["CAFÉ Größe", "cafe", "Ελληνικός", "Ёлка"]);
    assert_eq!(desk.find("café").len(), 2);
    assert_eq!(desk.find("grosse"), [1]);
    assert_eq!(desk.find("ΕΛΛΗΝΙΚΟΣ"), [3]);
    assert_eq!(desk.find("елка"), [4]);
}

#[test]
fn a_title_weighs_more_and_ties_go_to_the_newest_then_the_key() {
    let mut desk = Desk::new();
    desk.put(Document { time_us: 5, ..note(3, 1, "fox hen") });
    desk.put(Document { time_us: 9, ..note(2, 1, "fox owl") });
    desk.put(Document { time_us: 9, ..note(1, 1, "fox cat") });
    desk.put(Document { title: "fox".to_owned(), time_us: 1, ..note(4, 1, "hen") });
    desk.index.commit().unwrap();
    assert_eq!(desk.find("fox"), [4, 1, 2, 3]);
}

#[test]
fn suggestions_come_by_frequency_and_only_while_a_document_has_them() {
    let mut desk = Desk::with(&["alpha alps", "alps", "Älter", "alpha alps"]);
    let suggest =
        |desk: &Desk, text: &str, limit| desk.index.suggest(&[[1; 16]], text, limit).unwrap();
    assert_eq!(suggest(&desk, "see al", 9), ["alps", "alpha", "alter"]);
    assert_eq!(suggest(&desk, "AL", 2), ["alps", "alpha"]);
    desk.change(Change::Delete { key: key(3) });
    desk.index.commit().unwrap();
    assert_eq!(suggest(&desk, "al", 9), ["alps", "alpha"]);
    assert!(suggest(&desk, "", 9).is_empty());
}
