//! Real clients sign people in: authlib, and openid-client with a real browser. What they check stands
//! in `tests/oidc/`; `cargo xtask test` installs them.

use std::path::{Path, PathBuf};
use std::process::Command;

use hanse_e2e::{Client, Server, Value, binary, hanse, json};

const PASSWORD: &str = "kogge im hafen 1358";

/// A platform that knows its own address, and an administrator.
fn platform(data: &Path) -> (Server, Client) {
    let free = std::net::TcpListener::bind("127.0.0.1:0").expect("a free port");
    let address = free.local_addr().expect("an address").to_string();
    drop(free);
    let url = format!("server.public_url=http://{address}");
    let more = ["--set", &url, "--set", "identity.limit_sign_ins=false"];
    let server = Server::spawn_at(Command::new(binary()), [&address, "127.0.0.1:0"], data, &more);
    let server = server.unwrap_or_else(|log| panic!("the platform did not start:\n{log}"));
    let made = hanse(data, &["user", "create", "--admin", "--email", "root@example.com", "--json"]);
    let made: Value = serde_json::from_str(&made.out).expect("JSON");
    let mut admin = server.guest();
    let body = json!({ "email": "root@example.com", "password": made["password"] });
    let answer = admin.post("/auth/login", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    admin.signed_in(&answer);
    let anna = json!({ "email": "anna@example.com", "password": PASSWORD, "name": "Anna Berg" });
    assert_eq!(server.guest().post("/auth/register", &anna).status, 201);
    (server, admin)
}

/// Registers a program: its id and its secret.
fn register(admin: &Client, draft: &Value) -> (String, String) {
    let answer = admin.post("/oauth/clients", draft);
    assert_eq!(answer.status, 201, "{}", answer.text);
    let view = answer.json();
    let text = |name: &str| view[name].as_str().unwrap_or_default().to_owned();
    (text("client_id"), text("client_secret"))
}

fn board(admin: &Client) -> (String, String) {
    let draft = json!({
        "name": "Harbour board", "confidential": true,
        "grant_types": ["authorization_code", "refresh_token"],
        "scope": "openid profile email offline_access",
        "redirect_uris": ["http://127.0.0.1/callback"],
    });
    register(admin, &draft)
}

/// What `cargo xtask test` says.
fn told(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value
        .unwrap_or_else(|| panic!("{name} is not set: run the tests with `cargo xtask test`"))
        .into()
}

fn succeed(command: &mut Command, server: &Server) {
    let output = command.env("ISSUER", &server.url).output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{wrong}\n{}", server.log());
    print!("{said}");
}

/// AUTN-14, AUTN-12: authlib signs in, refreshes, looks into its tokens and ends them.
#[test]
fn authlib_signs_a_person_in() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, admin) = platform(data.path());
    let (id, secret) = board(&admin);
    let draft = json!({
        "name": "Crane", "confidential": true, "grant_types": ["client_credentials"],
        "scope": "identity:read",
    });
    let (machine, machine_secret) = register(&admin, &draft);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc/client.py");
    let mut python = Command::new(told("OIDC_PYTHON"));
    python.arg(script).env("AUTHLIB_INSECURE_TRANSPORT", "1").envs([
        ("CLIENT_ID", id.as_str()),
        ("CLIENT_SECRET", &secret),
        ("MACHINE_ID", &machine),
        ("MACHINE_SECRET", &machine_secret),
        ("EMAIL", "anna@example.com"),
        ("PASSWORD", PASSWORD),
    ]);
    succeed(&mut python, &server);
}

/// WEB-01, WEB-03, WEB-04: a real browser on every page, by keyboard, and openid-client behind it.
#[test]
fn a_real_browser_signs_in_and_out() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, admin) = platform(data.path());
    let (id, secret) = board(&admin);
    let draft = json!({
        "name": "Lighthouse", "scope": "openid",
        "grant_types": ["urn:ietf:params:oauth:grant-type:device_code"],
    });
    let (device, _) = register(&admin, &draft);
    let mut node = Command::new("node");
    node.current_dir(told("OIDC_NODE")).arg("client.mjs").envs([
        ("CLIENT_ID", id.as_str()),
        ("CLIENT_SECRET", &secret),
        ("DEVICE_ID", &device),
        ("EMAIL", "anna@example.com"),
        ("PASSWORD", PASSWORD),
    ]);
    node.env("CHROMIUM", told("CHROMIUM_BIN"));
    succeed(&mut node, &server);
}
