//! The public key of a credential: read as a COSE key (RFC 9052, 9053), kept as a JSON Web Key.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use jsonwebtoken::{Algorithm, DecodingKey, crypto};
use p256::ecdsa::{Signature, VerifyingKey};
use serde::{Deserialize, Serialize};

use super::Invalid;
use super::cbor::Reader;

/// Signatures that are believed, by their COSE names, the best first: what platforms and keys in use
/// make. ES256 is what nearly all of them do, RS256 what older machines with a TPM do.
pub(crate) const ALGORITHMS: [i64; 3] = [EDDSA, ES256, RS256];
const ES256: i64 = -7;
const EDDSA: i64 = -8;
const RS256: i64 = -257;

/// Bytes of an RSA modulus: 2048 to 4096 bits.
const MODULUS: std::ops::RangeInclusive<usize> = 256..=512;
/// The only exponent there is a reason for.
const EXPONENT: [u8; 3] = [1, 0, 1];

/// A key that was checked when it was read. Numbers are in base64url, as in a JSON Web Key.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kty")]
pub(crate) enum PublicKey {
    /// ECDSA on P-256 with SHA-256.
    #[serde(rename = "EC")]
    P256 { x: String, y: String },
    /// `EdDSA` on Curve25519.
    #[serde(rename = "OKP")]
    Ed25519 { x: String },
    /// RSASSA-PKCS1-v1_5 with SHA-256.
    #[serde(rename = "RSA")]
    Rsa { n: String, e: String },
}

/// The labels of a COSE key. What -1 to -3 mean depends on the kind.
#[derive(Default)]
struct Labels<'a> {
    kind: Option<i64>,
    algorithm: Option<i64>,
    curve: Option<i64>,
    /// -1 of an RSA key, where other kinds have a number.
    first: Option<&'a [u8]>,
    second: Option<&'a [u8]>,
    third: Option<&'a [u8]>,
}

impl PublicKey {
    /// Reads a COSE key of one of [`ALGORITHMS`].
    pub(super) fn read(reader: &mut Reader<'_>) -> Result<Self, Invalid> {
        let labels = Labels::read(reader)?;
        let text = |bytes: &[u8]| URL_SAFE_NO_PAD.encode(bytes);
        match (labels.kind, labels.algorithm, labels.curve) {
            (Some(2), Some(ES256), Some(1)) => {
                let (x, y) = (field(labels.second)?, field(labels.third)?);
                // A point that is not on the curve is no key.
                let point = [&[4][..], x, y].concat();
                VerifyingKey::from_sec1_bytes(&point).map_err(|_| Invalid)?;
                Ok(Self::P256 { x: text(x), y: text(y) })
            }
            (Some(1), Some(EDDSA), Some(6)) => Ok(Self::Ed25519 { x: text(field(labels.second)?) }),
            (Some(3), Some(RS256), None) => {
                let (n, e) = (labels.first.ok_or(Invalid)?, labels.second.ok_or(Invalid)?);
                let odd = n.last().is_some_and(|last| last & 1 == 1);
                let full = n.first().is_some_and(|first| *first != 0);
                if !MODULUS.contains(&n.len()) || !odd || !full || e != EXPONENT {
                    return Err(Invalid);
                }
                Ok(Self::Rsa { n: text(n), e: text(e) })
            }
            _ => Err(Invalid),
        }
    }

    /// Did this key sign this message?
    pub(super) fn verify(&self, message: &[u8], signature: &[u8]) -> Result<(), Invalid> {
        let (key, algorithm, signature) = match self {
            Self::P256 { x, y } => {
                // Authenticators write it as ASN.1, JSON Web Signatures as two numbers.
                let signature = Signature::from_der(signature).map_err(|_| Invalid)?;
                let raw = signature.to_bytes().to_vec();
                (DecodingKey::from_ec_components(x, y), Algorithm::ES256, raw)
            }
            Self::Ed25519 { x } => {
                (DecodingKey::from_ed_components(x), Algorithm::EdDSA, signature.to_vec())
            }
            Self::Rsa { n, e } => {
                (DecodingKey::from_rsa_components(n, e), Algorithm::RS256, signature.to_vec())
            }
        };
        let key = key.map_err(|_| Invalid)?;
        let text = URL_SAFE_NO_PAD.encode(signature);
        let fits = crypto::verify(&text, message, &key, algorithm).map_err(|_| Invalid)?;
        fits.then_some(()).ok_or(Invalid)
    }
}

