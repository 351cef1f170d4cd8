//! The property tester of the API.

use std::path::PathBuf;

use crate::python;

const PINNED: &str = "tests/schemathesis/requirements.txt";

/// The program, installed when it is missing or its pins have changed.
pub fn ensure() -> anyhow::Result<PathBuf> {
    Ok(python::environment("schemathesis", PINNED)?.join("bin/schemathesis"))
}
