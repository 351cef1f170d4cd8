//! What an issuer says of whoever came back (OpenID Connect Core, section 3.1.3.7; AUTN-10).

use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jiff::Timestamp;
use jsonwebtoken::jwk::JwkSet;
use jsonwebtoken::{Algorithm, DecodingKey, Validation, decode};
use serde::Deserialize;
use subtle::ConstantTimeEq as _;

/// Longer tokens are not looked at.
const LONGEST: usize = 16 * 1024;
/// Seconds that two clocks may differ.
const SKEW: i64 = 60;
/// Seconds after which a token is too old for somebody who has just come back.
const OLDEST: i64 = 15 * 60;
/// Signatures that are believed: none with a shared secret, none without.
const ALGORITHMS: [Algorithm; 6] = [
    Algorithm::RS256,
    Algorithm::RS384,
    Algorithm::RS512,
    Algorithm::ES256,
    Algorithm::ES384,
    Algorithm::EdDSA,
];

/// The token says nothing. Deliberately no more.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the ID token is not valid")]
pub struct InvalidIdToken;

/// What a token must say to be believed.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// The issuer of the configuration.
    pub issuer: &'a str,
    /// Our name there.
    pub client_id: &'a str,
    /// What this browser went there with.
    pub nonce: &'a str,
    /// The time.
    pub now: Timestamp,
}

/// Who came back.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Person {
    /// The issuer's name for them, which never changes.
    pub subject: String,
    /// Their address, if the issuer says that it has verified it.
    pub verified_email: Option<String>,
    /// Their name, if the issuer says it.
    pub name: Option<String>,
}

#[derive(Deserialize)]
struct Head {
    alg: String,
    kid: Option<String>,
    #[serde(default)]
    crit: Option<serde_json::Value>,
    #[serde(default)]
    b64: Option<bool>,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Audience {
    One(String),
    Many(Vec<String>),
}

#[derive(Deserialize)]
#[serde(untagged)]
enum Flag {
    Truth(bool),
    Text(String),
}

#[derive(Deserialize)]
struct Said {
    iss: String,
    sub: String,
    aud: Audience,
    exp: i64,
    iat: i64,
    #[serde(default)]
    nbf: Option<i64>,
    #[serde(default)]
    azp: Option<String>,
    #[serde(default)]
    nonce: Option<String>,
    #[serde(default)]
    email: Option<String>,
    #[serde(default)]
    email_verified: Option<Flag>,
    #[serde(default)]
    name: Option<String>,
}

/// The person a token speaks of.
///
/// # Errors
/// [`InvalidIdToken`] for anything that is not exactly what was expected.
pub fn verify(
    token: &str,
    keys: &JwkSet,
    expected: Expected<'_>,
) -> Result<Person, InvalidIdToken> {
    if token.len() > LONGEST {
        return Err(InvalidIdToken);
    }
    let head = token.split('.').next().unwrap_or_default();
    let head = URL_SAFE_NO_PAD.decode(head).map_err(|_| InvalidIdToken)?;
    let head: Head = serde_json::from_slice(&head).map_err(|_| InvalidIdToken)?;
    let algorithm = Algorithm::from_str(&head.alg).map_err(|_| InvalidIdToken)?;
    if !ALGORITHMS.contains(&algorithm) || head.crit.is_some() || head.b64.is_some() {
        return Err(InvalidIdToken);
    }
    let mut rules = Validation::new(algorithm);
    // The library reads the machine's clock and takes lists of names; both are checked below.
    rules.validate_exp = false;
    rules.validate_aud = false;
    rules.required_spec_claims.clear();
    let key = key(keys, head.kid.as_deref(), algorithm)?;
    let claims = decode::<Said>(token, &key, &rules).map_err(|_| InvalidIdToken)?.claims;
    judge(claims, expected)
}

/// The key of this id and kind. Without an id, the only one of the kind.
fn key(
    keys: &JwkSet,
    id: Option<&str>,
    algorithm: Algorithm,
) -> Result<DecodingKey, InvalidIdToken> {
    use jsonwebtoken::jwk::AlgorithmParameters as Kind;
    let fits = |key: &&jsonwebtoken::jwk::Jwk| {
        let kind = matches!(
            (&key.algorithm, algorithm),
            (Kind::RSA(_), Algorithm::RS256 | Algorithm::RS384 | Algorithm::RS512)
                | (Kind::EllipticCurve(_), Algorithm::ES256 | Algorithm::ES384)
                | (Kind::OctetKeyPair(_), Algorithm::EdDSA)
        );
        kind && id.is_none_or(|id| key.common.key_id.as_deref() == Some(id))
    };
    let mut found = keys.keys.iter().filter(fits);
    let first = found.next().ok_or(InvalidIdToken)?;
    if found.next().is_some() {
        return Err(InvalidIdToken);
    }
    DecodingKey::from_jwk(first).map_err(|_| InvalidIdToken)
}

fn judge(claims: Said, expected: Expected<'_>) -> Result<Person, InvalidIdToken> {
    let now = expected.now.as_second();
    let (ours, several) = match &claims.aud {
        Audience::One(name) => (name == expected.client_id, false),
        Audience::Many(names) => {
            (names.iter().any(|name| name == expected.client_id), names.len() > 1)
        }
    };
    let party = match &claims.azp {
        Some(party) => party == expected.client_id,
        None => !several,
    };
    let nonce = claims.nonce.as_deref().unwrap_or_default();
    let nonce: bool = nonce.as_bytes().ct_eq(expected.nonce.as_bytes()).into();
    let live = claims.exp > now - SKEW
        && claims.iat <= now + SKEW
        && claims.iat > now - OLDEST
        && claims.nbf.is_none_or(|begins| begins <= now + SKEW);
    let subject = !claims.sub.is_empty() && claims.sub.len() <= 255;
    if claims.iss != expected.issuer || !ours || !party || !nonce || !live || !subject {
        return Err(InvalidIdToken);
    }
    let verified = match claims.email_verified {
        Some(Flag::Truth(verified)) => verified,
        Some(Flag::Text(text)) => text == "true",
        None => false,
    };
    Ok(Person {
        subject: claims.sub,
        verified_email: claims.email.filter(|_| verified),
        name: claims.name,
    })
}

#[cfg(test)]
mod tests {
    use ed25519_dalek::SigningKey;
    use ed25519_dalek::ed25519::signature::Signer as _;
    use serde_json::{Value, json};

