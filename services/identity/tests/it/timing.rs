//! AUTN-01 as statistics: nobody learns from the time of an answer whether an address has an account.
//!
//! Pairs of failed logins, one for an address that has an account and one for an address that has none,
//! in an order that alternates. Three tests look at them:
//!
//! - the sign test (Dixon and Mood) of the pairs: of n, the share in which the known address took
//!   longer; under the null hypothesis z = (k - n/2) / sqrt(n/4) is standard normal;
//! - Welch's t of the logarithms of the times, which a few late ones do not rule;
//! - Kolmogorov and Smirnov's D of the two samples, by its limit distribution.
//!
//! No bound on any time is asserted: a busy machine adds noise to both sides alike. In every test run
//! there are 150 pairs and each test fails at p < 0.0001; `cargo xtask soak --only logins` plays 10,000,
//! fails at p < 0.001, and when the medians are further apart than a fiftieth.

use std::time::Instant;

use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Stage, stage_test};

use crate::scale::Scale;
use crate::support::{Person, login};

/// Hashes as they are in production, and no limits on tries.
fn real_hashes() -> Vec<Service> {
    let config = IdentityConfig { limit_sign_ins: false, ..IdentityConfig::default() };
    vec![hanse_identity::service(config)]
}

async fn nanoseconds(t: &Stage, email: &str) -> f64 {
    let start = Instant::now();
    let answer = login(t, email, "another walk by the sea").await;
    let elapsed = start.elapsed().as_nanos();
    assert_eq!(answer.summary(), "401 IDN-001");
    elapsed as f64
}

#[stage_test(local, services = real_hashes)]
async fn the_time_of_a_failed_login_tells_nothing(t: Stage) {
    let scale = Scale::of_this_run();
    let pairs = scale.amount(150, 10_000);
    // Two-sided: of the normal distribution, and of Kolmogorov's.
    let (normal, kolmogorov) = scale.amount((3.89, 2.23), (3.29, 1.95));
    Person::register(&t, "anna").await;
    let (known, unknown) = ("anna@example.com", "nobody@example.com");
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for pair in 0..pairs {
        if pair % 2 == 0 {
            with.push(nanoseconds(&t, known).await);
            without.push(nanoseconds(&t, unknown).await);
        } else {
            without.push(nanoseconds(&t, unknown).await);
            with.push(nanoseconds(&t, known).await);
        }
    }
    let z = sign(&with, &without);
    let t_value = welch(&with, &without);
    let d = smirnov(&mut with, &mut without);
    let gap = median(&with) / median(&without) - 1.0;
    println!("found: {pairs} pairs, z {z:.2}, t {t_value:.2}, D {d:.2}, medians {gap:+.4}");
    assert!(z.abs() <= normal, "sign test: {z:.2}");
    assert!(t_value.abs() <= normal, "Welch: {t_value:.2}");
    assert!(d <= kolmogorov, "Kolmogorov and Smirnov: {d:.2}");
    assert!(scale == Scale::Short || gap.abs() < 0.02, "medians: {gap:+.4}");
}

fn sign(one: &[f64], other: &[f64]) -> f64 {
    let longer = one.iter().zip(other).filter(|(one, other)| one > other).count() as f64;
    let n = one.len() as f64;
    (longer - n / 2.0) / (n / 4.0).sqrt()
}

fn welch(one: &[f64], other: &[f64]) -> f64 {
    let moments = |sample: &[f64]| {
        let n = sample.len() as f64;
        let mean = sample.iter().map(|time| time.ln()).sum::<f64>() / n;
        let spread = sample.iter().map(|time| (time.ln() - mean).powi(2)).sum::<f64>() / (n - 1.0);
        (mean, spread / n)
    };
    let ((one, one_error), (other, other_error)) = (moments(one), moments(other));
    (one - other) / (one_error + other_error).sqrt()
}

/// The greatest distance of the two distributions, times what makes its own distribution known. Sorts
/// the samples.
fn smirnov(one: &mut [f64], other: &mut [f64]) -> f64 {
    one.sort_by(f64::total_cmp);
    other.sort_by(f64::total_cmp);
    let n = one.len() as f64;
    let below =
        |sample: &[f64], time: f64| sample.partition_point(|other| *other <= time) as f64 / n;
    let distance = |time: &f64| (below(one, *time) - below(other, *time)).abs();
    let greatest = one.iter().chain(other.iter()).map(distance).fold(0.0, f64::max);
    greatest * (n / 2.0).sqrt()
}

fn median(sorted: &[f64]) -> f64 {
    sorted[sorted.len() / 2]
}

/// The tests find what they are to find: samples of which one is a twentieth slower.
#[test]
fn the_statistics_see_a_difference() {
    let noise = |n: u32| f64::from((n * 7919) % 1000);
    let one: Vec<f64> = (0..1000).map(|n| 20_000.0 + noise(n)).collect();
    let same: Vec<f64> = (0..1000).map(|n| 20_000.0 + noise(n + 333)).collect();
    let slower: Vec<f64> = same.iter().map(|time| time * 1.05).collect();
    assert!(welch(&one, &same).abs() < 1.0 && welch(&slower, &one) > 10.0);
    assert!(sign(&slower, &one) > 10.0);
    assert!(smirnov(&mut one.clone(), &mut same.clone()) < 0.5);
    assert!(smirnov(&mut one.clone(), &mut slower.clone()) > 5.0);
}
