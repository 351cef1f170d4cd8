//! What identity tells the others.

use hanse_events::DomainEvent;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use crate::messages::Message;

/// What a process needs to verify access tokens itself: the answer of `GET /api/v1/auth/trust`.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Trust {
    /// When this was so.
    pub as_of: Timestamp,
    /// All keys that may have signed a valid token.
    pub keys: Vec<TrustedKey>,
    /// Sessions and accounts whose tokens count no more.
    pub ended: Vec<Ended>,
}

/// A key that signs access tokens.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, JsonSchema)]
pub struct TrustedKey {
    /// Its id (`kid`).
    pub id: String,
    /// The Ed25519 public key, 32 bytes in base64url.
    pub public: String,
}

/// A session or an account whose tokens count no more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct Ended {
    /// The session or the account.
    pub id: Uuid,
    /// When the last of its tokens has ended anyway.
    pub until: Timestamp,
}

/// An account was made.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserRegistered {
    /// The account.
    pub user_id: Uuid,
    /// Its e-mail address.
    pub email: String,
    /// Its display name.
    pub name: String,
}

/// An account's name or roles changed.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserUpdated {
    /// The account.
    pub user_id: Uuid,
    /// Its e-mail address.
    pub email: String,
    /// Its display name.
    pub name: String,
}

/// An account is gone; whoever keeps its data deletes it.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserDeleted {
    /// The account.
    pub user_id: Uuid,
}

/// What an account belongs to has changed. Carries the whole new state; whoever was never named in one
/// has the role `user` and no group.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MembershipsChanged {
    /// The account.
    pub user_id: Uuid,
    /// The roles that it was given itself, such as `admin`; those of its groups are not in here.
    pub roles: Vec<String>,
    /// The groups that it is in.
    pub groups: Vec<Uuid>,
}

/// An account may not sign in any more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserDisabled {
    /// The account.
    pub user_id: Uuid,
}

/// An account has a new password.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct PasswordChanged {
    /// The account.
    pub user_id: Uuid,
}

/// Somebody signed in.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionStarted {
    /// The account.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
}

/// A session ended before its time: its tokens count no more.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct SessionRevoked {
    /// The account.
    pub user_id: Uuid,
    /// The session.
    pub session_id: Uuid,
}

/// An administrator got a token for somebody's account.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct UserImpersonated {
    /// The account.
    pub user_id: Uuid,
    /// Who acts for it.
    pub actor_id: Uuid,
    /// Why, in the administrator's words.
    pub reason: String,
}

/// Identity wants an account's owner to be told something.
#[derive(Clone, Debug, Serialize, Deserialize, JsonSchema)]
pub struct MessageRequested {
    /// The account.
    pub user_id: Uuid,
    /// What to tell.
    pub message: Message,
}

macro_rules! about_user {
    ($($event:ident owner $owner:expr;)*) => {$(
        impl DomainEvent for $event {
            const TYPE: &'static str = concat!("identity.", stringify!($event));
            fn subject(&self) -> String {
                format!("user/{}", self.user_id)
            }
            fn owner(&self) -> Option<Uuid> {
                let owner: fn(&Self) -> Option<Uuid> = $owner;
                owner(self)
            }
        }
    )*};
}
about_user! {
    UserRegistered owner |event| Some(event.user_id);
    UserUpdated owner |event| Some(event.user_id);
    MembershipsChanged owner |event| Some(event.user_id);
    UserDeleted owner |_| None;
    UserDisabled owner |_| None;
    PasswordChanged owner |event| Some(event.user_id);
    SessionStarted owner |event| Some(event.user_id);
    SessionRevoked owner |_| None;
    UserImpersonated owner |event| Some(event.user_id);
    MessageRequested owner |event| Some(event.user_id);
}
