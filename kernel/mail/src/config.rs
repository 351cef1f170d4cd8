//! Settings of e-mail.

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// How the connection to the mail server is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Encryption {
    /// By STARTTLS, which the server must offer.
    #[default]
    Starttls,
    /// From the first byte.
    Tls,
    /// Not at all: for a server on this machine.
    None,
}

/// Settings of e-mail.
#[derive(Clone, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct MailConfig {
    /// Host name of the SMTP server. Empty: letters are kept in the folder
    /// `cache/notifications/mail` of the data folder, and the operations listener shows them at `/mail`.
    pub server: String,
    /// Its port.
    pub port: u16,
    /// How the connection is protected.
    pub encryption: Encryption,
    /// Name to sign in with; empty for a server that asks for none.
    pub user: String,
    /// Its password.
    pub password: String,
    /// File that holds the password instead.
    pub password_file: String,
    /// Address that letters come from.
    pub from: String,
    /// Name that letters come from.
    pub from_name: String,
    /// Connections at the same time.
    pub connections: usize,
    /// Domain that letters are signed for (DKIM); empty for no signature.
    pub dkim_domain: String,
    /// Name of the key in that domain.
    pub dkim_selector: String,
    /// File of the private key (PEM, RSA).
    pub dkim_key_file: String,
}

impl Default for MailConfig {
    fn default() -> Self {
        Self {
            server: String::new(),
            port: 587,
            encryption: Encryption::Starttls,
            user: String::new(),
            password: String::new(),
            password_file: String::new(),
            from: "hanse@localhost.localdomain".into(),
            from_name: "Hanse".into(),
            connections: 8,
            dkim_domain: String::new(),
            dkim_selector: "hanse".into(),
            dkim_key_file: String::new(),
        }
    }
}

impl std::fmt::Debug for MailConfig {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("MailConfig").field("server", &self.server).finish_non_exhaustive()
    }
}

impl MailConfig {
    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let mut found = Vec::new();
        if self.from.parse::<lettre::Address>().is_err() {
            found.push(("mail.from".into(), "is no e-mail address".into()));
        }
        if !(1..=256).contains(&self.connections) {
            found.push(("mail.connections".into(), "must be 1 to 256".into()));
        }
        if self.dkim_domain.is_empty() != self.dkim_key_file.is_empty() {
            found.push(("mail.dkim_domain".into(), "goes with mail.dkim_key_file".into()));
        }
        if !self.user.is_empty() && self.encryption == Encryption::None {
            found.push(("mail.encryption".into(), "a password is not sent in the clear".into()));
        }
        found
    }
}
