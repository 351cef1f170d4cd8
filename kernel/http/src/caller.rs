//! Who is asking.

use std::sync::Arc;

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::scope::{Permission, Scope};

/// What an account may do beyond its own things.
#[derive(
    Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize, JsonSchema,
)]
#[serde(rename_all = "lowercase")]
pub enum Role {
    /// Everything an account can do with its own things.
    User,
    /// Sees and repairs the platform: events, jobs, statistics.
    Operator,
    /// Manages accounts as well.
    Admin,
}

impl Role {
    /// The name used in tokens and answers.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::User => "user",
            Self::Operator => "operator",
            Self::Admin => "admin",
        }
    }

    /// The role of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        [Self::User, Self::Operator, Self::Admin].into_iter().find(|role| role.name() == name)
    }
}

/// An authenticated account, as its access token states it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Principal {
    /// The account.
    pub user_id: Uuid,
    /// The session the token belongs to.
    pub session_id: Uuid,
    /// What it may do. Never empty for a real account; unknown names in a token count for nothing.
    pub roles: Vec<Role>,
    /// When the token ends.
    pub expires_at: Timestamp,
    /// What the token is limited to; `None` is not at all.
    pub scope: Option<Scope>,
    /// Who acts for the account, when it is not its owner.
    pub actor: Option<String>,
}

/// Who is asking.
#[derive(Clone, Debug, Default)]
pub enum Caller {
    /// Nobody we know.
    #[default]
    Anonymous,
    /// Somebody whose token counts no more. They may do what anybody may, such as signing in again,
    /// and are told to refresh where an account is needed.
    Expired,
    /// An account with a valid token.
    User(Arc<Principal>),
    /// Another process of this installation.
    Peer,
}

impl Caller {
    /// The account, if there is one.
    #[must_use]
    pub fn principal(&self) -> Option<&Principal> {
        match self {
            Self::Anonymous | Self::Expired | Self::Peer => None,
            Self::User(principal) => Some(principal),
        }
    }

    /// The account's id, if there is one.
    #[must_use]
    pub fn user_id(&self) -> Option<Uuid> {
        self.principal().map(|principal| principal.user_id)
    }

    /// Does the token reach this? Whoever has no token, or one without a limit, is not held back here.
    #[must_use]
    pub fn reaches(&self, wanted: &Permission) -> bool {
        let scope = self.principal().and_then(|principal| principal.scope.as_ref());
        scope.is_none_or(|scope| scope.covers(wanted))
    }

    /// Has the account this role?
    #[must_use]
    pub fn is(&self, role: Role) -> bool {
        self.principal().is_some_and(|principal| principal.roles.contains(&role))
    }
}
