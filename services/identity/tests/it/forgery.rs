//! Access tokens that are not ours (AUTN-11).

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hanse_http::Sealer;
use hanse_runtime::Secrets;
use hanse_store::{StoreError, Tx};
use hanse_testkit::{Stage, Value, json, stage_test};
use hmac::{Hmac, Mac};
use sha2::Sha256;

use crate::support::{Person, services, text};

/// A genuine token taken apart, and the key that signed it: only whoever holds the master key can
/// get at it.
struct Forge {
    header: Value,
    claims: Value,
    key: SigningKey,
    genuine: String,
}

impl Forge {
    async fn steal(t: &Stage, tokens: &Value) -> Self {
        let row = t
            .db("identity")
            .read::<_, StoreError, _>(async |tx: &mut Tx| {
                tx.one("SELECT number, seed FROM signing_keys", &[]).await
            })
            .await
            .unwrap();
        let key = Secrets::new(&[9; 32]).derive("identity signing keys");
        let purpose = format!("signing key {}", row.at::<i64>(0).unwrap());
        let sealed: Vec<u8> = row.at(1).unwrap();
        let seed = Sealer::new(key, t.ids.clone()).open_bytes(&purpose, &sealed).unwrap();
        let genuine = text(tokens, "access_token").to_owned();
        let parts: Vec<&str> = genuine.split('.').collect();
        let part = |index: usize| {
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(parts[index]).unwrap()).unwrap()
        };
        let (header, claims) = (part(0), part(1));
        let key = SigningKey::from_bytes(&seed.try_into().unwrap());
        Self { header, claims, key, genuine }
    }

    /// Signed with the real key, whatever it says.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = unsigned(header, claims);
        let signature = self.key.sign(input.as_bytes()).to_bytes();
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
    }

    fn with_header(&self, change: Value) -> String {
        self.sign(&merged(&self.header, change), &self.claims)
    }

    fn with_claims(&self, change: Value) -> String {
        self.sign(&self.header, &merged(&self.claims, change))
    }

    fn hmac(&self, key: &[u8]) -> String {
        let input = unsigned(&merged(&self.header, json!({ "alg": "HS256" })), &self.claims);
        let mut mac = Hmac::<Sha256>::new_from_slice(key).unwrap();
        mac.update(input.as_bytes());
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes()))
    }
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// `base` with members replaced; null removes one.
fn merged(base: &Value, change: Value) -> Value {
    let mut result = base.clone();
    for (name, value) in change.as_object().unwrap() {
        match value {
            Value::Null => drop(result.as_object_mut().unwrap().remove(name)),
            value => result[name] = value.clone(),
        }
    }
    result
}

/// Headers other than the one we issue, each under a genuine signature.
fn headers(forge: &Forge) -> Vec<String> {
    let jwk = json!({ "kty": "OKP", "crv": "Ed25519", "x": "AAAA" });
    [
        json!({ "alg": "none" }),
        json!({ "alg": "None" }),
        json!({ "alg": "NONE" }),
        json!({ "alg": "nOnE" }),
        json!({ "alg": "" }),
        json!({ "alg": "eddsa" }),
        json!({ "alg": "EdDSA " }),
        json!({ "alg": "HS256" }),
        json!({ "alg": "HS512" }),
        json!({ "alg": "RS256" }),
        json!({ "alg": "ES256" }),
        json!({ "alg": "PS256" }),
        json!({ "alg": ["EdDSA"] }),
        json!({ "alg": null }),
        json!({ "typ": "JWT" }),
        json!({ "typ": "AT+JWT" }),
        json!({ "typ": "application/at+jwt" }),
        json!({ "typ": null }),
        json!({ "kid": null }),
        json!({ "kid": "" }),
        json!({ "kid": "../../../../dev/null" }),
        json!({ "kid": "' OR 1=1 --" }),
        json!({ "kid": "|whoami" }),
        json!({ "kid": 1 }),
        json!({ "jwk": jwk }),
        json!({ "jku": "https://attacker.test/jwks.json" }),
        json!({ "x5u": "https://attacker.test/cert.pem" }),
        json!({ "x5c": ["AAAA"] }),
        json!({ "x5t": "AAAA" }),
        json!({ "crit": ["exp"] }),
        json!({ "crit": [] }),
        json!({ "b64": false }),
        json!({ "b64": false, "crit": ["b64"] }),
        json!({ "zip": "DEF" }),
        json!({ "enc": "A256GCM" }),
        json!({ "cty": "JWT" }),
    ]
    .into_iter()
    .map(|change| forge.with_header(change))
    .collect()
}

