//! The API against its own document, by a tool that knows neither: schemathesis makes requests that
//! the OpenAPI document allows and requests that it forbids, and holds every answer against it: no
//! 5xx, no status, media type or shape that is not documented, nothing forbidden accepted, nothing
//! allowed refused without a rule, no operation open that says it is not (HTTP-12).
//!
//! What it may do and why is in `tests/schemathesis/schemathesis.toml`; its seed is fixed and its
//! release pinned, so that it finds the same every time. `cargo xtask test` installs it.

use std::path::Path;
use std::process::Command;

use hanse_e2e::json;

use crate::support::{administrator, platform};

#[test]
fn every_answer_is_what_the_document_says() {
    let tool = std::env::var("SCHEMATHESIS_BIN")
        .expect("SCHEMATHESIS_BIN is not set: run the tests with `cargo xtask test`");
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    // With every role, so that no operation hides behind a 403.
    let admin = administrator(&server, data.path());
    let written = admin.post("/api/thoughts", &json!({"text": "The harbour freezes in January"}));
    assert_eq!(written.status, 201, "{}", written.text);
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("schemathesis");
    let run = Command::new(tool)
        .current_dir(&folder)
        .args(["--config-file", "schemathesis.toml", "run", "--checks", "all", "--no-color"])
        .arg(format!("{}/openapi.json", server.url))
        .env("HANSE_TOKEN", admin.token.as_deref().expect("a token"))
        .env("HANSE_POSITION", written.header("hanse-position"))
        .env("PYTHONDONTWRITEBYTECODE", "1")
        .output()
        .expect("schemathesis runs");
    let said = String::from_utf8_lossy(&run.stdout).into_owned();
    assert!(run.status.success(), "{said}\n{}", String::from_utf8_lossy(&run.stderr));
    assert!(said.contains(" passed"), "it tried nothing:\n{said}");
    assert!(!server.log().contains("panicked"), "{}", server.log());
}
