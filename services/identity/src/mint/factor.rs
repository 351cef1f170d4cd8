//! The ways of proving who one is, what each is worth, and what several are worth together.

use serde::{Deserialize, Serialize};

/// A way of proving who one is.
#[derive(
    Clone,
    Copy,
    Debug,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Hash,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Factor {
    /// The account's password.
    Password,
    /// The account was made a moment ago, by whoever asks.
    Creation,
    /// A code of an authenticator app (RFC 6238).
    Totp,
    /// A code from the list that was made for this.
    RecoveryCode,
    /// A code or link sent to the account's e-mail address.
    EmailCode,
    /// A code sent to the account's telephone.
    SmsCode,
    /// A passkey whose authenticator saw that somebody was present.
    Passkey,
    /// A passkey whose authenticator checked by a PIN or a body who it was.
    VerifiedPasskey,
    /// An issuer elsewhere that the account is linked to.
    External,
    /// A machine's own secret or key: nobody is behind it who could prove more.
    Machine,
    /// An administrator acts for the account.
    Impersonation,
}

/// How well somebody has proven who they are (NIST SP 800-63B). In order.
#[derive(
    Clone,
    Copy,
    Debug,
    Default,
    PartialEq,
    Eq,
    PartialOrd,
    Ord,
    Serialize,
    Deserialize,
    schemars::JsonSchema,
)]
#[serde(rename_all = "snake_case")]
pub enum Assurance {
    /// One factor.
    #[default]
    Single,
    /// Two factors of different kinds.
    Multi,
    /// Two factors that no false site can pass on.
    PhishingResistant,
}

/// What kind of thing a factor shows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    /// Something one knows.
    Knowledge,
    /// Something one has.
    Possession,
    /// Somebody else's word.
    Word,
    /// Enough by itself.
    Both,
}

const ALL: [Factor; 11] = [
    Factor::Password,
    Factor::Creation,
    Factor::Totp,
    Factor::RecoveryCode,
    Factor::EmailCode,
    Factor::SmsCode,
    Factor::Passkey,
    Factor::VerifiedPasskey,
    Factor::External,
    Factor::Machine,
    Factor::Impersonation,
];

impl Factor {
    /// The name in answers and in the store.
    #[must_use]
    pub fn name(self) -> &'static str {
        match self {
            Self::Password => "password",
            Self::Creation => "creation",
            Self::Totp => "totp",
            Self::RecoveryCode => "recovery_code",
            Self::EmailCode => "email_code",
            Self::SmsCode => "sms_code",
            Self::Passkey => "passkey",
            Self::VerifiedPasskey => "verified_passkey",
            Self::External => "external",
            Self::Machine => "machine",
            Self::Impersonation => "impersonation",
        }
    }

    /// The factor of this name.
    #[must_use]
    pub fn parse(name: &str) -> Option<Self> {
        ALL.into_iter().find(|factor| factor.name() == name)
    }

    /// Its names in `amr` (RFC 8176). An issuer elsewhere has none there; `fed` is what others say.
    fn methods(self) -> &'static [&'static str] {
        match self {
            Self::Password | Self::Creation => &["pwd"],
            Self::Totp | Self::RecoveryCode | Self::EmailCode => &["otp"],
            Self::SmsCode => &["sms"],
            Self::Passkey => &["pop"],
            Self::VerifiedPasskey => &["pop", "user"],
            Self::External => &["fed"],
            Self::Machine | Self::Impersonation => &[],
        }
    }

    fn kind(self) -> Kind {
        match self {
            Self::Password | Self::Creation => Kind::Knowledge,
            Self::Totp | Self::RecoveryCode | Self::EmailCode | Self::SmsCode | Self::Passkey => {
                Kind::Possession
            }
            Self::External => Kind::Word,
            Self::VerifiedPasskey | Self::Machine | Self::Impersonation => Kind::Both,
        }
    }
}

/// What these factors are worth together. Two of one kind are worth one.
#[must_use]
pub fn assurance(factors: &[Factor]) -> Assurance {
    if factors.contains(&Factor::VerifiedPasskey) {
        return Assurance::PhishingResistant;
    }
    let kinds = |kind| factors.iter().any(|factor| factor.kind() == kind);
    let several = kinds(Kind::Possession) && (kinds(Kind::Knowledge) || kinds(Kind::Word));
    match several {
        true if factors.contains(&Factor::Passkey) => Assurance::PhishingResistant,
        true => Assurance::Multi,
        false => Assurance::Single,
    }
}

/// Is nobody there who could be asked for more?
#[must_use]
pub fn is_delegated(factors: &[Factor]) -> bool {
    factors.iter().any(|factor| matches!(factor, Factor::Machine | Factor::Impersonation))
}

/// `amr` of a token: the methods, and `mfa` when there were several.
#[must_use]
pub fn methods(factors: &[Factor]) -> Vec<String> {
    let mut names: Vec<&str> =
        factors.iter().flat_map(|factor| factor.methods()).copied().collect();
    if assurance(factors) > Assurance::Single {
        names.push("mfa");
    }
    names.sort_unstable();
    names.dedup();
    names.into_iter().map(str::to_owned).collect()
}

impl Assurance {
    /// `acr` of a token: NIST's levels, and `phr` of OpenID's EAP profile.
    #[must_use]
    pub fn class(self) -> &'static str {
        match self {
            Self::Single => "aal1",
            Self::Multi => "aal2",
            Self::PhishingResistant => "phr",
        }
    }

    /// The level of this class.
    #[must_use]
    pub fn parse(class: &str) -> Option<Self> {
        [Self::Single, Self::Multi, Self::PhishingResistant]
            .into_iter()
            .find(|level| level.class() == class)
    }
}

/// Factors as the store keeps them.
#[must_use]
pub fn write(factors: &[Factor]) -> String {
    factors.iter().map(|factor| factor.name()).collect::<Vec<_>>().join(" ")
}

/// Reads what [`write`] wrote. A name that is unknown counts for nothing.
#[must_use]
pub fn read(text: &str) -> Vec<Factor> {
    text.split(' ').filter_map(Factor::parse).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    /// AUTN-07: what is worth what.
    #[test]
    fn two_of_one_kind_are_one() {
        use Factor::{
            EmailCode, External, Passkey, Password, RecoveryCode, SmsCode, Totp, VerifiedPasskey,
        };
        for (factors, level, amr) in [
            (&[Password][..], Assurance::Single, "pwd"),
            (&[Totp], Assurance::Single, "otp"),
            (&[Totp, RecoveryCode], Assurance::Single, "otp"),
            (&[External], Assurance::Single, "fed"),
            (&[External, Password], Assurance::Single, "fed pwd"),
            (&[Password, Totp], Assurance::Multi, "mfa otp pwd"),
            (&[Password, EmailCode], Assurance::Multi, "mfa otp pwd"),
            (&[External, SmsCode], Assurance::Multi, "fed mfa sms"),
            (&[Passkey], Assurance::Single, "pop"),
            (&[Password, Passkey], Assurance::PhishingResistant, "mfa pop pwd"),
            (&[VerifiedPasskey], Assurance::PhishingResistant, "mfa pop user"),
            (&[], Assurance::Single, ""),
        ] {
            assert_eq!(assurance(factors), level, "{factors:?}");
            assert_eq!(methods(factors).join(" "), amr);
        }
    }

    #[test]
    fn names_are_read_back() {
        assert_eq!(read(&write(&ALL)), ALL);
        assert_eq!(read("password unknown"), [Factor::Password]);
        assert!(read("").is_empty());
    }
}
