//! What identity asks notifications to tell people. Codes and links are sealed: no log shows them.

use std::collections::BTreeMap;

use hanse_contracts::identity::MessageRequested;
use hanse_contracts::messages::{Channel, Message, SEAL};
use hanse_events::Emit as _;
use hanse_http::Sealer;
use hanse_store::{Result, Tx};
use jiff::Timestamp;
use uuid::Uuid;

use crate::accounts;
use crate::mint::Factor;
use crate::service::Identity;

/// Writes letters.
#[derive(Clone)]
pub(crate) struct Letters {
    sealer: Sealer,
    base: String,
}

/// One letter.
pub(crate) struct Letter {
    template: &'static str,
    channels: Vec<Channel>,
    email: Option<String>,
    phone: Option<String>,
    values: BTreeMap<String, String>,
    secrets: BTreeMap<String, String>,
    expires_at: Option<Timestamp>,
}

impl Letter {
    /// A letter by e-mail that its reader must get.
    pub(crate) fn of(template: &'static str) -> Self {
        Self {
            template,
            channels: vec![Channel::Email],
            email: None,
            phone: None,
            values: BTreeMap::new(),
            secrets: BTreeMap::new(),
            expires_at: None,
        }
    }

    /// To another address than the account's.
    pub(crate) fn to(mut self, email: &str) -> Self {
        self.email = Some(email.to_owned());
        self
    }

    /// As a text message to this number.
    pub(crate) fn text_to(mut self, phone: String) -> Self {
        self.channels = vec![Channel::Sms];
        self.phone = Some(phone);
        self
    }

    /// Says this.
    pub(crate) fn says(mut self, name: &str, value: impl Into<String>) -> Self {
        self.values.insert(name.to_owned(), value.into());
        self
    }

    /// Says this, and nobody else may read it.
    pub(crate) fn tells(mut self, name: &str, value: impl Into<String>) -> Self {
        self.secrets.insert(name.to_owned(), value.into());
        self
    }

    /// Is pointless after this time.
    pub(crate) fn until(mut self, time: Timestamp) -> Self {
        self.expires_at = Some(time);
        self
    }
}

/// Tells an account's owner that there is another second factor.
pub(crate) async fn tell_of_factor(
    tx: &mut Tx,
    app: &Identity,
    user: Uuid,
    factor: Factor,
) -> Result<()> {
    let letter = Letter::of("identity.factor_added").says("factor", factor.name());
    tell(tx, app, user, letter).await
}

/// Tells an account's owner what was done to the account, by name and time. Nobody is told who has gone.
pub(crate) async fn tell(tx: &mut Tx, app: &Identity, user: Uuid, letter: Letter) -> Result<()> {
    let Some(account) = accounts::find(tx, user).await? else { return Ok(()) };
    let letter = letter.says("name", account.name).says("time", tx.now().to_string());
    app.letters.send(tx, user, letter).await
}

impl Letters {
    /// Letters whose links begin with `base`.
    pub(crate) fn new(sealer: Sealer, base: &str) -> Self {
        Self { sealer, base: base.trim_end_matches('/').to_owned() }
    }

    /// A link to one of our pages. The base comes from the configuration, never from a request.
    pub(crate) fn link(&self, page: &str, token: &str) -> String {
        format!("{}/{page}?token={token}", self.base)
    }

    /// Asks for a letter in this transaction.
    pub(crate) async fn send(&self, tx: &mut Tx, user: Uuid, letter: Letter) -> Result<()> {
        let sealed = (!letter.secrets.is_empty()).then(|| self.sealer.seal(SEAL, &letter.secrets));
        let message = Message {
            id: tx.new_id(),
            template: letter.template.to_owned(),
            channels: letter.channels,
            essential: true,
            email: letter.email,
            phone: letter.phone,
            values: letter.values,
            sealed,
            expires_at: letter.expires_at,
        };
        tx.emit(&MessageRequested { user_id: user, message }).await.map(drop)
    }
}
