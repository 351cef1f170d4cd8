//! Secrets stay secret: a canary is looked for wherever the platform says something (CFG-05).

use std::fs;
use std::path::Path;
use std::process::{Command, Stdio};

use hanse_e2e::{Answer, Client, Server, binary, hanse, json, run};

/// Where it must not be, and everything that was said there.
struct Said {
    places: Vec<(String, String)>,
}

impl Said {
    fn add(&mut self, place: &str, text: impl Into<String>) {
        self.places.push((place.to_owned(), text.into()));
    }

    fn answer(&mut self, place: &str, answer: &Answer) {
        assert!(answer.status >= 400, "{place} was meant to fail: {}", answer.text);
        let headers: String = answer
            .headers
            .iter()
            .map(|(name, value)| format!("{name}: {}\n", value.to_str().unwrap_or("?")))
            .collect();
        self.add(place, format!("{headers}{}", answer.text));
    }

    fn hold_none_of(&self, canaries: &[(&str, String)]) {
        for (place, text) in &self.places {
            for (secret, canary) in canaries {
                assert!(canary.len() >= 10, "{secret} is no canary: {canary}");
                assert!(!text.contains(canary), "{secret} is shown in {place}:\n{text}");
            }
        }
    }
}

/// The parts of a token that would let somebody use it.
fn parts(token: &str) -> String {
    token.rsplit('.').next().unwrap_or(token).to_owned()
}

fn every_way_to_fail(server: &Server, anna: &Client, said: &mut Said) {
    let guest = server.guest();
    let (access, refresh) =
        (anna.token.clone().expect("a token"), anna.refresh.clone().expect("a token"));
    let wrong = json!({ "email": "anna@example.com", "password": "canary wrong password 77" });
    said.answer("a wrong password", &guest.post("/auth/login", &wrong));
    let odd =
        json!({ "email": "anna@example.com", "password": "canary wrong password 77", "more": 1 });
    said.answer("an unknown field", &guest.post("/auth/login", &odd));
    let typed = json!({ "email": 5, "password": ["canary wrong password 77"] });
    said.answer("a wrong type", &guest.post("/auth/login", &typed));
    let cut = "{\"email\":\"anna@example.com\",\"password\":\"canary wrong password 77".to_owned();
    let answer =
        guest.send("POST", "/auth/login", &[], Some(("application/json", cut))).expect("an answer");
    said.answer("a body that is cut off", &answer);
    said.answer(
        "a refresh token of nobody",
        &guest.post("/auth/refresh", &json!({ "refresh_token": format!("{refresh}x") })),
    );
    said.answer(
        "a body of another shape",
        &guest.post("/auth/refresh", &json!({ "token": refresh })),
    );
    said.answer(
        "a token in the query",
        &guest.get(&format!("/api/thoughts?access_token={access}")),
    );
    said.answer("a token in the path", &guest.get(&format!("/api/thoughts/{access}")));
    said.answer("a token nowhere", &guest.get(&format!("/{access}")));
    for scheme in ["Basic", "Bearer x", "bearer\t", "Token"] {
        let header = format!("{scheme} {access}");
        let headers = [("authorization", header.as_str()), ("x-request-id", access.as_str())];
        if let Ok(answer) = guest.send("GET", "/api/thoughts", &headers, None) {
            said.answer("a header of another scheme", &answer);
        }
    }
    let mut forged = anna.clone();
    forged.token = Some(format!("{access}x"));
    said.answer("a forged token", &forged.get("/api/thoughts"));
    let short = json!({ "current_password": "canary wrong password 77", "new_password": "short" });
    said.answer("a change of password", &anna.post("/auth/change-password", &short));
}

/// Secrets of a configuration, and a file that holds them. The mail server is none.
const CONFIGURED: [(&str, &str); 4] = [
    ("the mail server's password", "canary smtp 2208 kogge"),
    ("the token for text messages", "canary-sms-2209-kogge"),
    ("what reports are signed with", "whsec_Y2FuYXJ5IDIyMTAga29nZ2U="),
    ("the master key's own", "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY="),
];

fn configured(data: &Path) -> String {
    let folder = data.parent().expect("a folder");
    let [smtp, sms, feedback, master] = CONFIGURED.map(|(_, secret)| secret);
    fs::write(folder.join("smtp"), smtp).expect("a file");
    // Of its owner only, as a key service's tool would keep it.
    fs::write(folder.join("key"), master).expect("a file");
    let text = format!(
        "[mail]\nserver = \"127.0.0.1\"\nport = 9\nuser = \"harbour\"\npassword_file = {:?}\n\
         [notifications]\nsms_token = {sms:?}\nfeedback_secret = {feedback:?}\n\
         [secrets]\nmaster_command = [\"/bin/cat\", {:?}]\n",
        folder.join("smtp"),
        folder.join("key"),
    );
    let file = folder.join("hanse.toml");
    fs::write(&file, text).expect("a file");
    file.display().to_string()
}

