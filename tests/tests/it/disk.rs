//! Disks that fail, dawdle, fill up, or have rotted.

use std::collections::BTreeSet;
use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::process::Command;

use hanse_e2e::{
    Client, Fault, Server, SmallDisk, UNHURRIED, Writer, binary, eventually, hanse, harbour_total,
    json, run, until,
};

fn failing(answer: &hanse_e2e::Answer) -> bool {
    match answer.summary().as_str() {
        "503 HTT-017" => true,
        text if text.starts_with('2') => false,
        _ => panic!("neither an acknowledgement nor HTT-017: {} {}", answer.status, answer.text),
    }
}

fn writers(server: &Server, folder: &Path, count: u64) -> Vec<Writer> {
    let writer = |n: u64| {
        let journal = folder.join(format!("journal{n}"));
        Writer::new(server.register(&format!("writer{n}")), n, &journal)
    };
    (0..count).map(writer).collect()
}

/// DUR-04, OPS-13: after a failed sync the store stops: nothing more is written or acknowledged, what
/// was acknowledged is there after a restart, reads go on, and `/ready` names the service.
#[test]
fn a_failed_sync_stops_the_store_and_loses_nothing() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let mut server = Server::start(&data, &UNHURRIED);
    let mut writers = writers(&server, folder.path(), 4);
    for nth in [1, 2, 3, 5, 8] {
        let log = folder.path().join(format!("strace{nth}"));
        let fault = Fault::on_syncs(&server, "thoughts", &format!("error=EIO:when={nth}+"), &log);
        std::thread::scope(|scope| {
            for writer in &mut writers {
                scope.spawn(|| while writer.try_write().is_some_and(|answer| !failing(&answer)) {});
            }
        });
        assert!(fault.calls().iter().any(|call| call.contains("EIO")), "no sync has failed");
        for writer in &writers {
            // `compare` would find this, should it have been written.
            let refused = writer.client.post("/api/thoughts", &json!({ "text": "refused" }));
            assert!(failing(&refused));
            assert!(!refused.header("retry-after").is_empty());
            assert_eq!(writer.client.get("/api/thoughts?limit=5").status, 200);
        }
        let ready = Client::new(&server.ops).get("/ready");
        assert_eq!(ready.status, 503, "{}", ready.text);
        let dependencies = ready.json()["dependencies"].as_array().cloned().expect("dependencies");
        let unready: Vec<_> = dependencies.iter().filter(|one| one["ready"] == false).collect();
        assert_eq!(unready.len(), 1, "{}", ready.text);
        assert_eq!(unready[0]["name"], "thoughts");
        assert_eq!(Client::new(&server.ops).get("/health").status, 200, "health is shallow");
        let _other = server.register(&format!("other{nth}"));

        drop(fault);
        assert!(server.stop().success());
        server = Server::start(&data, &UNHURRIED);
        for writer in &mut writers {
            writer.settle(&server.url);
            writer.compare();
            assert!(writer.write());
        }
    }
    for writer in &writers {
        until("search has caught up", || {
            harbour_total(&writer.client, &writer.position) == Some(writer.living.len() as i64)
        });
    }
    assert!(server.stop().success());
    assert_eq!(hanse(&data, &["doctor"]).code, 0);
}

/// DUR-04: a sync that fails while the log is folded in is a failed sync too.
#[test]
fn a_failed_sync_while_idle_stops_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &UNHURRIED);
    let anna = server.register("anna");
    until("the log has been folded in", || {
        std::fs::metadata(data.join("thoughts.db-wal")).is_ok_and(|log| log.len() == 0)
    });
    // A commit into an empty log syncs the log's head and then the commit; the third sync is made
    // when the log is folded in.
    let fault =
        Fault::on_syncs(&server, "thoughts", "error=EIO:when=3+", &folder.path().join("strace"));
    let first = anna.post("/api/thoughts", &json!({ "text": "before the failure" }));
    assert_eq!(first.status, 201, "{}", first.text);
    let ops = Client::new(&server.ops);
    until("the store has stopped", || ops.get("/ready").status == 503);
    let refused = anna.post("/api/thoughts", &json!({ "text": "after the failure" }));
    assert_eq!(refused.summary(), "503 HTT-017");
    drop(fault);
    assert!(server.stop().success());

    let server = Server::start(&data, &UNHURRIED);
    let listed = anna.at(&server.url).get("/api/thoughts").json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1));
    assert_eq!(listed["items"][0]["text"], "before the failure");
}

