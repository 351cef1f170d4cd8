//! A user's whole way, and that it ends alike in every topology.

use hanse_e2e::{Answer, Client, Server, Split, Value, eventually, json, until};

/// Reads what was written, although another process projects it. On a busy machine that may take
/// longer than a request waits; it says so then, and is asked again.
fn after(client: &Client, position: &str, path: &str) -> Answer {
    eventually(&format!("{path} shows what was written"), || {
        let answer =
            client.send("GET", path, &[("hanse-after", position)], None).expect("an answer");
        assert_eq!(answer.status, 200, "{}", answer.text);
        answer.header("hanse-stale").is_empty().then_some(answer)
    })
}

fn search(client: &Client, position: &str, words: &str) -> Answer {
    after(client, position, &format!("/api/search?q={words}"))
}

fn titles(answer: &Answer) -> Vec<String> {
    let items = answer.json()["items"].as_array().cloned().unwrap_or_default();
    items.iter().map(|item| item["snippet"].as_str().unwrap_or_default().to_owned()).collect()
}

#[test]
fn a_user_finds_what_they_wrote_and_leaves_nothing_behind() {
    let mut split = Split::start("");
    split.joined();
    let anna = split.register("anna");
    let ben = split.register("ben");
    let written = anna.post(
        "/api/thoughts",
        &json!({ "text": "The harbour freezes in January", "tags": ["trade/winter"] }),
    );
    assert_eq!(written.status, 201, "{}", written.text);
    let position = written.header("hanse-position").to_owned();
    let found = search(&anna, &position, "harbor");
    assert_eq!(titles(&found).len(), 1, "{}", found.text);
    assert!(titles(&search(&ben, &position, "harbour")).is_empty(), "another's words do not leak");
    let overview = after(&anna, &position, "/api/analytics/overview");
    assert_eq!(overview.json()["thoughts"]["total"], 1, "{}", overview.text);

    // Each process shows the document of what it serves, the gateway that of all.
    let paths = |url: String| Client::new(&url).get("/openapi.json").json()["paths"].clone();
    let (thoughts, all) = (paths(split.url_of("thoughts")), paths(split.url()));
    for (path, here) in [("/api/v1/thoughts", true), ("/api/v1/auth/login", false)] {
        assert_eq!((thoughts[path].is_object(), all[path].is_object()), (here, true), "{path}");
    }

    // Whoever signs out is refused by every process within seconds.
    let mut away = Client::new(&split.url());
    away.signed_in(&away.post(
        "/auth/login",
        &json!({ "email": "anna@example.com", "password": "kogge anna 1358" }),
    ));
    assert_eq!(away.get("/api/thoughts").status, 200);
    assert_eq!(away.post("/auth/logout", &json!({})).status, 204);
    let direct = away.at(&split.url_of("thoughts"));
    until("thoughts refuses the token", || direct.get("/api/v1/thoughts").status == 401);
    assert_eq!(anna.get("/api/thoughts").status, 200, "the other session goes on");

    // A program with an API key reaches other processes through the gateway, until it is withdrawn.
    let body = json!({ "name": "Robot", "valid_days": 1, "scope": "thoughts:read" });
    let made = anna.post("/api/v1/api-keys", &body);
    assert_eq!(made.status, 201, "{}", made.text);
    let mut robot = Client::new(&split.url());
    robot.token = made.json()["secret"].as_str().map(str::to_owned);
    assert_eq!(robot.get("/api/v1/thoughts").status, 200);
    let written = robot.post("/api/v1/thoughts", &json!({ "text": "Out of scope" }));
    assert_eq!(written.summary(), "403 HTT-022");
    let stranger = robot.clone().at(&split.url_of("thoughts"));
    assert_eq!(stranger.get("/api/v1/thoughts").status, 401, "keys enter by the gateway only");
    assert_eq!(anna.delete(made.header("location")).status, 204);
    until("the key is refused", || robot.get("/api/v1/thoughts").status == 401);

    // A deleted account is gone everywhere.
    assert_eq!(anna.delete("/users/me").status, 204);
    for service in ["thoughts", "search", "analytics"] {
        let direct = anna.clone().at(&split.url_of(service));
        let path = match service {
            "thoughts" => "/api/v1/thoughts",
            "search" => "/api/v1/search?q=harbour",
            _ => "/api/v1/analytics/overview",
        };
        until(&format!("{service} refuses who is gone"), || direct.get(path).status == 401);
    }
    assert_eq!(ben.get("/api/thoughts").status, 200);
    split.stop_all();
}

/// EXO-09: the same orders, in one process and split, end in the same state.
#[test]
fn the_same_orders_end_alike_in_one_process_and_split() {
    let orders = |client: &Client| -> (Value, Value, Value) {
        let mut ids = Vec::new();
        let mut position = String::new();
        for index in 0..60 {
            let body = json!({
                "text": format!("cargo number {index} for the harbour"),
                "tags": [format!("ship/{}", index % 5)],
            });
            let answer = client.post("/api/thoughts", &body);
            assert_eq!(answer.status, 201, "{}", answer.text);
            ids.push(answer.json()["id"].as_str().expect("an id").to_owned());
            answer.header("hanse-position").clone_into(&mut position);
            if index % 7 == 3 {
                let body = json!({ "text": "rewritten at sea", "tags": ["sea"] });
                let answer = client.put(&format!("/api/thoughts/{}", ids[index / 2]), &body);
                answer.header("hanse-position").clone_into(&mut position);
            }
            if index % 11 == 5 {
                let id = ids.remove(index / 3);
                let answer = client.delete(&format!("/api/thoughts/{id}"));
                answer.header("hanse-position").clone_into(&mut position);
            }
        }
        let read = |path: &str| after(client, &position, path).json();
        let found = read("/api/search?q=harbour&limit=1")["total"].clone();
        let overview = read("/api/analytics/overview")["thoughts"].clone();
        let tags = client.get("/api/thoughts/tags").json();
        (found, overview, tags)
    };
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &["--set", "limits.enabled=false"]);
    let local = orders(&server.register("anna"));
    assert!(server.stop().success());
    let mut split = Split::start("[limits]\nenabled = false\n");
    split.joined();
    let apart = orders(&split.register("anna"));
    split.stop_all();
    assert_eq!(local, apart);
}
