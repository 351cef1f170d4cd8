//! Notifications at their real receivers: a mail server, a push service that decrypts, the Standard
//! Webhooks library, and providers of mobile push and text messages as their documents describe them. All
//! stand in `tests/receivers/`; `cargo xtask test` installs them.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead as _, BufReader, Read as _, Write as _};
use std::net::{TcpListener, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanse_e2e::{Client, Server, Value, binary, free_port, hanse, json, until};

/// A receiver that says in lines of JSON what it got. It is ended when the value goes.
struct Program {
    child: Child,
    lines: Receiver<Value>,
    port: u16,
}

impl Program {
    fn start(mut command: Command, arguments: &[&str]) -> Self {
        let port = free_port().expect("a free port");
        command.arg(port.to_string()).args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
        let mut child = command.spawn().expect("the receiver can be run");
        let output = BufReader::new(child.stdout.take().expect("a piped stream"));
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            for line in output.lines().map_while(Result::ok) {
                let said = serde_json::from_str(&line);
                if sender.send(said.unwrap_or_else(|_| json!({ "said": line }))).is_err() {
                    return;
                }
            }
        });
        let program = Self { child, lines, port };
        assert_eq!(program.next()["ready"], true);
        program
    }

    fn python(script: &str, arguments: &[&str]) -> Self {
        let mut command = Command::new(told("RECEIVERS_PYTHON"));
        command.arg(folder().join(script));
        Self::start(command, arguments)
    }

    /// What it says next.
    fn next(&self) -> Value {
        self.lines.recv_timeout(Duration::from_secs(60)).expect("the receiver gets something")
    }

    /// The next letter that it took.
    fn letter(&self) -> Vec<u8> {
        loop {
            if let Some(letter) = self.next()["letter"].as_str() {
                return STANDARD.decode(letter).expect("base64");
            }
        }
    }
}

impl Drop for Program {
    fn drop(&mut self) {
        self.child.kill().ok();
        self.child.wait().ok();
    }
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("receivers")
}

/// What `cargo xtask test` says.
fn told(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value
        .unwrap_or_else(|| panic!("{name} is not set: run the tests with `cargo xtask test`"))
        .into()
}

/// A script's answer to some input.
fn ask(script: &str, arguments: &[&str], input: &[u8]) -> String {
    let mut command = Command::new(told("RECEIVERS_PYTHON"));
    command.arg(folder().join(script)).args(arguments);
    let mut child =
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).spawn().expect("it can be run");
    child.stdin.take().expect("a pipe").write_all(input).expect("it reads");
    let output = child.wait_with_output().expect("it ends");
    assert!(output.status.success(), "{script} refuses:\n{}", String::from_utf8_lossy(input));
    String::from_utf8(output.stdout).expect("text")
}

/// A pair of RSA keys as openssl makes them: the files of the private and the public one.
fn keys(place: &Path) -> [PathBuf; 2] {
    let files = ["private.pem", "public.pem"].map(|name| place.join(name));
    let steps: [&[&str]; 2] = [&["genrsa", "-out"], &["rsa", "-pubout", "-out"]];
    for (step, file) in steps.into_iter().zip(&files) {
        let mut openssl = Command::new("openssl");
        openssl.args(step).arg(file);
        if step.len() > 2 {
            openssl.arg("-in").arg(place.join("private.pem"));
        } else {
            openssl.arg("2048");
        }
        assert!(openssl.output().expect("openssl runs").status.success());
    }
    files
}

/// A platform that knows its own address, with an administrator.
fn platform(data: &Path, settings: &[String]) -> (Server, Client) {
    let address = format!("127.0.0.1:{}", free_port().expect("a free port"));
    let mut more = vec![format!("server.public_url=http://{address}")];
    more.extend_from_slice(settings);
    let more: Vec<&str> = more.iter().flat_map(|setting| ["--set", setting]).collect();
    let server = Server::spawn_at(Command::new(binary()), [&address, "127.0.0.1:0"], data, &more);
    let server = server.unwrap_or_else(|log| panic!("the platform did not start:\n{log}"));
    let (_, password) = account(data, "root", &["--admin"]);
    let mut admin = server.guest();
    let answer =
        admin.post("/auth/login", &json!({ "email": "root@example.com", "password": password }));
    assert_eq!(answer.status, 200, "{}", answer.text);
    admin.signed_in(&answer);
    (server, admin)
}

