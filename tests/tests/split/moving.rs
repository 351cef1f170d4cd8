//! Services move into processes of their own.

use hanse_e2e::{Engines, Split, Value, json, until, until_is};

/// With a broker, positions do not depend on which process serves what: whoever begins with all services
/// in one process and takes them apart later has every effect once.
#[test]
fn services_that_shared_a_process_go_on_apart() {
    let mut split = Split::plan(&Engines::shared(), "", &[]);
    let together = split.run_together();
    split.joined();
    let anna = split.register("anna");
    let write = |text: &str| {
        let made = anna.post("/api/thoughts", &json!({ "text": text, "tags": ["sea"] }));
        assert_eq!(made.status, 201, "{}", made.text);
    };
    let counted = || {
        let overview = anna.get("/api/analytics/overview").json();
        let found = anna.get("/api/search?q=tide").json();
        [&overview["thoughts"]["written"], &found["total"]].map(Value::as_i64)
    };
    for number in 0..20 {
        write(&format!("tide {number}"));
    }
    until_is("all is counted", &[Some(20); 2], counted);
    assert!(together.stop().success());

    split.run_all();
    until("it is reached again", || anna.get("/api/thoughts?limit=1").status == 200);
    write("the last tide");
    until_is("one more is counted, and nothing twice", &[Some(21); 2], counted);
    split.stop_all();
}
