//! Every operation × everybody, every address × every method, every answer × what it must and must
//! not carry. All of it is made from the published OpenAPI document, so that an operation cannot be
//! forgotten (AUTZ-01, AUTZ-02, AUTZ-12, HTTP-08, HTTP-13, HTTP-16, HTTP-17, OPS-15).

use std::collections::BTreeSet;

use hanse_e2e::{Answer, Client, Server, Value, json};

use crate::support::{Operation, UNLIMITED, administrator, document, operations, platform};

const NOBODY: &str = "00000000-0000-7000-8000-000000000000";

fn call(who: &Client, operation: &Operation, path: &str, headers: &[(&str, &str)]) -> Answer {
    let body = operation.bodies.first().map(|kind| (kind.as_str(), example(operation).to_string()));
    who.send(&operation.method, path, headers, body)
        .unwrap_or_else(|error| panic!("{}: {error}", operation.id))
}

/// A body that the operation's own text calls right, as far as it can be told without its schema.
fn example(operation: &Operation) -> Value {
    match operation.id.as_str() {
        "create_thought" | "replace_thought" | "update_thought" | "import_thoughts" => {
            json!({"text": "seen"})
        }
        "add_thought_tags" => json!({"tags": ["seen"]}),
        "replace_me" | "replace_profile" => json!({"name": "Seen"}),
        "put_search_preferences" => json!({"record_history": true, "default_types": []}),
        _ => json!({}),
    }
}

/// The query that a read needs.
fn query(operation: &Operation) -> &'static str {
    let parameters = operation.text.get("parameters").and_then(Value::as_array);
    let needs = |name: &str| {
        parameters.into_iter().flatten().any(|parameter| {
            parameter.get("name").and_then(Value::as_str) == Some(name)
                && parameter.get("required").and_then(Value::as_bool) == Some(true)
        })
    };
    match operation.id.as_str() {
        "export_thoughts" => "?format=jsonl",
        _ if needs("q") => "?q=harbour",
        _ => "",
    }
}

/// What somebody has: a thought and a session.
struct Owned {
    owner: Client,
    thought: String,
    session: String,
    before: String,
}

impl Owned {
    fn of(server: &Server, name: &str) -> Self {
        let owner = server.register(name);
        let thought =
            owner.post("/api/thoughts", &json!({"text": "ballast", "tags": ["hold"]})).json();
        let sessions = owner.get("/auth/sessions").json();
        let text = |value: Option<&Value>| value.and_then(Value::as_str).expect("an id").to_owned();
        let thought = text(thought.get("id"));
        let session = text(sessions.pointer("/items/0/id"));
        let before = owner.get(&format!("/api/thoughts/{thought}")).text;
        Self { owner, thought, session, before }
    }

    fn id_for(&self, operation: &Operation) -> &str {
        if operation.path.contains("/sessions/") { &self.session } else { &self.thought }
    }

    /// Nothing of theirs has changed.
    fn check(&self, after: &str) {
        let now = self.owner.get(&format!("/api/thoughts/{}", self.thought));
        assert_eq!(now.status, 200, "their session is gone after {after}");
        assert_eq!(now.text, self.before, "their thought has changed after {after}");
    }
}

