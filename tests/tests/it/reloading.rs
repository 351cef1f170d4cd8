//! SIGHUP: the gateway's rules change under load, and no request fails.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::{SocketAddr, TcpListener};
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};

use hanse_e2e::{Client, Server, until};
use rustix::process::Signal;

/// A system that answers everything with its name. It ends with the test.
fn system(name: &'static str) -> SocketAddr {
    let listener = TcpListener::bind("127.0.0.1:0").expect("a port");
    let address = listener.local_addr().expect("an address");
    std::thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            std::thread::spawn(move || {
                let mut hear = BufReader::new(stream.try_clone().expect("a handle"));
                let mut say = stream;
                loop {
                    let mut line = String::new();
                    while line.trim_end() != "" || line.is_empty() {
                        line.clear();
                        if !matches!(hear.read_line(&mut line), Ok(1..)) {
                            return;
                        }
                    }
                    let length = name.len();
                    let answer =
                        format!("HTTP/1.1 200 OK\r\ncontent-length: {length}\r\n\r\n{name}");
                    if say.write_all(answer.as_bytes()).is_err() {
                        return;
                    }
                }
            });
        }
    });
    address
}

fn rules(address: SocketAddr) -> String {
    format!(
        "[limits]\nenabled = false\n[[gateway.upstreams]]\nname = \"old\"\n\
         endpoints = [\"localhost:{port}\"]\n[[gateway.routes]]\nprefix = \"/legacy\"\n\
         upstream = \"old\"\naccess = \"public\"\n",
        port = address.port()
    )
}

#[test]
fn rules_change_under_load_and_no_request_fails() {
    let folder = tempfile::tempdir().expect("a folder");
    let file = folder.path().join("hanse.toml");
    let write = |text: &str| std::fs::write(&file, text).expect("a configuration");
    let systems = [system("first"), system("second")];
    write(&rules(systems[0]));
    let config = file.display().to_string();
    let server = Server::start(&folder.path().join("data"), &["--config", &config]);
    let guest = server.guest();
    until("the first is known", || guest.get("/legacy/x").text == "first");

    let (stop, counts) = (AtomicBool::new(false), [AtomicU64::new(0), AtomicU64::new(0)]);
    let seen = |at: usize| counts[at].load(Ordering::Relaxed);
    let ask = |client: Client| {
        while !stop.load(Ordering::Acquire) {
            let answer = client.get("/legacy/x");
            assert_eq!(answer.status, 200, "{}", answer.text);
            let at = ["first", "second"].iter().position(|name| *name == answer.text);
            counts[at.expect("one of both")].fetch_add(1, Ordering::Relaxed);
        }
    };
    std::thread::scope(|scope| {
        let work: Vec<_> = (0..4).map(|_| scope.spawn(|| ask(Client::new(&server.url)))).collect();
        let failed = || work.iter().any(std::thread::ScopedJoinHandle::is_finished);
        for round in 1..=20 {
            let at = round % 2;
            write(&rules(systems[at]));
            let before = seen(at);
            server.signal(Signal::HUP);
            until("the new rules are in force", || seen(at) > before + 4 || failed());
        }
        // Rules with mistakes change nothing.
        write(&rules(systems[1]).replace("upstream = \"old\"", "upstream = \"none\""));
        server.signal(Signal::HUP);
        until("the mistake is told", || server.log().contains("there is no upstream none"));
        write("[gateway\n");
        server.signal(Signal::HUP);
        until("the other mistake is told", || {
            server.log().matches("the configuration has mistakes; the old one stays").count() == 2
        });
        // What needs a restart is told, without its value.
        write(&format!("{}[search]\nhistory_days = 77\n", rules(systems[0])));
        server.signal(Signal::HUP);
        until("it is told", || server.log().contains("search.history_days"));
        let before = seen(0);
        until("the first is back", || seen(0) > before + 100 || failed());
        stop.store(true, Ordering::Release);
        for worker in work {
            worker.join().expect("no request failed");
        }
    });
    assert!(server.stop().success());
}
