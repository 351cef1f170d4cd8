//! EXO-07: the process that publishes is frozen under load, replaced by its twin, and wakes.

use std::time::Duration;

use hanse_e2e::{Crew, Notes, Scale, Split, until};
use rustix::process::Signal;

use crate::CONFIG;

const TWIN: (&str, &str) = ("thoughts-2", "thoughts");

/// Which of the two publishes: the last to have said so.
fn publishes(split: &Split, before: [usize; 2]) -> Option<&'static str> {
    let names = ["thoughts", TWIN.0];
    let counts = taken(split);
    (0..2).find(|place| counts[*place] > before[*place]).map(|place| names[place])
}

/// How often each has taken the lease.
fn taken(split: &Split) -> [usize; 2] {
    ["thoughts", TWIN.0]
        .map(|name| split.process(name).log().matches("this replica publishes now").count())
}

#[test]
fn a_relay_that_sleeps_and_wakes_changes_nothing() {
    let mut split = Split::start_with(CONFIG, &[TWIN]);
    split.joined();
    let mut crew = Crew::register(&split, &["anna", "ben"]);
    let notes = Notes::default();
    let scale = Scale::of_this_run();
    let mut holder = publishes(&split, [0, 0]).expect("somebody publishes");
    crew.work(&notes, || {
        for _ in scale.rounds(1) {
            notes.wait_for(40);
            let before = taken(&split);
            split.process(holder).signal(Signal::STOP);
            let asleep = holder;
            // Until its lease has ended the other one waits.
            until("the other one publishes", || {
                publishes(&split, before).is_some_and(|other| other != asleep)
            });
            holder = publishes(&split, before).expect("the other one");
            if let Scale::Long(_) = scale {
                std::thread::sleep(Duration::from_secs(50));
            }
            notes.wait_for(20);
            split.process(asleep).signal(Signal::CONT);
            notes.wait_for(100);
        }
    });
    notes.assert_honest();
    crew.verdict(&split);
    split.stop_all();
}
