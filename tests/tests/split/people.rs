//! What identity, thoughts and notifications do together for people: the same scene in one process and
//! with a process for each.

use std::io::{BufRead as _, BufReader, Write as _};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::time::Duration;

use hanse_e2e::{Client, Server, Split, Value, eventually, hanse, json, until, until_is};

/// Where a scene plays.
struct Place {
    url: String,
    /// Where letters are put that no mail server takes.
    letters: PathBuf,
    admin: Client,
}

impl Place {
    fn new(url: &str, data: &Path, command: &[&str]) -> Self {
        let create = ["user", "create", "--admin", "--email", "root@example.com", "--json"];
        let said = hanse(data, &[&create, command].concat());
        assert_eq!(said.code, 0, "{}", said.err);
        let made: Value = serde_json::from_str(&said.out).expect("JSON");
        let admin = sign_in(url, "root", made["password"].as_str().expect("a password"));
        let letters = data.join("cache/notifications/mail");
        Self { url: url.to_owned(), letters, admin }
    }

    /// The subjects of the letters to somebody, sorted.
    fn letters_to(&self, name: &str) -> Vec<String> {
        let (to, mut found) = (format!("<{name}@example.com>"), Vec::new());
        for entry in std::fs::read_dir(&self.letters).into_iter().flatten() {
            let text = std::fs::read_to_string(entry.expect("a letter").path()).expect("a text");
            let line = |begin: &str| text.lines().find_map(|line| line.strip_prefix(begin));
            let told = line("To: ").unwrap_or_default();
            if told.contains(&to) || told == &to[1..to.len() - 1] {
                found.extend(line("Subject: ").map(str::to_owned));
            }
        }
        found.sort();
        found
    }

    /// Tells somebody something, once notifications knows of them.
    fn tell(&self, id: &Value, title: &str, channels: &[&str]) {
        let news = json!({ "users": [id], "title": title, "text": "x", "channels": channels });
        until("the account is known", || {
            let answer = self.admin.post("/notifications", &news);
            assert!(matches!(answer.summary().as_str(), "201" | "422 NTF-002"), "{}", answer.text);
            answer.status == 201
        });
    }
}

