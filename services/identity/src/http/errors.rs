//! What identity refuses, and with which codes.

use hanse_http::{ApiError, KernelError, PreconditionError};
use hanse_store::StoreError;

use super::renewal::PasswordAge;
use crate::draft::DraftError;
use crate::mint::Factor;
use crate::password::{Busy, UnfitPassword};
use crate::phone::PhoneError;

/// Refusals of everything that takes a password.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum PasswordError {
    #[api(401, "IDN-001")]
    #[error("the address or the password is wrong, or the account may not sign in")]
    InvalidCredentials,
    #[api(429, "IDN-004", retry_after = seconds)]
    #[error("too many tries; wait {seconds} seconds")]
    TooManyTries { seconds: u32 },
    #[api(503, "IDN-005", retry_after = seconds)]
    #[error("too many people are signing in at this moment; try again in {seconds} seconds")]
    TooBusy { seconds: u32 },
    #[api(401, "HTT-011")]
    #[error("the access token is not valid any more; refresh it or sign in again")]
    InvalidToken,
    #[api(409, "HTT-019")]
    #[error("somebody else changed the same thing at the same time; try again")]
    Contention,
    #[api(transparent)]
    #[error(transparent)]
    NewPassword(#[from] UnfitPassword),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<Busy> for PasswordError {
    fn from(_: Busy) -> Self {
        Self::TooBusy { seconds: 2 }
    }
}

/// Refusals of whatever makes an account.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum AccountError {
    #[api(403, "IDN-007")]
    #[error("this setup token is wrong, used up or too old, or there is an administrator already")]
    InvalidSetupToken,
    #[api(403, "IDN-009")]
    #[error("accounts are made by an administrator here")]
    RegistrationClosed,
    #[api(transparent)]
    #[error(transparent)]
    Draft(#[from] DraftError),
    #[api(transparent)]
    #[error(transparent)]
    Password(#[from] PasswordError),
}

impl From<StoreError> for AccountError {
    fn from(error: StoreError) -> Self {
        Self::Password(error.into())
    }
}

impl From<Busy> for AccountError {
    fn from(error: Busy) -> Self {
        Self::Password(error.into())
    }
}

/// Refusals about one's own account.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum ProfileError {
    #[api(422, "IDN-011")]
    #[error("a name is one line of 1 to 100 visible characters")]
    InvalidName,
    #[api(403, "IDN-014")]
    #[error("prove again who you are, and then do this")]
    ProveAgain,
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[api(transparent)]
    #[error(transparent)]
    Precondition(#[from] PreconditionError),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

/// Refusals about sessions.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum SessionError {
    /// `reused` says whose session and which one, when somebody has a copy of its tokens. What the
    /// client learns is the same.
    #[api(401, "IDN-006")]
    #[error("this refresh token is not valid; sign in again")]
    InvalidRefreshToken { reused: Option<(uuid::Uuid, uuid::Uuid)> },
    #[api(404, "IDN-008")]
    #[error("you have no such session")]
    UnknownSession,
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

/// Refusals about second factors.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum FactorError {
    #[api(401, "IDN-012")]
    #[error("this sign-in is too old; begin again")]
    InvalidPending,
    #[api(401, "IDN-013")]
    #[error("this code or password is wrong, used or too old")]
    WrongCode,
    #[api(403, "IDN-014")]
    #[error("prove again who you are, and then do this")]
    ProveAgain,
    #[api(404, "IDN-015")]
    #[error("you have not set up such a factor")]
    UnknownFactor,
    #[api(409, "IDN-016")]
    #[error("you have set up this factor already")]
    KnownFactor,
    #[api(422, "IDN-017")]
    #[error("this is not an international telephone number")]
    InvalidPhone,
    #[api(403, "IDN-018", details = details)]
    #[error("a second factor is needed as well")]
    SecondFactor { details: serde_json::Value },
    #[api(422, "IDN-010")]
    #[error("this is not an e-mail address")]
    InvalidAddress,
    #[api(429, "IDN-004", retry_after = seconds)]
    #[error("too many tries; wait {seconds} seconds")]
    TooManyTries { seconds: u32 },
    #[api(503, "IDN-005", retry_after = seconds)]
    #[error("too many people are signing in at this moment; try again in {seconds} seconds")]
    TooBusy { seconds: u32 },
    #[api(401, "HTT-011")]
    #[error("the access token is not valid any more; refresh it or sign in again")]
    InvalidToken,
    #[api(transparent)]
    #[error(transparent)]
    Age(#[from] PasswordAge),
    #[api(transparent)]
    #[error(transparent)]
    Kernel(#[from] KernelError),
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl FactorError {
    /// Factors for machines to read.
    pub(super) fn list(factors: &[Factor]) -> serde_json::Value {
        serde_json::json!({ "factors": factors })
    }
}

impl From<Busy> for FactorError {
    fn from(_: Busy) -> Self {
        Self::TooBusy { seconds: 2 }
    }
}

impl From<PhoneError> for FactorError {
    fn from(_: PhoneError) -> Self {
        Self::InvalidPhone
    }
}

/// Refusals about links that were sent.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum LinkError {
    #[api(403, "IDN-019")]
    #[error("this link is wrong, used up or too old")]
    InvalidLink,
    #[api(transparent)]
    #[error(transparent)]
    NewPassword(#[from] UnfitPassword),
    #[api(503, "IDN-005", retry_after = seconds)]
    #[error("too many people are signing in at this moment; try again in {seconds} seconds")]
    TooBusy { seconds: u32 },
    #[api(transparent)]
    #[error(transparent)]
    Storage(#[from] StoreError),
}

impl From<Busy> for LinkError {
    fn from(_: Busy) -> Self {
        Self::TooBusy { seconds: 2 }
    }
}
