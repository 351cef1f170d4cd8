//! A client of somebody else's making, for what ours does not speak.

use std::process::Command;

use crate::command::run;

/// What `curl` got.
#[derive(Debug)]
pub struct Fetched {
    /// Its exit code; 0 for any answer, 60 when it does not believe the certificate.
    pub exit: i32,
    /// Status; 0 without an answer.
    pub status: u16,
    /// Version of HTTP.
    pub version: String,
    /// Body.
    pub body: String,
    /// What it said.
    pub said: String,
}

/// Runs `curl` with these arguments.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn curl(arguments: &[&str]) -> Fetched {
    let mut command = Command::new("curl");
    command.args(["--silent", "--show-error", "--max-time", "30", "--noproxy", "*"]);
    command.args(["--write-out", "\n%{http_code} %{http_version}"]).args(arguments);
    let said = run(command);
    let (body, end) = said.out.rsplit_once('\n').unwrap_or_default();
    let (status, version) = end.split_once(' ').unwrap_or_default();
    Fetched {
        exit: said.code,
        status: status.parse().unwrap_or_default(),
        version: version.to_owned(),
        body: body.to_owned(),
        said: said.err,
    }
}