impl<'a> Labels<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Invalid> {
        let (mut labels, pairs) = (Self::default(), reader.map()?);
        for _ in 0..pairs {
            match reader.integer()? {
                1 => once(&mut labels.kind, reader.integer()?)?,
                3 => once(&mut labels.algorithm, reader.integer()?)?,
                -1 => {
                    let mut look = *reader;
                    match look.bytes() {
                        Ok(bytes) => {
                            *reader = look;
                            once(&mut labels.first, bytes)?;
                        }
                        Err(Invalid) => once(&mut labels.curve, reader.integer()?)?,
                    }
                }
                -2 => once(&mut labels.second, reader.bytes()?)?,
                -3 => once(&mut labels.third, reader.bytes()?)?,
                _ => reader.skip()?,
            }
        }
        Ok(labels)
    }
}

/// A label that is there twice means nothing.
fn once<T>(place: &mut Option<T>, value: T) -> Result<(), Invalid> {
    place.replace(value).map_or(Ok(()), |_| Err(Invalid))
}

/// A number of a curve's field: 32 bytes.
fn field(bytes: Option<&[u8]>) -> Result<&[u8], Invalid> {
    bytes.filter(|bytes| bytes.len() == 32).ok_or(Invalid)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// The example of RFC 7515, appendix A.2.
    const MODULUS: &str = "ofgWCuLjybRlzo0tZWJjNiuSfb4p4fAkd_wWJcyQoTbji9k0l8W26mPddxHmfHQp-Vaw-4qPCJ\
        rcS2mJPMEzP1Pt0Bm4d4QlL-yRT-SFd2lZS-pCgNMsD1W_YpRPEwOWvG6b32690r2jZ47soMZo9wGzjb_7OMg0LOL-b\
        Sf63kpaSHSXndS5z5rexMdbBYUsLA9e-KXBdQOS-UTo7WTBEMa2R2CapHg665xsmtdVMTBQY4uDZlxvb3qCo5ZwKh9k\
        G4LT6_I5IhlJH7aGhyxXFvUK-DWNmoudF8NAco9_h9iaGNj8q2ethFkMLs91kzk2PAcDTW9gb54h4FRWyuXpoQ";
    const MESSAGE: &[u8] =
        b"eyJhbGciOiJSUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0\
        dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnVlfQ";
    const SIGNATURE: &str = "cC4hiUPoj9Eetdgtv3hF80EGrhuB__dzERat0XF9g2VtQgr9PJbu3XOiZj5RZmh7AAuHIm4Bh\
        -0Qc_lF5YKt_O8W2Fp5jujGbds9uJdbF9CUAr7t1dnZcAcQjbKBYNX4BAynRFdiuB--f_nZLgrnbyTyWzO75vRK5h6x\
        BArLIARNPvkSjtQBMHlb1L07Qe7K0GarZRmB_eSN9383LcOLn6_dO--xi12jzDwusC-eOkHWEsqtFZESc6BfI7noOPq\
        vhJ1phCnvWh6IeYI2w9QOYEUipUTI8np6LbgGY9Fs98rqVt5AXLIhWkWywlVmtVrBp0igcN_IoypGlUPQGe77Rw";

    fn rsa(modulus: &[u8], exponent: &[u8]) -> Vec<u8> {
        let length = u16::try_from(modulus.len()).unwrap().to_be_bytes();
        let head = [0xa4, 1, 3, 3, 0x39, 0x01, 0x00, 0x20, 0x59];
        let tail = [0x21, 0x40 + u8::try_from(exponent.len()).unwrap()];
        [&head[..], &length, modulus, &tail, exponent].concat()
    }

    /// AUTN-18: keys of older machines, and only those that are worth something.
    #[test]
    fn rsa_keys_are_read_and_believed() {
        let modulus = URL_SAFE_NO_PAD.decode(MODULUS).unwrap();
        let signature = URL_SAFE_NO_PAD.decode(SIGNATURE).unwrap();
        let read = |bytes: &[u8]| PublicKey::read(&mut Reader::new(bytes));
        let key = read(&rsa(&modulus, &EXPONENT)).unwrap();
        assert_eq!(key.verify(MESSAGE, &signature), Ok(()));
        assert_eq!(key.verify(&MESSAGE[1..], &signature), Err(Invalid));
        let kept: PublicKey = serde_json::from_str(&serde_json::to_string(&key).unwrap()).unwrap();
        assert_eq!(kept, key);
        for (modulus, exponent) in [
            (&modulus[..255], &EXPONENT[..]),
            (&[modulus.as_slice(), &modulus, &[1]].concat(), &EXPONENT),
            (&[&[0], modulus.as_slice()].concat(), &EXPONENT),
            (&[modulus.as_slice(), &[2]].concat(), &EXPONENT),
            (&modulus, &[3]),
        ] {
            assert_eq!(read(&rsa(modulus, exponent)), Err(Invalid));
        }
    }
}
