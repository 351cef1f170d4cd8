//! Real clients sign people in: authlib, and openid-client with a real browser. What they check stands
//! in `tests/oidc/`; `cargo xtask test` installs them.

use std::path::Path;
use std::process::Command;

use hanse_e2e::{Client, Server, Value, free_port, json};

use crate::clients::{platform_at, run, succeed, told};

const PASSWORD: &str = "kogge im hafen 1358";

/// A platform, an administrator, and Anna.
fn platform(data: &Path) -> (Server, Client) {
    with_anna(data, "127.0.0.1", &[])
}

fn with_anna(data: &Path, host: &str, settings: &[&str]) -> (Server, Client) {
    let (server, admin) = platform_at(data, host, settings);
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

/// AUTN-14, AUTN-12: authlib signs in, refreshes, looks into its tokens and ends them; a program whose ID
/// tokens are signed by RS256 is told who signs out, by a token that it verifies.
#[test]
fn authlib_signs_a_person_in() {
    let data = tempfile::tempdir().expect("a folder");
    let settings = ["outbound.allow=[\"127.0.0.0/8\"]"];
    let (server, admin) = with_anna(data.path(), "127.0.0.1", &settings);
    let (id, secret) = board(&admin);
    let draft = json!({
        "name": "Crane", "confidential": true, "grant_types": ["client_credentials"],
        "scope": "identity:read",
    });
    let (machine, machine_secret) = register(&admin, &draft);
    let listen = format!("127.0.0.1:{}", free_port().expect("a free port"));
    let draft = json!({
        "name": "Bell", "confidential": true, "grant_types": ["authorization_code"],
        "scope": "openid profile email offline_access",
        "redirect_uris": ["http://127.0.0.1/callback"],
        "id_token_signed_response_alg": "RS256",
        "backchannel_logout_uri": format!("http://{listen}/logout"),
    });
    let (rsa, rsa_secret) = register(&admin, &draft);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("oidc/client.py");
    let mut python = Command::new(told("OIDC_PYTHON"));
    python.arg(script).env("AUTHLIB_INSECURE_TRANSPORT", "1").envs([
        ("CLIENT_ID", id.as_str()),
        ("CLIENT_SECRET", &secret),
        ("MACHINE_ID", &machine),
        ("MACHINE_SECRET", &machine_secret),
        ("RSA_ID", &rsa),
        ("RSA_SECRET", &rsa_secret),
        ("LISTEN", &listen),
        ("EMAIL", "anna@example.com"),
        ("PASSWORD", PASSWORD),
    ]);
    succeed(&mut python, &server);
}

/// A script of real browsers, at this address of the server.
fn browser(script: &str, issuer: &str) -> Command {
    let mut node = Command::new("node");
    node.current_dir(told("OIDC_NODE")).arg(script).env("CHROMIUM", told("CHROMIUM_BIN"));
    node.envs([("ISSUER", issuer), ("EMAIL", "anna@example.com"), ("PASSWORD", PASSWORD)]);
    node
}

/// The name by which a browser calls the server.
fn localhost(server: &Server) -> String {
    server.url.replace("127.0.0.1", "localhost")
}

/// AUTN-07, AUTN-18, AUTN-19, WEB-03, WEB-04: passkeys of Chromium's virtual authenticator, second
/// factors and forgotten passwords on the pages, by keyboard, with axe on every page.
#[test]
fn a_real_browser_takes_every_step() {
    let data = tempfile::tempdir().expect("a folder");
    let (server, admin) = with_anna(data.path(), "localhost", &[]);
    let (id, secret) = board(&admin);
    let mut node = browser("pages.mjs", &localhost(&server));
    node.envs([("OPS", server.ops.as_str()), ("CLIENT_ID", &id), ("CLIENT_SECRET", &secret)]);
    run(&mut node, &server);
}

/// WEB-01, WEB-02: what other sites try with somebody who is signed in here has no effect, and tells
/// them nothing.
#[test]
fn other_sites_have_no_effect_in_a_real_browser() {
    let data = tempfile::tempdir().expect("a folder");
    let friend = format!("http://127.0.0.1:{}", free_port().expect("a free port"));
    let named = format!("gateway.cors_origins=[\"{friend}\"]");
    let (server, _) = with_anna(data.path(), "localhost", &[&named]);
    let mut node = browser("attacks.mjs", &localhost(&server));
    run(node.env("FRIEND", friend), &server);
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
