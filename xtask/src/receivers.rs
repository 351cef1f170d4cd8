//! What receives notifications in the tests: a mail server (aiosmtpd) and dkimpy, the Standard Webhooks
//! library, providers of mobile push and text messages as their documents describe them (Python), and a
//! push service that decrypts (web-push-testing, Node).

use std::ffi::OsString;

use crate::{node, python};

const FOLDER: &str = "tests/receivers";

/// The variables that tell the tests where everything is, once it is there.
pub fn ensure() -> anyhow::Result<[(&'static str, OsString); 2]> {
    let python = python::environment("receivers", "tests/receivers/requirements.txt")?;
    Ok([
        ("RECEIVERS_PYTHON", python.join("bin/python").into()),
        ("RECEIVERS_NODE", node::folder("receivers", FOLDER)?.into()),
    ])
}
