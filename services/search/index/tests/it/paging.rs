use hanse_search_index::{Document, Query};

use crate::{Desk, keys, note, query};

#[test]
fn pages_join_without_gap_or_repetition_over_many_segments_and_scopes() {
    let mut desk = Desk::new();
    for number in 1..=97_u32 {
        let body = format!("fox {}", "hen ".repeat(number as usize % 5));
        let time_us = i64::from(number % 7);
        desk.put(Document { time_us, ..note(number, (number % 3) as u8, &body) });
        if number % 10 == 0 {
            desk.index.commit().unwrap();
        }
    }
    desk.index.commit().unwrap();
    let scopes = [[0; 16], [1; 16], [2; 16], [1; 16]];
    let whole = desk.index.search(&scopes, &Query { limit: 100, ..query("fox") }).unwrap();
    assert_eq!((whole.total, whole.hits.len(), whole.next), (97, 97, None));
    let mut paged = Vec::new();
    let mut after = None;
    loop {
        let page = Query { limit: 10, after, ..query("fox") };
        let page = desk.index.search(&scopes, &page).unwrap();
        assert_eq!(page.total, 97);
        paged.extend(keys(&page));
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    assert_eq!(paged, keys(&whole));
}

#[test]
fn a_limit_of_zero_counts() {
    let desk = Desk::with(&["fox", "fox"]);
    let hits = desk.index.search(&[[1; 16]], &Query { limit: 0, ..query("fox") }).unwrap();
    assert_eq!((hits.total, hits.hits.len(), hits.next), (2, 0, None));
}
