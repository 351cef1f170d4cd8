//! Evidence of who somebody is.

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::factor::Factor;
use crate::account::Account;
use crate::session::Session;

/// What has been proven about one account. Nothing outside this crate can make one, and a test
/// (`tests/it/ways_in.rs`) keeps the list of the functions in it that do.
#[derive(Clone, Debug)]
pub struct Proven {
    user_id: Uuid,
    factors: Vec<Factor>,
    password: Option<Checked>,
}

/// The password hash that was checked: it must still be the account's when the proof is used.
#[derive(Clone, Debug)]
pub(super) struct Checked {
    /// SHA-256 of the PHC string.
    pub(super) print: [u8; 32],
    /// The same password under the current parameters, when those of the stored one are outdated.
    pub(super) rehashed: Option<String>,
}

/// What stands for a stored hash in sealed texts.
pub(super) fn print(phc: &str) -> [u8; 32] {
    Sha256::digest(phc.as_bytes()).into()
}

impl Proven {
    /// Whoever makes an account in the same transaction is its owner.
    pub(crate) fn by_creating(account: &Account) -> Self {
        Self { user_id: account.id, factors: vec![Factor::Creation], password: None }
    }

    /// The password fitted `stored`; `rehashed` replaces that.
    pub(crate) fn by_password(account: Uuid, stored: &str, rehashed: Option<String>) -> Self {
        let checked = Checked { print: print(stored), rehashed };
        Self { user_id: account, factors: vec![Factor::Password], password: Some(checked) }
    }

    /// Any other factor that was just checked for this account.
    pub(crate) fn by(factor: Factor, account: Uuid) -> Self {
        Self { user_id: account, factors: vec![factor], password: None }
    }

    /// A live session of the account: what was proven when it began is proven still. For programs that
    /// the session lets in.
    pub(crate) fn by_session(session: &Session) -> Self {
        Self { user_id: session.user_id, factors: session.factors.clone(), password: None }
    }

    /// The same with another password, which its owner has just chosen in the place of the one that was
    /// proven. `None` when that was not proven, or is not the account's any more.
    pub(crate) fn renewed(self, account: &Account, new: &str) -> Option<Self> {
        let password = Some(Checked { print: print(new), rehashed: None });
        self.is_of(account).then_some(Self { password, ..self })
    }

    /// What a sealed text says was proven a moment ago.
    pub(super) fn again(user_id: Uuid, factors: Vec<Factor>, print: Option<[u8; 32]>) -> Self {
        let password = print.map(|print| Checked { print, rehashed: None });
        Self { user_id, factors, password }
    }

    /// Both together. `None` when they are about two accounts.
    #[must_use]
    pub fn and(mut self, other: Self) -> Option<Self> {
        if self.user_id != other.user_id {
            return None;
        }
        self.factors.extend(other.factors);
        self.factors.sort_unstable();
        self.factors.dedup();
        self.password = self.password.or(other.password);
        Some(self)
    }

    /// Is it this account's, by the password that it has still?
    pub(crate) fn is_of(&self, account: &Account) -> bool {
        let stored = print(&account.password);
        let same = self.password.as_ref().is_some_and(|checked| checked.print == stored);
        self.user_id == account.id && same
    }

    /// Who it is.
    #[must_use]
    pub fn user_id(&self) -> Uuid {
        self.user_id
    }

    /// By what.
    #[must_use]
    pub fn factors(&self) -> &[Factor] {
        &self.factors
    }

    /// The same password under the current parameters, when those it was stored with are outdated.
    #[must_use]
    pub fn rehashed(&self) -> Option<&str> {
        self.password.as_ref()?.rehashed.as_deref()
    }

    pub(super) fn password(&self) -> Option<&Checked> {
        self.password.as_ref()
    }
}
