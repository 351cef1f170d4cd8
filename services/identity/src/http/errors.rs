//! What identity refuses, and with which codes.

use hanse_http::{ApiError, KernelError, PreconditionError};
use hanse_store::StoreError;

use crate::draft::DraftError;
use crate::password::{Busy, UnfitPassword};

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
