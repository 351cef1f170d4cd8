//! An authority of a test's own, and certificates that it signs, made by `openssl`.

use std::fmt::Write as _;
use std::path::PathBuf;
use std::process::Command;

use crate::command::run;

/// An authority; what it made goes with it.
pub struct Authority {
    folder: tempfile::TempDir,
}

/// A certificate and its key, as PEM files.
pub struct Certificate {
    /// The certificate.
    pub certificate: PathBuf,
    /// Its private key.
    pub key: PathBuf,
}

const CONFIG: &str = "[req]\ndistinguished_name = name\nprompt = no\n[name]\nCN = nobody\n\
    [authority]\nbasicConstraints = critical,CA:TRUE\nkeyUsage = critical,keyCertSign\n";

impl Authority {
    /// A new one, whom nobody trusts yet.
    ///
    /// # Panics
    /// When `openssl` cannot make it.
    #[must_use]
    pub fn new() -> Self {
        let folder = tempfile::TempDir::with_prefix("hanse-authority-").expect("a folder");
        std::fs::write(folder.path().join("authority.cnf"), CONFIG).expect("a file");
        let authority = Self { folder };
        authority.openssl(
            "req -x509 -config authority.cnf -extensions authority -subj /CN=authority -days 30 \
             -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout ca.key -out ca.pem",
        );
        authority
    }

    /// Its own certificate.
    #[must_use]
    pub fn file(&self) -> PathBuf {
        self.folder.path().join("ca.pem")
    }

    /// A certificate for a server or client with these names (`DNS:thoughts,IP:127.0.0.1`), good for
    /// so many days from now; for less than none when it has ended already.
    ///
    /// # Panics
    /// When `openssl` cannot make it.
    #[must_use]
    pub fn issue(&self, name: &str, names: &str, days: i32) -> Certificate {
        let mut config = CONFIG.to_owned();
        write!(
            config,
            "[leaf]\nbasicConstraints = critical,CA:FALSE\nextendedKeyUsage = \
             serverAuth,clientAuth\nsubjectAltName = {names}\n"
        )
        .expect("a string takes all");
        std::fs::write(self.folder.path().join(format!("{name}.cnf")), config).expect("a file");
        self.openssl(&format!(
            "req -new -config {name}.cnf -subj /CN={name} -newkey ec -pkeyopt \
             ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.csr"
        ));
        self.openssl(&format!(
            "x509 -req -in {name}.csr -CA ca.pem -CAkey ca.key -CAcreateserial -extfile {name}.cnf \
             -extensions leaf -days {days} -out {name}.pem"
        ));
        let file = |ending: &str| self.folder.path().join(format!("{name}.{ending}"));
        Certificate { certificate: file("pem"), key: file("key") }
    }

    fn openssl(&self, arguments: &str) {
        let mut command = Command::new("openssl");
        command.args(arguments.split_whitespace()).current_dir(self.folder.path());
        let said = run(command);
        assert_eq!(said.code, 0, "openssl {arguments}: {}", said.err);
    }
}

impl Default for Authority {
    fn default() -> Self {
        Self::new()
    }
}

impl Certificate {
    /// Takes the place of another, as a renewal does: the key first.
    ///
    /// # Panics
    /// When the files cannot be copied.
    pub fn replace(&self, other: &Self) {
        std::fs::copy(&self.key, &other.key).expect("a copy");
        std::fs::copy(&self.certificate, &other.certificate).expect("a copy");
    }

    /// As settings of `server.tls`.
    #[must_use]
    pub fn of_the_door(&self) -> String {
        format!(
            "[server.tls]\ncertificate_file = \"{}\"\nkey_file = \"{}\"\n",
            self.certificate.display(),
            self.key.display()
        )
    }

    /// As settings of `peers.tls`, by this authority.
    #[must_use]
    pub fn of_a_peer(&self, authority: &Authority) -> String {
        format!(
            "[peers.tls]\ncertificate_file = \"{}\"\nkey_file = \"{}\"\nca_file = \"{}\"\n",
            self.certificate.display(),
            self.key.display(),
            authority.file().display()
        )
    }
}
