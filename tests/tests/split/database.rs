//! NET-03: the database crashes and comes back while people work; nobody restarts a process.

use std::time::Duration;

use hanse_e2e::{Crew, Database, Engines, Notes, Scale, Split};

use crate::CONFIG;

#[test]
fn nothing_acknowledged_is_lost_when_the_database_crashes() {
    let mut database = Database::start();
    let engines = Engines { postgres: database.url(), ..Engines::shared() };
    let mut split = Split::plan(&engines, CONFIG, &[]);
    split.run_all();
    split.joined();
    let mut crew = Crew::register(&split, &["anna", "ben", "cora"]);
    let (notes, mut crashes) = (Notes::default(), 0);
    crew.work(&notes, || {
        for round in Scale::of_this_run().rounds(4) {
            notes.wait_for(60);
            database.crash();
            // Gone for a moment, or long enough that everybody notices.
            std::thread::sleep(Duration::from_millis(if round % 2 == 0 { 0 } else { 1500 }));
            database.resume();
            crashes += 1;
        }
        notes.wait_for(60);
    });
    println!("found: {crashes} crashes");
    notes.assert_honest();
    crew.verdict(&split);
    split.stop_all();
}
