//! Bad days: every process is killed and comes back while somebody writes.

use hanse_e2e::{Scale, Split, Writer, harbour_total, overview, until};

use crate::CONFIG;

#[test]
fn nothing_acknowledged_is_lost_when_any_process_is_killed() {
    let mut split = Split::start(CONFIG);
    let journal = split.folder.join("journal");
    let mut writer = Writer::new(split.register("anna"), 7, &journal);
    let url = split.url();
    let turns = ["thoughts", "search", "gateway", "analytics", "identity", "thoughts"];
    for round in Scale::of_this_run().rounds(turns.len()) {
        let name = turns[round % turns.len()];
        for _ in 0..40 {
            assert!(writer.write(), "a write while all is well");
        }
        split.kill(name);
        // Some of these are refused or get no answer; what they did is found out below.
        for _ in 0..3 {
            if writer.try_write().is_none_or(|answer| answer.status >= 300) {
                break;
            }
        }
        split.run(name);
        split.ready();
        until("the gateway reaches every service again", || {
            writer.client.get("/api/thoughts?limit=1").status == 200
        });
        writer.settle(&url);
    }
    for _ in 0..40 {
        assert!(writer.write());
    }
    let state = writer.compare();
    let living = i64::try_from(state.len()).expect("a number");
    until("search finds exactly what exists", || {
        harbour_total(&writer.client, &writer.position) == Some(living)
    });
    until("analytics counts exactly what exists", || {
        overview(&writer.client)["thoughts"]["total"] == living
    });
    split.stop_all();
}
