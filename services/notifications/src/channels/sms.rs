//! Text messages, handed in as Twilio's API has it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use hanse_outbound::Outbound;
use http::Request;

use super::{Trouble, judge};
use crate::config::NotificationsConfig;
use crate::template::Note;

/// Longest message in characters: ten parts of a telephone's.
const LONGEST: usize = 1_500;

pub(crate) async fn send(
    outbound: &Outbound,
    config: &NotificationsConfig,
    phone: Option<&str>,
    note: &Note,
) -> Result<(), Trouble> {
    let phone = phone.ok_or_else(|| Trouble::last("there is no telephone number"))?;
    if config.sms_url.is_empty() {
        return Err(Trouble::last("no provider of text messages is configured"));
    }
    let text: String = note.body.chars().take(LONGEST).collect();
    let body = serde_urlencoded::to_string([
        ("To", phone),
        ("From", config.sms_from.as_str()),
        ("Body", text.as_str()),
    ])
    .map_err(|_| Trouble::last("the message cannot be written"))?;
    let credentials = STANDARD.encode(format!("{}:{}", config.sms_account, config.sms_token));
    let request = Request::post(&config.sms_url)
        .header("content-type", "application/x-www-form-urlencoded")
        .header("authorization", format!("Basic {credentials}"))
        .body(Bytes::from(body))
        .map_err(|_| Trouble::last("notifications.sms_url cannot be used"))?;
    judge(&outbound.send(request).await?)
}