/// An account that gets no letters of its own: its id and its password.
fn account(data: &Path, name: &str, more: &[&str]) -> (String, String) {
    let email = format!("{name}@example.com");
    let said = hanse(data, &[&["user", "create", "--json", "--email", &email], more].concat());
    let made: Value = serde_json::from_str(&said.out).unwrap_or_else(|_| panic!("{}", said.err));
    let text = |key: &str| made[key].as_str().expect("a text").to_owned();
    (text("id"), text("password"))
}

/// Tells an account something once the platform knows of it. The address of the sending.
fn send(admin: &Client, id: &str, title: &str, channel: &str) -> String {
    let news = json!({
        "users": [id], "title": title, "text": "The harbour is closed from Monday to Wednesday.",
        "channels": [channel],
    });
    let mut answer = admin.post("/notifications", &news);
    until("the account is known", || {
        if answer.status == 422 {
            answer = admin.post("/notifications", &news);
        }
        answer.status == 201
    });
    answer.header("location").to_owned()
}

/// Waits until the only delivery of a sending is in this state; its steps.
fn delivered(admin: &Client, sending: &str, state: &str) -> Vec<Value> {
    let id = sending.rsplit('/').next().expect("an id");
    let look = || admin.get(&format!("/api/v1/notifications/deliveries?of={id}")).json();
    until(&format!("a delivery is {state}"), || look()["items"][0]["state"] == state);
    look()["items"][0]["steps"].as_array().expect("steps").clone()
}

fn mail(server: &Program) -> Vec<String> {
    vec![
        "mail.server=127.0.0.1".into(),
        format!("mail.port={}", server.port),
        "mail.encryption=none".into(),
        "mail.from=hanse@example.com".into(),
    ]
}

/// D-091, E-044, A-125: a letter arrives with both forms; dkimpy finds its signature good, and RFC 8058's
/// headers covered; one request ends letters of its kind.
#[test]
fn a_letter_arrives_signed_and_is_ended_by_one_request() {
    let place = tempfile::tempdir().expect("a folder");
    let [private, public] = keys(place.path());
    let receiver = Program::python("mailserver.py", &[]);
    let mut settings = mail(&receiver);
    settings.push("mail.dkim_domain=example.com".into());
    settings.push(format!("mail.dkim_key_file={}", private.display()));
    let data = place.path().join("data");
    let (server, admin) = platform(&data, &settings);
    let (anna, _) = account(&data, "anna", &[]);
    let sending = send(&admin, &anna, "The harbour: Über 3 Tage zu", "email");
    let letter = receiver.letter();
    let read = ask("letter.py", &[&public.to_string_lossy()], &letter);
    let read: Value = serde_json::from_str(&read).expect("JSON");
    assert_eq!(read["kind"], "multipart/alternative");
    assert_eq!(read["subject"], "The harbour: Über 3 Tage zu");
    assert!(read["text"].as_str().expect("a text").contains("closed from Monday"), "{read}");
    assert!(read["html"].as_str().expect("a text").contains("<p>The harbour is closed"), "{read}");
    let id = read["message_id"].as_str().expect("an id");
    assert!(id.contains(&anna.replace('-', "")) && id.ends_with("@example.com>"), "{id}");
    delivered(&admin, &sending, "sent");

    assert_eq!(read["unsubscribe_post"], "List-Unsubscribe=One-Click");
    let link = read["unsubscribe"].as_str().expect("a link").trim_matches(['<', '>']);
    let path = link.strip_prefix(&server.url).expect("an address of ours");
    let form = ("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click".to_owned());
    let ended = server.guest().send("POST", path, &[], Some(form)).expect("an answer");
    assert_eq!(ended.status, 204, "{}", ended.text);
    let sending = send(&admin, &anna, "Nobody reads this", "email");
    assert_eq!(admin.get(&sending).json()["deliveries"], json!({}));
}

