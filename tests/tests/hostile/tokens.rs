//! Access tokens that are not ours, made from what anybody can see: a genuine token of one's own and
//! the published keys (AUTN-11). Nothing of the platform's inside is used; identity's own scenes go
//! further and sign with the real key.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE, URL_SAFE_NO_PAD};
use ed25519_dalek::{Signer as _, SigningKey};
use hanse_e2e::{Client, Server, Value, json};
use hmac::{Hmac, Mac as _};
use sha2::{Sha256, Sha384, Sha512};

use crate::support::{complete, exchange, platform};

/// A genuine token taken apart, with the public key that verifies it and a key that is not ours.
struct Forge {
    genuine: String,
    header: Value,
    claims: Value,
    public: Vec<u8>,
    jwk: Value,
    own: SigningKey,
}

impl Forge {
    fn new(server: &Server, somebody: &Client) -> Self {
        let genuine = somebody.token.clone().expect("a token");
        let part = |index: usize| -> Value {
            let text = genuine.split('.').nth(index).expect("three parts");
            serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).expect("base64")).expect("JSON")
        };
        let (header, claims) = (part(0), part(1));
        let keys = server.guest().get("/.well-known/jwks.json").json();
        let jwk = keys
            .get("keys")
            .and_then(Value::as_array)
            .expect("keys")
            .iter()
            .find(|key| key.get("kid") == header.get("kid"))
            .expect("the key of the token")
            .clone();
        let x = jwk.get("x").and_then(Value::as_str).expect("a public key");
        let public = URL_SAFE_NO_PAD.decode(x).expect("base64");
        assert!(jwk.get("d").is_none(), "the private key is published");
        Self { genuine, header, claims, public, jwk, own: SigningKey::from_bytes(&[13; 32]) }
    }

    /// Signed with a key of our own.
    fn sign(&self, header: &Value, claims: &Value) -> String {
        let input = unsigned(header, claims);
        format!("{input}.{}", URL_SAFE_NO_PAD.encode(self.own.sign(input.as_bytes()).to_bytes()))
    }

    fn with_header(&self, change: Value) -> String {
        self.sign(&merged(&self.header, change), &self.claims)
    }

    /// The genuine signature under something else.
    fn transplanted(&self, header: &Value, claims: &Value) -> String {
        let signature = self.genuine.rsplit('.').next().expect("a signature");
        format!("{}.{signature}", unsigned(header, claims))
    }

    /// The public key as the secret of a symmetric algorithm, in each form it is found in.
    fn confused(&self) -> Vec<String> {
        let x = self.jwk.get("x").and_then(Value::as_str).expect("a key").to_owned();
        let der = [&b"\x30\x2a\x30\x05\x06\x03\x2b\x65\x70\x03\x21\x00"[..], &self.public].concat();
        let pem = format!(
            "-----BEGIN PUBLIC KEY-----\n{}\n-----END PUBLIC KEY-----\n",
            STANDARD.encode(&der)
        );
        let secrets = [
            self.public.clone(),
            x.into_bytes(),
            der,
            pem.clone().into_bytes(),
            pem.trim().as_bytes().to_vec(),
            self.jwk.to_string().into_bytes(),
            Vec::new(),
            vec![0; 32],
        ];
        secrets
            .iter()
            .flat_map(|secret| {
                let input = |name: &str| {
                    unsigned(&merged(&self.header, json!({"alg": name})), &self.claims)
                };
                let (a, b, c) = (input("HS256"), input("HS384"), input("HS512"));
                [
                    {
                        let mut mac = Hmac::<Sha256>::new_from_slice(secret).expect("any length");
                        mac.update(a.as_bytes());
                        join(&a, &mac.finalize().into_bytes())
                    },
                    {
                        let mut mac = Hmac::<Sha384>::new_from_slice(secret).expect("any length");
                        mac.update(b.as_bytes());
                        join(&b, &mac.finalize().into_bytes())
                    },
                    {
                        let mut mac = Hmac::<Sha512>::new_from_slice(secret).expect("any length");
                        mac.update(c.as_bytes());
                        join(&c, &mac.finalize().into_bytes())
                    },
                ]
            })
            .collect()
    }
}

fn join(input: &str, signature: &[u8]) -> String {
    format!("{input}.{}", URL_SAFE_NO_PAD.encode(signature))
}

fn unsigned(header: &Value, claims: &Value) -> String {
    let part = |value: &Value| URL_SAFE_NO_PAD.encode(value.to_string());
    format!("{}.{}", part(header), part(claims))
}

/// `base` with members replaced; null removes one.
fn merged(base: &Value, change: Value) -> Value {
    let mut result = base.as_object().expect("an object").clone();
    for (name, value) in change.as_object().expect("an object") {
        if value.is_null() {
            result.remove(name)
        } else {
            result.insert(name.clone(), value.clone())
        };
    }
    Value::Object(result)
}