    use super::*;

    const NOW: i64 = 1_770_000_000;

    fn expected() -> Expected<'static> {
        Expected {
            issuer: "https://issuer.example",
            client_id: "us",
            nonce: "n",
            now: Timestamp::from_second(NOW).unwrap(),
        }
    }

    fn keys(kid: &str) -> JwkSet {
        let public = SigningKey::from_bytes(&[5; 32]).verifying_key().to_bytes();
        let x = URL_SAFE_NO_PAD.encode(public);
        let key = json!({ "kty": "OKP", "crv": "Ed25519", "x": x, "kid": kid, "alg": "EdDSA" });
        serde_json::from_value(json!({ "keys": [key] })).unwrap()
    }

    fn good() -> Value {
        json!({
            "iss": "https://issuer.example", "sub": "7", "aud": "us", "nonce": "n", "iat": NOW,
            "exp": NOW + 300, "email": "anna@example.com", "email_verified": true, "name": "Anna",
        })
    }

    fn sign(head: &Value, claims: &Value, seed: [u8; 32]) -> String {
        let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
        let text = format!("{}.{}", part(head), part(claims));
        let signature = SigningKey::from_bytes(&seed).sign(text.as_bytes()).to_bytes();
        format!("{text}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn head() -> Value {
        json!({ "alg": "EdDSA", "kid": "k" })
    }

    #[test]
    fn a_genuine_token_says_who_came_back() {
        let person = verify(&sign(&head(), &good(), [5; 32]), &keys("k"), expected()).unwrap();
        assert_eq!((person.subject.as_str(), person.name.as_deref()), ("7", Some("Anna")));
        assert_eq!(person.verified_email.as_deref(), Some("anna@example.com"));
        for unverified in [json!(false), json!("false"), json!("yes"), json!(null)] {
            let mut claims = good();
            claims["email_verified"] = unverified;
            let person = verify(&sign(&head(), &claims, [5; 32]), &keys("k"), expected()).unwrap();
            assert_eq!(person.verified_email, None);
        }
        let mut claims = good();
        claims["aud"] = json!(["us", "them"]);
        claims["azp"] = json!("us");
        assert!(verify(&sign(&head(), &claims, [5; 32]), &keys("k"), expected()).is_ok());
    }

    /// AUTN-10: more than twenty-five tokens that an issuer, or somebody else, might send.
    #[test]
    fn everything_else_says_nothing() {
        let with = |name: &str, value: Value| {
            let mut claims = good();
            claims[name] = value;
            sign(&head(), &claims, [5; 32])
        };
        let headed = |value: Value| sign(&value, &good(), [5; 32]);
        let without = |name: &str| {
            let mut claims = good();
            claims.as_object_mut().unwrap().remove(name);
            sign(&head(), &claims, [5; 32])
        };
        let genuine = sign(&head(), &good(), [5; 32]);
        let (body, _) = genuine.rsplit_once('.').unwrap();
        let forged = [
            with("iss", json!("https://issuer.example/")),
            with("iss", json!("https://evil.example")),
            with("iss", json!("HTTPS://issuer.example")),
            without("iss"),
            with("aud", json!("them")),
            with("aud", json!([])),
            with("aud", json!(["us", "them"])),
            with("aud", json!("us ")),
            without("aud"),
            with("azp", json!("them")),
            with("nonce", json!("m")),
            with("nonce", json!("")),
            without("nonce"),
            with("exp", json!(NOW - 61)),
            with("exp", json!("never")),
            without("exp"),
            with("iat", json!(NOW + 61)),
            with("iat", json!(NOW - 3600)),
            without("iat"),
            with("nbf", json!(NOW + 3600)),
            with("sub", json!("")),
            with("sub", json!(7)),
            with("sub", json!("x".repeat(256))),
            without("sub"),
            headed(json!({ "alg": "none", "kid": "k" })),
            headed(json!({ "alg": "None", "kid": "k" })),
            headed(json!({ "alg": "HS256", "kid": "k" })),
            headed(json!({ "alg": "RS256", "kid": "k" })),
            headed(json!({ "alg": "ES256", "kid": "k" })),
            headed(json!({ "alg": "EdDSA", "kid": "other" })),
            headed(json!({ "alg": "EdDSA", "kid": "k", "crit": ["x"], "x": 1 })),
            headed(json!({ "alg": "EdDSA", "kid": "k", "b64": false })),
            sign(&head(), &good(), [6; 32]),
            format!("{body}."),
            body.to_owned(),
            format!("{genuine}A"),
            String::new(),
            "..".to_owned(),
            "x".repeat(LONGEST + 1),
        ];
        assert!(forged.len() >= 25, "{}", forged.len());
        for token in forged {
            let short = token.get(..200).unwrap_or(&token);
            assert_eq!(verify(&token, &keys("k"), expected()), Err(InvalidIdToken), "{short}");
        }
    }
}