/// DUR-04: also where a long log is folded in beside the writer, while writes go on.
#[test]
fn a_failed_sync_beside_the_writer_stops_the_store() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &UNHURRIED);
    let anna = server.register("anna");
    let long = json!({ "text": "a long thought ".repeat(4_000) });
    let mut kept = 0;
    let mut write = || {
        let well = !failing(&anna.post("/api/thoughts", &long));
        kept += i64::from(well);
        well
    };
    // Each is stored twice, as a row and in its event. A log of 4,000 pages is long; once there was
    // one, the thread that folds it in is there.
    let grown = (0..1_000).any(|_| write() && length_of_log(&data) > 4_001 * (4_096 + 24));
    assert!(grown, "the log stays short");
    let log = folder.path().join("strace");
    let fault = Fault::on_thread(&server, "fold-thoughts", "fdatasync,fsync", "error=EIO", &log);
    let stopped = (0..1_000).any(|_| !write());
    assert!(stopped, "the store goes on");
    assert!(fault.calls().iter().any(|call| call.contains("EIO")), "no sync has failed");
    drop(fault);
    assert!(server.stop().success());

    let server = Server::start(&data, &UNHURRIED);
    let total = anna.at(&server.url).get("/api/thoughts/statistics").json()["total"].as_i64();
    assert_eq!(total, Some(kept));
}

fn length_of_log(data: &Path) -> u64 {
    std::fs::metadata(data.join("thoughts.db-wal")).map_or(0, |log| log.len())
}

/// DUR-11: while the disk syncs nobody is answered who waits for it; everybody else is.
#[test]
fn no_answer_leaves_before_the_sync() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(&folder.path().join("data"), &UNHURRIED);
    let anna = server.register("anna");
    let slow =
        Fault::on_syncs(&server, "thoughts", "delay_enter=2000000", &folder.path().join("slow"));
    let mut reads = 0;
    std::thread::scope(|scope| {
        let writing = scope.spawn(|| {
            let answer = anna.post("/api/thoughts", &json!({ "text": "slow" }));
            (answer.status, slow.calls().len())
        });
        while !writing.is_finished() {
            let answer = anna.get("/api/thoughts");
            assert_eq!(answer.status, 200);
            let unseen = answer.json()["items"].as_array().is_some_and(Vec::is_empty);
            // What is not durable is not shown either.
            reads += u32::from(unseen && !writing.is_finished());
        }
        let (status, syncs) = writing.join().expect("an answer");
        assert_eq!(status, 201);
        assert!(syncs >= 1, "the answer came before the sync had returned");
    });
    assert!(reads > 0, "nobody was served meanwhile");
    drop(slow);

    let how = "error=EIO:delay_enter=1000000";
    let fault = Fault::on_syncs(&server, "thoughts", how, &folder.path().join("failing"));
    std::thread::scope(|scope| {
        for n in 0..8 {
            let (anna, fault) = (&anna, &fault);
            scope.spawn(move || {
                let answer = anna.post("/api/thoughts", &json!({ "text": format!("waiter {n}") }));
                assert_eq!(answer.summary(), "503 HTT-017");
                assert!(!fault.calls().is_empty(), "refused before the sync had failed");
            });
        }
    });
    let listed = anna.get("/api/thoughts").json();
    assert_eq!(listed["items"].as_array().map(Vec::len), Some(1), "{listed}");
}