/// SMTP trouble: what is refused for now is tried again, what is refused for good is not and never is
/// again, and a connection that breaks in the middle of a letter costs none and doubles none. The same
/// letter has the same Message-ID over all tries.
#[test]
fn trouble_at_the_mail_server_loses_and_doubles_nothing() {
    let place = tempfile::tempdir().expect("a folder");
    let receiver = Program::python("mailserver.py", &[]);
    let data = place.path().join("data");
    let (_server, admin) = platform(&data, &mail(&receiver));
    let states = |steps: &[Value]| -> Vec<(Value, Value)> {
        steps.iter().map(|step| (step["state"].clone(), step["cause"].clone())).collect()
    };
    let (sent, failed) =
        ((json!("sent"), json!(null)), |cause: &str| (json!("failed"), json!(cause)));

    let (later, _) = account(&data, "later", &[]);
    let sending = send(&admin, &later, "Later", "email");
    let later = "the server could not take it now: code 451";
    let steps = delivered(&admin, &sending, "sent");
    assert_eq!(states(&steps), [failed(later), failed(later), sent.clone()]);
    assert_eq!(receiver.next()["code"], 451);
    assert_eq!(receiver.next()["code"], 451);
    assert_eq!(receiver.next()["taken"], json!(["later@example.com"]));

    let (never, _) = account(&data, "never", &[]);
    let sending = send(&admin, &never, "Never", "email");
    let steps = delivered(&admin, &sending, "failed");
    assert_eq!(states(&steps), [failed("the server refused it: code 550")]);
    assert_eq!(receiver.next()["code"], 550);
    let sending = send(&admin, &never, "Never again", "email");
    let steps = delivered(&admin, &sending, "failed");
    assert!(steps[0]["cause"].as_str().expect("a cause").starts_with("suppressed: "), "{steps:?}");

    let (cut, _) = account(&data, "cut", &[]);
    let sending = send(&admin, &cut, "Cut", "email");
    assert_eq!(receiver.next()["cut"], json!(["cut@example.com"]));
    let letter = String::from_utf8(receiver.letter()).expect("a letter");
    assert!(letter.contains(&cut.replace('-', "")), "{letter}");
    assert_eq!(delivered(&admin, &sending, "sent").last().expect("a step")["state"], "sent");
    // Nothing came twice: what comes next is what is sent next.
    let (plain, _) = account(&data, "plain", &[]);
    let sending = send(&admin, &plain, "Plain", "email");
    delivered(&admin, &sending, "sent");
    assert_eq!(receiver.next()["taken"], json!(["plain@example.com"]));
    assert!(receiver.lines.try_recv().is_err());
}

fn allowed() -> String {
    "outbound.allow=[\"127.0.0.1\"]".into()
}

/// A person with an account, signed in.
fn signed_in(server: &Server, data: &Path, name: &str) -> (Client, String) {
    let (id, password) = account(data, name, &[]);
    let mut who = server.guest();
    let email = format!("{name}@example.com");
    let answer = who.post("/auth/login", &json!({ "email": email, "password": password }));
    assert_eq!(answer.status, 200, "{}", answer.text);
    who.signed_in(&answer);
    (who, id)
}

/// E-046, A-126: a push service of others' making knows us by our key and decrypts what we send.
#[test]
fn a_push_service_decrypts_what_a_browser_is_told() {
    let place = tempfile::tempdir().expect("a folder");
    let mut node = Command::new("node");
    node.current_dir(told("RECEIVERS_NODE")).arg("push.mjs");
    let service = Program::start(node, &[]);
    let service = (Client::new(&format!("http://127.0.0.1:{}", service.port)), service);
    let data = place.path().join("data");
    let (server, admin) = platform(&data, &[allowed()]);
    let (anna, id) = signed_in(&server, &data, "anna");
    let key = anna.get("/api/v1/notifications/targets").json()["application_server_key"].clone();
    let asked = json!({ "userVisibleOnly": "true", "applicationServerKey": key });
    let subscribed = service.0.post("/subscribe", &asked);
    assert_eq!(subscribed.status, 200, "{}", subscribed.text);
    let subscription = subscribed.json()["data"].clone();
    let hash = subscription["clientHash"].as_str().expect("a client");
    let target = json!({
        "kind": "web_push", "name": "Browser", "p256dh": subscription["keys"]["p256dh"],
        "auth": subscription["keys"]["auth"],
        "url": format!("http://127.0.0.1:{}/notify/{hash}", service.1.port),
    });
    let made = anna.post("/api/v1/notifications/targets", &target);
    assert_eq!(made.status, 201, "{}", made.text);
    let sending = send(&admin, &id, "Über den Hafen", "push");
    delivered(&admin, &sending, "sent");
    let heard = service.0.post("/get-notifications", &json!({ "clientHash": hash })).json();
    let message = heard["data"]["messages"][0].as_str().expect("a message");
    let message: Value = serde_json::from_str(message).expect("JSON");
    assert_eq!(message["title"], "Über den Hafen");
    assert!(message["body"].as_str().expect("a text").contains("closed from Monday"), "{message}");
}

