//! Which endpoint takes the next request.

use std::collections::hash_map::DefaultHasher;
use std::hash::{Hash, Hasher};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

use crate::config::Balance;
use crate::place::Place;

/// Who asks, for endpoints that stay with a caller: equal values stay together.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Affinity(pub u64);

impl Affinity {
    /// The affinity of an account, an address, or whatever tells callers apart.
    pub fn of(caller: impl Hash) -> Self {
        let mut hasher = DefaultHasher::new();
        caller.hash(&mut hasher);
        Self(hasher.finish())
    }

    /// A number below 100 that is the same for this caller every time.
    #[must_use]
    pub fn percentile(self) -> u8 {
        (mix(self.0) % 100) as u8
    }
}

/// Chooses among the available endpoints, other than `avoid`, which has just failed this request. When
/// none of those is available all others are: one that failed a while ago may be back, as in a rolling
/// restart, and a request that may fail is better than one that must.
pub(crate) fn choose<'a>(
    balance: Balance,
    places: &'a [Arc<Place>],
    turn: &AtomicU64,
    affinity: Affinity,
    avoid: Option<&Arc<Place>>,
    now: u64,
) -> Option<&'a Arc<Place>> {
    if let [only] = places {
        return Some(only);
    }
    let other = |place: &Arc<Place>| avoid.is_none_or(|avoid| !Arc::ptr_eq(avoid, place));
    let good = |place: &Arc<Place>| place.available(now) && place.weight() > 0;
    let number = turn.fetch_add(1, Relaxed);
    among(balance, places, number, affinity, |place| good(place) && other(place))
        .or_else(|| among(balance, places, number, affinity, other))
        .or_else(|| among(balance, places, number, affinity, good))
        .or_else(|| places.first())
}

fn among(
    balance: Balance,
    places: &[Arc<Place>],
    number: u64,
    affinity: Affinity,
    open: impl Fn(&Arc<Place>) -> bool,
) -> Option<&Arc<Place>> {
    let open = || places.iter().filter(|place| open(place));
    let count = open().count() as u64;
    if count < 2 {
        return open().next();
    }
    let nth = |at: u64| open().nth((at % count) as usize);
    match balance {
        Balance::RoundRobin => nth(number),
        Balance::LeastConnections => {
            let random = mix(number);
            let first = random % count;
            // Any other one: the second of two choices is never the first again.
            let second = first + 1 + (random >> 32) % (count - 1);
            [nth(first), nth(second)].into_iter().flatten().min_by_key(|place| place.in_flight())
        }
        Balance::Weighted => {
            let all: u64 = open().map(|place| u64::from(place.weight().max(1))).sum();
            let mut at = mix(number) % all;
            open().find(|place| {
                let weight = u64::from(place.weight().max(1));
                let here = at < weight;
                at = at.saturating_sub(weight);
                here
            })
        }
        // Rendezvous hashing: when an endpoint goes, only its own callers move.
        Balance::Sticky => open().max_by_key(|place| {
            let mut hasher = DefaultHasher::new();
            place.address.hash(&mut hasher);
            mix(hasher.finish() ^ affinity.0)
        }),
    }
}

/// SplitMix64's finisher: spreads numbers that are close to each other.
fn mix(number: u64) -> u64 {
    let mut z = number.wrapping_add(0x9E37_79B9_7F4A_7C15);
    z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    z ^ (z >> 31)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::UpstreamConfig;
    use crate::discovery::Endpoint;

    fn places(weights: &[u16]) -> Vec<Arc<Place>> {
        let config = UpstreamConfig::default();
        let address = |at: usize| std::net::SocketAddr::from(([10, 0, 0, at as u8], 80));
        let endpoint = |(at, weight): (usize, &u16)| Endpoint {
            weight: *weight,
            ..Endpoint::new(address(at))
        };
        weights
            .iter()
            .enumerate()
            .map(endpoint)
            .map(|e| Arc::new(Place::new(e, &config, None)))
            .collect()
    }

    fn counts(balance: Balance, places: &[Arc<Place>], keys: impl Fn(u64) -> u64) -> Vec<u32> {
        let turn = AtomicU64::new(0);
        let mut counts = vec![0; places.len()];
        for number in 0..10_000 {
            let affinity = Affinity::of(keys(number));
            let chosen = choose(balance, places, &turn, affinity, None, 0).unwrap();
            counts[places.iter().position(|place| Arc::ptr_eq(place, chosen)).unwrap()] += 1;
        }
        counts
    }

    #[test]
    fn each_in_turn_or_by_weight() {
        let equal = places(&[1, 1, 1, 1]);
        assert_eq!(counts(Balance::RoundRobin, &equal, |_| 0), [2_500; 4]);
        let weighted = counts(Balance::Weighted, &places(&[0, 1, 3, 6]), |_| 0);
        assert_eq!(weighted[0], 0);
        for (count, expected) in weighted.into_iter().zip([0_i64, 1_000, 3_000, 6_000]) {
            assert!((i64::from(count) - expected).abs() < 200, "{count} of {expected}");
        }
    }

    #[test]
    fn a_caller_stays_and_only_the_callers_of_a_lost_endpoint_move() {
        let config = UpstreamConfig::default();
        let all = places(&[1, 1, 1, 1]);
        let turn = AtomicU64::new(0);
        let home = |key: u64| {
            let affinity = Affinity::of(key);
            choose(Balance::Sticky, &all, &turn, affinity, None, 1).unwrap().address
        };
        let before: Vec<_> = (0..1_000).map(home).collect();
        assert_eq!(before, (0..1_000).map(home).collect::<Vec<_>>());
        assert!(counts(Balance::Sticky, &all, |number| number).iter().all(|count| *count > 2_000));
        all[2].eject(1, &config);
        for (was, is) in before.iter().zip((0..1_000).map(home)) {
            assert_eq!(*was == is, *was != all[2].address);
        }
    }

    #[tokio::test]
    async fn the_less_busy_of_two_takes_it() {
        let all = places(&[1, 1]);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let config = UpstreamConfig::default();
        let busy = Place::new(Endpoint::new(listener.local_addr().unwrap()), &config, None);
        let busy = Arc::new(busy);
        let _lease = busy.lease(&config, 0, crate::place::Want::Any).await.ok().unwrap();
        let both = [Arc::clone(&busy), Arc::clone(&all[0])];
        assert_eq!(counts(Balance::LeastConnections, &both, |_| 0), [0, 10_000]);
    }

    #[test]
    fn none_available_means_all_are() {
        let config = UpstreamConfig::default();
        let all = places(&[1, 1]);
        all[0].eject(1, &config);
        assert_eq!(counts(Balance::RoundRobin, &all, |_| 0), [0, 10_000]);
        all[1].eject(1, &config);
        assert_eq!(counts(Balance::RoundRobin, &all, |_| 0), [5_000, 5_000]);
    }
}
