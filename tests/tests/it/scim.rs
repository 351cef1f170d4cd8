//! A directory provisions people: scim2-tester, a conformance tester, against the real binary. What it
//! checks stands in `tests/scim/`; `cargo xtask test` installs it.

use std::path::Path;
use std::process::Command;

use hanse_e2e::json;

use crate::clients::{platform_at, succeed, told};

/// RFC 7643, RFC 7644: discovery, every operation on users and groups, every attribute added, replaced
/// and removed; by a key as an operator makes one, at the public door.
#[test]
fn a_conformance_tester_finds_nothing_wrong() {
    let data = tempfile::tempdir().expect("a folder");
    let settings = ["limits.enabled=false"];
    let (server, admin) = platform_at(data.path(), "127.0.0.1", &settings);
    let machine = admin.post("/users", &json!({ "name": "Directory", "kind": "service" }));
    assert_eq!(machine.status, 201, "{}", machine.text);
    let key = json!({
        "name": "Directory", "valid_days": 1, "scope": "scim:read scim:write",
        "user_id": machine.json()["id"],
    });
    let key = admin.post("/api-keys", &key);
    assert_eq!(key.status, 201, "{}", key.text);
    let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("scim/check.py");
    let mut tester = Command::new(told("SCIM_PYTHON"));
    tester.arg(script).envs([
        ("SCIM_URL", format!("{}/scim/v2", server.url).as_str()),
        ("SCIM_KEY", key.json()["secret"].as_str().unwrap_or_default()),
    ]);
    succeed(&mut tester, &server);
}