/// Claims that do not hold here and now, each under a genuine signature.
fn claims(forge: &Forge) -> Vec<String> {
    let now = forge.claims["iat"].as_i64().unwrap();
    [
        json!({ "aud": "another" }),
        json!({ "aud": null }),
        json!({ "aud": "" }),
        json!({ "iss": "https://attacker.test" }),
        json!({ "iss": "https://stage.test/" }),
        json!({ "iss": null }),
        json!({ "exp": now }),
        json!({ "exp": now - 1 }),
        json!({ "exp": -1 }),
        json!({ "exp": null }),
        json!({ "exp": "9999999999" }),
        json!({ "exp": 1e300 }),
        json!({ "iat": now + 3600 }),
        json!({ "iat": null }),
        json!({ "sub": null }),
        json!({ "sub": "" }),
        json!({ "sub": "admin" }),
        json!({ "sid": null }),
        json!({ "jti": null }),
        json!({ "roles": null }),
        json!({ "roles": "admin" }),
        json!({ "padding": "x".repeat(8192) }),
    ]
    .into_iter()
    .map(|change| forge.with_claims(change))
    .collect()
}

/// Signatures that are none, or of somebody else, or of another text.
fn signatures(forge: &Forge) -> Vec<String> {
    let input = unsigned(&forge.header, &forge.claims);
    let admin = unsigned(&forge.header, &merged(&forge.claims, json!({ "roles": ["admin"] })));
    let (signed, signature) = forge.genuine.rsplit_once('.').unwrap();
    let bytes = URL_SAFE_NO_PAD.decode(signature).unwrap();
    let stranger = SigningKey::from_bytes(&[1; 32]);
    let foreign = URL_SAFE_NO_PAD.encode(stranger.sign(input.as_bytes()).to_bytes());
    let public = forge.key.verifying_key().to_bytes();
    vec![
        format!("{input}.{foreign}"),
        format!("{admin}.{signature}"),
        format!("{signed}."),
        signed.to_owned(),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode(&bytes[..63])),
        format!("{signed}.{}", URL_SAFE_NO_PAD.encode([&bytes[..], &[0]].concat())),
        format!("{signed}.{}", STANDARD.encode(&bytes)),
        format!("{signed}.{}", URL_SAFE.encode(&bytes)),
        format!("{}.", forge.genuine),
        format!("{}.{signature}", forge.genuine),
        format!(".{signed}.{signature}"),
        format!("{}A", forge.genuine),
        forge.genuine[1..].to_owned(),
        forge.genuine[..forge.genuine.len() - 1].to_owned(),
        forge.genuine.to_uppercase(),
        forge.hmac(&public),
        forge.hmac(URL_SAFE_NO_PAD.encode(public).as_bytes()),
        forge.hmac(b""),
        forge.hmac(b"secret"),
        "..".to_owned(),
        "null".to_owned(),
        "A".repeat(100_000 / 16),
    ]
}

/// AUTN-11: 80 tokens, most of them with a genuine signature, and none is believed, anywhere.
#[stage_test]
async fn forged_tokens_are_refused(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let forge = Forge::steal(&t, &anna.answer).await;
    let control = forge.sign(&forge.header, &forge.claims);
    assert_eq!(t.bearer(&control).get("/api/v1/users/me").await.summary(), "200");
    let forged = [headers(&forge), claims(&forge), signatures(&forge)].concat();
    assert!(forged.len() >= 80, "{}", forged.len());
    for token in forged {
        let actor = t.bearer(&token);
        assert_eq!(actor.get("/api/v1/users/me").await.summary(), "401 HTT-011", "{token}");
        assert_eq!(actor.get("/api/v1/auth/sessions").await.summary(), "401 HTT-011", "{token}");
    }
    for header in ["Basic YW5uYTphbm5h", "Bearer", "Token abc", ""] {
        let actor = t.guest().with("authorization", header);
        assert_eq!(actor.get("/api/v1/users/me").await.summary(), "401 HTT-011", "{header}");
    }
}

/// A token says nothing to an account that is gone, and an unknown role gives nothing.
#[stage_test(local)]
async fn a_genuine_token_gives_no_more_than_there_is(t: Stage) {
    let anna = Person::register(&t, "anna").await;
    let forge = Forge::steal(&t, &anna.answer).await;
    let nobody = forge.with_claims(json!({ "sub": t.ids.new_id() }));
    assert_eq!(t.bearer(&nobody).get("/api/v1/users/me").await.summary(), "401 HTT-011");
    let unknown = forge.with_claims(json!({ "roles": ["superuser"] }));
    assert_eq!(t.bearer(&unknown).get("/api/v1/users/me").await.summary(), "403 HTT-012");
}
