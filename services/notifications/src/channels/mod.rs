//! How each channel is spoken.

pub(crate) mod email;
pub(crate) mod mobile;
pub(crate) mod signature;
pub(crate) mod sms;
pub(crate) mod web_push;
pub(crate) mod webhook;

use bytes::Bytes;
use hanse_outbound::OutboundError;
use http::{Response, StatusCode};

/// Why a message did not go by a channel.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    pub(crate) cause: String,
    /// Trying again cannot help.
    pub(crate) last: bool,
    /// Nobody is there any more: the target is to be forgotten, the address not to be used again.
    pub(crate) gone: bool,
}

impl Trouble {
    /// It may work later.
    pub(crate) fn later(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), last: false, gone: false }
    }

    /// It never will.
    pub(crate) fn last(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), last: true, gone: false }
    }

    /// Nobody is there.
    pub(crate) fn gone(cause: impl Into<String>) -> Self {
        Self { cause: cause.into(), last: true, gone: true }
    }
}

impl From<OutboundError> for Trouble {
    fn from(error: OutboundError) -> Self {
        Self { cause: error.to_string(), last: error.is_final(), gone: false }
    }
}

/// What an answer to a delivery means. Nothing of its body is kept.
pub(crate) fn judge(response: &Response<Bytes>) -> Result<(), Trouble> {
    let status = response.status();
    let cause = format!("answered {}", status.as_u16());
    match status {
        status if status.is_success() => Ok(()),
        StatusCode::GONE => Err(Trouble::gone(cause)),
        StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_EARLY => {
            Err(Trouble::later(cause))
        }
        StatusCode::TOO_MANY_REQUESTS => Err(Trouble::later(cause)),
        status if status.is_client_error() => Err(Trouble::last(cause)),
        // A redirect is not followed: whoever moves says so to us, not to a sender.
        _ => Err(Trouble::later(cause)),
    }
}