/// Everything that must not be a token.
fn forgeries(forge: &Forge) -> Vec<String> {
    let own = URL_SAFE_NO_PAD.encode(forge.own.verifying_key().to_bytes());
    let own_jwk = json!({"kty": "OKP", "crv": "Ed25519", "x": own, "kid": "mine", "alg": "EdDSA"});
    let mut tokens = forge.confused();
    // Nobody's signature, under every spelling of "none".
    for name in ["none", "None", "NONE", "nOnE", "", "null"] {
        let input = unsigned(&merged(&forge.header, json!({"alg": name})), &forge.claims);
        tokens.extend([format!("{input}."), input.clone(), format!("{input}.AA")]);
        tokens
            .push(forge.transplanted(&merged(&forge.header, json!({"alg": name})), &forge.claims));
    }
    // A key of one's own, offered in every way there is.
    tokens.extend(
        [
            json!({}),
            json!({"jwk": own_jwk}),
            json!({"jwk": own_jwk, "kid": null}),
            json!({"kid": "mine", "jwk": own_jwk}),
            json!({"jku": "http://127.0.0.1:9/jwks.json"}),
            json!({"x5u": "http://127.0.0.1:9/cert.pem"}),
            json!({"x5c": [own]}),
            json!({"kid": "mine"}),
            json!({"kid": "../../../../dev/null"}),
            json!({"kid": "/proc/self/environ"}),
            json!({"kid": "' UNION SELECT 'a' --"}),
            json!({"kid": "|id"}),
            json!({"kid": 0}),
            json!({"kid": [forge.header.get("kid")]}),
            json!({"kid": ""}),
            json!({"kid": null}),
            json!({"crit": ["exp"]}),
            json!({"b64": false, "crit": ["b64"]}),
            json!({"typ": "JWT"}),
            json!({"typ": null}),
            json!({"alg": "ES256"}),
            json!({"alg": "RS256"}),
            json!({"alg": "PS512"}),
            json!({"alg": "Ed25519"}),
            json!({"alg": "eddsa"}),
            json!({"alg": ["EdDSA", "none"]}),
            json!({"zip": "DEF"}),
            json!({"kid": "k".repeat(100_000)}),
        ]
        .map(|change| forge.with_header(change)),
    );
    // The genuine signature under other words: somebody else, more roles, for ever.
    tokens.extend(
        [
            json!({"roles": ["user", "operator", "admin"]}),
            json!({"sub": "00000000-0000-7000-8000-000000000000"}),
            json!({"exp": 4_102_444_800_i64}),
            json!({"iss": "http://127.0.0.1:9"}),
            json!({"aud": "other"}),
            json!({"nbf": 0}),
            json!({}),
        ]
        .into_iter()
        .map(|change| merged(&forge.claims, change))
        .filter(|claims| *claims != forge.claims)
        .map(|claims| forge.transplanted(&forge.header, &claims)),
    );
    tokens.extend(broken(&forge.genuine));
    tokens
}

/// The genuine token, a little off.
fn broken(genuine: &str) -> Vec<String> {
    let parts: Vec<&str> = genuine.split('.').collect();
    let [header, claims, signature] = parts[..] else { panic!("three parts") };
    let flipped = |at: usize| {
        let mut bytes = URL_SAFE_NO_PAD.decode(signature).expect("base64");
        bytes[at] ^= 1;
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode(bytes))
    };
    let last = genuine.len() - 1;
    let mut tokens = vec![
        genuine[..last].to_owned(),
        genuine[1..].to_owned(),
        genuine[..genuine.len() / 2].to_owned(),
        format!("{header}.{claims}."),
        format!("{header}.{claims}"),
        format!("{header}..{signature}"),
        format!(".{claims}.{signature}"),
        format!("{claims}.{header}.{signature}"),
        format!("{genuine}."),
        format!("{genuine}.{signature}"),
        format!("{genuine}A"),
        format!("{genuine}="),
        format!("{genuine}=="),
        genuine.to_uppercase(),
        genuine.to_lowercase(),
        genuine.replace('.', ":"),
        genuine.replace('.', ".."),
        format!("{header} .{claims}.{signature}"),
        format!("{genuine},{genuine}"),
        format!("{genuine} {genuine}"),
        format!("\"{genuine}\""),
        "..".into(),
        ".".into(),
        "a".into(),
        "null".into(),
        "undefined".into(),
        "a".repeat(60_000),
        format!("{}.{}.{}", "a".repeat(20_000), "a".repeat(20_000), "a".repeat(10_000)),
        flipped(0),
        flipped(31),
        flipped(32),
        flipped(63),
        format!("{header}.{claims}.{}", URL_SAFE_NO_PAD.encode([0; 64])),
        format!(
            "{header}.{claims}.{}",
            URL_SAFE.encode(URL_SAFE_NO_PAD.decode(signature).expect("base64"))
        ),
    ];
    // The last character of a signature carries four bits that mean nothing: no other spelling counts.
    let alphabet = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    tokens.extend(
        alphabet
            .chars()
            .map(|c| format!("{}{c}", &genuine[..last]))
            .filter(|token| token != genuine),
    );
    tokens
}