/// DUR-05: a full disk refuses writes with a clear answer, serves reads, and takes writes again as soon
/// as there is room, without a restart and without a loss.
#[test]
fn a_full_disk_is_survived() {
    let folder = tempfile::tempdir().expect("a folder");
    let disk = SmallDisk::mount(&folder.path().join("disk"), 24);
    let data = folder.path().join("disk/data");
    let server = Server::start(&data, &UNHURRIED);
    let mut writers = writers(&server, folder.path(), 1);
    let writer = &mut writers[0];
    let filler = server.register("filler");
    for _ in 0..20 {
        assert!(writer.write());
    }
    // Half of the room, to be given back later.
    let ballast = folder.path().join("disk/ballast");
    let half = usize::try_from(disk.free() / 2).expect("a size");
    File::create(&ballast).and_then(|mut file| file.write_all(&vec![1; half])).expect("a ballast");

    let text = format!("ballast {}", "x".repeat(60_000));
    let (mut kept, mut refused) = (BTreeSet::new(), 0);
    while refused < 20 {
        let answer = filler.post("/api/thoughts", &json!({ "text": text }));
        match answer.summary().as_str() {
            "201" => {
                kept.insert(answer.json()["id"].as_str().expect("an id").to_owned());
            }
            "507 HTT-018" => refused += 1,
            _ => panic!("neither room nor HTT-018: {} {}", answer.status, answer.text),
        }
        assert!(kept.len() < 2000, "the disk does not fill");
    }
    assert_eq!(filler.get("/api/thoughts?limit=3").status, 200);
    assert_eq!(writer.client.get("/api/thoughts?limit=3").status, 200);
    assert_eq!(Client::new(&server.ops).get("/health").status, 200);

    std::fs::remove_file(&ballast).expect("a ballast");
    eventually("writes are taken again", || {
        let answer = filler.post("/api/thoughts", &json!({ "text": "room" }));
        match answer.summary().as_str() {
            "201" => Some(kept.insert(answer.json()["id"].as_str()?.to_owned())),
            "507 HTT-018" => None,
            _ => panic!("neither room nor HTT-018: {} {}", answer.status, answer.text),
        }
    });
    for _ in 0..20 {
        assert!(writer.write());
    }
    writer.compare();
    let export = filler.get("/api/thoughts/export").text;
    let found: BTreeSet<String> =
        export.lines().map(|line| serde_json_id(line).expect("an id")).collect();
    assert!(found == kept, "{} acknowledged, {} there", kept.len(), found.len());
    until("search has caught up", || {
        harbour_total(&writer.client, &writer.position) == Some(writer.living.len() as i64)
    });
    until("it is ready", || Client::new(&server.ops).get("/ready").status == 200);
    assert!(server.stop().success());
    let doctor = hanse(&data, &["doctor"]);
    assert_eq!(doctor.code, 0, "{}{}", doctor.out, doctor.err);
}

fn serde_json_id(line: &str) -> Option<String> {
    let thought: hanse_e2e::Value = line.parse().ok()?;
    thought["id"].as_str().map(str::to_owned)
}

