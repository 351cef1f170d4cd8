//! Who is limited, in 16 bytes.

use std::hash::{BuildHasher, Hash, Hasher, RandomState};
use std::net::IpAddr;
use std::sync::LazyLock;

/// The key of a limit: a keyed hash, cheap to copy and of one size whatever it stands for.
///
/// It is hashed with a secret of this process, so that nobody can find an address or a name that
/// falls into another's bucket. For the same reason it means nothing in another process: never
/// store or send it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RateKey(u128);

impl RateKey {
    /// The bucket shared by all keys that came when the limiter was full.
    pub(crate) const OVERFLOW: Self = Self(0);

    /// The key of a client's address. An IPv6 client is its /64 network, which is what one
    /// subscriber holds; an IPv4-mapped address is the IPv4 address.
    pub fn address(address: IpAddr) -> Self {
        match address.to_canonical() {
            IpAddr::V4(address) => Self::of("v4", &address),
            IpAddr::V6(address) => Self::of("v6", &(address.to_bits() >> 64)),
        }
    }

    /// The key of a principal, by its id.
    pub fn principal(id: u128) -> Self {
        Self::of("principal", &id)
    }

    /// The key of anything named by text: an API key's id, an email address, a tenant. `kind`
    /// keeps equal texts of different kinds apart.
    pub fn text(kind: &'static str, text: &str) -> Self {
        Self::of("text", &(kind, text))
    }

    /// The same client on one route or for one policy: a bucket of its own.
    #[must_use]
    pub fn on(self, route: &'static str) -> Self {
        Self::of("route", &(self.0, route))
    }

    /// The key itself, for a map that keeps keys: already evenly spread.
    pub(crate) fn spread(self) -> u64 {
        self.0 as u64
    }

    fn of(kind: &str, value: &impl Hash) -> Self {
        static SECRETS: LazyLock<[RandomState; 2]> = LazyLock::new(Default::default);
        let [high, low] = SECRETS.each_ref().map(|secret| secret.hash_one((kind, value)));
        Self(u128::from(high) << 64 | u128::from(low))
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