/// AUTZ-01, AUTZ-02, AUTZ-09: who may call what is what `x-access` says, and a thing of somebody else
/// does not exist, for administrators neither.
#[test]
fn every_operation_keeps_its_access_policy() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let admin = administrator(&server, data.path());
    let owned = Owned::of(&server, "owner");
    let mut garbage = server.guest();
    garbage.token = Some("not.a.token".into());
    let document = document(&server);
    let mut tried = BTreeSet::new();
    for operation in operations(&document) {
        let path = format!("{}{}", operation.at(owned.id_for(&operation)), query(&operation));
        let what = format!("{} {path}", operation.method);
        // Each has a fresh account, so that whoever may leave may leave.
        let other = server.register(&format!("other-{}", operation.id.replace('_', "-")));
        let anonymous = call(&server.guest(), &operation, &path, &[]);
        let bad = call(&garbage, &operation, &path, &[]);
        let user = call(&other, &operation, &path, &[]);
        // Whoever shows a bad token is nobody: they may sign in again, and nothing else.
        let refused = bad.summary() == "401 HTT-011";
        assert_eq!(refused, operation.access != "public", "{what} with a bad token");
        match operation.access.as_str() {
            "public" => assert!(anonymous.summary() != "401 HTT-010", "{what} is public"),
            "user" => {
                assert_eq!(anonymous.summary(), "401 HTT-010", "{what} without a token");
                assert!(
                    !["401 HTT-010", "401 HTT-011", "403 HTT-012"]
                        .contains(&user.summary().as_str()),
                    "{what}: {}",
                    user.text
                );
            }
            "operator" | "admin" => {
                assert_eq!(anonymous.summary(), "401 HTT-010", "{what} without a token");
                assert_eq!(user.summary(), "403 HTT-012", "{what} as a user");
            }
            unknown => panic!("{what} has the access policy {unknown:?}"),
        }
        let lasting =
            ["delete_me", "logout_user", "change_password"].contains(&operation.id.as_str());
        if !lasting {
            let root = call(&admin, &operation, &path, &[]);
            assert!(
                ![401, 403].contains(&root.status) || operation.access == "public",
                "{what} as administrator: {}",
                root.text
            );
            assert!(root.status < 500, "{what}: {}", root.text);
            if operation.path.contains('{') {
                assert_eq!(root.status, 404, "{what} as administrator: {}", root.text);
            }
        }
        assert!(
            user.status < 500 && anonymous.status < 500,
            "{what}: {} {}",
            user.text,
            anonymous.text
        );
        if operation.path.contains('{') {
            assert_eq!(user.status, 404, "{what} as somebody else: {}", user.text);
            // Somebody else's and nobody's look the same.
            let nobody = call(&other, &operation, &operation.at(NOBODY), &[]);
            assert_eq!(nobody.summary(), user.summary(), "{what}");
        }
        owned.check(&what);
        tried.insert(operation.id);
    }
    assert_eq!(tried.len(), operations(&document).len());
}

/// HTTP-13: every address × 9 methods. What an address does not take is 405 and `Allow` says what it
/// takes; `HEAD` answers like `GET`, without a body; no header turns one method into another.
#[test]
fn every_address_takes_its_methods_and_no_others() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let document = document(&server);
    let all = operations(&document);
    let mut paths: BTreeSet<String> = all.iter().map(|operation| operation.path.clone()).collect();
    paths.extend(
        ["/docs", "/openapi.json", "/health", "/ready", "/docs/errors/HTT-001"].map(String::from),
    );
    for path in paths {
        let takes: BTreeSet<&str> =
            all.iter().filter(|o| o.path == path).map(|o| o.method.as_str()).collect();
        let takes = if takes.is_empty() { BTreeSet::from(["GET"]) } else { takes };
        let address = path.replace("{id}", NOBODY);
        for method in ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "BREW"]
        {
            let taken = takes.contains(method) || method == "HEAD" && takes.contains("GET");
            if taken && method != "HEAD" {
                continue;
            }
            let answer = anna.send(method, &address, &[], None).expect("an answer");
            if taken {
                let get = anna.get(&address);
                assert_eq!((answer.status, answer.text.as_str()), (get.status, ""), "HEAD {path}");
                assert_eq!(
                    answer.header("content-type"),
                    get.header("content-type"),
                    "HEAD {path}"
                );
                continue;
            }
            assert_eq!(answer.status, 405, "{method} {path}: {}", answer.text);
            let allowed: BTreeSet<&str> =
                answer.header("allow").split(", ").filter(|name| *name != "HEAD").collect();
            assert_eq!(allowed, takes, "{method} {path}");
        }
    }
    let thought = anna.post("/api/thoughts", &json!({"text": "ballast"})).json();
    let address =
        format!("/api/thoughts/{}", thought.get("id").and_then(Value::as_str).expect("an id"));
    for header in ["x-http-method-override", "x-http-method", "x-method-override", "_method"] {
        for method in ["GET", "POST"] {
            anna.send(method, &format!("{address}?_method=DELETE"), &[(header, "DELETE")], None)
                .expect("an answer");
            anna.send(method, &address, &[(header, "DELETE")], None).expect("an answer");
        }
    }
    assert_eq!(anna.get(&address).status, 200, "a header has deleted it");
}

/// Headers that every answer of the public door carries, and what must be in them.
const SECURITY: [(&str, &str); 7] = [
    ("strict-transport-security", "max-age=31536000"),
    ("content-security-policy", "object-src 'none'"),
    ("content-security-policy", "base-uri 'none'"),
    ("content-security-policy", "frame-ancestors 'none'"),
    ("x-content-type-options", "nosniff"),
    ("referrer-policy", "no-referrer"),
    ("x-frame-options", "DENY"),
];

