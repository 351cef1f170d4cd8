//! Why a request did not go out, or its answer did not come in.

use std::io;

/// Why there is no answer. The text is for operators; nothing of an answer's content is in it.
#[derive(Debug, thiserror::Error)]
pub enum OutboundError {
    /// The client cannot be built from its configuration.
    #[error("outbound: {0}")]
    Configuration(String),
    /// The address cannot be used at all.
    #[error("the address cannot be used: {0}")]
    Address(&'static str),
    /// The address leads where nothing may go.
    #[error("requests may not go there: {0}")]
    Refused(&'static str),
    /// The name leads nowhere.
    #[error("the name cannot be resolved")]
    Unresolved(#[source] io::Error),
    /// No connection.
    #[error("no connection")]
    Connect(#[source] io::Error),
    /// The other side did not prove who it is.
    #[error("no secure connection")]
    Tls(#[source] io::Error),
    /// The exchange broke off or was no HTTP.
    #[error("the exchange broke off")]
    Broken(#[source] hyper::Error),
    /// The answer is larger than allowed.
    #[error("the answer is larger than {0} bytes")]
    TooLarge(usize),
    /// The answer is compressed, which nobody asked for.
    #[error("the answer is compressed")]
    Compressed,
    /// Everything together took too long.
    #[error("no answer in time")]
    TooSlow,
}

impl OutboundError {
    /// True when the same request can never succeed, however often it is tried.
    #[must_use]
    pub fn is_final(&self) -> bool {
        matches!(self, Self::Configuration(_) | Self::Address(_) | Self::Refused(_))
    }
}