fn look(data: &Path, format: &str) {
    let file = configured(data);
    let logged = format!("log.format={format}");
    let more = ["--config", &file, "--set", &logged, "--set", "log.level=trace"];
    let server = Server::start(data, &more);
    let mut anna = server.guest();
    let credentials = json!({ "email": "anna@example.com", "password": "canary anna 1358 kogge", "name": "Anna" });
    let first = anna.post("/auth/register", &credentials);
    let answer = if first.status == 201 {
        first
    } else {
        anna.post(
            "/auth/login",
            &json!({ "email": "anna@example.com", "password": "canary anna 1358 kogge" }),
        )
    };
    assert!(answer.status < 300, "{}", answer.text);
    anna.signed_in(&answer);
    let (old_access, old_refresh) = (anna.token.clone(), anna.refresh.clone());
    let again = anna.post("/auth/refresh", &json!({ "refresh_token": anna.refresh }));
    assert_eq!(again.status, 200);
    anna.signed_in(&again);
    let keyed = [("idempotency-key", "canary-idempotency-key")];
    let body = || Some(("application/json", json!({ "text": "harbour" }).to_string()));
    assert_eq!(anna.send("POST", "/api/thoughts", &keyed, body()).expect("an answer").status, 201);

    let key = json!({ "name": "Canary", "valid_days": 1 });
    let key = anna.post("/api-keys", &key);
    assert_eq!(key.status, 201, "{}", key.text);
    let api_key = key.json()["secret"].as_str().expect("a key").to_owned();
    // A letter has to be sent, which cannot be.
    let reset = json!({ "email": "anna@example.com" });
    assert_eq!(anna.post("/auth/reset-password", &reset).status, 204);

    let mut said = Said { places: Vec::new() };
    every_way_to_fail(&server, &anna, &mut said);
    said.answer("an API key in the path", &anna.get(&format!("/api-keys/{api_key}")));
    let mut forged = anna.clone();
    forged.token = Some(format!("{api_key}x"));
    said.answer("a forged API key", &forged.get("/api/thoughts"));
    let process = server.pid();
    for file in ["cmdline", "environ", "comm"] {
        said.add(
            file,
            fs::read_to_string(format!("/proc/{process}/{file}")).expect("a file of the process"),
        );
    }
    let ops = Client::new(&server.ops);
    for page in ["/metrics", "/tracing", "/ready", "/health"] {
        said.add(page, ops.get(page).text);
    }
    said.add("the OpenAPI document", anna.get("/openapi.json").text);
    for arguments in
        [&["config", "show"][..], &["doctor"], &["events", "list", "--service", "identity"]]
    {
        let output = hanse(data, &[arguments, &["--config", &file]].concat());
        assert_eq!(output.code, 0, "{arguments:?}: {}{}", output.out, output.err);
        said.add(&arguments.join(" "), output.out + &output.err);
    }
    server.signal(rustix::process::Signal::TERM);
    let mut server = server;
    server.wait();
    let log = server.log();
    assert!(log.lines().count() > 10, "nothing was logged");
    said.add(&format!("the {format} log"), log);

    let token = |token: Option<String>| parts(&token.expect("a token"));
    said.hold_none_of(&[
        ("the password", "canary anna 1358 kogge".into()),
        ("a mistyped password", "canary wrong password 77".into()),
        ("an idempotency key", "canary-idempotency-key".into()),
        ("an access token", token(old_access)),
        ("the new access token", token(anna.token)),
        ("a refresh token", token(old_refresh)),
        ("the new refresh token", token(anna.refresh)),
        ("an API key", api_key[4..].to_owned()),
    ]);
    said.hold_none_of(&CONFIGURED.map(|(name, secret)| (name, secret.to_owned())));
    assert!(!data.join("master.key").exists(), "a key was made beside the command's");
}

/// CFG-05: passwords, tokens, keys of programs, and the secrets of the configuration are in no log, error,
/// figure, document or command line, and not in what `config show` and its like print.
#[test]
fn no_secret_is_ever_shown() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    for format in ["json", "pretty"] {
        look(&data, format);
    }
    // A database of accounts holds no password and no token as they were sent.
    for entry in
        fs::read_dir(&data).expect("a folder").flatten().filter(|entry| entry.path().is_file())
    {
        let bytes = fs::read(entry.path()).expect("a file");
        let canary = b"canary anna 1358 kogge";
        assert!(!bytes.windows(canary.len()).any(|part| part == canary), "{:?}", entry.path());
    }
}

/// CFG-05: secrets that are given wrongly are not repeated.
#[test]
fn a_wrong_secret_is_not_repeated() {
    let folder = tempfile::tempdir().expect("a folder");
    let data = folder.path().join("data");
    let canary = "Y2FuYXJ5MTIzNDU2Nzg5";
    let mut wrong_key = Command::new(binary());
    wrong_key.args(["doctor"]).env("HANSE_SECRETS_MASTER_KEY", canary);
    let mut wrong_type = Command::new(binary());
    wrong_type.args(["doctor"]).env("HANSE_SECRETS_MASTER_KEY", "4242424242424242");
    let mut wrong_start = Command::new(binary());
    wrong_start.args(["migrate"]).env("HANSE_SECRETS_MASTER_KEY", canary);
    let mut wrong_url = Command::new(binary());
    wrong_url
        .args(["migrate"])
        .env("HANSE_STORE_URL", format!("mysql://anna:{canary}@127.0.0.1:1/x"));
    let mut no_server = Command::new(binary());
    no_server
        .args(["migrate"])
        .env("HANSE_STORE_URL", format!("postgres://anna:{canary}@127.0.0.1:1/x"));
    let mut shown = Command::new(binary());
    shown
        .args(["config", "show"])
        .env("HANSE_STORE_URL", format!("postgres://anna:{canary}@127.0.0.1:1/x"));
    for mut command in [wrong_key, wrong_type, wrong_start, wrong_url, no_server, shown] {
        command.arg("--data").arg(&data).stdin(Stdio::null());
        let said = run(command);
        for text in [&said.out, &said.err] {
            assert!(!text.contains(canary) && !text.contains("4242424242424242"), "{text}");
            assert!(!text.contains("panicked"), "{text}");
        }
    }
}
