//! Why a peer gave no answer.

use hanse_http::ApiError;

/// A request got no answer from its peer.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum UpstreamError {
    /// Discovery knows no endpoint.
    #[api(503, "UPS-001", retry_after = seconds)]
    #[error("nothing serves {name} at the moment")]
    NoEndpoint {
        /// The peer.
        name: String,
        /// Until it makes sense to ask again.
        seconds: u32,
    },
    /// No connection, or it broke before the answer.
    #[api(502, "UPS-002")]
    #[error("the service could not be reached")]
    Unreachable {
        /// Was the request perhaps carried out?
        maybe_executed: bool,
        /// What happened.
        #[source]
        source: Option<std::io::Error>,
    },
    /// No answer in time.
    #[api(504, "UPS-003")]
    #[error("the service did not answer in time")]
    TimedOut,
    /// The breaker is open.
    #[api(503, "UPS-004", retry_after = seconds)]
    #[error("the service has failed too often; wait {seconds} seconds")]
    BreakerOpen {
        /// Until one request may try again.
        seconds: u32,
    },
    /// The answer breaks the rules of HTTP.
    #[api(502, "UPS-005")]
    #[error("the service gave an answer that cannot be read")]
    MalformedAnswer {
        /// What is wrong with it.
        what: &'static str,
        /// What the library says.
        #[source]
        source: Option<hyper::Error>,
    },
    /// As many requests as allowed are under way.
    #[api(503, "UPS-006", retry_after = seconds)]
    #[error("too many requests are under way to this service")]
    TooBusy {
        /// Until it makes sense to ask again.
        seconds: u32,
    },
    /// The client's own body ended early.
    #[api(400, "UPS-007")]
    #[error("the body of the request ended early")]
    RequestBroken,
}

impl UpstreamError {
    /// Was the request perhaps carried out, although there is no answer?
    #[must_use]
    pub fn maybe_executed(&self) -> bool {
        match self {
            Self::NoEndpoint { .. } | Self::BreakerOpen { .. } | Self::TooBusy { .. } => false,
            Self::Unreachable { maybe_executed, .. } => *maybe_executed,
            Self::TimedOut | Self::MalformedAnswer { .. } | Self::RequestBroken => true,
        }
    }
}

/// How one try failed.
pub(crate) enum Failure {
    /// No connection: the request was not sent.
    Refused(std::io::Error),
    /// No free connection in time: not sent.
    Busy,
    /// The connection was gone before anything was written; the request comes back.
    Unsent(Box<http::Request<hanse_http::RequestBody>>),
    /// Sent, and then the connection broke.
    Broken(Option<hyper::Error>),
    /// Sent, and no answer in time.
    Late,
    /// An answer that breaks the rules.
    Malformed(&'static str, Option<hyper::Error>),
    /// The sender's own body failed.
    Sender,
}

impl Failure {
    pub(crate) fn of(error: hyper::Error) -> Self {
        if error.is_parse() {
            Self::Malformed("its head cannot be read", Some(error))
        } else if error.is_user() || error.is_body_write_aborted() {
            Self::Sender
        } else {
            Self::Broken(Some(error))
        }
    }

    /// Is the endpoint to blame?
    pub(crate) fn counts(&self) -> bool {
        !matches!(self, Self::Sender | Self::Busy | Self::Unsent(_))
    }

    pub(crate) fn error(self) -> UpstreamError {
        match self {
            Self::Refused(error) => {
                UpstreamError::Unreachable { maybe_executed: false, source: Some(error) }
            }
            Self::Unsent(_) => UpstreamError::Unreachable { maybe_executed: false, source: None },
            Self::Broken(error) => UpstreamError::Unreachable {
                maybe_executed: true,
                source: error.map(std::io::Error::other),
            },
            Self::Busy => UpstreamError::TooBusy { seconds: 1 },
            Self::Late => UpstreamError::TimedOut,
            Self::Malformed(what, source) => UpstreamError::MalformedAnswer { what, source },
            Self::Sender => UpstreamError::RequestBroken,
        }
    }
}
