//! Who is limited, in 16 bytes.

use siphasher::sip128::{Hash128, Hasher128, SipHasher13};
use std::fmt;
use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;

/// Makes keys: a keyed hash under a secret, so that nobody can find an address or a name that
/// falls into another's bucket, and so that a key tells nothing of whom it stands for.
///
/// Processes that count together need the same secret ([`RateKeys::shared`]); one that counts
/// alone takes a random one, and its keys mean nothing elsewhere.
#[derive(Clone)]
pub struct RateKeys {
    secret: SipHasher13,
}

/// The key of a limit: cheap to copy and of one size whatever it stands for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateKey(u128);

impl RateKeys {
    /// Keys of this process alone.
    pub fn random() -> Self {
        let [high, low] = [0, 1].map(|half: u8| RandomState::new().hash_one(half));
        Self { secret: SipHasher13::new_with_keys(high, low) }
    }

    /// Keys that mean the same in every process with this secret. Derive it from the master key.
    pub fn shared(secret: &[u8; 32]) -> Self {
        let [first, second, ..] = secret.as_chunks().0 else { return Self::random() };
        Self {
            secret: SipHasher13::new_with_keys(
                u64::from_le_bytes(*first),
                u64::from_le_bytes(*second),
            ),
        }
    }

    /// The key of a client's address. An IPv6 client is its /64 network, which is what one
    /// subscriber holds; an IPv4-mapped address is the IPv4 address.
    pub fn address(&self, address: IpAddr) -> RateKey {
        match address.to_canonical() {
            IpAddr::V4(address) => self.of(b"v4", &address.octets()),
            IpAddr::V6(address) => self.of(b"v6", &(address.to_bits() >> 64).to_be_bytes()),
        }
    }

    /// The key of a principal, by its id.
    pub fn principal(&self, id: u128) -> RateKey {
        self.of(b"principal", &id.to_be_bytes())
    }

    /// The key of anything named by text: an API key's id, an email address, a tenant. `kind`
    /// keeps equal texts of different kinds apart.
    pub fn text(&self, kind: &'static str, text: &str) -> RateKey {
        self.of(kind.as_bytes(), text.as_bytes())
    }

    /// The same client on one route or for one policy: a bucket of its own.
    pub fn on(&self, key: RateKey, route: &'static str) -> RateKey {
        self.of(route.as_bytes(), &key.0.to_be_bytes())
    }

    fn of(&self, kind: &[u8], value: &[u8]) -> RateKey {
        let mut hasher = self.secret;
        hasher.write(kind);
        // No byte of UTF-8: where the kind ends is never in doubt.
        hasher.write(&[0xFF]);
        hasher.write(value);
        let Hash128 { h1, h2 } = hasher.finish128();
        RateKey(u128::from(h1) << 64 | u128::from(h2))
    }
}

/// Says nothing of the secret.
impl fmt::Debug for RateKeys {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("RateKeys(…)")
    }
}

impl RateKey {
    /// The bucket shared by all keys that came when the limiter was full.
    pub(crate) const OVERFLOW: Self = Self(0);

    /// The key as a number, to be a name in a store that processes share.
    pub fn number(self) -> u128 {
        self.0
    }

    /// The key itself, for a map that keeps keys: already evenly spread.
    pub(crate) fn spread(self) -> u64 {
        self.0 as u64
    }
}

impl Hash for RateKey {
    fn hash<H: Hasher>(&self, state: &mut H) {
        state.write_u64(self.spread());
    }
}

/// Hands a [`RateKey`] through: it is a hash already.
#[derive(Debug, Clone, Copy, Default)]
pub struct Hashed(u64);

impl Hasher for Hashed {
    fn finish(&self) -> u64 {
        self.0
    }

    fn write(&mut self, bytes: &[u8]) {
        for &byte in bytes {
            self.0 = self.0.rotate_left(8) ^ u64::from(byte);
        }
    }

    fn write_u64(&mut self, value: u64) {
        self.0 = value;
    }
}
