//! The master key, and the keys derived from it.
//!
//! There is one secret to keep: 32 random bytes in a file that only its owner can read. Every other
//! key (cursors, stored answers, refresh tokens, sealed signing keys) is derived from it with
//! HKDF-SHA256 under its own label, so that no key serves two purposes. It is made on the first
//! start; it is never a default and never printed.
//!
//! Where a key service (KMS, HSM, a vault) keeps it, a command of the operator fetches it: once at the
//! start, without a shell, within bounds of time and output.

use std::collections::BTreeSet;
use std::fs::{self, OpenOptions};
use std::io::{Read as _, Write as _};
use std::os::unix::fs::{MetadataExt, OpenOptionsExt, PermissionsExt};
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hanse_store::Ids;
use hkdf::Hkdf;
use sha2::Sha256;

/// Different bytes that a key must have; one of random bytes has about 30.
const LEAST_DIFFERENT: usize = 16;
/// How long a command may take to fetch the key.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often it is looked whether it has ended.
const LOOK: Duration = Duration::from_millis(20);
/// The most that it may print.
const LARGEST: u64 = 4096;

/// The master key cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SecretError {
    /// The file cannot be read or written.
    #[error("the master key file {path} cannot be used")]
    File {
        /// Which file.
        path: PathBuf,
        /// Why.
        #[source]
        source: std::io::Error,
    },
    /// Others can read the file.
    #[error("the master key file {0} can be read by others; run: chmod 600 {0}")]
    Open(PathBuf),
    /// The command that fetches the key does not.
    #[error("the master key cannot be fetched by {program}: {what}")]
    Command {
        /// Which command. Its arguments may be nobody's business.
        program: String,
        /// What it did; nothing of what it printed.
        what: String,
    },
    /// The content is not 32 bytes in base64.
    #[error("the master key in {0} is not 32 bytes in base64")]
    Malformed(String),
    /// The content is no random key: an example, or zeros.
    #[error("the master key in {0} is not random; make one with: head -c 32 /dev/urandom | base64")]
    Guessable(String),
}

/// Derives keys. Its `Debug` shows nothing.
#[derive(Clone)]
pub struct Secrets {
    master: Hkdf<Sha256>,
}

impl std::fmt::Debug for Secrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Secrets(…)")
    }
}

impl Secrets {
    /// From the key's bytes.
    #[must_use]
    pub fn new(master: &[u8; 32]) -> Self {
        Self { master: Hkdf::new(Some(b"hanse"), master) }
    }

    /// From base64 text; `whence` names it in errors.
    ///
    /// # Errors
    /// [`SecretError::Malformed`].
    pub fn parse(text: &str, whence: &str) -> Result<Self, SecretError> {
        let malformed = || SecretError::Malformed(whence.to_owned());
        let bytes = STANDARD.decode(text.trim()).map_err(|_| malformed())?;
        let key = bytes.try_into().map_err(|_| malformed())?;
        if BTreeSet::from(key).len() < LEAST_DIFFERENT {
            return Err(SecretError::Guessable(whence.to_owned()));
        }
        Ok(Self::new(&key))
    }

