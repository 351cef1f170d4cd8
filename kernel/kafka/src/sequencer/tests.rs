use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::wire::{WATERMARK, watermark};

fn event(previous: i64, sequence: i64) -> Claimed {
    let mut record = watermark(sequence, Timestamp::UNIX_EPOCH);
    "thoughts.ThoughtCreated".clone_into(&mut record.kind);
    Claimed { previous, offset: 0, record }
}

fn mark(previous: i64, sequence: i64) -> Claimed {
    Claimed { previous, offset: 0, record: watermark(sequence, Timestamp::UNIX_EPOCH) }
}

fn taken(sequencer: &Sequencer) -> Vec<i64> {
    let ready = sequencer.ready().iter();
    ready.filter(|claimed| claimed.record.kind != WATERMARK).map(|c| c.record.seq).collect()
}

#[test]
fn what_is_missing_is_named_and_nothing_passes_it() {
    let mut sequencer = Sequencer::at(3);
    for claimed in [event(7, 9), event(3, 5), event(9, 12)] {
        sequencer.push(claimed);
    }
    assert_eq!(taken(&sequencer), [5]);
    assert_eq!(sequencer.missing(), Some(Missing { after: 5, upto: 7 }));
    sequencer.push(event(5, 7));
    assert_eq!(taken(&sequencer), [5, 7, 9, 12]);
    assert_eq!(sequencer.missing(), None);
}

#[test]
fn what_is_confirmed_is_forgotten_and_what_is_not_is_there_again() {
    let mut sequencer = Sequencer::at(0);
    for sequence in 1..=5 {
        sequencer.push(Claimed { offset: sequence + 100, ..event(sequence - 1, sequence) });
    }
    assert_eq!(sequencer.confirm(3), Some(104));
    assert_eq!(taken(&sequencer), [4, 5]);
    assert!(sequencer.serves(3) && !sequencer.serves(2));
    assert_eq!(sequencer.confirm(9), Some(106));
    sequencer.push(event(6, 9));
    sequencer.push(event(9, 10));
    assert_eq!(taken(&sequencer), [10], "another replica was ahead");
}

#[test]
fn a_watermark_stands_only_at_the_end() {
    let mut sequencer = Sequencer::at(0);
    for claimed in [mark(0, 4), mark(4, 8), event(8, 9), mark(9, 20)] {
        sequencer.push(claimed);
    }
    let all: Vec<_> = sequencer.ready().iter().map(|claimed| claimed.record.seq).collect();
    assert_eq!(all, [9, 20]);
}

#[test]
fn the_window_is_bounded_and_keeps_what_comes_first() {
    let mut sequencer = Sequencer::at(0);
    let many = WINDOW as i64 + 500;
    for sequence in (2..=many).rev() {
        sequencer.push(event(sequence - 1, sequence));
    }
    assert_eq!(sequencer.early.len(), WINDOW);
    sequencer.push(event(0, 1));
    assert_eq!(taken(&sequencer), (1..=WINDOW as i64 + 1).collect::<Vec<_>>());
    assert_eq!((sequencer.early.len(), sequencer.early_bytes), (0, 0));
}

/// The log of one partition, published several times in different steps.
fn published() -> impl Strategy<Value = (Vec<i64>, Vec<Claimed>)> {
    let log = proptest::collection::btree_set(1i64..200, 0..40);
    let runs = proptest::collection::vec(proptest::collection::vec(1i64..60, 1..8), 1..4);
    (log, runs).prop_map(|(log, runs)| {
        let mut records = Vec::new();
        for steps in runs {
            let mut start = 0;
            for width in steps.into_iter().chain([200]) {
                let end = (start + width).min(200);
                if end == start {
                    break;
                }
                let mut previous = start;
                for &sequence in log.range(start + 1..=end) {
                    records.push(event(previous, sequence));
                    previous = sequence;
                }
                if previous < end {
                    records.push(mark(previous, end));
                }
                start = end;
            }
        }
        (log.into_iter().collect(), records)
    })
}

proptest! {
    /// Copies, in any order, starting anywhere: every event once, in order, and the end is reached.
    #[test]
    fn any_order_of_true_claims_gives_the_log(
        ((log, mut records), shuffle, from) in (published(), any::<u64>(), 0i64..200)
    ) {
        let mut state = shuffle;
        for index in (1..records.len()).rev() {
            state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
            records.swap(index, (state >> 33) as usize % (index + 1));
        }
        let mut sequencer = Sequencer::at(from);
        for record in records {
            sequencer.push(record);
        }
        let expected: Vec<_> = log.into_iter().filter(|sequence| *sequence > from).collect();
        prop_assert_eq!(taken(&sequencer), expected);
        prop_assert_eq!(sequencer.covered, 200);
        prop_assert_eq!(sequencer.missing(), None);
    }
}
