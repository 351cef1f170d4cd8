use super::clock::FakeRelativeClock;
use super::*;

const TEN_A_SECOND: Quota = Quota { burst: 5, per_second: 10.0 };

fn limiter(quota: Quota, max_keys: usize) -> (RateLimiter<FakeRelativeClock>, FakeRelativeClock) {
    let clock = FakeRelativeClock::default();
    (RateLimiter::new(quota, max_keys, clock.clone()), clock)
}

fn client(number: u128) -> RateKey {
    RateKeys::shared(&[7; 32]).principal(number)
}

#[test]
fn a_burst_is_spent_refused_and_earned_back() {
    let (limiter, clock) = limiter(TEN_A_SECOND, 100);
    let remaining: Vec<_> = (0..5).map(|_| limiter.check(client(1)).remaining).collect();
    assert_eq!(remaining, [4, 3, 2, 1, 0]);
    let refused = limiter.check(client(1));
    let wait = Duration::from_millis(100);
    let expected = Decision {
        allowed: false,
        limit: 5,
        remaining: 0,
        reset_after: Duration::from_millis(500),
        retry_after: Some(wait),
    };
    assert_eq!(refused, expected);
    assert!(limiter.check(client(2)).allowed, "another client is not affected");
    clock.advance(wait - Duration::from_nanos(1));
    assert!(!limiter.check(client(1)).allowed);
    clock.advance(Duration::from_nanos(1));
    assert!(limiter.check(client(1)).allowed);
    assert!(!limiter.check(client(1)).allowed);
    clock.advance(refused.reset_after);
    assert_eq!(limiter.check(client(1)).remaining, 4);
}

#[test]
fn many_keys_share_one_bucket_and_known_clients_keep_theirs() {
    let (limiter, _clock) = limiter(TEN_A_SECOND, 10);
    for number in 0..10 {
        assert!(limiter.check(client(number)).allowed);
    }
    let allowed = (100..1100).filter(|number| limiter.check(client(*number)).allowed).count();
    assert_eq!(allowed, 5, "a thousand attackers have the burst of one");
    assert!(limiter.keys() <= 11, "{}", limiter.keys());
    assert_eq!(limiter.check(client(0)).remaining, 3);
}

#[test]
fn room_comes_back_when_bursts_are_whole_and_spent_keys_are_not_forgotten() {
    let (limiter, clock) = limiter(Quota { burst: 2, per_second: 0.1 }, 2);
    assert!(limiter.check(client(1)).allowed); // whole again after 10 s
    clock.advance(Duration::from_secs(8));
    while limiter.check(client(2)).allowed {} // whole again after 20 s more
    clock.advance(Duration::from_secs(12));
    assert!(limiter.check(client(3)).allowed);
    assert_eq!(limiter.check(client(3)).remaining, 0, "a bucket of its own, not the shared one");
    assert_eq!(limiter.check(client(2)).remaining, 0, "still one of two, and this took it");
    assert_eq!(limiter.keys(), 2);
}

#[test]
fn keys_tell_apart_what_differs_and_join_what_one_subscriber_holds() {
    let keys = RateKeys::random();
    let address = |text: &str| keys.address(text.parse().unwrap());
    assert_eq!(address("2001:db8::1"), address("2001:db8::ffff:2"));
    assert_ne!(address("2001:db8::1"), address("2001:db8:0:1::1"));
    assert_eq!(address("::ffff:192.0.2.1"), address("192.0.2.1"));
    assert_ne!(address("192.0.2.1"), address("192.0.2.2"));
    assert_ne!(keys.text("email", "a"), keys.text("tenant", "a"));
    assert_ne!(keys.text("email", "a"), keys.text("emai", "la"));
    assert_ne!(client(1), keys.on(client(1), "login"));
    assert_eq!(keys.on(client(1), "login"), keys.on(client(1), "login"));
    assert_ne!(RateKeys::random().principal(1), keys.principal(1), "another process, other keys");
    let [one, other] = [[1; 32], [1; 32]].map(|secret| RateKeys::shared(&secret).principal(1));
    assert_eq!(one, other, "the same secret, the same keys");
}

#[test]
fn headers_follow_the_draft() {
    let (limiter, _clock) = limiter(Quota::per_window(100, Duration::from_secs(60)), 10);
    let quota = Quota::per_window(100, Duration::from_secs(60));
    assert_eq!(quota.policy_header("default"), "\"default\";q=100;w=60");
    let decision = (0..51).map(|_| limiter.check(client(1))).last().unwrap();
    assert_eq!(decision.header("default"), "\"default\";r=49;t=31");
    assert_eq!(decision.retry_after_seconds(), None);
    let refused = (0..50).map(|_| limiter.check(client(1))).last().unwrap();
    assert_eq!(refused.retry_after_seconds(), Some(1));
    assert_eq!(decision.header("a\"b\\ü"), "\"a\\\"b\\\\\";r=49;t=31");
}

#[test]
fn absurd_quotas_neither_panic_nor_open_the_door() {
    let rates = [0.0, -1.0, f64::NAN, f64::INFINITY, f64::MIN_POSITIVE, 1e300];
    for per_second in rates {
        for burst in [0, 1, u32::MAX] {
            let quota = Quota { burst, per_second };
            let (limiter, clock) = limiter(quota, 10);
            assert!(limiter.check(client(1)).allowed);
            clock.advance(Duration::from_secs(3600));
            assert!(limiter.check(client(1)).limit >= 1);
            assert!(quota.policy_header("p").starts_with("\"p\";q="));
        }
    }
    let never = Quota { burst: 0, per_second: f64::NAN };
    let (limiter, _clock) = limiter(never, 10);
    assert!(limiter.check(client(1)).allowed);
    assert!(!limiter.check(client(1)).allowed);
}
