//! Moving in, with the real binary and a real kill.

use std::io::{BufRead as _, BufReader};
use std::process::{Command, Stdio};

use hanse_e2e::{Server, Value, binary, hanse, json};

/// An import that is killed in the middle goes on where it stopped, beside a running platform, and
/// makes nobody twice.
#[test]
fn a_killed_import_goes_on_without_doubles() {
    let folder = tempfile::tempdir().expect("a folder");
    let (data, file) = (folder.path().join("data"), folder.path().join("people.csv"));
    let rows: String = (0..30_000).map(|n| format!("p{n}@example.com,Person {n}\n")).collect();
    std::fs::write(&file, format!("email,name\n{rows}nobody,Nobody\n")).expect("a file");
    let file = file.to_str().expect("a path").to_owned();
    let server = Server::start(&data, &[]);
    let mut import = Command::new(binary());
    import.args(["import", "users", &file]).arg("--data").arg(&data);
    let mut child =
        import.stdout(Stdio::null()).stderr(Stdio::piped()).spawn().expect("it is started");
    // The first progress: it is in the middle now.
    let errors = child.stderr.take().expect("its errors");
    let first = BufReader::new(errors).lines().next().expect("a line").expect("text");
    child.kill().expect("it is killed");
    assert!(!child.wait().expect("it ends").success());
    assert!(first.contains("10000 records"), "{first}");

    let said = hanse(&data, &["import", "users", &file, "--json"]);
    let done: Value = serde_json::from_str(&said.out).expect("JSON");
    let wanted = json!({ "dry_run": false, "records": 30_001, "made": 30_000, "refused": 1 });
    assert_eq!(done, wanted, "{}", said.err);
    let report = folder.path().join("refused.jsonl");
    let report = report.to_str().expect("a path");
    let again = hanse(&data, &["import", "users", &file, "--report", report]);
    assert!(
        again.out.contains("30001 records: 30000 accounts were made, 1 were refused"),
        "{again:?}"
    );
    let line = std::fs::read_to_string(report).expect("a report");
    let refusal: Value = serde_json::from_str(&line).expect("one line of JSON");
    assert_eq!(refusal["line"], 30_002, "{line}");
    assert!(server.stop().success());
}