fn sign_in(url: &str, name: &str, password: &str) -> Client {
    let mut client = Client::new(url);
    let body = json!({ "email": format!("{name}@example.com"), "password": password });
    let answer = client.post("/auth/login", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    client.signed_in(&answer);
    client
}

/// The titles of somebody's list, sorted.
fn titles(who: &Client) -> Vec<String> {
    let page = who.get("/notifications").json();
    let items = page["items"].as_array().cloned().unwrap_or_default();
    let title = |item: &Value| item["title"].as_str().unwrap_or_default().to_owned();
    let mut titles: Vec<String> = items.iter().map(title).collect();
    titles.sort();
    titles
}

/// A device that listens, once it is heard.
fn listen(url: &str, who: &Client) -> impl Iterator<Item = String> {
    let mut stream = TcpStream::connect(url.trim_start_matches("http://")).expect("a connection");
    stream.set_read_timeout(Some(Duration::from_secs(60))).expect("a bound");
    let token = who.token.as_deref().expect("a token");
    write!(
        stream,
        "GET /api/v1/notifications/stream HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {token}\r\n\r\n"
    )
    .expect("a request");
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    assert_eq!(lines.next().expect("a status"), "HTTP/1.1 200 OK");
    assert!(lines.any(|line| line == ": welcome"), "a stream");
    lines
}

/// What people were told in the end, where it must be the same everywhere.
fn scene(place: &Place) -> Value {
    let (url, admin) = (place.url.as_str(), &place.admin);
    let (mut anna, ben) = (Client::register(url, "anna"), Client::register(url, "ben"));
    // An event of identity, by which notifications knows whom to write to.
    place.tell(&anna.user["id"], "Welcome", &["in_app", "email"]);
    place.tell(&ben.user["id"], "Welcome", &["in_app"]);

    // A letter of identity's own, about a device that was never seen.
    let login = json!({ "email": "anna@example.com", "password": "kogge anna 1358" });
    let login = Some(("application/json", login.to_string()));
    let answer = anna.send("POST", "/auth/login", &[("user-agent", "a stranger")], login);
    let answer = answer.expect("an answer");
    assert_eq!(answer.status, 200, "{}", answer.text);
    let first = anna.clone();
    anna.signed_in(&answer);

    // A rule of an administrator about what thoughts tells.
    let rule = json!({
        "name": "Alarms", "event": "thoughts.ThoughtCreated", "when": "'alarm' in data.tags",
        "type": "notifications.announcement", "recipient": "owner", "channels": ["in_app", "email"],
        "values": { "title": "'Alarm: ' ~ data.text", "text": "data.text" },
    });
    let made = admin.post("/notifications/rules", &rule);
    assert_eq!(made.status, 201, "{}", made.text);
    for (who, text, tags) in
        [(&anna, "Fire", ["alarm"]), (&anna, "All is calm", ["city"]), (&ben, "Flood", ["alarm"])]
    {
        assert_eq!(who.post("/thoughts", &json!({ "text": text, "tags": tags })).status, 201);
    }
    until("ben is told of the flood", || titles(&ben).contains(&"Alarm: Flood".to_owned()));
    until("anna is told of the fire", || titles(&anna).contains(&"Alarm: Fire".to_owned()));

    // What somebody wants to hear counts from the next message on, on every way.
    let quiet = json!({ "types": { "notifications.announcement": { "email": false } } });
    assert_eq!(anna.put("/notifications/preferences", &quiet).status, 200);
    let mut phone = listen(url, &anna);
    place.tell(&anna.user["id"], "Live", &["in_app", "email"]);
    let told = phone.find(|line| line.starts_with("data: ")).expect("an event");
    assert!(told.contains("\"Live\""), "{told}");
    until("every letter is written", || {
        place.letters_to("anna").len() >= 3 && !place.letters_to("ben").is_empty()
    });
    let found = json!({
        "anna": titles(&anna), "ben": titles(&ben),
        "letters": [place.letters_to("anna"), place.letters_to("ben")],
    });

    // Signing out ends the stream in whichever process it is; the other session goes on.
    assert_eq!(anna.post("/auth/logout", &json!({})).status, 204);
    assert_eq!(first.get("/notifications/unread").status, 200);
    place.tell(&anna.user["id"], "Secret", &["in_app"]);
    let after: Vec<String> = phone.filter(|line| line.contains("data: ")).collect();
    let seen = after.iter().filter(|line| line.contains("\"Secret\"")).count();
    assert!(seen <= 1, "told once, if the end came later: {after:?}");

    // Who is gone is gone from notifications, and nobody else is.
    assert_eq!(first.delete("/users/me").status, 204);
    let gone = json!({ "users": [anna.user["id"]], "title": "x", "text": "x" });
    until_is("notifications has forgotten anna", &"422 NTF-002".to_owned(), || {
        admin.post("/notifications", &gone).summary()
    });
    let kept = eventually("ben's list", || {
        let kept = titles(&ben);
        (!kept.is_empty()).then_some(kept)
    });
    assert_eq!(json!(kept), found["ben"]);
    found
}

/// EXO-09: letters, rules, preferences, live lists and leaving end alike in one process and split.
#[test]
fn people_are_told_alike_in_one_process_and_split() {
    let folder = tempfile::tempdir().expect("a folder");
    let server = Server::start(folder.path(), &[]);
    let local = scene(&Place::new(&server.url, folder.path(), &[]));
    assert!(server.stop().success());

    let mut split = Split::start("");
    split.joined();
    let config = split.folder.join("hanse.toml").display().to_string();
    let place =
        Place::new(&split.url(), &split.folder.join("notifications"), &["--config", &config]);
    let apart = scene(&place);
    split.stop_all();
    assert_eq!(local, apart);
    assert_eq!(local["anna"], json!(["Alarm: Fire", "Live", "Welcome"]));
    let letters = json!(["Alarm: Fire", "Sign-in from a new device", "Welcome"]);
    assert_eq!(local["letters"], json!([letters, ["Alarm: Flood"]]));
}
