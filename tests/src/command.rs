//! The binary as an operator's command.

use std::path::Path;
use std::process::{Command, Stdio};

use crate::server::binary;

/// What a command said and how it ended.
#[derive(Debug, Clone)]
pub struct Said {
    /// Exit code; -1 when a signal ended it.
    pub code: i32,
    /// Standard output.
    pub out: String,
    /// Standard error.
    pub err: String,
}

/// Runs `hanse` with these arguments on a data folder.
#[must_use]
pub fn hanse(data: &Path, arguments: &[&str]) -> Said {
    let mut command = Command::new(binary());
    command.args(arguments).arg("--data").arg(data);
    run(command)
}

/// Runs any command to its end, without the settings of the test runner.
///
/// # Panics
/// When it cannot be started.
#[must_use]
pub fn run(mut command: Command) -> Said {
    for (name, _) in std::env::vars().filter(|(name, _)| name.starts_with("HANSE_")) {
        // What a test has set itself stays.
        if command.get_envs().all(|(set, _)| set.to_str() != Some(&name)) {
            command.env_remove(name);
        }
    }
    let output = command.stdin(Stdio::null()).output().expect("the command can be run");
    Said {
        code: output.status.code().unwrap_or(-1),
        out: String::from_utf8_lossy(&output.stdout).into_owned(),
        err: String::from_utf8_lossy(&output.stderr).into_owned(),
    }
}
