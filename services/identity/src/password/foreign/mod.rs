//! Hashes of other systems, for people who move in.
//!
//! They are kept as they came, checked when their owner first signs in, and replaced by ours then.
//! A file of hashes is hostile input: one that asks for hours or gigabytes would stop sign-in for
//! everybody, so [`Foreign::parse`] refuses costs beyond what any framework has as its default.

mod read;

use argon2::Params;
use argon2::password_hash::phc::PasswordHash;
use hmac::Hmac;
use sha1::Sha1;
use sha2::{Digest as _, Sha256, Sha512};
use subtle::ConstantTimeEq as _;

/// Longest hash text, in bytes.
const LONGEST: usize = 512;
/// Most cost of bcrypt: about a second.
const BCRYPT_COST: std::ops::RangeInclusive<u32> = 4..=14;
/// Most rounds of PBKDF2; Django's default is 1,200,000.
const PBKDF2_ROUNDS: std::ops::RangeInclusive<u32> = 1..=2_500_000;
/// Most memory of one hash, in KiB.
const MEMORY_KIB: u64 = 256 * 1024;
/// Most memory times passes, in KiB.
const WORK_KIB: u64 = 2 * 1024 * 1024;
/// Fewest bytes of a derived key: with fewer, many passwords would fit.
const SHORTEST_KEY: usize = 16;
/// Most bytes of a derived key.
const LONGEST_KEY: usize = 64;

/// Why a hash is not taken.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum UnknownHash {
    /// No kind that is known here.
    #[error("the kind of the password hash is not known")]
    Kind,
    /// The kind is known, the text is not one.
    #[error("the password hash cannot be read")]
    Malformed,
    /// Checking it once would cost too much.
    #[error("checking the password hash would cost too much time or memory")]
    TooCostly,
}

/// The hash function under PBKDF2.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Digest {
    Sha1,
    Sha256,
    Sha512,
}

/// A hash of another system, its costs within bounds.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Foreign {
    /// argon2i or argon2id, a PHC string.
    Argon2(String),
    /// bcrypt in its usual text, of the password or of its SHA-256 in hexadecimal.
    Bcrypt { text: String, of_sha256: bool },
    /// PBKDF2.
    Pbkdf2 { digest: Digest, rounds: u32, salt: Vec<u8>, key: Vec<u8> },
    /// scrypt.
    Scrypt { log_n: u8, r: u32, p: u32, salt: Vec<u8>, key: Vec<u8> },
}

/// What is stored of a hash that another system made.
///
/// # Errors
/// Why it is not taken.
pub fn adopt(text: &str) -> Result<String, UnknownHash> {
    Ok(match Foreign::parse(text)? {
        Foreign::Argon2(phc) => phc,
        _ => text.to_owned(),
    })
}

impl Foreign {
    /// Reads the texts of bcrypt, PHC, passlib, Django and Werkzeug.
    pub(super) fn parse(text: &str) -> Result<Self, UnknownHash> {
        if text.len() > LONGEST || !text.is_ascii() {
            return Err(UnknownHash::Malformed);
        }
        let foreign = read::read(text)?;
        if foreign.is_affordable()? { Ok(foreign) } else { Err(UnknownHash::TooCostly) }
    }

    fn is_affordable(&self) -> Result<bool, UnknownHash> {
        let fits = |key: &[u8]| match (SHORTEST_KEY..=LONGEST_KEY).contains(&key.len()) {
            true => Ok(()),
            false => Err(UnknownHash::Malformed),
        };
        let within = |memory: u64, passes: u64| {
            memory <= MEMORY_KIB && memory.saturating_mul(passes) <= WORK_KIB
        };
        Ok(match self {
            Self::Argon2(phc) => {
                let hash = PasswordHash::new(phc).map_err(|_| UnknownHash::Malformed)?;
                let params = Params::try_from(&hash).map_err(|_| UnknownHash::Malformed)?;
                fits(hash.hash.as_ref().ok_or(UnknownHash::Malformed)?.as_bytes())?;
                within(params.m_cost().into(), params.t_cost().into()) && params.p_cost() <= 16
            }
            Self::Bcrypt { text, .. } => {
                let cost = text.get(4..6).and_then(|cost| cost.parse().ok());
                BCRYPT_COST.contains(&cost.ok_or(UnknownHash::Malformed)?)
            }
            Self::Pbkdf2 { rounds, key, .. } => {
                fits(key)?;
                PBKDF2_ROUNDS.contains(rounds)
            }
            Self::Scrypt { log_n, r, p, key, .. } => {
                fits(key)?;
                let blocks = 1u64.checked_shl((*log_n).into()).filter(|_| *log_n < 32);
                let memory = blocks.unwrap_or(u64::MAX).saturating_mul((*r).into()) / 8;
                (1..=32).contains(log_n) && *r > 0 && *p > 0 && within(memory, (*p).into())
            }
        })
    }

