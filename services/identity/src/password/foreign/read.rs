//! The texts in which other systems write hashes.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

use super::{Digest, Foreign, UnknownHash};

/// Standard base64, padded or not: PHC leaves the padding out, Django does not.
const LENIENT: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new().with_decode_padding_mode(DecodePaddingMode::Indifferent),
);

/// Length of bcrypt's text.
const BCRYPT: usize = 60;

pub(super) fn read(text: &str) -> Result<Foreign, UnknownHash> {
    if let Some(rest) = text.strip_prefix("bcrypt_sha256$") {
        return bcrypt(rest, true);
    }
    if let Some(rest) = text.strip_prefix("bcrypt$") {
        return bcrypt(rest, false);
    }
    if ["$2a$", "$2b$", "$2y$"].iter().any(|kind| text.starts_with(kind)) {
        return bcrypt(text, false);
    }
    if let Some(rest) = text.strip_prefix("argon2").filter(|rest| rest.starts_with('$')) {
        return argon2(rest);
    }
    if text.starts_with("$argon2") {
        return argon2(text);
    }
    if let Some(rest) = text.strip_prefix("$pbkdf2") {
        return passlib_pbkdf2(rest);
    }
    if let Some(rest) = text.strip_prefix("pbkdf2_") {
        return django_pbkdf2(rest);
    }
    if let Some(rest) = text.strip_prefix("pbkdf2:") {
        return werkzeug_pbkdf2(rest);
    }
    if let Some(rest) = text.strip_prefix("$scrypt$") {
        return phc_scrypt(rest);
    }
    if let Some(rest) = text.strip_prefix("scrypt$") {
        return django_scrypt(rest);
    }
    text.strip_prefix("scrypt:").map_or(Err(UnknownHash::Kind), werkzeug_scrypt)
}

fn bcrypt(text: &str, of_sha256: bool) -> Result<Foreign, UnknownHash> {
    let known = ["$2a$", "$2b$", "$2y$"].iter().any(|kind| text.starts_with(kind));
    let (kind, cost) = (known && text.len() == BCRYPT, text.get(4..7).unwrap_or_default());
    let cost = cost.strip_suffix('$').is_some_and(|cost| cost.bytes().all(|c| c.is_ascii_digit()));
    let letters = |byte: u8| byte.is_ascii_alphanumeric() || b"./".contains(&byte);
    let rest = text.get(7..).unwrap_or_default();
    match kind && cost && rest.bytes().all(letters) {
        true => Ok(Foreign::Bcrypt { text: text.to_owned(), of_sha256 }),
        false => Err(UnknownHash::Malformed),
    }
}

fn argon2(text: &str) -> Result<Foreign, UnknownHash> {
    match text.split('$').nth(1) {
        Some("argon2id" | "argon2i") => Ok(Foreign::Argon2(text.to_owned())),
        _ => Err(UnknownHash::Kind),
    }
}

/// passlib's `$pbkdf2-sha256$rounds$salt$key`, and PHC's `$pbkdf2-sha256$i=rounds,l=32$salt$key`.
fn passlib_pbkdf2(rest: &str) -> Result<Foreign, UnknownHash> {
    let [kind, costs, salt, key] = fields(rest)?;
    let digest = match kind {
        "" => Digest::Sha1,
        "-sha1" | "-sha256" | "-sha512" => digest(kind.trim_start_matches('-'))?,
        _ => return Err(UnknownHash::Kind),
    };
    let rounds = costs.split(',').next().unwrap_or_default();
    let rounds = number(rounds.strip_prefix("i=").unwrap_or(rounds))?;
    // passlib writes a dot for the plus sign.
    let bytes = |text: &str| base64(&text.replace('.', "+"));
    Ok(Foreign::Pbkdf2 { digest, rounds, salt: bytes(salt)?, key: bytes(key)? })
}

/// `pbkdf2_sha256$rounds$salt$key`; the salt is text.
fn django_pbkdf2(rest: &str) -> Result<Foreign, UnknownHash> {
    let [kind, rounds, salt, key] = fields(rest)?;
    let (digest, rounds) = (digest(kind)?, number(rounds)?);
    Ok(Foreign::Pbkdf2 { digest, rounds, salt: salt.into(), key: base64(key)? })
}

