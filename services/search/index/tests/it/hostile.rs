use std::collections::{BTreeMap, BTreeSet};

use hanse_search_index::{Change, Document, Query, Typos};
use proptest::prelude::*;

use crate::{Desk, key, keys, note, query};

#[test]
fn documents_of_any_size_and_content_are_taken() {
    let mut desk = Desk::new();
    let strange = "\u{1f}\u{1e}\0 \u{202e} 🦊 ".to_owned();
    let tags = vec![strange.clone(), "/".repeat(300), "a/".repeat(500)];
    let title = format!("{strange}fox");
    desk.put(Document { title, tags, kind: strange.clone(), ..note(1, 1, &strange) });
    desk.put(note(2, 1, &"x".repeat(100_000)));
    desk.put(note(3, 1, &format!("{} unreachable", "wörter ".repeat(20_000))));
    desk.put(note(4, 1, &"東".repeat(30_000)));
    desk.index.commit().unwrap();
    assert_eq!(desk.find("fox"), [1]);
    assert_eq!(desk.find(&"x".repeat(400)), [2]);
    assert_eq!(desk.find("worter"), [3]);
    assert_eq!(desk.find("unreachable"), [0_u32; 0]);
    assert_eq!(desk.find("東東東"), [4]);
    let kinds = vec!["a".to_owned()];
    assert_eq!(desk.index.search(&[[1; 16]], &Query { kinds, ..query("fox") }).unwrap().total, 0);
    desk.change(Change::Delete { key: key(1) });
    desk.index.commit().unwrap();
    assert_eq!(desk.find("fox"), [0_u32; 0]);
}

#[test]
fn an_expensive_question_stays_bounded() {
    let mut desk = Desk::new();
    for number in 0..300_u32 {
        let body: Vec<String> = (0..40).map(|word| format!("a{}", number * 40 + word)).collect();
        desk.put(note(number, 1, &body.join(" ")));
    }
    desk.index.commit().unwrap();
    let hits = desk.hits(1, "a");
    assert!((1..=300).contains(&hits.total));
    assert_eq!(desk.find("a11999")[0], 299);
    let words = "aaaaaaaa ".repeat(60);
    assert_eq!(desk.hits(1, &words).total, 0);
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 12, ..ProptestConfig::default() })]

    /// Any string is a question, and an answer's HTML holds no tag but the marks.
    #[test]
    fn no_question_is_an_error(questions in prop::collection::vec(
        prop_oneof!["\\PC{0,40}", "[-\": a-cé東/*~()tag]{0,40}", ".{0,700}"], 1..200)) {
        let desk = Desk::with(&["a b c <i>tag</i> & \"é\" 東京", "ab ac bc tagged"]);
        for question in questions {
            let hits = desk.hits(1, &question);
            prop_assert!(hits.total <= 2);
            for hit in hits.hits {
                let rest = hit.snippet.replace("<mark>", "").replace("</mark>", "");
                prop_assert!(!rest.contains(['<', '>']));
            }
            desk.index.suggest(&[[1; 16]], &question, 5).unwrap();
        }
    }

    /// The same documents match as in a table of words, through any puts, deletes and commits.
    #[test]
    fn exact_words_match_as_in_a_naive_model(
        changes in prop::collection::vec(
            (0..8_u8, 1..12_u32, 1..3_u8, prop::collection::vec("[ab]{1,2}", 0..5)), 1..60),
        questions in prop::collection::vec(prop::collection::vec("-?[ab]{1,2}", 1..4), 1..20)) {
        let mut desk = Desk::new();
        let mut model: BTreeMap<u32, (u8, BTreeSet<String>)> = BTreeMap::new();
        for (action, number, scope, words) in changes {
            match action {
                0 => {
                    desk.change(Change::Delete { key: key(number) });
                    model.remove(&number);
                }
                1 => {
                    desk.change(Change::DeleteScope { scope: [scope; 16] });
                    model.retain(|_, (theirs, _)| *theirs != scope);
                }
                2 => drop(desk.index.commit().unwrap()),
                _ => {
                    desk.put(note(number, scope, &words.join(" ")));
                    model.insert(number, (scope, words.into_iter().collect()));
                }
            }
        }
        desk.index.commit().unwrap();
        for question in questions {
            // Quoted, the last word is not a beginning.
            let text: Vec<String> = question.iter().map(|word| match word.strip_prefix('-') {
                Some(word) => format!("-{word}"),
                None => format!("\"{word}\""),
            }).collect();
            let asked = Query { typos: Typos::Refuse, ..query(&text.join(" ")) };
            let found = desk.index.search(&[[1; 16]], &asked).unwrap();
            let expected: BTreeSet<u32> = model.iter().filter(|(_, (scope, words))| {
                *scope == 1 && question.iter().all(|word| match word.strip_prefix('-') {
                    Some(word) => !words.contains(word),
                    None => words.contains(word),
                })
            }).map(|(number, _)| *number).collect();
            prop_assert_eq!(found.total, expected.len());
            prop_assert_eq!(keys(&found).into_iter().collect::<BTreeSet<_>>(), expected);
        }
    }
}