fn is_safe(answer: &Answer, what: &str) {
    for (name, part) in SECURITY {
        assert!(answer.header(name).contains(part), "{what}: {name} is {:?}", answer.header(name));
    }
    assert!(answer.header("x-request-id").len() == 36, "{what} has no request id");
    assert_eq!(answer.header("server"), "", "{what} tells what serves it");
    if answer.status >= 400 {
        assert_eq!(answer.header("content-type"), "application/problem+json", "{what}");
        let problem = answer.json();
        for member in ["type", "title", "status", "code", "detail", "request_id"] {
            assert!(problem.get(member).is_some(), "{what} has no {member}: {}", answer.text);
        }
        assert_eq!(
            problem.get("request_id").and_then(Value::as_str),
            Some(answer.header("x-request-id"))
        );
    }
}

/// HTTP-16: security headers on every answer, errors included; and every error is a problem.
#[test]
fn every_answer_carries_the_security_headers() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    for operation in operations(&document(&server)) {
        for who in [&anna, &server.guest()] {
            if ["delete_me", "logout_user"].contains(&operation.id.as_str()) && who.token.is_some()
            {
                continue;
            }
            let answer = call(who, &operation, &operation.at(NOBODY), &[]);
            is_safe(&answer, &operation.id);
        }
    }
    for (method, path) in [
        ("GET", "/"),
        ("GET", "/docs"),
        ("GET", "/openapi.json"),
        ("GET", "/health"),
        ("GET", "/ready"),
        ("GET", "/docs/errors/HTT-001"),
        ("GET", "/nowhere"),
        ("GET", "/docs/errors/XXX-999"),
        ("BREW", "/docs"),
        ("TRACE", "/health"),
        ("GET", "/a//b"),
        ("GET", "/%2e%2e/etc/passwd"),
        ("OPTIONS", "/api/thoughts"),
        ("GET", "/api/thoughts?limit=x"),
        ("GET", "/api/thoughts?nothing=1"),
    ] {
        let answer = anna.send(method, path, &[], None).expect("an answer");
        is_safe(&answer, path);
        let answer = anna.send(method, path, &[("x_y", "z")], None).expect("an answer");
        is_safe(&answer, path);
        assert!(
            (400..500).contains(&answer.status),
            "{path} with an underscore: {}",
            answer.status
        );
    }
}

