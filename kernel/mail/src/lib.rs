//! E-mail: a [`Letter`] goes to the operator's SMTP server, or, where none is configured, into a folder.
//!
//! A letter is made by a library that encodes every header, from parts that were refused when they hold
//! what no header may hold; so no value can add a header or a recipient (INJ-12). Connections are kept
//! and used again; a letter whose connection broke before the server took it is tried once more on a
//! fresh one. The same letter has the same Message-ID, however often it is sent.
//!
//! What this crate never does: send without TLS where the configuration does not say so, or log an
//! address or a line of a letter.

mod config;
mod letter;
mod smtp;
mod spool;

use std::path::{Path, PathBuf};

pub use config::{Encryption, MailConfig};
pub use letter::{Letter, Mailbox};
pub use spool::page;

use crate::letter::Press;
use crate::smtp::Smtp;

/// Why a letter was not sent.
#[derive(Debug, thiserror::Error)]
pub enum MailError {
    /// The configuration cannot be used.
    #[error("mail: {0}")]
    Configuration(String),
    /// The letter itself is wrong: an address or a header that cannot be.
    #[error("the letter cannot be written: {0}")]
    Letter(String),
    /// The server will never take this letter for this address.
    #[error("the server refused it: {0}")]
    Refused(String),
    /// It may work later.
    #[error("the server could not take it now: {0}")]
    Later(String),
}

impl MailError {
    /// True when trying again cannot help.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Letter(_) | Self::Refused(_))
    }
}

/// Sends letters.
pub struct Mailer {
    press: Press,
    way: Way,
}

enum Way {
    Server(Smtp),
    Folder(PathBuf),
}

impl Mailer {
    /// A mailer by this configuration; letters go into `folder` when it names no server.
    ///
    /// # Errors
    /// [`MailError::Configuration`].
    pub fn new(config: &MailConfig, folder: &Path) -> Result<Self, MailError> {
        let way = match config.server.as_str() {
            "" => Way::Folder(folder.to_owned()),
            _ => Way::Server(Smtp::new(config)?),
        };
        Ok(Self { press: Press::new(config)?, way })
    }

    /// Sends a letter; it is with the server, or in the folder, when this returns.
    ///
    /// # Errors
    /// [`MailError`].
    pub async fn send(&self, letter: &Letter) -> Result<(), MailError> {
        let message = self.press.print(letter)?;
        match &self.way {
            Way::Server(server) => server.send(message.envelope(), &message.formatted()).await,
            Way::Folder(folder) => spool::keep(folder, &letter.id, &message.formatted()).await,
        }
    }
}
