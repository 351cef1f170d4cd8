//! What scenes with programs of others share: a platform that knows its own address, and the programs.

use std::path::{Path, PathBuf};
use std::process::Command;

use hanse_e2e::{Client, Server, Value, binary, free_port, hanse, json};

/// A platform that knows its own address, under this name of the machine and with these settings, and
/// an administrator. Browsers keep passkeys for names only.
pub fn platform_at(data: &Path, host: &str, settings: &[&str]) -> (Server, Client) {
    let port = free_port().expect("a free port");
    let (address, url) =
        (format!("127.0.0.1:{port}"), format!("server.public_url=http://{host}:{port}"));
    let mut more = vec!["--set", &url, "--set", "identity.limit_sign_ins=false"];
    more.extend(settings.iter().flat_map(|setting| ["--set", setting]));
    let server = Server::spawn_at(Command::new(binary()), [&address, "127.0.0.1:0"], data, &more);
    let server = server.unwrap_or_else(|log| panic!("the platform did not start:\n{log}"));
    let made = hanse(data, &["user", "create", "--admin", "--email", "root@example.com", "--json"]);
    let made: Value = serde_json::from_str(&made.out).expect("JSON");
    let mut admin = server.guest();
    let body = json!({ "email": "root@example.com", "password": made["password"] });
    let answer = admin.post("/auth/login", &body);
    assert_eq!(answer.status, 200, "{}", answer.text);
    admin.signed_in(&answer);
    (server, admin)
}

/// What `cargo xtask test` says.
pub fn told(name: &str) -> PathBuf {
    let value = std::env::var_os(name);
    value
        .unwrap_or_else(|| panic!("{name} is not set: run the tests with `cargo xtask test`"))
        .into()
}

/// Runs a program that is told the issuer to its end, which must be a good one.
pub fn succeed(command: &mut Command, server: &Server) {
    run(command.env("ISSUER", &server.url), server);
}

/// Runs a program to its end, which must be a good one.
pub fn run(command: &mut Command, server: &Server) {
    let output = command.output().expect("it runs");
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let wrong = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(output.status.success(), "{said}\n{wrong}\n{}", server.log());
    print!("{said}");
}
