//! What administrators are refused.

use hanse_http::{ApiError, KernelError, PreconditionError};
use hanse_store::StoreError;

/// Refusals of administration.
#[derive(Debug, thiserror::Error, ApiError)]
pub enum AdministrationError {
    #[api(404, "IDN-020")]
    #[error("there is no such account")]
    UnknownUser,
    #[api(422, "IDN-021")]
    #[error("there is no role {0}")]
    UnknownRole(String),
    #[api(404, "IDN-022")]
    #[error("there is no such role, group or key")]
    Unknown,
    #[api(409, "IDN-023")]
    #[error("this would leave nobody who can administer; make another administrator first")]
    LastAdministrator,
    #[api(409, "IDN-024")]
    #[error("this name is taken")]
    NameTaken,
    #[api(422, "IDN-025")]
    #[error(
        "this is not a permission: resource:action, each of letters, digits, '.', '_', '-', or *"
    )]
    InvalidPermission,
    #[api(403, "IDN-026")]
    #[error("a machine, a group or a role of your own cannot have a role that is built in")]
    MachineRole,
    #[api(403, "IDN-027")]
    #[error("nobody acts for this account, or nobody does who acts for somebody already")]
    NotImpersonated,
    #[api(403, "IDN-014")]
    #[error("prove again who you are, and then do this")]
    ProveAgain,
    #[api(409, "IDN-002")]
    #[error("there is an account with this address")]
    AddressTaken,
    #[api(422, "IDN-010")]
    #[error("this is not an e-mail address")]
    InvalidAddress,
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