/// `pbkdf2:sha256:rounds$salt$key`; the key is hexadecimal.
fn werkzeug_pbkdf2(rest: &str) -> Result<Foreign, UnknownHash> {
    let [costs, salt, key] = fields(rest)?;
    let (kind, rounds) = costs.split_once(':').ok_or(UnknownHash::Malformed)?;
    let (digest, rounds) = (digest(kind)?, number(rounds)?);
    Ok(Foreign::Pbkdf2 { digest, rounds, salt: salt.into(), key: hexadecimal(key)? })
}

/// `$scrypt$ln=…,r=…,p=…$salt$key`.
fn phc_scrypt(rest: &str) -> Result<Foreign, UnknownHash> {
    let [costs, salt, key] = fields(rest)?;
    let cost = |name: &str| {
        let value = costs.split(',').find_map(|pair| pair.strip_prefix(name)?.strip_prefix('='));
        number::<u32>(value.ok_or(UnknownHash::Malformed)?)
    };
    let log_n = u8::try_from(cost("ln")?).map_err(|_| UnknownHash::TooCostly)?;
    let (r, p) = (cost("r")?, cost("p")?);
    Ok(Foreign::Scrypt { log_n, r, p, salt: base64(salt)?, key: base64(key)? })
}

/// `scrypt$n$salt$r$p$key`; the salt is text.
fn django_scrypt(rest: &str) -> Result<Foreign, UnknownHash> {
    let [n, salt, r, p, key] = fields(rest)?;
    let (r, p) = (number(r)?, number(p)?);
    Ok(Foreign::Scrypt { log_n: log2(n)?, r, p, salt: salt.into(), key: base64(key)? })
}

/// `scrypt:n:r:p$salt$key`; the key is hexadecimal.
fn werkzeug_scrypt(rest: &str) -> Result<Foreign, UnknownHash> {
    let [costs, salt, key] = fields(rest)?;
    let mut costs = costs.split(':');
    let mut next = || costs.next().ok_or(UnknownHash::Malformed);
    let (log_n, r, p) = (log2(next()?)?, number(next()?)?, number(next()?)?);
    Ok(Foreign::Scrypt { log_n, r, p, salt: salt.into(), key: hexadecimal(key)? })
}

fn fields<const N: usize>(text: &str) -> Result<[&str; N], UnknownHash> {
    let fields: Vec<&str> = text.split('$').collect();
    fields.try_into().map_err(|_| UnknownHash::Malformed)
}

fn digest(name: &str) -> Result<Digest, UnknownHash> {
    match name {
        "sha1" => Ok(Digest::Sha1),
        "sha256" => Ok(Digest::Sha256),
        "sha512" => Ok(Digest::Sha512),
        _ => Err(UnknownHash::Kind),
    }
}

fn number<T: std::str::FromStr>(text: &str) -> Result<T, UnknownHash> {
    text.parse().map_err(|_| UnknownHash::Malformed)
}

/// The exponent of a power of two.
fn log2(text: &str) -> Result<u8, UnknownHash> {
    let n: u64 = number(text)?;
    match n.is_power_of_two() {
        true => u8::try_from(n.trailing_zeros()).map_err(|_| UnknownHash::Malformed),
        false => Err(UnknownHash::Malformed),
    }
}

fn base64(text: &str) -> Result<Vec<u8>, UnknownHash> {
    LENIENT.decode(text).map_err(|_| UnknownHash::Malformed)
}

fn hexadecimal(text: &str) -> Result<Vec<u8>, UnknownHash> {
    let pairs = text.as_bytes().chunks(2).map(|pair| {
        let pair = std::str::from_utf8(pair).ok().filter(|pair| pair.len() == 2)?;
        u8::from_str_radix(pair, 16).ok()
    });
    pairs.collect::<Option<_>>().ok_or(UnknownHash::Malformed)
}
