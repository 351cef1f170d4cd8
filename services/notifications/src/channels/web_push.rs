//! Push messages to browsers: encrypted for the browser alone (RFC 8291), with our name signed for the
//! push service (VAPID, RFC 8292).

use aes_gcm::aead::Aead as _;
use aes_gcm::{Aes128Gcm, KeyInit as _};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use hanse_outbound::{Outbound, Target};
use hanse_store::Ids;
use hkdf::Hkdf;
use http::{Request, StatusCode};
use p256::ecdsa::signature::Signer as _;
use p256::ecdsa::{Signature, SigningKey};
use p256::elliptic_curve::sec1::ToEncodedPoint as _;
use p256::{PublicKey, SecretKey};
use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::Sha256;

use super::{Trouble, judge};
use crate::template::Note;

/// Seconds that a push service keeps a message for a browser that is away.
const KEPT: u32 = 24 * 3600;
/// Seconds that a signature of ours is good for.
const SIGNED: i64 = 12 * 3600;
/// Largest message; all push services take as much.
const LARGEST: usize = 3_000;
const RECORD: u32 = 4096;

/// What a browser says when it asks to be told.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) struct Browser {
    pub(crate) endpoint: String,
    /// Its public key: a point of P-256, uncompressed, in base64url.
    pub(crate) p256dh: String,
    /// 16 bytes that only it and we know.
    pub(crate) auth: String,
}

/// Our own key, by which push services know us.
pub(crate) struct Vapid {
    key: SigningKey,
    contact: String,
}

impl Vapid {
    /// The key that belongs to these bytes. One in 2^32 of them belongs to none; then the next does.
    pub(crate) fn new(mut bytes: [u8; 32], contact: &str) -> Option<Self> {
        for _ in 0..8 {
            if let Ok(key) = SigningKey::from_slice(&bytes) {
                return Some(Self { key, contact: contact.to_owned() });
            }
            bytes.rotate_left(1);
        }
        None
    }

    /// What a page gives as `applicationServerKey`.
    pub(crate) fn public(&self) -> String {
        URL_SAFE_NO_PAD.encode(self.key.verifying_key().to_encoded_point(false).as_bytes())
    }

    fn authorization(&self, audience: &str, second: i64) -> String {
        let part = |value: serde_json::Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let head = part(json!({ "typ": "JWT", "alg": "ES256" }));
        let claims = part(json!({ "aud": audience, "exp": second + SIGNED, "sub": self.contact }));
        let text = format!("{head}.{claims}");
        let signature: Signature = self.key.sign(text.as_bytes());
        let signature = URL_SAFE_NO_PAD.encode(signature.to_bytes());
        format!("vapid t={text}.{signature}, k={}", self.public())
    }
}

impl Browser {
    /// Refuses keys that nothing can be encrypted for.
    pub(crate) fn check(&self) -> Result<(), &'static str> {
        self.keys().map(drop)
    }

    fn keys(&self) -> Result<(PublicKey, [u8; 16]), &'static str> {
        let point = URL_SAFE_NO_PAD.decode(self.p256dh.trim_end_matches('='));
        let point = point.ok().filter(|point| point.len() == 65).ok_or("p256dh is no key")?;
        let key = PublicKey::from_sec1_bytes(&point).map_err(|_| "p256dh is no key")?;
        let auth = URL_SAFE_NO_PAD.decode(self.auth.trim_end_matches('='));
        let auth = auth.ok().and_then(|auth| auth.try_into().ok()).ok_or("auth is not 16 bytes")?;
        Ok((key, auth))
    }

    /// The message for this browser alone (RFC 8188, one record).
    fn encrypted(&self, plain: &[u8], ids: &Ids) -> Option<Vec<u8>> {
        let (theirs, auth) = self.keys().ok()?;
        let salt: [u8; 16] = ids.random();
        // A key for this message alone; random bytes that are no key are hardly ever met.
        let ours = (0..8).find_map(|_| SecretKey::from_slice(&ids.random::<32>()).ok())?;
        let shared = (theirs.to_projective() * *ours.to_nonzero_scalar()).to_affine();
        let shared = shared.to_encoded_point(false);
        let ours = ours.public_key().to_encoded_point(false);
        let info = [b"WebPush: info\0", theirs.to_encoded_point(false).as_bytes(), ours.as_bytes()]
            .concat();
        let mut secret = [0; 32];
        Hkdf::<Sha256>::new(Some(&auth), shared.x()?).expand(&info, &mut secret).ok()?;
        let (mut key, mut nonce) = ([0; 16], [0; 12]);
        let derived = Hkdf::<Sha256>::new(Some(&salt), &secret);
        derived.expand(b"Content-Encoding: aes128gcm\0", &mut key).ok()?;
        derived.expand(b"Content-Encoding: nonce\0", &mut nonce).ok()?;
        // 2 says that no record follows.
        let record = [plain, &[2]].concat();
        let sealed = Aes128Gcm::new(&key.into()).encrypt(&nonce.into(), &record[..]).ok()?;
        let length = u8::try_from(ours.as_bytes().len()).ok()?;
        Some([&salt[..], &RECORD.to_be_bytes(), &[length], ours.as_bytes(), &sealed].concat())
    }
}