    /// What a command prints: program and arguments, run without a shell. It gets what environment there
    /// is except our own settings; its errors go where ours go.
    ///
    /// # Errors
    /// [`SecretError::Command`] when it fails, prints more than a key, or does not end within half a
    /// minute; it is ended then.
    pub fn fetch(argv: &[String]) -> Result<Self, SecretError> {
        let (program, arguments) = argv.split_first().ok_or(SecretError::Command {
            program: "nothing".into(),
            what: "no program is named".into(),
        })?;
        let failed = |what: String| SecretError::Command { program: program.clone(), what };
        let mut command = Command::new(program);
        command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped()).process_group(0);
        let ours =
            std::env::vars_os().filter(|(name, _)| name.as_encoded_bytes().starts_with(b"HANSE_"));
        for (name, _) in ours {
            command.env_remove(name);
        }
        let mut child = command.spawn().map_err(|error| failed(error.to_string()))?;
        let ended = wait(&mut child).map_err(|error| failed(error.to_string()))?;
        if !ended.success() {
            return Err(failed(format!("it ended with {ended}")));
        }
        let mut text = String::new();
        let output = child.stdout.take().map(|output| output.take(LARGEST + 1));
        let read = output.map(|mut output| output.read_to_string(&mut text)).transpose();
        if read.is_err() || text.len() as u64 > LARGEST {
            return Err(failed("what it prints is no key".into()));
        }
        Self::parse(&text, &format!("what {program} prints"))
    }

    /// Reads the key file, or makes it (mode 0600) when there is none.
    ///
    /// # Errors
    /// [`SecretError`], in words that say what to do.
    pub fn load_or_create(path: &Path, ids: &Ids) -> Result<Self, SecretError> {
        let failed = |source| SecretError::File { path: path.to_owned(), source };
        match fs::metadata(path) {
            Ok(metadata) if metadata.permissions().mode() & forbidden(metadata.uid()) != 0 => {
                return Err(SecretError::Open(path.to_owned()));
            }
            Ok(_) => {}
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let text = STANDARD.encode(ids.random::<32>());
                let mut file = OpenOptions::new()
                    .write(true)
                    .create_new(true)
                    .mode(0o600)
                    .open(path)
                    .map_err(failed)?;
                writeln!(file, "{text}").and_then(|()| file.sync_all()).map_err(failed)?;
            }
            Err(error) => return Err(failed(error)),
        }
        let text = fs::read_to_string(path).map_err(failed)?;
        Self::parse(&text, &path.display().to_string())
    }

    /// The key for one purpose.
    #[must_use]
    pub fn derive(&self, purpose: &str) -> [u8; 32] {
        let mut key = [0; 32];
        // 32 bytes are far below HKDF's limit, the only way this can fail.
        self.master.expand(purpose.as_bytes(), &mut key).ok();
        key
    }
}

/// Waits until a command has ended, or ends it with all it has started. One that prints much waits for
/// somebody to read it, and is late.
fn wait(child: &mut Child) -> std::io::Result<std::process::ExitStatus> {
    let begin = Instant::now();
    loop {
        if let Some(status) = child.try_wait()? {
            return Ok(status);
        }
        if begin.elapsed() > PATIENCE {
            let group = i32::try_from(child.id()).ok().and_then(rustix::process::Pid::from_raw);
            if let Some(group) = group {
                rustix::process::kill_process_group(group, rustix::process::Signal::KILL).ok();
            }
            child.wait()?;
            return Err(std::io::Error::new(
                std::io::ErrorKind::TimedOut,
                "it did not end in time",
            ));
        }
        std::thread::sleep(LOOK);
    }
}

/// What nobody may do to a key file of this owner. A file of our own is for nobody else. One that
/// somebody else has put there for us, as orchestrators mount secrets, can be ours to read through its
/// group only.
fn forbidden(owner: u32) -> u32 {
    if owner == rustix::process::geteuid().as_raw() { 0o077 } else { 0o027 }
}

#[cfg(test)]
mod tests {
    use super::{SecretError, Secrets, forbidden};

    fn fetch(script: &str) -> Result<Secrets, SecretError> {
        Secrets::fetch(&["/bin/sh".into(), "-c".into(), script.into()])
    }

    /// CFG-05: a command gives the key, and nothing of what it prints is told when it does not.
    #[test]
    fn a_command_fetches_the_key() {
        let key = "MDEyMzQ1Njc4OWFiY2RlZmdoaWprbG1ub3BxcnN0dXY=";
        let fetched = fetch(&format!("echo {key}")).unwrap();
        assert_eq!(fetched.derive("x"), Secrets::parse(key, "here").unwrap().derive("x"));
        for script in [
            format!("echo {key}; exit 3"),
            "echo canary-4711".to_owned(),
            "head -c 5000 /dev/zero".to_owned(),
            "true".to_owned(),
        ] {
            let error = fetch(&script).unwrap_err().to_string();
            assert!(!error.contains(key) && !error.contains("canary"), "{error}");
        }
        let missing = Secrets::fetch(&["/nowhere/at/all".into()]);
        assert!(matches!(missing, Err(SecretError::Command { .. })));
        assert!(matches!(Secrets::fetch(&[]), Err(SecretError::Command { .. })));
    }

    #[test]
    fn a_mounted_key_may_be_read_by_a_group_and_our_own_by_nobody() {
        let me = rustix::process::geteuid().as_raw();
        for (mode, own, mounted) in [
            (0o600, true, true),
            (0o400, true, true),
            (0o440, false, true),
            (0o640, false, true),
            (0o460, false, false),
            (0o444, false, false),
            (0o404, false, false),
        ] {
            assert_eq!(mode & forbidden(me) == 0, own, "{mode:o}");
            assert_eq!(mode & forbidden(me + 1) == 0, mounted, "{mode:o}");
        }
    }
}
