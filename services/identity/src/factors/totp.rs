//! Time-based one-time passwords (RFC 6238) as every authenticator app knows them: SHA-1, six digits,
//! thirty seconds.

use hmac::{Hmac, Mac};
use jiff::Timestamp;
use sha1::Sha1;
use subtle::ConstantTimeEq as _;

/// Seconds of a step.
const STEP: i64 = 30;
/// Digits of a code.
const DIGITS: usize = 6;
/// Bytes of a key: as long as the hash (RFC 4226, section 4, R6).
pub(crate) const KEY: usize = 20;
/// Letters of base32 (RFC 4648, section 6).
const LETTERS: &[u8; 32] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZ234567";

/// The step that this code belongs to: the current one, the one before or the one after, for clocks
/// that differ. The caller refuses a step that is not newer than the last one used.
pub(crate) fn matching_step(key: &[u8], code: &str, now: Timestamp) -> Option<i64> {
    let current = now.as_second().div_euclid(STEP);
    let steps = [current - 1, current, current + 1];
    let mut found = None;
    // All three are computed whichever fits.
    for step in steps {
        let right = code_at(key, step)?;
        if bool::from(right.as_bytes().ct_eq(code.as_bytes())) {
            found = Some(step);
        }
    }
    found
}

/// The code of a step.
fn code_at(key: &[u8], step: i64) -> Option<String> {
    let mut mac = Hmac::<Sha1>::new_from_slice(key).ok()?;
    mac.update(&step.to_be_bytes());
    let tag = mac.finalize().into_bytes();
    let offset = usize::from(tag.last()? & 0xf);
    let word: [u8; 4] = tag.get(offset..offset + 4)?.try_into().ok()?;
    let number = (u32::from_be_bytes(word) & 0x7fff_ffff) % 1_000_000;
    Some(format!("{number:0DIGITS$}"))
}

/// A key as people type it.
pub(crate) fn base32(bytes: &[u8]) -> String {
    let mut text = String::new();
    for chunk in bytes.chunks(5) {
        let mut block = [0u8; 8];
        for (place, byte) in block.iter_mut().skip(3).zip(chunk) {
            *place = *byte;
        }
        let bits = u64::from_be_bytes(block);
        let letters = (chunk.len() * 8).div_ceil(5);
        for index in 0..letters {
            let letter = usize::try_from(bits >> (35 - 5 * index) & 31).unwrap_or_default();
            text.extend(LETTERS.get(letter).map(|byte| char::from(*byte)));
        }
    }
    text
}

/// What a QR code for authenticator apps says (Key Uri Format).
pub(crate) fn uri(issuer: &str, account: &str, key: &[u8]) -> String {
    let (issuer, account) = (escape(issuer), escape(account));
    let secret = base32(key);
    format!(
        "otpauth://totp/{issuer}:{account}?secret={secret}&issuer={issuer}\
         &algorithm=SHA1&digits={DIGITS}&period={STEP}"
    )
}

/// Percent-encoding of everything but RFC 3986's unreserved characters.
fn escape(text: &str) -> String {
    let mut escaped = String::new();
    for byte in text.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            escaped.push(char::from(byte));
        } else {
            escaped.push_str(&format!("%{byte:02X}"));
        }
    }
    escaped
}

#[cfg(test)]
mod tests {
    use super::*;

    const SEED: &[u8] = b"12345678901234567890";

    fn at(second: i64) -> Timestamp {
        Timestamp::from_second(second).unwrap()
    }

    /// AUTN-06: the last six digits of the table in RFC 6238, appendix B.
    #[test]
    fn the_codes_are_those_of_the_standard() {
        for (second, code) in [
            (59, "287082"),
            (1_111_111_109, "081804"),
            (1_111_111_111, "050471"),
            (1_234_567_890, "005924"),
            (2_000_000_000, "279037"),
            (20_000_000_000, "353130"),
        ] {
            assert_eq!(code_at(SEED, second / 30).as_deref(), Some(code));
            assert_eq!(matching_step(SEED, code, at(second)), Some(second / 30));
        }
    }

    /// AUTN-06: a code is good for its own window and one to each side.
    #[test]
    fn a_code_is_good_for_ninety_seconds() {
        let code = code_at(SEED, 100).unwrap();
        let fits = |second| matching_step(SEED, &code, at(second)).is_some();
        assert_eq!([2969, 2970, 3059, 3060].map(fits), [false, true, true, false]);
        for other in ["", "28708", "2870822", "28708a", " 287082"] {
            assert_eq!(matching_step(SEED, other, at(59)), None, "{other:?}");
        }
    }

    #[test]
    fn base32_is_that_of_rfc_4648() {
        for (plain, text) in [
            ("", ""),
            ("f", "MY"),
            ("fo", "MZXQ"),
            ("foo", "MZXW6"),
            ("foob", "MZXW6YQ"),
            ("fooba", "MZXW6YTB"),
            ("foobar", "MZXW6YTBOI"),
        ] {
            assert_eq!(base32(plain.as_bytes()), text);
        }
        assert_eq!(base32(SEED), "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ");
    }
}
