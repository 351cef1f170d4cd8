//! What is counted against whom, in the store, so that a restart forgets nothing. Accounts and
//! addresses are kept as keyed hashes: the table names nobody, and accounts that do not exist are
//! counted like those that do.

use std::net::IpAddr;

use hanse_store::{Result, Row, Tx, params};
use hmac::{Hmac, Mac};
use jiff::{SignedDuration, Timestamp};
use sha2::Sha256;
use uuid::Uuid;

use crate::config::IdentityConfig;
use crate::limits::{Rule, Tally};

/// Wrong codes before each further one has to wait longer.
const FREE_CODES: u32 = 5;

/// A keyed hash of an account or an address; empty for any.
type Tag = Vec<u8>;

/// Counts failed sign-ins and registrations.
#[derive(Clone)]
pub struct Attempts {
    key: [u8; 32],
    enabled: bool,
    address: Rule,
    account: Rule,
    pair: Rule,
    register: Rule,
    factor: Rule,
}

/// Whose tries are counted together.
#[derive(Clone)]
struct Counter {
    account: Tag,
    address: Tag,
    rule: Rule,
}

/// The counters of one try.
#[derive(Clone)]
pub struct Counters(Vec<Counter>);

const TALLIES: &str = "SELECT account, address, failures, busy_until FROM sign_in_attempts
    WHERE account IN ($1, $2) AND address IN ($3, $4)";
// Makes the row, or holds the one there is, so that two failures at once count as two.
const HOLD: &str =
    "INSERT INTO sign_in_attempts (account, address, failures, busy_until, updated_at)
    VALUES ($1, $2, 0, $3, $4)
    ON CONFLICT (account, address) DO UPDATE SET updated_at = excluded.updated_at
    RETURNING account, address, failures, busy_until";
const COUNT: &str = "UPDATE sign_in_attempts SET failures = $3, busy_until = $4
    WHERE account = $1 AND address = $2";
const FORGET_PAIR: &str = "DELETE FROM sign_in_attempts WHERE account = $1 AND address = $2";
const FORGET_ACCOUNT: &str = "DELETE FROM sign_in_attempts WHERE account = $1";
const FORGET_OLD: &str = "DELETE FROM sign_in_attempts WHERE updated_at < $1";

impl Attempts {
    /// Counters with the configured budgets, hashed under `key`.
    #[must_use]
    pub fn new(config: &IdentityConfig, key: [u8; 32]) -> Self {
        Self {
            key,
            enabled: config.limit_sign_ins,
            address: Rule::per_hour(config.login_burst_per_address, config.login_per_address_hour),
            account: Rule::per_hour(config.login_burst_per_account, config.login_per_account_hour),
            pair: Rule::Growing { free: config.login_free_tries },
            factor: Rule::Growing { free: FREE_CODES },
            register: Rule::per_hour(
                config.register_burst_per_address,
                config.register_per_address_hour,
            ),
        }
    }

    /// The counters of a login. `email` is normalised, but need not belong to anybody.
    #[must_use]
    pub fn of_login(&self, email: &str, client: IpAddr) -> Counters {
        if !self.enabled {
            return Counters(Vec::new());
        }
        let (account, address) =
            (self.tag("account", email), self.tag("address", &network(client)));
        // Always in this order, so that two transactions cannot wait for each other.
        Counters(vec![
            Counter { account: Tag::new(), address: address.clone(), rule: self.address },
            Counter { account: account.clone(), address, rule: self.pair },
            Counter { account, address: Tag::new(), rule: self.account },
        ])
    }

    /// The counter of registrations from an address.
    #[must_use]
    pub fn of_registration(&self, client: IpAddr) -> Counters {
        if !self.enabled {
            return Counters(Vec::new());
        }
        let account = self.tag("registration", "");
        let address = self.tag("address", &network(client));
        Counters(vec![Counter { account, address, rule: self.register }])
    }

    /// The counter of wrong codes of an account's second factors. Whoever gets here has proven a first
    /// factor, so that nobody else is kept out by it.
    #[must_use]
    pub fn of_factor(&self, user: Uuid) -> Counters {
        if !self.enabled {
            return Counters(Vec::new());
        }
        let account = self.tag("factor", &user.to_string());
        Counters(vec![Counter { account, address: Tag::new(), rule: self.factor }])
    }