/// EXO-10, SSRF-04: the Standard Webhooks library verifies what a system is told, with either secret while
/// they change.
#[test]
fn a_library_verifies_our_webhooks() {
    let place = tempfile::tempdir().expect("a folder");
    let data = place.path().join("data");
    let (server, admin) = platform(&data, &[allowed()]);
    let (anna, id) = signed_in(&server, &data, "anna");
    let listener = TcpListener::bind("127.0.0.1:0").expect("a free port");
    let url = format!("http://{}/hook", listener.local_addr().expect("an address"));
    let target = json!({ "kind": "webhook", "name": "Ours", "url": url });
    let secret = || {
        let made = anna.post("/api/v1/notifications/targets", &target);
        assert_eq!(made.status, 201, "{}", made.text);
        made.json()["secret"].as_str().expect("a secret").to_owned()
    };
    let first = secret();
    // A webhook is no channel that is asked for: whoever has one is told there too.
    let tell = |title: &str| send(&admin, &id, title, "in_app");
    let quiet = json!({ "channels": { "email": false } });
    assert_eq!(anna.put("/api/v1/notifications/preferences", &quiet).status, 200);
    let news = json!({ "users": [id], "title": "One", "text": "The harbour is closed." });
    drop(tell("Known"));
    assert_eq!(admin.post("/notifications", &news).status, 201);
    verify(&listener, &[&first]);
    let second = secret();
    assert_ne!(first, second);
    assert_eq!(admin.post("/notifications", &news).status, 201);
    verify(&listener, &[&first, &second]);
}

/// Takes one message and has the library verify it with each of these secrets.
fn verify(listener: &TcpListener, secrets: &[&str]) {
    let (stream, _) = listener.accept().expect("a connection");
    let (head, body) = request(&stream);
    (&stream).write_all(b"HTTP/1.1 204 x\r\ncontent-length: 0\r\n\r\n").expect("it is read");
    let headers: serde_json::Map<String, Value> = head
        .lines()
        .filter_map(|line| line.split_once(": "))
        .map(|(name, value)| (name.to_owned(), json!(value)))
        .collect();
    for secret in secrets {
        let given = json!({ "secret": secret, "headers": headers, "body": body });
        ask("webhook.py", &[], given.to_string().as_bytes());
    }
}

/// A request's head and body.
fn request(stream: &TcpStream) -> (String, String) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while !head.ends_with("\r\n\r\n") {
        let begin = head.len();
        assert!(reader.read_line(&mut head).expect("a line") > 0, "{head}");
        let line = head[begin..].to_lowercase();
        if let Some(number) = line.strip_prefix("content-length: ") {
            length = number.trim().parse().expect("a number");
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).expect("a body");
    (head, String::from_utf8(body).expect("text"))
}

/// E-045, E-046, A-141: telephones are told by Firebase's HTTP v1, with a token of the service account, and
/// by text messages in Twilio's shape. An app that is gone is forgotten.
#[test]
fn telephones_are_told_by_their_providers() {
    let place = tempfile::tempdir().expect("a folder");
    let [private, public] = keys(place.path());
    let providers = Program::python("providers.py", &[&public.to_string_lossy()]);
    let origin = format!("http://127.0.0.1:{}", providers.port);
    let file = place.path().join("firebase.json");
    let private = std::fs::read_to_string(private).expect("a key");
    let service_account = json!({
        "type": "service_account", "project_id": "harbour", "private_key": private,
        "client_email": "hanse@harbour.iam.example", "token_uri": format!("{origin}/token"),
        "messaging_uri": origin,
    });
    std::fs::write(&file, service_account.to_string()).expect("a file");
    let settings = [
        allowed(),
        format!("notifications.fcm_key_file={}", file.display()),
        format!("notifications.sms_url={origin}/2010-04-01/Accounts/AC1/Messages.json"),
        "notifications.sms_account=AC1".into(),
        "notifications.sms_token=secret".into(),
        "notifications.sms_from=\"+4930111111\"".into(),
    ];
    let data = place.path().join("data");
    let (server, admin) = platform(&data, &settings);
    let (anna, id) = signed_in(&server, &data, "anna");
    for token in ["telephone-one", "gone-telephone"] {
        let target = json!({ "kind": "mobile", "name": token, "token": token });
        assert_eq!(anna.post("/api/v1/notifications/targets", &target).status, 201);
    }
    send(&admin, &id, "Über den Hafen", "push");
    let push = providers.next()["push"].clone();
    assert_eq!(push["token"], "telephone-one");
    assert_eq!(push["notification"]["title"], "Über den Hafen");
    let names = || -> Vec<Value> {
        let targets = anna.get("/api/v1/notifications/targets").json();
        targets["items"].as_array().expect("targets").iter().map(|it| it["name"].clone()).collect()
    };
    until("the app that is gone is forgotten", || names() == [json!("telephone-one")]);

    let phone = json!({ "phone": "+4930123456" });
    assert_eq!(anna.put("/api/v1/notifications/preferences", &phone).status, 200);
    let sending = send(&admin, &id, "Ebbe & Flut", "sms");
    delivered(&admin, &sending, "sent");
    let sms = providers.next()["sms"].clone();
    assert_eq!((&sms["To"], &sms["From"]), (&json!("+4930123456"), &json!("+4930111111")));
    assert!(sms["Body"].as_str().expect("a text").contains("The harbour is closed"), "{sms}");
}