/// The answer to a request with this in `Authorization`, whatever a client library thinks of it.
fn show(server: &Server, method: &str, path: &str, authorization: &str) -> String {
    let body = if method == "POST" { r#"{"text":"forged"}"# } else { "" };
    let request = format!(
        "{method} {path} HTTP/1.1\r\nhost: x\r\nconnection: close\r\ncontent-type: application/json\r\n\
         authorization: {authorization}\r\ncontent-length: {}\r\n\r\n{body}",
        body.len()
    );
    String::from_utf8_lossy(&exchange(&server.url, request.as_bytes(), complete)).into_owned()
}

/// AUTN-11: none of them is anybody, on an operation that reads, one that writes, one for
/// administrators and one for everybody; and the genuine one still is, before and after.
#[test]
fn forged_tokens_are_nobody() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let forge = Forge::new(&server, &anna);
    let tokens = forgeries(&forge);
    assert!(tokens.len() >= 100, "{}", tokens.len());
    assert_eq!(anna.get("/users/me").status, 200);
    for token in &tokens {
        for (method, path) in
            [("GET", "/users/me"), ("POST", "/api/thoughts"), ("POST", "/api/search/rebuild")]
        {
            let answer = show(&server, method, path, &format!("Bearer {token}"));
            let shown = token.get(..token.len().min(300)).unwrap_or_default();
            // A head larger than 64 KiB does not even reach the door.
            if token.len() > 60_000 && (answer.is_empty() || answer.starts_with("HTTP/1.1 431 ")) {
                continue;
            }
            assert!(
                answer.starts_with("HTTP/1.1 401 ") && answer.contains("HTT-011"),
                "{method} {path} with {shown}: {answer}"
            );
            assert!(answer.contains("www-authenticate: Bearer"), "{shown}: {answer}");
        }
        assert_eq!(anna.get("/users/me").status, 200);
        // Where nobody needs an account, a token that is none changes nothing.
        let answer = show(&server, "GET", "/.well-known/jwks.json", &format!("Bearer {token}"));
        let small = token.len() < 60_000;
        assert!(!small || answer.starts_with("HTTP/1.1 200 "), "{answer}");
    }
    let items = anna.get("/api/thoughts").json();
    assert_eq!(items.get("items"), Some(&json!([])), "a forged token has written");
}

/// Other ways to show a token are no ways.
#[test]
fn a_token_counts_in_its_one_place_only() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let token = anna.token.clone().expect("a token");
    let guest = server.guest();
    for scheme in ["", "Basic ", "Token ", "JWT ", "Bearer:", "Bearer\u{a0}"] {
        let answer = show(&server, "GET", "/users/me", &format!("{scheme}{token}"));
        assert!(answer.starts_with("HTTP/1.1 401 "), "{scheme:?}: {answer}");
    }
    for (name, value) in [
        ("x-access-token", token.clone()),
        ("x-api-key", token.clone()),
        ("cookie", format!("access_token={token}")),
        ("proxy-authorization", format!("Bearer {token}")),
    ] {
        let answer = guest.send("GET", "/users/me", &[(name, &value)], None).expect("an answer");
        assert_eq!(answer.summary(), "401 HTT-010", "{name}");
    }
    let answer = guest.get(&format!("/users/me?access_token={token}"));
    assert_eq!(answer.summary(), "401 HTT-010");
}

/// Refresh tokens that are almost one: refused, and none of them ends the genuine session.
#[test]
fn refresh_tokens_have_one_spelling() {
    let data = tempfile::tempdir().expect("a folder");
    let server = platform(data.path());
    let anna = server.register("anna");
    let genuine = anna.refresh.clone().expect("a refresh token");
    let last = genuine.len() - 1;
    let bytes = URL_SAFE_NO_PAD.decode(&genuine).expect("base64");
    let mut tokens = vec![
        genuine[..last].to_owned(),
        genuine[1..].to_owned(),
        genuine[..genuine.len() / 2].to_owned(),
        format!("{genuine}="),
        format!("{genuine}A"),
        format!(" {genuine}"),
        format!("{genuine}\n"),
        genuine.to_uppercase(),
        genuine.to_lowercase(),
        STANDARD.encode(&bytes),
        URL_SAFE_NO_PAD.encode([&bytes[..], b"\0"].concat()),
        URL_SAFE_NO_PAD.encode([0; 52]),
        anna.token.clone().expect("a token"),
        "null".into(),
        "a".repeat(1024),
        "\u{1F6A2}".repeat(20),
        format!("Bearer {genuine}"),
        genuine.repeat(2),
    ];
    tokens.retain(|token| *token != genuine);
    for at in [0, 15, 16, 19, 20, bytes.len() - 1] {
        let mut other = bytes.clone();
        other[at] ^= 1;
        tokens.push(URL_SAFE_NO_PAD.encode(other));
    }
    for token in &tokens {
        let answer = server.guest().post("/auth/refresh", &json!({"refresh_token": token}));
        assert!([401, 422].contains(&answer.status), "{token}: {} {}", answer.status, answer.text);
        assert!(!answer.text.contains("access_token"), "{token}");
    }
    let answer = server.guest().post("/auth/refresh", &json!({"refresh_token": genuine}));
    assert_eq!(answer.status, 200, "{}", answer.text);
}
