//! How much an account has to prove: the pure rule.

use hanse_http::Role;
use jiff::Timestamp;

use super::factor::{Assurance, Factor, assurance, is_delegated};
use crate::config::IdentityConfig;
use crate::session::after;

/// What the rule says.
#[derive(Debug, PartialEq, Eq)]
pub enum Verdict {
    /// It is enough.
    Enough,
    /// One of these is needed as well.
    More(Vec<Factor>),
    /// The account has nothing that would be enough; one of these has to be set up.
    Enrol(Vec<Factor>),
}

/// Is it enough? An account that has a second factor must show one, whatever the way in; a role may
/// ask for more than that; so may whoever wants the session.
#[must_use]
pub fn judge(
    config: &IdentityConfig,
    roles: &[Role],
    enrolled: &[Factor],
    proven: &[Factor],
    wished: Assurance,
) -> Verdict {
    if is_delegated(proven) {
        return Verdict::Enough;
    }
    let own = if enrolled.is_empty() { Assurance::Single } else { Assurance::Multi };
    let wanted = config.required_assurance(roles).max(own).max(wished);
    if assurance(proven) >= wanted {
        return Verdict::Enough;
    }
    let helps = |factor: &Factor| {
        let mut together = proven.to_vec();
        together.push(*factor);
        assurance(&together) >= wanted
    };
    let more: Vec<Factor> = enrolled.iter().copied().filter(helps).collect();
    if more.is_empty() {
        let can = [Factor::Totp, Factor::Passkey, Factor::VerifiedPasskey];
        return Verdict::Enrol(can.into_iter().filter(helps).collect());
    }
    Verdict::More(more)
}

/// Is a password that was set then too old for these roles? Never where nobody has asked for an age.
#[must_use]
pub fn is_too_old(
    config: &IdentityConfig,
    roles: &[Role],
    changed_at: Timestamp,
    now: Timestamp,
) -> bool {
    config.password_age(roles).is_some_and(|age| after(changed_at, age) <= now)
}

/// Would these factors be too little without the password? A passkey that checked who it was stands for
/// itself.
#[must_use]
pub fn needs_password(
    config: &IdentityConfig,
    roles: &[Role],
    enrolled: &[Factor],
    proven: &[Factor],
    wished: Assurance,
) -> bool {
    // Whoever has just made an account has chosen its password, too.
    let knows = |factor: &Factor| matches!(factor, Factor::Password | Factor::Creation);
    if !proven.iter().any(knows) {
        return false;
    }
    let rest: Vec<Factor> = proven.iter().copied().filter(|factor| !knows(factor)).collect();
    rest.is_empty() || judge(config, roles, enrolled, &rest, wished) != Verdict::Enough
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use jiff::SignedDuration;

    use super::*;
    use Factor::{EmailCode, External, Passkey, Password, RecoveryCode, Totp, VerifiedPasskey};

    fn of(roles: &[Role], enrolled: &[Factor], proven: &[Factor]) -> Verdict {
        let config =
            IdentityConfig { require_second_factor: vec![Role::Admin], ..Default::default() };
        judge(&config, roles, enrolled, proven, Assurance::Single)
    }

    /// AUTN-07: an account with a second factor shows it whatever the first one was.
    #[test]
    fn an_enrolled_factor_is_asked_for_on_every_way() {
        let user = [Role::User];
        assert_eq!(of(&user, &[], &[Password]), Verdict::Enough);
        let both = [Totp, RecoveryCode];
        for first in [Password, Factor::Creation, External] {
            assert_eq!(of(&user, &both, &[first]), Verdict::More(both.to_vec()), "{first:?}");
            assert_eq!(of(&user, &both, &[first, Totp]), Verdict::Enough);
        }
        // Two things one has are not two kinds.
        assert_eq!(of(&user, &[Totp], &[EmailCode]), Verdict::Enrol(vec![VerifiedPasskey]));
        assert_eq!(of(&user, &[Passkey], &[Password]), Verdict::More(vec![Passkey]));
        assert_eq!(of(&user, &both, &[VerifiedPasskey]), Verdict::Enough);
    }

    #[test]
    fn a_role_may_ask_for_more_than_the_account_has() {
        let admin = [Role::User, Role::Admin];
        let can = vec![Totp, Passkey, VerifiedPasskey];
        assert_eq!(of(&admin, &[], &[Password]), Verdict::Enrol(can));
        assert_eq!(of(&admin, &[Totp], &[Password]), Verdict::More(vec![Totp]));
        assert_eq!(of(&admin, &[], &[Factor::Machine]), Verdict::Enough);
    }

    /// Of an account's roles the strictest counts, and no role means no age.
    #[test]
    fn a_password_is_too_old_where_somebody_says_so() {
        let days = BTreeMap::from([(Role::User, 365), (Role::Admin, 90)]);
        let config = IdentityConfig { password_days: days, ..Default::default() };
        let (set, day) = (Timestamp::UNIX_EPOCH, SignedDuration::from_hours(24));
        let after_days = |config: &IdentityConfig, roles: &[Role], days| {
            is_too_old(config, roles, set, after(set, day * days))
        };
        assert!(!after_days(&config, &[Role::User], 364));
        assert!(after_days(&config, &[Role::User], 365));
        assert!(!after_days(&config, &[Role::User, Role::Admin], 89));
        assert!(after_days(&config, &[Role::User, Role::Admin], 90));
        assert!(!after_days(&config, &[Role::Operator], 3650));
        assert!(!after_days(&IdentityConfig::default(), &[Role::Admin], 36_500));
    }

    #[test]
    fn what_is_enough_without_the_password_does_not_need_it() {
        let needs = |enrolled: &[Factor], proven: &[Factor]| {
            let config = IdentityConfig::default();
            needs_password(&config, &[Role::User], enrolled, proven, Assurance::Single)
        };
        assert!(needs(&[], &[Password]));
        assert!(needs(&[], &[Factor::Creation]));
        assert!(needs(&[Totp], &[Password, Totp]));
        assert!(needs(&[Passkey, VerifiedPasskey], &[Password, Passkey]));
        assert!(!needs(&[Passkey, VerifiedPasskey], &[Password, VerifiedPasskey]));
        assert!(!needs(&[Passkey, VerifiedPasskey], &[VerifiedPasskey]));
        assert!(!needs(&[], &[External]));
        assert!(!needs(&[], &[Factor::Machine]));
    }

    #[test]
    fn a_client_may_wish_for_more() {
        let config = IdentityConfig::default();
        let wish = |proven: &[Factor]| {
            let enrolled = [Totp, Passkey];
            judge(&config, &[Role::User], &enrolled, proven, Assurance::PhishingResistant)
        };
        assert_eq!(wish(&[Password, Totp]), Verdict::More(vec![Passkey]));
        assert_eq!(wish(&[Password, Passkey]), Verdict::Enough);
    }
}
