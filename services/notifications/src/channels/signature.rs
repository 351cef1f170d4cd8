//! Signatures of Standard Webhooks: HMAC-SHA256 over id, time and body (SSRF-04).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use hmac::{Hmac, Mac as _};
use jiff::Timestamp;
use sha2::Sha256;

/// How far a signature's time may be from ours, in seconds.
const TOLERANCE: i64 = 300;
/// What a secret's text begins with.
const PREFIX: &str = "whsec_";

/// A secret as text.
pub(crate) fn secret(bytes: &[u8; 32]) -> String {
    format!("{PREFIX}{}", STANDARD.encode(bytes))
}

/// The signature of a message by one secret.
fn code(secret: &str, id: &str, second: i64, body: &[u8]) -> Option<Hmac<Sha256>> {
    let key = STANDARD.decode(secret.strip_prefix(PREFIX)?).ok()?;
    let code = <Hmac<Sha256> as hmac::digest::KeyInit>::new_from_slice(&key).ok()?;
    Some(code.chain_update(format!("{id}.{second}.")).chain_update(body))
}

/// The value of `webhook-signature`: one signature by each secret, so that a receiver may know either
/// while they change.
pub(crate) fn sign(secrets: &[String], id: &str, now: Timestamp, body: &[u8]) -> String {
    let sign = |secret: &String| {
        let code = code(secret, id, now.as_second(), body)?.finalize().into_bytes();
        Some(format!("v1,{}", STANDARD.encode(code)))
    };
    secrets.iter().filter_map(sign).collect::<Vec<_>>().join(" ")
}

/// Has somebody with this secret signed the message just now?
pub(crate) fn verify(
    secret: &str,
    (id, second, signatures): (&str, &str, &str),
    body: &[u8],
    now: Timestamp,
) -> bool {
    let Ok(second) = second.parse::<i64>() else { return false };
    if second.abs_diff(now.as_second()) > TOLERANCE.unsigned_abs() {
        return false;
    }
    let fits = |signature: &str| {
        let code = code(secret, id, second, body)?;
        let given = STANDARD.decode(signature.strip_prefix("v1,")?).ok()?;
        code.verify_slice(&given).ok()
    };
    signatures.split(' ').take(10).any(|signature| fits(signature).is_some())
}

#[cfg(test)]
mod tests {
    use super::*;

    /// SSRF-04: the example of the specification, a replay, a rotation.
    #[test]
    fn only_who_knows_a_secret_signs_and_only_for_a_moment() {
        let secret_text = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw".to_owned();
        let (id, body) = ("msg_p5jXN8AQM9LWM0D4loKWxJek", br#"{"test": 2432232314}"#);
        let at = |second| Timestamp::from_second(second).unwrap();
        let now = at(1_614_265_330);
        let signed = sign(std::slice::from_ref(&secret_text), id, now, body);
        assert_eq!(signed, "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=");
        let head = (id, "1614265330", signed.as_str());
        assert!(verify(&secret_text, head, body, now));
        assert!(verify(&secret_text, head, body, at(1_614_265_630)));
        assert!(!verify(&secret_text, head, body, at(1_614_265_631)), "a replay");
        assert!(!verify(&secret_text, head, body, at(1_614_265_029)), "from the future");
        assert!(!verify(&secret_text, head, b"{}", now));
        assert!(!verify(&secret_text, ("other", "1614265330", &signed), body, now));
        let other = secret(&[7; 32]);
        assert!(!verify(&other, head, body, now));
        let both = sign(&[other.clone(), secret_text.clone()], id, now, body);
        let head = (id, "1614265330", both.as_str());
        assert!(verify(&other, head, body, now) && verify(&secret_text, head, body, now));
        for wrong in ["", "v1,", "v1", "v2,abc", "v1,AAAA", "v1,é"] {
            assert!(!verify(&secret_text, (id, "1614265330", wrong), body, now), "{wrong}");
        }
    }
}