    /// The counter of letters that an address asks for. It counts what is asked, not what is sent.
    #[must_use]
    pub fn of_letters(&self, client: IpAddr) -> Counters {
        if !self.enabled {
            return Counters(Vec::new());
        }
        let account = self.tag("letters", "");
        let address = self.tag("address", &network(client));
        Counters(vec![Counter { account, address, rule: self.register }])
    }

    /// Forgets what was counted for an account that is being deleted.
    pub async fn forget_account(&self, tx: &mut Tx, email: &str) -> Result<()> {
        tx.execute(FORGET_ACCOUNT, params![self.tag("account", email)]).await.map(drop)
    }

    fn tag(&self, kind: &str, text: &str) -> Tag {
        let mac = Hmac::<Sha256>::new_from_slice(&self.key).ok().map(|mut mac| {
            mac.update(kind.as_bytes());
            mac.update(&[0]);
            mac.update(text.as_bytes());
            mac.finalize().into_bytes().to_vec()
        });
        // HMAC takes keys of any length; a tag is never empty.
        mac.unwrap_or_else(|| vec![0])
    }
}

impl Counters {
    /// Seconds until the next try may be made; `None` when it may be made now.
    pub async fn wait(&self, tx: &mut Tx) -> Result<Option<u32>> {
        let (Some(first), Some(last)) = (self.0.first(), self.0.last()) else { return Ok(None) };
        let keys = params![
            first.account.clone(),
            last.account.clone(),
            first.address.clone(),
            last.address.clone(),
        ];
        let now = tx.now();
        let rows = tx.all(TALLIES, keys).await?;
        let mut longest = SignedDuration::ZERO;
        for counter in &self.0 {
            for row in &rows {
                if row.at::<Tag>(0)? == counter.account && row.at::<Tag>(1)? == counter.address {
                    longest = longest.max(counter.rule.wait(Some(tally(row)?), now));
                }
            }
        }
        // Rounded up: who comes back then is let in.
        let seconds = u32::try_from(longest.as_secs()).unwrap_or(u32::MAX).saturating_add(1);
        Ok((!longest.is_zero()).then_some(seconds))
    }

    /// Only what is counted against the address, whatever the account.
    #[must_use]
    pub fn of_address(mut self) -> Self {
        self.0.retain(|counter| counter.account.is_empty());
        self
    }

    /// Counts one more failure.
    pub async fn count(&self, tx: &mut Tx) -> Result<()> {
        let now = tx.now();
        for Counter { account, address, rule } in &self.0 {
            let hold = params![account.clone(), address.clone(), now, now];
            let before = tally(&tx.one(HOLD, hold).await?)?;
            let next = rule.count((before.failures > 0).then_some(before), now);
            let params = params![account.clone(), address.clone(), next.failures, next.busy_until];
            tx.execute(COUNT, params).await?;
        }
        Ok(())
    }

    /// Forgets the failures of this account from this address, after a success. The wider budgets
    /// are not touched: a guesser's own account must not buy new guesses.
    pub async fn succeed(&self, tx: &mut Tx) -> Result<()> {
        for Counter { account, address, rule } in &self.0 {
            if matches!(rule, Rule::Growing { .. }) {
                tx.execute(FORGET_PAIR, params![account.clone(), address.clone()]).await?;
            }
        }
        Ok(())
    }
}

/// Forgets what nobody has added to for a day.
pub async fn forget_old(tx: &mut Tx) -> Result<u64> {
    let oldest = tx.now().saturating_sub(SignedDuration::from_hours(24)).unwrap_or(Timestamp::MIN);
    tx.execute(FORGET_OLD, params![oldest]).await
}

/// What counts as one address: an IPv4 address, or the /64 that one IPv6 customer has.
fn network(address: IpAddr) -> String {
    match address.to_canonical() {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            let [a, b, c, d, ..] = address.segments();
            format!("{a:x}:{b:x}:{c:x}:{d:x}::/64")
        }
    }
}

fn tally(row: &Row) -> Result<Tally> {
    Ok(Tally { failures: row.at(2)?, busy_until: row.at(3)? })
}

#[cfg(test)]
mod tests {
    use super::network;

    #[test]
    fn an_ipv6_customer_is_one_address() {
        let of = |text: &str| network(text.parse().unwrap());
        assert_eq!(of("2001:db8:1:2:3:4:5:6"), of("2001:db8:1:2:ffff::"));
        assert_ne!(of("2001:db8:1:2::1"), of("2001:db8:1:3::1"));
        assert_eq!(of("::ffff:192.0.2.1"), of("192.0.2.1"));
    }
}
