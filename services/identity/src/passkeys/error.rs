//! What is refused about passkeys.

use hanse_http::{ApiError, KernelError};
use hanse_store::StoreError;

use super::webauthn::Invalid;
use crate::http::FactorError;

/// Refusals about passkeys.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum PasskeyError {
    #[api(401, "IDN-050")]
    #[error("this passkey was not accepted; begin again")]
    Refused,
    #[api(404, "IDN-051")]
    #[error("you have no such passkey")]
    UnknownPasskey,
    #[api(409, "IDN-052")]
    #[error("you have as many passkeys as an account may have; remove one first")]
    TooManyPasskeys,
    #[api(409, "IDN-053")]
    #[error("this installation has no domain name, and browsers keep passkeys for domains only")]
    NoDomain,
    #[api(422, "IDN-011")]
    #[error("a name is one line of 1 to 100 visible characters")]
    InvalidName,
    #[api(transparent)]
    #[error(transparent)]
    Factor(#[from] FactorError),
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<Invalid> for PasskeyError {
    fn from(_: Invalid) -> Self {
        Self::Refused
    }
}
