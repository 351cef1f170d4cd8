//! E-mail.

use hanse_http::Sealer;
use hanse_mail::{Letter, MailError, Mailbox, Mailer};
use jiff::Timestamp;
use uuid::Uuid;

use super::Trouble;
use crate::deliveries::Key;
use crate::template::{Template, Values};

/// What an unsubscribe link is sealed for.
pub(crate) const UNSUBSCRIBE: &str = "unsubscribe";

/// The link that ends letters of a type to somebody.
pub(crate) fn unsubscribe_link(
    public_url: &str,
    sealer: &Sealer,
    owner: Uuid,
    kind: &str,
) -> String {
    let token = sealer.seal(UNSUBSCRIBE, &(owner, kind));
    format!("{public_url}/api/v1/notifications/unsubscribe/{token}")
}

/// A letter's identity, the same over all tries.
pub(crate) fn letter_id(key: &Key) -> String {
    format!("{}-{}", key.notification.simple(), key.owner.simple())
}

/// Notification and owner of a letter's identity.
pub(crate) fn parse_letter_id(id: &str) -> Option<(Uuid, Uuid)> {
    let id = id.trim_matches(['<', '>']).split('@').next()?;
    let (notification, owner) = id.split_once('-')?;
    Some((Uuid::try_parse(notification).ok()?, Uuid::try_parse(owner).ok()?))
}

/// What a letter is made from.
pub(crate) struct Draft<'a> {
    pub(crate) id: String,
    pub(crate) name: &'a str,
    pub(crate) address: &'a str,
    pub(crate) template: &'a Template,
    pub(crate) values: &'a Values,
    pub(crate) unsubscribe: Option<String>,
    pub(crate) german: bool,
    pub(crate) now: Timestamp,
}

pub(crate) async fn send(mailer: &Mailer, draft: Draft<'_>) -> Result<(), Trouble> {
    if draft.address.is_empty() {
        return Err(Trouble::last("there is no address"));
    }
    let to = Mailbox::new(draft.name, draft.address).map_err(trouble)?;
    let label = if draft.german { "Diese Briefe abbestellen" } else { "End these letters" };
    let footer: Vec<_> =
        draft.unsubscribe.iter().map(|link| (label.to_owned(), link.clone())).collect();
    let page = draft
        .template
        .page(draft.values, &footer)
        .map_err(|error| Trouble::last(error.to_string()))?;
    let letter = Letter {
        id: draft.id,
        to,
        date: draft.now,
        subject: page.subject,
        text: page.text,
        html: page.html,
        unsubscribe: draft.unsubscribe,
    };
    mailer.send(&letter).await.map_err(trouble)
}

fn trouble(error: MailError) -> Trouble {
    match &error {
        // 550, 551, 553: nobody of this name.
        MailError::Refused(what)
            if ["550", "551", "553"].iter().any(|code| what.contains(code)) =>
        {
            Trouble::gone(error.to_string())
        }
        error if error.is_final() => Trouble::last(error.to_string()),
        error => Trouble::later(error.to_string()),
    }
}
