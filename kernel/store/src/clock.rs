//! Time, ids and randomness, injected (law 7) so that a whole system can be replayed from one seed.

use std::sync::{Arc, Mutex, PoisonError};

use jiff::Timestamp;
use rand::Rng as _;
use uuid::Uuid;

/// The one source of wall-clock time. Values are cut to microseconds, which is what both engines
/// keep, so a value that was stored and read back is equal to the one in memory.
#[derive(Clone)]
pub struct Clock(Arc<dyn Fn() -> Timestamp + Send + Sync>);

impl Clock {
    /// The machine's clock.
    #[must_use]
    pub fn system() -> Self {
        #[expect(clippy::disallowed_methods, reason = "this is the one place that reads the clock")]
        Self(Arc::new(Timestamp::now))
    }

    /// Now, in UTC, with microsecond precision.
    #[must_use]
    pub fn now(&self) -> Timestamp {
        let now = (self.0)();
        Timestamp::from_microsecond(now.as_microsecond()).unwrap_or(now)
    }
}

/// A clock for tests: stands still until it is moved.
#[derive(Clone)]
pub struct FakeClock(Arc<Mutex<Timestamp>>);

impl FakeClock {
    /// A clock that stands at `start`.
    #[must_use]
    pub fn at(start: Timestamp) -> Self {
        Self(Arc::new(Mutex::new(start)))
    }

    /// Moves the clock; a negative span moves it back.
    pub fn advance(&self, by: jiff::SignedDuration) {
        let mut now = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        *now = now.saturating_add(by).unwrap_or(*now);
    }

    /// The clock to hand to the system under test.
    #[must_use]
    pub fn clock(&self) -> Clock {
        let inner = Arc::clone(&self.0);
        Clock(Arc::new(move || *inner.lock().unwrap_or_else(PoisonError::into_inner)))
    }
}

/// A source of random bytes.
pub type Entropy = Arc<dyn Fn(&mut [u8]) + Send + Sync>;

/// Makes identifiers (UUIDv7, RFC 9562) and random bytes.
#[derive(Clone)]
pub struct Ids {
    clock: Clock,
    entropy: Entropy,
}

impl Ids {
    /// Ids from a generator that the operating system seeds.
    #[must_use]
    pub fn system(clock: Clock) -> Self {
        // ChaCha12 seeded and reseeded by the operating system: fit for keys, and no system call
        // for each id.
        #[expect(
            clippy::disallowed_methods,
            reason = "this is the one place that makes randomness"
        )]
        let entropy: Entropy = Arc::new(|bytes| rand::rng().fill_bytes(bytes));
        Self { clock, entropy }
    }

    /// Ids from a seed: the same seed gives the same ids. For tests only.
    #[must_use]
    pub fn seeded(clock: Clock, seed: u64) -> Self {
        let state = Arc::new(Mutex::new(seed));
        let entropy: Entropy = Arc::new(move |bytes: &mut [u8]| {
            let mut state = state.lock().unwrap_or_else(PoisonError::into_inner);
            for byte in bytes {
                // SplitMix64: small, and good enough to tell ids apart.
                *state = state.wrapping_add(0x9E37_79B9_7F4A_7C15);
                let mut z = *state;
                z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
                z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
                *byte = (z ^ (z >> 31)) as u8;
            }
        });
        Self { clock, entropy }
    }

    /// A new UUIDv7 whose twelve `rand_a` bits carry the sub-millisecond part of the time
    /// (RFC 9562, section 6.2, method 3), so ids made in order sort in order.
    #[must_use]
    pub fn new_id(&self) -> Uuid {
        let micros = self.clock.now().as_microsecond().max(0) as u64;
        let fraction = ((micros % 1000) * 4096 / 1000) as u16;
        let mut random = [0u8; 10];
        (self.entropy)(&mut random);
        let [high, low] = fraction.to_be_bytes();
        random[0] = high;
        random[1] = low;
        uuid::Builder::from_unix_timestamp_millis(micros / 1000, &random).into_uuid()
    }

    /// Random bytes, for keys, tokens and nonces.
    #[must_use]
    pub fn random<const N: usize>(&self) -> [u8; N] {
        let mut bytes = [0u8; N];
        (self.entropy)(&mut bytes);
        bytes
    }

    /// The clock that ids are made from.
    #[must_use]
    pub fn clock(&self) -> &Clock {
        &self.clock
    }
}