/// Whom a letter that the mail server took is for, and its Message-ID.
fn addressed(said: &Value) -> (String, String) {
    let letter = STANDARD.decode(said["letter"].as_str().expect("a letter")).expect("base64");
    let letter = String::from_utf8(letter).expect("a letter");
    let id = letter.lines().find_map(|line| line.strip_prefix("Message-ID: ")).expect("an id");
    (said["taken"][0].as_str().expect("a recipient").to_owned(), id.to_owned())
}

/// EXO-10: after a crash in the middle of many letters everybody gets theirs; only those that were on their
/// way come twice, under the same Message-ID.
#[test]
fn a_crash_doubles_only_what_was_on_its_way() {
    const PEOPLE: usize = 500;
    let place = tempfile::tempdir().expect("a folder");
    let receiver = Program::python("mailserver.py", &[]);
    let data = place.path().join("data");
    let said = hanse(&data, &["dev", "seed", "--users", &PEOPLE.to_string(), "--thoughts", "0"]);
    assert_eq!(said.code, 0, "{}", said.err);
    let (server, admin) = platform(&data, &mail(&receiver));
    let news = json!({ "everybody": true, "title": "x", "text": "x", "channels": ["email"] });
    let later = json!({
        "everybody": true, "title": "x", "text": "x", "at": "2030-01-01T00:00:00Z",
    });
    let later = admin.post("/notifications", &later).header("location").to_owned();
    until("everybody is known", || admin.get(&later).json()["people"] == PEOPLE + 1);
    let sending = admin.post("/notifications", &news).header("location").to_owned();
    let mut before: BTreeMap<String, Vec<String>> = BTreeMap::new();
    while before.len() < PEOPLE / 5 {
        let (to, id) = addressed(&receiver.next());
        before.entry(to).or_default().push(id);
    }
    let public = server.url.clone();
    server.kill();

    // What the dead process had taken is free again after a minute.
    let mut late = Command::new(binary());
    late.env("LD_PRELOAD", "/usr/$LIB/faketime/libfaketimeMT.so.1").env("FAKETIME", "+120s");
    late.env("FAKETIME_DONT_FAKE_MONOTONIC", "1").env("DONT_FAKE_MONOTONIC", "1");
    let mut settings = mail(&receiver);
    settings.push(format!("server.public_url={public}"));
    let more: Vec<&str> = settings.iter().flat_map(|setting| ["--set", setting]).collect();
    let server = Server::spawn(late, &data, &more);
    let server = server.unwrap_or_else(|log| panic!("the platform did not start:\n{log}"));
    let admin = admin.at(&server.url);
    let sent = || admin.get(&sending).json()["deliveries"]["email"]["sent"].as_u64();
    let mut after: BTreeMap<String, Vec<String>> = BTreeMap::new();
    until("everybody has a letter", || {
        while let Ok(said) = receiver.lines.recv_timeout(Duration::from_millis(100)) {
            let (to, id) = addressed(&said);
            after.entry(to).or_default().push(id);
        }
        sent() == Some(PEOPLE as u64 + 1)
    });
    let everybody: BTreeSet<&String> = before.keys().chain(after.keys()).collect();
    assert_eq!(everybody.len(), PEOPLE + 1);
    let mut doubled = 0;
    for who in everybody {
        let [one, other] =
            [&before, &after].map(|taken| taken.get(who).map_or(&[][..], Vec::as_slice));
        let ids: BTreeSet<&String> = one.iter().chain(other).collect();
        assert_eq!(ids.len(), 1, "{who} has the letter under two names");
        doubled += usize::from(one.len() + other.len() > 1);
    }
    // What had been noted before the crash is not sent again: at the most what was in the batches of that
    // moment is, letters that the receiver had not told of yet included.
    assert!(doubled <= 256, "{doubled} letters came twice");
    assert!(server.stop().success());
}
