//! An authenticator in software: as little as the standard asks for, and everything that it says can be
//! bent before it is signed.

use std::cell::Cell;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::Signer as _;
use hanse_testkit::{Value, json};
use p256::ecdsa::Signature;
use sha2::{Digest, Sha256};

use crate::support::text;

pub(crate) const PRESENT: u8 = 0x01;
pub(crate) const VERIFIED: u8 = 0x04;
pub(crate) const ELIGIBLE: u8 = 0x08;
pub(crate) const BACKED_UP: u8 = 0x10;
const CREDENTIAL: u8 = 0x40;
pub(crate) const EXTENSIONS: u8 = 0x80;

enum Key {
    P256(p256::ecdsa::SigningKey),
    Ed25519(ed25519_dalek::SigningKey),
}

/// One credential of one authenticator.
pub(crate) struct Authenticator {
    key: Key,
    id: Vec<u8>,
    /// What it does: whether it asks for a PIN, and whether its keys are copied.
    pub(crate) flags: u8,
    /// The next count; 0 for one that does not count.
    pub(crate) counter: Cell<u32>,
    user: Cell<[u8; 16]>,
}

/// Everything that is said in one ceremony.
pub(crate) struct Said {
    pub(crate) client_data: Value,
    pub(crate) domain: String,
    pub(crate) flags: u8,
    pub(crate) counter: u32,
    pub(crate) id: Vec<u8>,
    pub(crate) cose: Vec<u8>,
    pub(crate) behind: Vec<u8>,
    pub(crate) user: Vec<u8>,
    /// Bends the authenticator data after everything else.
    pub(crate) cut: usize,
    /// Bends the signature.
    pub(crate) flip: bool,
}

impl Authenticator {
    /// One with a PIN, whose keys are on several devices, as most people have it.
    pub(crate) fn new(seed: u8) -> Self {
        let key = Key::P256(p256::ecdsa::SigningKey::from_slice(&[seed; 32]).unwrap());
        Self::of(seed, key, PRESENT | VERIFIED | ELIGIBLE | BACKED_UP, 0)
    }

    /// One that is only touched, and counts.
    pub(crate) fn touched(seed: u8) -> Self {
        let key = Key::Ed25519(ed25519_dalek::SigningKey::from_bytes(&[seed; 32]));
        Self::of(seed, key, PRESENT, 1)
    }

    fn of(seed: u8, key: Key, flags: u8, counter: u32) -> Self {
        let user = Cell::default();
        Self { key, id: vec![seed; 20], flags, counter: Cell::new(counter), user }
    }

    /// Makes the credential: what `navigator.credentials.create` gives.
    pub(crate) fn create(&self, options: &Value, bend: impl FnOnce(&mut Said)) -> Value {
        let user = URL_SAFE_NO_PAD.decode(text(&options["user"], "id")).unwrap();
        self.user.set(user.try_into().unwrap());
        let domain = text(&options["rp"], "id").to_owned();
        let mut said = self.says("webauthn.create", options, domain);
        said.flags |= CREDENTIAL;
        bend(&mut said);
        let client_data = said.client_data.to_string();
        let data = said.data();
        let mut object = vec![0xa3, 0x63];
        object.extend(b"fmt\x64none\x67attStmt\xa0\x68authData\x59");
        object.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
        object.extend(&data);
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key",
            "authenticatorAttachment": "platform", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "attestationObject": URL_SAFE_NO_PAD.encode(object),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "publicKeyAlgorithm": -7,
                "transports": ["internal", "hybrid"],
            },
        })
    }

    /// Uses it: what `navigator.credentials.get` gives.
    pub(crate) fn get(&self, options: &Value, bend: impl FnOnce(&mut Said)) -> Value {
        let domain = text(options, "rpId").to_owned();
        let mut said = self.says("webauthn.get", options, domain);
        bend(&mut said);
        let client_data = said.client_data.to_string();
        let data = said.data();
        let message = [data.as_slice(), &Sha256::digest(&client_data)].concat();
        let mut signature = match &self.key {
            Key::P256(key) => {
                let signature: Signature = key.sign(&message);
                signature.to_der().as_bytes().to_vec()
            }
            Key::Ed25519(key) => key.sign(&message).to_bytes().to_vec(),
        };
        if said.flip {
            *signature.last_mut().unwrap() ^= 1;
        }
        let id = URL_SAFE_NO_PAD.encode(&self.id);
        json!({
            "id": id, "rawId": id, "type": "public-key", "clientExtensionResults": {},
            "response": {
                "clientDataJSON": URL_SAFE_NO_PAD.encode(client_data),
                "authenticatorData": URL_SAFE_NO_PAD.encode(data),
                "signature": URL_SAFE_NO_PAD.encode(signature),
                "userHandle": URL_SAFE_NO_PAD.encode(&said.user),
            },
        })
    }

    fn says(&self, ceremony: &str, options: &Value, domain: String) -> Said {
        let counter = self.counter.get();
        self.counter.set(if counter == 0 { 0 } else { counter + 1 });
        let client_data = json!({
            "type": ceremony, "challenge": options["challenge"],
            "origin": "https://stage.test", "crossOrigin": false,
        });
        Said {
            client_data,
            domain,
            flags: self.flags,
            counter,
            id: self.id.clone(),
            cose: self.cose(),
            behind: Vec::new(),
            user: self.user.get().to_vec(),
            cut: 0,
            flip: false,
        }
    }

    fn cose(&self) -> Vec<u8> {
        match &self.key {
            Key::P256(key) => {
                let point = key.verifying_key().to_encoded_point(false);
                let (x, y) = (point.x().unwrap(), point.y().unwrap());
                [&[0xa5, 1, 2, 3, 0x26, 0x20, 1, 0x21, 0x58, 32][..], x, &[0x22, 0x58, 32], y]
                    .concat()
            }
            Key::Ed25519(key) => {
                let x = key.verifying_key().to_bytes();
                [&[0xa4, 1, 1, 3, 0x27, 0x20, 6, 0x21, 0x58, 32][..], &x].concat()
            }
        }
    }
}

impl Said {
    fn data(&self) -> Vec<u8> {
        let mut data = Sha256::digest(&self.domain).to_vec();
        data.push(self.flags);
        data.extend(self.counter.to_be_bytes());
        if self.flags & CREDENTIAL != 0 {
            data.extend([0; 16]);
            data.extend(u16::try_from(self.id.len()).unwrap().to_be_bytes());
            data.extend(&self.id);
            data.extend(&self.cose);
        }
        data.extend(&self.behind);
        data.truncate(data.len() - self.cut);
        data
    }
}
