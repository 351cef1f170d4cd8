//! Who may call an operation at all. What they may do with a particular thing is the service's rule.

use crate::caller::{Caller, Role};
use crate::error::KernelError;

/// The access policy of an operation. There is no default: each operation states one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// Anybody.
    Public,
    /// Any signed-in account.
    User,
    /// Accounts with this role.
    Role(Role),
    /// Other processes of this installation.
    Peer,
}

impl Access {
    /// Lets the caller in or says why not.
    ///
    /// # Errors
    /// [`KernelError::Unauthenticated`], [`KernelError::InvalidToken`] or [`KernelError::Forbidden`].
    pub fn check(self, caller: &Caller) -> Result<(), KernelError> {
        match (self, caller) {
            (Self::Public, _) | (Self::Peer, Caller::Peer) => Ok(()),
            (_, Caller::Anonymous) => Err(KernelError::Unauthenticated),
            (_, Caller::Expired) => Err(KernelError::InvalidToken),
            (Self::User, Caller::User(principal)) if !principal.roles.is_empty() => Ok(()),
            (Self::Role(role), caller) if caller.is(role) => Ok(()),
            _ => Err(KernelError::Forbidden),
        }
    }

    /// How the policy is shown in the OpenAPI document and the access table.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Public => "public",
            Self::User => "user",
            Self::Role(role) => role.name(),
            Self::Peer => "peer",
        }
    }
}
