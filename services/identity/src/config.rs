//! The section `[identity]`.

use std::collections::BTreeMap;

use hanse_http::Role;
use jiff::SignedDuration;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::external::IssuerConfig;

use crate::mint::Assurance;
use crate::passkeys::PasskeyConfig;

/// Accounts, passwords, sessions and keys.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(default, deny_unknown_fields)]
pub struct IdentityConfig {
    /// Anybody may make an account. When false, only administrators make them.
    pub open_registration: bool,
    /// Minutes that an access token is valid.
    pub access_minutes: u32,
    /// Days without a refresh after which a session ends.
    pub refresh_days: u32,
    /// Days after which a session ends however much it is used.
    pub session_days: u32,
    /// Days after which tokens are signed with a new key. The next key is published a day before.
    pub signing_key_days: u32,
    /// Hours that the link for the first administrator is valid.
    pub setup_hours: u32,
    /// Memory of one password hash (argon2id) in KiB. Raising it rehashes at the next login.
    pub argon2_memory_kib: u32,
    /// Passes of one password hash.
    pub argon2_passes: u32,
    /// Lanes of one password hash.
    pub argon2_lanes: u32,
    /// Password hashes at the same time; 0 is one per processor.
    pub hash_parallel: u32,
    /// Password hashes that may wait for their turn; beyond it the answer is 503.
    pub hash_queue: u32,
    /// An account can sign in only when its address is verified. Registration answers the same whether
    /// the address has an account or not, and sends a letter to it.
    pub require_verified_email: bool,
    /// Minutes after proving who one is in which a password, an address or a factor can be changed.
    pub reauthentication_minutes: u32,
    /// Roles whose accounts must prove two factors. An account of such a role that has only one is led
    /// to set up another before it gets a session.
    pub require_second_factor: Vec<Role>,
    /// Days after which a password is too old to sign in with, by role, such as `{ admin = 90 }`; of
    /// several roles the fewest count. Whoever signs in with an older one chooses another first; sessions
    /// that have begun go on. Empty by default, and better so: people who have to change their passwords
    /// choose weaker ones (NIST SP 800-63B, section 5.1.1.2).
    pub password_days: BTreeMap<Role, u32>,
    /// Limits on failed logins and on registrations. Off only to measure.
    pub limit_sign_ins: bool,
    /// Failed logins at once from one address (IPv6: one /64).
    pub login_burst_per_address: u32,
    /// Failed logins an hour from one address, after the burst.
    pub login_per_address_hour: u32,
    /// Failed logins at once for one account, from anywhere.
    pub login_burst_per_account: u32,
    /// Failed logins an hour for one account, after the burst.
    pub login_per_account_hour: u32,
    /// Failed logins for one account from one address before each further one has to wait longer.
    pub login_free_tries: u32,
    /// Registrations at once from one address.
    pub register_burst_per_address: u32,
    /// Registrations an hour from one address, after the burst.
    pub register_per_address_hour: u32,
    /// Issuers elsewhere that people may sign in by.
    pub issuers: Vec<IssuerConfig>,
    /// For which site passkeys are.
    pub passkeys: PasskeyConfig,
}

/// The least memory that OWASP advises for argon2id with two passes, in KiB.
const OWASP_MEMORY_KIB: u32 = 19_456;
/// The passes that go with it.
const OWASP_PASSES: u32 = 2;

impl Default for IdentityConfig {
    fn default() -> Self {
        Self {
            open_registration: true,
            access_minutes: 15,
            refresh_days: 7,
            session_days: 90,
            signing_key_days: 30,
            setup_hours: 24,
            argon2_memory_kib: OWASP_MEMORY_KIB,
            argon2_passes: OWASP_PASSES,
            argon2_lanes: 1,
            hash_parallel: 0,
            hash_queue: 200,
            require_verified_email: false,
            reauthentication_minutes: 10,
            require_second_factor: Vec::new(),
            password_days: BTreeMap::new(),
            limit_sign_ins: true,
            login_burst_per_address: 3,
            login_per_address_hour: 180,
            login_burst_per_account: 1800,
            login_per_account_hour: 1800,
            login_free_tries: 3,
            register_burst_per_address: 60,
            register_per_address_hour: 120,
            issuers: Vec::new(),
            passkeys: PasskeyConfig::default(),
        }
    }
}

