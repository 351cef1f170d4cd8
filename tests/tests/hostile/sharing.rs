//! What requests see of each other, and metrics of them (HTTP-17, OPS-15).

use hanse_e2e::{Client, Server, json};

use crate::support::{UNLIMITED, document, operations, platform};

/// HTTP-17: under concurrency, an error speaks of its own request only.
#[test]
fn errors_speak_of_their_own_request_only() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let document = document(&server);
    let folder = data.path().to_str().expect("a name");
    std::thread::scope(|scope| {
        for number in 0..8 {
            let (server, document) = (&server, &document);
            scope.spawn(move || {
                let mine = format!("canary{number}x");
                let who = server.register(&mine);
                for operation in operations(document) {
                    if ["delete_me", "logout_user"].contains(&operation.id.as_str()) {
                        continue;
                    }
                    let path = operation.at(&mine);
                    let body = json!({ &mine: &mine, "text": [&mine], "email": &mine, "password": &mine, "tags": &mine, "name": {&mine: 1} }).to_string();
                    let body = operation.bodies.first().map(|kind| (kind.as_str(), body));
                    for path in [path.clone(), format!("{path}?{mine}={mine}"), format!("{path}?cursor={mine}&limit={mine}")] {
                        let headers = [("if-match", mine.as_str()), ("hanse-after", mine.as_str())];
                        let answer = who.send(&operation.method, &path, &headers, body.clone()).unwrap_or_else(|error| panic!("{} {path}: {error}", operation.id));
                        assert!(answer.status < 500, "{} {}", operation.id, answer.text);
                        let said = format!("{:?}{}", answer.headers, answer.text);
                        for other in (0..8).filter(|other| *other != number) {
                            assert!(!said.contains(&format!("canary{other}x")), "{said}");
                        }
                        for leak in ["SELECT ", "INSERT ", "sqlite", "rusqlite", ".rs:", "/src/", "panicked", "stack backtrace", folder] {
                            assert!(!said.contains(leak), "{} says {leak:?}: {said}", operation.id);
                        }
                        let token = who.token.as_deref().expect("a token");
                        assert!(!said.contains(token), "{said}");
                    }
                }
            });
        }
    });
    assert!(!server.log().contains("panicked"), "{}", server.log());
}

/// OPS-15: what clients send never becomes a label. After the first of each kind of request no number
/// of addresses, methods, agents or people makes the metrics longer.
#[test]
fn metrics_do_not_grow_with_what_clients_send() {
    let data = tempfile::tempdir().expect("a folder");
    let server = Server::start(data.path(), &UNLIMITED);
    let people: Vec<Client> = (0..4).map(|number| server.register(&format!("p{number}"))).collect();
    let ask = |number: usize| {
        let who = &people[number % people.len()];
        let agent = format!("agent/{number}");
        for path in [
            format!("/nowhere/{number}"),
            format!("/api/thoughts/{number}"),
            format!("/api/search?q=w{number}"),
        ] {
            who.send("GET", &path, &[("user-agent", &agent)], None).expect("an answer");
        }
        let method = format!("M{}", "ABCDEFGHIJ".chars().nth(number % 10).expect("a letter"));
        who.send(&method, &format!("/x{number}"), &[], None).expect("an answer");
    };
    let series = || {
        Client::new(&server.ops)
            .get("/metrics")
            .text
            .lines()
            .filter(|line| !line.starts_with('#'))
            .count()
    };
    (0..8).for_each(ask);
    let before = series();
    (8..1_258).for_each(ask);
    for number in 0..20 {
        drop(server.register(&format!("late{number}")));
    }
    let after = series();
    // Answers slower than any before may open a bucket or a status, but nothing may count requests.
    assert!(after <= before + 8, "{before} series became {after}");
    let text = Client::new(&server.ops).get("/metrics").text;
    for mark in ["nowhere", "agent/", "late1", "example.com", "127.0.0.1"] {
        assert!(!text.contains(mark), "{mark} became a label");
    }
}