pub(crate) async fn send(
    outbound: &Outbound,
    vapid: &Vapid,
    browser: &Browser,
    note: &Note,
    ids: &Ids,
) -> Result<(), Trouble> {
    let unusable = |_| Trouble::last("the push service's address cannot be used");
    let target = Target::parse(&browser.endpoint).map_err(unusable)?;
    let mut body = note.body.clone();
    let plain = loop {
        let plain = json!({ "title": note.title, "body": body, "link": note.link }).to_string();
        if plain.len() <= LARGEST || body.is_empty() {
            break plain;
        }
        body = body.chars().take(body.chars().count() / 2).collect();
    };
    let sealed = browser.encrypted(plain.as_bytes(), ids);
    let sealed =
        sealed.ok_or_else(|| Trouble::gone("nothing can be encrypted for this browser"))?;
    let scheme = if target.encrypted() { "https" } else { "http" };
    let audience = format!("{scheme}://{}", target.authority());
    let request = Request::post(&browser.endpoint)
        .header("content-encoding", "aes128gcm")
        .header("content-type", "application/octet-stream")
        .header("ttl", KEPT)
        .header("authorization", vapid.authorization(&audience, ids.clock().now().as_second()))
        .body(Bytes::from(sealed))
        .map_err(|_| Trouble::last("the push service's address cannot be used"))?;
    let response = outbound.send(request).await?;
    if response.status() == StatusCode::NOT_FOUND {
        return Err(Trouble::gone("answered 404"));
    }
    judge(&response)
}

#[cfg(test)]
mod tests {
    use hanse_store::Clock;

    use super::*;

    /// Decrypts as a browser does.
    fn opened(secret: &SecretKey, auth: [u8; 16], message: &[u8]) -> Vec<u8> {
        let (salt, rest) = message.split_at(16);
        let (record, rest) = rest.split_at(4);
        assert_eq!(record, RECORD.to_be_bytes());
        let (theirs, sealed) = rest[1..].split_at(usize::from(rest[0]));
        let key = PublicKey::from_sec1_bytes(theirs).unwrap();
        let shared = (key.to_projective() * *secret.to_nonzero_scalar()).to_affine();
        let shared = shared.to_encoded_point(false);
        let ours = secret.public_key().to_encoded_point(false);
        let info = [b"WebPush: info\0", ours.as_bytes(), theirs].concat();
        let mut ikm = [0; 32];
        Hkdf::<Sha256>::new(Some(&auth), shared.x().unwrap()).expand(&info, &mut ikm).unwrap();
        let derived = Hkdf::<Sha256>::new(Some(salt), &ikm);
        let (mut key, mut nonce) = ([0; 16], [0; 12]);
        derived.expand(b"Content-Encoding: aes128gcm\0", &mut key).unwrap();
        derived.expand(b"Content-Encoding: nonce\0", &mut nonce).unwrap();
        Aes128Gcm::new(&key.into()).decrypt(&nonce.into(), sealed).unwrap()
    }

    #[test]
    fn only_the_browser_opens_a_message() {
        let ids = Ids::seeded(Clock::system(), 3);
        let secret = SecretKey::from_slice(&[9; 32]).unwrap();
        let encode = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        let browser = Browser {
            endpoint: "https://push.example/x".into(),
            p256dh: encode(secret.public_key().to_encoded_point(false).as_bytes()),
            auth: encode(&[5; 16]),
        };
        browser.check().unwrap();
        let sealed = browser.encrypted(b"hello", &ids).unwrap();
        assert_eq!(opened(&secret, [5; 16], &sealed), b"hello\x02");
        for (p256dh, auth) in [("", ""), ("AAAA", "AAAA"), (&*encode(&[4; 65]), &*encode(&[5; 16]))]
        {
            let wrong = Browser { p256dh: p256dh.into(), auth: auth.into(), ..browser.clone() };
            assert!(wrong.check().is_err(), "{p256dh}");
        }
    }
}
