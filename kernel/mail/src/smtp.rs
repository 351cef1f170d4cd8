//! The way to an SMTP server: connections that are kept and used again.

use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use lettre::address::Envelope;
use lettre::transport::smtp::Error;
use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, TlsParameters};
use lettre::transport::smtp::extension::ClientId;
use tokio::net::TcpStream;
use tokio::sync::Semaphore;
use tokio::time::Instant;

use crate::MailError;
use crate::config::{Encryption, MailConfig};

/// Time for each step of a conversation.
const TIME: Duration = Duration::from_secs(15);
/// A connection that was idle for longer is not used again: servers close theirs.
const IDLE: Duration = Duration::from_secs(30);

pub(crate) struct Smtp {
    server: (String, u16),
    hello: ClientId,
    encryption: Encryption,
    tls: TlsParameters,
    credentials: Option<Credentials>,
    slots: Semaphore,
    kept: Mutex<Vec<(AsyncSmtpConnection, Instant)>>,
}

impl Smtp {
    pub(crate) fn new(config: &MailConfig) -> Result<Self, MailError> {
        let tls = TlsParameters::new(config.server.clone())
            .map_err(|error| MailError::Configuration(error.to_string()))?;
        let credentials = (!config.user.is_empty())
            .then(|| Credentials::new(config.user.clone(), config.password.clone()));
        let domain = config.from.rsplit('@').next().unwrap_or("localhost");
        Ok(Self {
            server: (config.server.clone(), config.port),
            hello: ClientId::Domain(domain.to_owned()),
            encryption: config.encryption,
            tls,
            credentials,
            slots: Semaphore::new(config.connections),
            kept: Mutex::default(),
        })
    }

    pub(crate) async fn send(&self, envelope: &Envelope, letter: &[u8]) -> Result<(), MailError> {
        let closed = |_| MailError::Later("the mailer has ended".into());
        let _slot = self.slots.acquire().await.map_err(closed)?;
        if let Some(mut connection) = self.idle() {
            match connection.send(envelope, letter).await {
                Ok(_) => return self.keep(connection),
                // A word of the server's counts. Anything else is most likely a connection that the
                // server had closed.
                Err(error) if error.status().is_some() => {
                    self.keep(connection)?;
                    return Err(said(&error));
                }
                Err(_) => {}
            }
        }
        let mut connection = self.connect().await?;
        match connection.send(envelope, letter).await {
            Ok(_) => self.keep(connection),
            Err(error) => {
                self.keep(connection)?;
                Err(said(&error))
            }
        }
    }

    fn idle(&self) -> Option<AsyncSmtpConnection> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.retain(|(_, since)| since.elapsed() < IDLE);
        kept.pop().map(|(connection, _)| connection)
    }

    /// Keeps a connection for the next letter, unless it is broken.
    fn keep(&self, connection: AsyncSmtpConnection) -> Result<(), MailError> {
        if !connection.has_broken() {
            let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
            kept.push((connection, Instant::now()));
        }
        Ok(())
    }

    async fn connect(&self) -> Result<AsyncSmtpConnection, MailError> {
        let connection = match self.encryption {
            Encryption::Tls => {
                let (server, tls) = ((self.server.0.as_str(), self.server.1), self.tls.clone());
                AsyncSmtpConnection::connect_tokio1(
                    server,
                    Some(TIME),
                    &self.hello,
                    Some(tls),
                    None,
                )
                .await
            }
            _ => {
                let stream = Box::new(self.reach().await?);
                AsyncSmtpConnection::connect_with_transport(stream, &self.hello).await
            }
        };
        self.introduce(connection).await.map_err(|error| later(&error))
    }

    /// A connection on which small pieces go out at once: a letter is several, and each would wait up
    /// to 40 ms for the acknowledgement of the one before.
    async fn reach(&self) -> Result<TcpStream, MailError> {
        let server = (self.server.0.as_str(), self.server.1);
        match tokio::time::timeout(TIME, TcpStream::connect(server)).await {
            Ok(Ok(stream)) => {
                stream.set_nodelay(true).ok();
                Ok(stream)
            }
            Ok(Err(_)) => Err(MailError::Later("no connection".into())),
            Err(_) => Err(MailError::Later("no answer in time".into())),
        }
    }

    async fn introduce(
        &self,
        connection: Result<AsyncSmtpConnection, Error>,
    ) -> Result<AsyncSmtpConnection, Error> {
        let mut connection = connection?;
        if self.encryption == Encryption::Starttls {
            connection.starttls(self.tls.clone(), &self.hello).await?;
        }
        if let Some(credentials) = &self.credentials {
            let ways = [Mechanism::Plain, Mechanism::Login];
            connection.auth(&ways, credentials).await?;
        }
        Ok(connection)
    }
}

/// What the server said of this letter.
fn said(error: &Error) -> MailError {
    if error.is_permanent() { MailError::Refused(text(error)) } else { later(error) }
}

/// Trouble with the connection or with signing in is no fault of the letter.
fn later(error: &Error) -> MailError {
    MailError::Later(text(error))
}

/// The code and the kind: a server's words may repeat the address.
fn text(error: &Error) -> String {
    match error.status() {
        Some(code) => format!("code {code}"),
        None if error.is_timeout() => "no answer in time".into(),
        None if error.is_tls() => "no secure connection".into(),
        None => "no connection".into(),
    }
}
