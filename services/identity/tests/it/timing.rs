//! AUTN-01 as a statistic: nobody learns from the time of an answer whether an address has an account.
//!
//! Pairs of failed logins, one for an address that has an account and one for an address that has none,
//! in an order that alternates. The statistic is that of the sign test (Dixon and Mood): of n pairs, the
//! share in which the known address took longer; under the null hypothesis z = (k - n/2) / sqrt(n/4) is
//! standard normal. The test is paired and looks at order only, so that a busy machine adds noise to both
//! sides alike and no bound on any time is asserted. It fails at |z| > 4 (p < 0.0001). `PAIRS` is modest
//! here; with 10,000 the same statistic finds a difference of one in fifty orders.

use std::time::Instant;

use hanse_identity::IdentityConfig;
use hanse_runtime::Service;
use hanse_testkit::{Stage, stage_test};

use crate::support::{Person, login};

const PAIRS: u32 = 150;

/// Hashes as they are in production, and no limits on tries.
fn real_hashes() -> Vec<Service> {
    let config = IdentityConfig { limit_sign_ins: false, ..IdentityConfig::default() };
    vec![hanse_identity::service(config)]
}

async fn nanoseconds(t: &Stage, email: &str) -> u128 {
    let start = Instant::now();
    let answer = login(t, email, "another walk by the sea").await;
    let elapsed = start.elapsed().as_nanos();
    assert_eq!(answer.summary(), "401 IDN-001");
    elapsed
}

#[stage_test(local, services = real_hashes)]
async fn the_time_of_a_failed_login_tells_nothing(t: Stage) {
    Person::register(&t, "anna").await;
    let (known, unknown) = ("anna@example.com", "nobody@example.com");
    let mut longer = 0;
    for pair in 0..PAIRS {
        let (with, without) = if pair % 2 == 0 {
            let with = nanoseconds(&t, known).await;
            (with, nanoseconds(&t, unknown).await)
        } else {
            let without = nanoseconds(&t, unknown).await;
            (nanoseconds(&t, known).await, without)
        };
        longer += u32::from(with > without);
    }
    let n = f64::from(PAIRS);
    let z = (f64::from(longer) - n / 2.0) / (n / 4.0).sqrt();
    assert!(z.abs() <= 4.0, "z = {z:.2}: {longer} of {PAIRS} were longer for a known address");
}