impl IdentityConfig {
    /// Cheap passwords and wide limits, for scenes that are about something else. Such a
    /// configuration has [mistakes](Self::mistakes): no file can ask for it.
    #[must_use]
    pub fn for_tests() -> Self {
        Self {
            argon2_memory_kib: 64,
            argon2_passes: 1,
            login_burst_per_address: 10_000,
            register_burst_per_address: 10_000,
            ..Self::default()
        }
    }

    /// How well an account with these roles has to prove who it is.
    #[must_use]
    pub(crate) fn required_assurance(&self, roles: &[Role]) -> Assurance {
        match roles.iter().any(|role| self.require_second_factor.contains(role)) {
            true => Assurance::Multi,
            false => Assurance::Single,
        }
    }

    /// The age from which on a password of an account with these roles is too old, if it ever is.
    #[must_use]
    pub(crate) fn password_age(&self, roles: &[Role]) -> Option<SignedDuration> {
        let days = roles.iter().filter_map(|role| self.password_days.get(role)).min()?;
        Some(SignedDuration::from_hours(24 * i64::from(*days)))
    }

    /// Mistakes that types cannot express, as (key, what is wrong).
    #[must_use]
    pub fn mistakes(&self) -> Vec<(String, String)> {
        let day = 24 * 60;
        let mut mistakes = Vec::new();
        let mut bound = |key: &str, value: u32, least: u32, most: u32| {
            if !(least..=most).contains(&value) {
                mistakes.push((key.to_owned(), format!("must be from {least} to {most}")));
            }
        };
        bound("access_minutes", self.access_minutes, 1, day);
        bound("refresh_days", self.refresh_days, 1, 365);
        bound("session_days", self.session_days, self.refresh_days, 3650);
        bound("signing_key_days", self.signing_key_days, 2, 365);
        bound("reauthentication_minutes", self.reauthentication_minutes, 1, day);
        bound("setup_hours", self.setup_hours, 1, 7 * 24);
        bound("argon2_memory_kib", self.argon2_memory_kib, OWASP_MEMORY_KIB, 1024 * 1024);
        bound("argon2_passes", self.argon2_passes, OWASP_PASSES, 16);
        bound("argon2_lanes", self.argon2_lanes, 1, 16);
        bound("hash_parallel", self.hash_parallel, 0, 256);
        bound("hash_queue", self.hash_queue, 1, 10_000);
        bound("login_burst_per_address", self.login_burst_per_address, 1, 100_000);
        bound("login_per_address_hour", self.login_per_address_hour, 1, 1_000_000);
        bound("login_burst_per_account", self.login_burst_per_account, 10, 100_000);
        bound("login_per_account_hour", self.login_per_account_hour, 10, 1_000_000);
        bound("login_free_tries", self.login_free_tries, 1, 100);
        bound("register_burst_per_address", self.register_burst_per_address, 1, 100_000);
        bound("register_per_address_hour", self.register_per_address_hour, 1, 1_000_000);
        for (role, days) in &self.password_days {
            bound(&format!("password_days.{}", role.name()), *days, 1, 3650);
        }
        mistakes.extend(IssuerConfig::mistakes(&self.issuers));
        mistakes.extend(self.passkeys.mistakes());
        mistakes
    }
}

#[cfg(test)]
mod tests {
    use super::IdentityConfig;

    /// AUTN-05: nobody configures password hashes below what OWASP advises.
    #[test]
    fn defaults_are_good_and_weak_hashes_are_refused() {
        assert!(IdentityConfig::default().mistakes().is_empty());
        let keys: Vec<_> =
            IdentityConfig::for_tests().mistakes().into_iter().map(|(key, _)| key).collect();
        assert_eq!(keys, ["argon2_memory_kib", "argon2_passes"]);
    }
}