/// HTTP-08: headers by which a proxy speaks of a client are nobody's word. They change no answer and
/// come back in none, nor in a session's address.
#[test]
fn headers_of_proxies_are_neither_believed_nor_reflected() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let owned = Owned::of(&server, "owner");
    let owner = owned.owner.user.get("id").and_then(Value::as_str).expect("an id").to_owned();
    let canary = "canary.example";
    let headers = [
        ("x-forwarded-for", "203.0.113.77"),
        ("x-forwarded-host", canary),
        ("x-forwarded-proto", canary),
        ("x-forwarded-port", "1358"),
        ("x-forwarded-prefix", "/canary.example"),
        ("x-forwarded-server", canary),
        ("forwarded", "for=203.0.113.77;host=canary.example;proto=https"),
        ("x-real-ip", "203.0.113.77"),
        ("x-client-ip", "203.0.113.77"),
        ("true-client-ip", "203.0.113.77"),
        ("cf-connecting-ip", "203.0.113.77"),
        ("x-original-url", "/api/v1/thoughts/canary.example"),
        ("x-rewrite-url", "/canary.example"),
        ("x-user-id", owner.as_str()),
        ("x-user", owner.as_str()),
        ("x-user-email", "owner@example.com"),
        ("x-user-roles", "admin"),
        ("x-roles", "admin"),
        ("x-authenticated-user", owner.as_str()),
        ("x-remote-user", owner.as_str()),
        ("remote-user", owner.as_str()),
        ("x-tenant-id", owner.as_str()),
        ("x-request-id", canary),
        ("x-correlation-id", canary),
        ("x-api-key", canary),
        ("cookie", "access_token=canary.example; session=canary.example"),
        ("proxy-authorization", "Basic Y2FuYXJ5"),
        ("via", canary),
        ("origin", "https://canary.example"),
        ("referer", "https://canary.example/"),
    ];
    let spotless = |answer: &Answer, what: &str| {
        let said = format!("{:?} {}", answer.headers, answer.text);
        for mark in [canary, "203.0.113.77", &owner] {
            assert!(!said.contains(mark), "{what} says {mark}: {said}");
        }
    };
    let document = document(&server);
    for operation in operations(&document) {
        let path = format!("{}{}", operation.at(&owned.thought), query(&operation));
        let other = server.register(&format!("o-{}", operation.id.replace('_', "-")));
        for who in [&server.guest(), &other] {
            let plain = call(who, &operation, &path, &[]);
            let again = match operation.id.as_str() {
                // They end what they are called with.
                "delete_me" | "logout_user" if who.token.is_some() => continue,
                _ => call(who, &operation, &path, &headers),
            };
            assert_eq!(plain.summary(), again.summary(), "{}", operation.id);
            spotless(&again, &operation.id);
        }
        owned.check(&operation.id);
    }
    for path in ["/", "/docs", "/openapi.json", "/ready", "/nowhere"] {
        spotless(&owned.owner.send("GET", path, &headers, None).expect("an answer"), path);
    }
    // Who signs in from behind such headers is seen at the address of the connection.
    let login = json!({"email": "owner@example.com", "password": "kogge owner 1358"}).to_string();
    let answer = server
        .guest()
        .send("POST", "/auth/login", &headers, Some(("application/json", login)))
        .expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let sessions = owned.owner.get("/auth/sessions");
    assert!(!sessions.text.contains("203.0.113.77"), "{}", sessions.text);
    assert!(!server.log().contains("203.0.113.77"), "{}", server.log());
}

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
                    let path = operation.path.replace("{id}", &mine);
                    let body = json!({ &mine: &mine, "text": [&mine], "email": &mine, "password": &mine, "tags": &mine, "name": {&mine: 1} }).to_string();
                    let body = operation.bodies.first().map(|kind| (kind.as_str(), body));
                    for path in [path.clone(), format!("{path}?{mine}={mine}"), format!("{path}?cursor={mine}&limit={mine}")] {
                        let headers = [("if-match", mine.as_str()), ("hanse-after", mine.as_str())];
                        let answer = who.send(&operation.method, &path, &headers, body.clone()).expect("an answer");
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

/// The document is valid, complete and true: OpenAPI 3.1, an example for every body, one operationId
/// each, every reference leads somewhere, and each of its operations is mounted.
#[test]
fn the_published_document_is_true() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let document = document(&server);
    assert!(
        document.get("openapi").and_then(Value::as_str).expect("a version").starts_with("3.1.")
    );
    let mut ids = BTreeSet::new();
    let mut wrong = Vec::new();
    for operation in operations(&document) {
        assert!(ids.insert(operation.id.clone()), "{} twice", operation.id);
        let words = ["summary", "description"]
            .map(|key| operation.text.get(key).and_then(Value::as_str).unwrap_or_default());
        if words[0].is_empty() {
            wrong.push(format!("{} has no summary", operation.id));
        }
        let declared: BTreeSet<&str> = operation
            .text
            .get("parameters")
            .and_then(Value::as_array)
            .into_iter()
            .flatten()
            .filter(|parameter| parameter.get("in").and_then(Value::as_str) == Some("path"))
            .filter_map(|parameter| parameter.get("name")?.as_str())
            .collect();
        let named: BTreeSet<&str> = operation
            .path
            .split('/')
            .filter_map(|part| part.strip_prefix('{')?.strip_suffix('}'))
            .collect();
        assert_eq!(declared, named, "{}", operation.id);
        let responses =
            operation.text.get("responses").and_then(Value::as_object).expect("responses");
        assert!(responses.keys().any(|status| status.starts_with('2')), "{}", operation.id);
        for kind in &operation.bodies {
            let pointer =
                format!("/requestBody/content/{}", kind.replace('~', "~0").replace('/', "~1"));
            let media = operation.text.pointer(&pointer).expect("a media type");
            let schema = media.get("schema").expect("a schema");
            let schema = match schema.get("$ref").and_then(Value::as_str) {
                Some(reference) => {
                    document.pointer(reference.trim_start_matches('#')).expect("a schema")
                }
                None => schema,
            };
            if [media, schema]
                .iter()
                .all(|place| place.get("example").is_none() && place.get("examples").is_none())
            {
                wrong.push(format!("{} has no example of {kind}", operation.id));
            }
        }
        let secured = operation.text.get("security").is_some();
        assert_eq!(secured, operation.access != "public", "{}", operation.id);
        // An address of somebody else's making: what matters is that the operation was reached.
        if !["delete_me", "logout_user"].contains(&operation.id.as_str()) {
            let reached = call(&anna, &operation, &operation.at(NOBODY), &[]).summary();
            assert!(
                !["404 HTT-001", "405 HTT-002"].contains(&reached.as_str()),
                "{} is not there",
                operation.id
            );
        }
    }
    for reference in references(&document) {
        if document.pointer(reference.trim_start_matches('#')).is_none() {
            wrong.push(format!("{reference} leads nowhere"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn references(value: &Value) -> Vec<String> {
    match value {
        Value::Object(members) => {
            let own = members.get("$ref").and_then(Value::as_str).map(str::to_owned);
            own.into_iter().chain(members.values().flat_map(references)).collect()
        }
        Value::Array(items) => items.iter().flat_map(references).collect(),
        _ => Vec::new(),
    }
}

/// Every code that the document names has a page, and every problem's `type` leads to it.
#[test]
fn every_problem_has_its_page() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let guest = server.guest();
    let mut pages = BTreeSet::new();
    for operation in operations(&document(&server)) {
        for response in
            operation.text.get("responses").and_then(Value::as_object).expect("responses").values()
        {
            let example = response
                .pointer("/content/application~1problem+json/example/type")
                .and_then(Value::as_str);
            pages.extend(example.map(str::to_owned));
            let described = response.get("description").and_then(Value::as_str).unwrap_or_default();
            pages.extend(
                described
                    .split("; ")
                    .filter_map(|line| line.split_once(": "))
                    .filter(|(code, _)| code.len() == 7)
                    .map(|(code, _)| format!("/docs/errors/{code}")),
            );
        }
        let answer = call(&guest, &operation, &operation.at(NOBODY), &[]);
        pages.extend(answer.json().get("type").and_then(Value::as_str).map(str::to_owned));
    }
    assert!(pages.len() > 20, "{pages:?}");
    for page in pages {
        let answer = guest.get(&page);
        assert_eq!(answer.status, 200, "{page}");
        assert!(answer.text.lines().count() > 3, "{page} says too little");
    }
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

/// AUTZ-12: the public door tells nothing of the inside, and the operations door is on loopback.
#[test]
fn the_public_door_shows_no_operations() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let admin = administrator(&server, data.path());
    for path in [
        "/metrics",
        "/tracing",
        "/api/metrics",
        "/api/v1/metrics",
        "/debug",
        "/debug/pprof",
        "/admin",
        "/actuator",
        "/env",
        "/config",
        "/.env",
        "/.git/config",
        "/server-status",
    ] {
        for who in [&server.guest(), &admin] {
            assert_eq!(who.get(path).summary(), "404 HTT-001", "{path}");
        }
    }
    let ready = server.guest().get("/ready").json();
    assert_eq!(ready, json!({"ready": true}), "readiness of the public door is one word");
    let health = server.guest().get("/health").text;
    for mark in ["sqlite", "postgres", "identity", "search", "/tmp", "pid"] {
        assert!(!health.contains(mark), "{health}");
    }
    assert!(server.ops.starts_with("http://127.0.0.1:"), "{}", server.ops);
    let sample = std::process::Command::new(hanse_e2e::binary())
        .args(["config", "sample"])
        .output()
        .expect("it runs");
    let sample = String::from_utf8_lossy(&sample.stdout).into_owned();
    assert!(
        sample.contains("\nops = \"127.0.0.1:3099\"")
            && sample.contains("\nlisten = \"127.0.0.1:3000\""),
        "{sample}"
    );
}

/// AUTN-20: nobody is there before somebody is made, and no example opens a door.
#[test]
fn a_fresh_platform_has_no_account_and_no_known_secret() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let guest = server.guest();
    for (email, password) in [
        ("admin@example.com", "admin"),
        ("admin@localhost", "admin"),
        ("root@localhost", "root"),
        ("you@example.com", "password"),
        ("ann@example.com", "kogge im hafen 1358"),
        ("anna@example.com", "changeme"),
    ] {
        let answer = guest.post("/auth/login", &json!({"email": email, "password": password}));
        assert_eq!(answer.status, 401, "{email}: {}", answer.text);
    }
    for token in ["", "setup", "changeme", "00000000-0000-0000-0000-000000000000"] {
        let answer = guest.post("/auth/setup", &json!({"token": token, "email": "me@example.com", "password": "kogge 1358 hafen", "name": "Me"}));
        assert!((400..500).contains(&answer.status), "{token:?}: {}", answer.text);
    }
    let example = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    let other = tempfile::tempdir().expect("a folder");
    let weak =
        Server::try_start(other.path(), &["--set", &format!("secrets.master_key={example}")]);
    assert!(weak.is_err(), "it starts with a master key of zeros");
}