    /// Is this its password? Slow by design: never call it on an async thread.
    pub(super) fn verify(&self, password: &[u8]) -> bool {
        match self {
            Self::Argon2(phc) => super::argon::verify(phc, password),
            Self::Bcrypt { text, of_sha256 } => {
                let digest: String;
                let password = if *of_sha256 {
                    let hashed = Sha256::digest(password);
                    digest = hashed.iter().map(|byte| format!("{byte:02x}")).collect();
                    digest.as_bytes()
                } else {
                    password
                };
                bcrypt::verify(password, text).unwrap_or(false)
            }
            Self::Pbkdf2 { digest, rounds, salt, key } => {
                let mut derived = vec![0; key.len()];
                let done = match digest {
                    Digest::Sha1 => {
                        pbkdf2::pbkdf2::<Hmac<Sha1>>(password, salt, *rounds, &mut derived)
                    }
                    Digest::Sha256 => {
                        pbkdf2::pbkdf2::<Hmac<Sha256>>(password, salt, *rounds, &mut derived)
                    }
                    Digest::Sha512 => {
                        pbkdf2::pbkdf2::<Hmac<Sha512>>(password, salt, *rounds, &mut derived)
                    }
                };
                done.is_ok() && derived.ct_eq(key).into()
            }
            Self::Scrypt { log_n, r, p, salt, key } => {
                let mut derived = vec![0; key.len()];
                let done = scrypt::Params::new(*log_n, *r, *p, key.len()).is_ok_and(|params| {
                    scrypt::scrypt(password, salt, &params, &mut derived).is_ok()
                });
                done && derived.ct_eq(key).into()
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const PASSWORD: &[u8] = b"correct horse battery";

    /// Made with bcrypt 5.0, passlib 1.7, argon2-cffi 25.1, Django 5.2 and Werkzeug 3.1.
    const MADE_ELSEWHERE: [&str; 16] = [
        "$2b$05$s6crV.rcJbIV4iohjYasOufb2KWdyxUw8ughFVl45U.YLPZKbc49W",
        "$2a$05$7LoRuc04QInTnBOUYe59/uKP4RvhGhZRGkweBJ4pV5tr4Dd36KOX2",
        "bcrypt$$2b$05$YUE/5n92gblqQUI84R3xLeN7.LaHY612eWte6zSDSnFWQBkZTGt02",
        "bcrypt_sha256$$2b$05$XXImFJswhsT4sfielZSK8OTFPqfhRwozoan3Aj/AGFx3fp.Mo1qqa",
        "$pbkdf2$1000$0HovBUAIgVAqhTCGkBKCsA$Vb4YIN4UB0qvKGsQoI9VoojUqn8",
        "$pbkdf2-sha256$1000$zLm39l4rBWAM4dy7VwpBaA$V2H9wBCbH/MbR7eFB9QYZvfYHuS7qKK2C9Ek9qC4Y6s",
        "$pbkdf2-sha512$1000$DYGwdq7Veg9hTCmFEEIoJQ$xmgkhS05xiNKuUSfpPLe/VhM9cXeEi4T6HC4igLruJMpfU.zGWlkopqa4EEQVrHzshO8BFmQSwZ.njv6Hh6oQQ",
        "pbkdf2_sha256$1000$saltsaltsalt$GacV8oEzUl3KM0Mwey9yrMcTPKpkL4jXrFpbKB8oOnI=",
        "pbkdf2_sha1$1000$saltsaltsalt$bXetuqXv3xEiqmlwhuj1G8h56R4=",
        "pbkdf2:sha256:1000$Ge9uex2jKi1aBpVw$23ec58bb1d5c158711f3f9ad2532a8a1c143c2d1f8eec297cd6a48f685f4dd65",
        "$scrypt$ln=8,r=8,p=1$XAsBQOj9/z8HQGgtpbSW8g$vM3CVw2Uccb8HDr3ihT2vgvfQNLZy/+k6tIUJpORWS0",
        "scrypt$256$saltsaltsalt$8$1$5neEGo3GxgPP1/RcEI1N1KVftmdCr4yX1EBy73Xh3z/k2SNFo04tMSemD7A5OterKFbymloeIWbePtoSD8ZQRg==",
        "scrypt:256:8:1$IpYZrfMIgKdTxQK6$eab33c500890b7ae85edf20588298dc5c5fefdb691c69642c08dd828b5c63e7045459c7de6dfada84717ffa7f64ee4bf07e9469003520efd6ba8d4ebe11dc409",
        "$argon2id$v=19$m=64,t=2,p=1$krPGYARTbpMQNeIjeMtNSA$MutDToC1WDWYJWu6fiT31lN5UPaEE99nKBBkMz7mhy8",
        "$argon2i$v=19$m=64,t=2,p=1$VWbYc0WmyDYQmEMbkzmRpg$vQp3PN+iZQtVx0RErS7YXQutGgGJpyRFvcfP85zd7Tk",
        "argon2$argon2id$v=19$m=102400,t=2,p=8$c2FsdHNhbHRzYWx0$mMTfIvdT602Pwyh5gs06abNyvYn8cBnXplN80dk+bJM",
    ];

    #[test]
    fn hashes_that_others_made_are_checked() {
        for text in MADE_ELSEWHERE {
            let hash = Foreign::parse(text).unwrap_or_else(|error| panic!("{text}: {error}"));
            assert!(hash.verify(PASSWORD), "{text}");
            assert!(!hash.verify(b"correct horse batterz"), "{text}");
            assert!(!hash.verify(b""), "{text}");
        }
    }

    /// bcrypt never saw more than 72 bytes, and its users do not know.
    #[test]
    fn bcrypt_looks_at_seventy_two_bytes() {
        let text = "$2b$05$AmonPq4zO6mcrJW7tTK8nu9HnKDm2Z8ZAbTFsYSOLBjIiPJw.NNiW";
        let hash = Foreign::parse(text).unwrap();
        assert!(hash.verify("x".repeat(80).as_bytes()));
        assert!(!hash.verify("x".repeat(71).as_bytes()));
    }

    /// A file must not be able to stop sign-in for everybody.
    #[test]
    fn costs_beyond_reason_are_refused() {
        let salt = "c2FsdHNhbHRzYWx0";
        let key = "mMTfIvdT602Pwyh5gs06abNyvYn8cBnXplN80dk+bJM";
        for text in [
            "$2b$31$s6crV.rcJbIV4iohjYasOufb2KWdyxUw8ughFVl45U.YLPZKbc49W".to_owned(),
            "$2b$15$s6crV.rcJbIV4iohjYasOufb2KWdyxUw8ughFVl45U.YLPZKbc49W".to_owned(),
            format!("$argon2id$v=19$m=4194304,t=1,p=1${salt}${key}"),
            format!("$argon2id$v=19$m=65536,t=1000,p=1${salt}${key}"),
            format!("pbkdf2_sha256$4294967295$salt${key}="),
            format!("pbkdf2_sha256$0$salt${key}="),
            format!("$scrypt$ln=31,r=8,p=1${salt}${key}"),
            format!("$scrypt$ln=17,r=8,p=4294967295${salt}${key}"),
            format!("$scrypt$ln=1,r=4294967295,p=1${salt}${key}"),
        ] {
            assert_eq!(Foreign::parse(&text), Err(UnknownHash::TooCostly), "{text}");
        }
    }

    #[test]
    fn what_is_no_hash_is_refused() {
        for (text, why) in [
            ("", UnknownHash::Kind),
            ("correct horse battery", UnknownHash::Kind),
            ("5f4dcc3b5aa765d61d8327deb882cf99", UnknownHash::Kind),
            ("$1$salt$qJH7.N4xYta3aEG/dfqo/0", UnknownHash::Kind),
            ("$2x$05$s6crV.rcJbIV4iohjYasOufb2KWdyxUw8ughFVl45U.YLPZKbc49W", UnknownHash::Kind),
            ("$argon2d$v=19$m=64,t=2,p=1$krPGYARTbpMQNeIjeMtNSA$MutDToC1", UnknownHash::Kind),
            ("$2b$05$short", UnknownHash::Malformed),
            (
                "$2b$xx$s6crV.rcJbIV4iohjYasOufb2KWdyxUw8ughFVl45U.YLPZKbc49W",
                UnknownHash::Malformed,
            ),
            ("$argon2id$v=19$m=64", UnknownHash::Malformed),
            ("pbkdf2_sha256$1000$salt$", UnknownHash::Malformed),
            ("pbkdf2_sha256$1000$salt$AAAA", UnknownHash::Malformed),
            ("pbkdf2_md5$1000$salt$bXetuqXv3xEiqmlwhuj1G8h56R4=", UnknownHash::Kind),
            ("scrypt$255$salt$8$1$bXetuqXv3xEiqmlwhuj1G8h56R4=", UnknownHash::Malformed),
            ("scrypt:256:8$salt$00", UnknownHash::Malformed),
        ] {
            assert_eq!(Foreign::parse(text), Err(why), "{text}");
        }
        assert_eq!(Foreign::parse(&"$".repeat(600)), Err(UnknownHash::Malformed));
    }

    proptest::proptest! {
        #[test]
        fn no_text_makes_it_fail(text in "[$]?(2b|argon2id|pbkdf2|scrypt|bcrypt)?[ -~]{0,80}") {
            Foreign::parse(&text).ok();
        }
    }
}