/// DUR-12: POSIX drops a process's locks on a file when any of its descriptors is closed, so nothing but
/// SQLite opens a live database. SQLite says `O_NOFOLLOW`; nothing else in the platform does.
#[test]
fn only_sqlite_opens_database_files() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let traced = |log: &str| {
        let mut command = Command::new("strace");
        command.args(["-D", "-f", "-qq", "-e", "trace=open,openat,openat2,creat", "-o"]);
        command.arg(folder.path().join(log)).arg(binary());
        command
    };
    let server = Server::spawn(traced("serve"), &data, &UNHURRIED).expect("it starts");
    let mut writers = writers(&server, folder.path(), 2);
    for writer in &mut writers {
        (0..50).for_each(|_| assert!(writer.write()));
    }
    let backup = folder.path().join("copy").display().to_string();
    for (log, arguments) in [
        ("backup", &["backup", &backup][..]),
        ("doctor", &["doctor"]),
        ("events", &["events", "list", "--service", "thoughts"]),
    ] {
        let mut command = traced(log);
        command.args(arguments).arg("--data").arg(&data);
        let said = run(command);
        assert_eq!(said.code, 0, "{log}: {}{}", said.out, said.err);
    }
    assert_eq!(Client::new(&server.ops).get("/metrics").status, 200);
    assert!(server.stop().success());
    for log in ["serve", "backup", "doctor", "events"] {
        let calls = std::fs::read_to_string(folder.path().join(log)).expect("a trace");
        let live = format!("{}/", data.display());
        let databases = calls.lines().filter(|line| line.contains(&live) && line.contains(".db"));
        let mut count = 0;
        for call in databases {
            assert!(call.contains("O_NOFOLLOW"), "{log}: not by SQLite: {call}");
            count += 1;
        }
        assert!(count > 0, "{log}: no database was opened");
    }
}

fn overwrite(path: &Path, place: u64, length: usize) {
    let mut file = OpenOptions::new().read(true).write(true).open(path).expect("a file");
    let mut bytes = vec![0; length];
    file.seek(SeekFrom::Start(place))
        .and_then(|_| file.read_exact(&mut bytes))
        .expect("enough bytes");
    bytes.iter_mut().for_each(|byte| *byte ^= 0x5a);
    file.seek(SeekFrom::Start(place)).and_then(|_| file.write_all(&bytes)).expect("a file");
}

/// A damaged file is found: the platform does not start on it, or the doctor names it.
#[test]
fn rotten_files_are_found() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let server = Server::start(&data, &UNHURRIED);
    let mut writers = writers(&server, folder.path(), 1);
    (0..200).for_each(|_| assert!(writers[0].write()));
    assert!(server.stop().success());
    assert_eq!(hanse(&data, &["doctor"]).code, 0);

    for name in ["identity.db", "thoughts.db", "search.db", "analytics.db"] {
        let path = data.join(name);
        let good = std::fs::read(&path).expect("a file");
        let length = good.len() as u64;
        let damages: [(&str, &dyn Fn()); 4] = [
            ("its first bytes are others", &|| overwrite(&path, 0, 100)),
            ("its page of tables is garbage", &|| overwrite(&path, 100, 3000)),
            ("a page in its middle is garbage", &|| overwrite(&path, length / 8192 * 4096, 4096)),
            ("it is cut in the middle", &|| {
                let file = OpenOptions::new().write(true).open(&path).expect("a file");
                file.set_len(length / 2 + 100).expect("a shorter file");
            }),
        ];
        for (what, damage) in damages {
            damage();
            let doctor = hanse(&data, &["doctor"]);
            assert_eq!(doctor.code, 3, "{name}, {what}: the doctor sees nothing: {}", doctor.out);
            assert!(
                doctor.out.contains(name.trim_end_matches(".db")),
                "{name}, {what}: {}",
                doctor.out
            );
            match Server::try_start(&data, &UNHURRIED) {
                Err(said) => {
                    assert!(
                        said.contains(name),
                        "{name}, {what}: it does not name the file: {said}"
                    );
                    assert_eq!(
                        said.trim().lines().count(),
                        1,
                        "{name}, {what}: more than one line: {said}"
                    );
                }
                // Data that is only met when it is read; the doctor has named it above. It stops in
                // good order: what a log of another file still held would hide that one's damage.
                Ok(server) => {
                    server.stop();
                }
            }
            for ending in ["-wal", "-shm"] {
                std::fs::remove_file(data.join(format!("{name}{ending}"))).ok();
            }
            std::fs::write(&path, &good).expect("a file");
        }
    }
    assert_eq!(hanse(&data, &["doctor"]).code, 0);
}
