use hanse_search_index::{Change, Document};

use crate::{Desk, key, note};

const QUESTIONS: [&str; 12] = [
    "garden",
    "gardn",
    "gar",
    "canary",
    "red garden",
    "\"red garden\"",
    "-red",
    "tag:secret",
    "tag:home",
    "red -canary",
    "北京",
    "undrestanding",
];

/// Fills scope 1 in several segments, with updates and deletes; `beside` does what it likes
/// to other scopes in between.
fn fill(desk: &mut Desk, mut beside: impl FnMut(&mut Desk, u32)) {
    for number in 1..=40_u32 {
        let body = match number % 4 {
            0 => "red garden gate",
            1 => "the garden of understanding 北京",
            2 => "garlic, red and white",
            _ => "nothing of note",
        };
        let tags = vec!["home/garden".to_owned()];
        desk.put(Document { tags, ..note(number, 1, body) });
        beside(desk, number);
        if number % 7 == 0 {
            desk.change(Change::Delete { key: key(number - 3) });
            desk.put(note(number - 4, 1, "red rewritten garden"));
            desk.index.commit().unwrap();
        }
    }
    desk.index.commit().unwrap();
}

#[test]
fn nothing_a_scope_sees_depends_on_another_scope() {
    let mut alone = Desk::new();
    fill(&mut alone, |_, _| {});
    let mut beside = Desk::new();
    fill(&mut beside, |desk, number| {
        for copy in 0..5 {
            let body = "canary garden gardens gardan garlic red red red secret 北京 understandings";
            let title = "garden canary".to_owned();
            let tags = vec!["secret".to_owned(), "home".to_owned()];
            let other = 1_000 + number * 10 + copy;
            desk.put(Document { title, tags, ..note(other, 2 + copy as u8, body) });
        }
        if number % 3 == 0 {
            // Deletes elsewhere provoke merges, which also drop this scope's deleted documents.
            desk.change(Change::Delete { key: key(1_000 + number * 10) });
            desk.index.commit().unwrap();
        }
        if number == 30 {
            desk.change(Change::DeleteScope { scope: [3; 16] });
            desk.index.purge().unwrap();
        }
    });
    assert!(beside.index.len() > 2 * alone.index.len());
    for question in QUESTIONS {
        let (one, two) = (alone.hits(1, question), beside.hits(1, question));
        assert_eq!(one, two, "{question}");
        let bits = |hits: &hanse_search_index::Hits| {
            hits.hits.iter().map(|hit| hit.score.to_bits()).collect::<Vec<_>>()
        };
        assert_eq!(bits(&one), bits(&two), "{question}");
    }
    for prefix in ["g", "gar", "c", "s", "r", "under"] {
        let of = |desk: &Desk| desk.index.suggest(&[[1; 16]], prefix, 50).unwrap();
        assert_eq!(of(&alone), of(&beside), "{prefix}");
    }
    assert_eq!(beside.hits(9, "garden").total, 0);
}
