//! Hashing in a pool of its own size: it is slow by design, and must not starve what is quick.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use argon2::Params;
use hanse_runtime::BoxError;
use hanse_store::Ids;
use tokio::sync::Semaphore;

use super::{Plain, argon};
use crate::account::Account;
use crate::config::IdentityConfig;
use crate::mint::Proven;

/// Too many hashes wait already.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("too many password hashes are waiting")]
pub struct Busy;

/// Hashes and checks passwords.
#[derive(Clone)]
pub struct Passwords {
    params: Params,
    ids: Ids,
    admitted: Arc<Semaphore>,
    running: Arc<Semaphore>,
    dummy: Arc<str>,
    work: Arc<AtomicU64>,
}

impl Passwords {
    /// A pool with these parameters.
    ///
    /// # Errors
    /// Parameters that argon2 refuses.
    pub fn new(config: &IdentityConfig, ids: Ids) -> Result<Self, BoxError> {
        let (memory, passes) = (config.argon2_memory_kib, config.argon2_passes);
        let params = Params::new(memory, passes, config.argon2_lanes, None)?;
        let parallel = match config.hash_parallel {
            0 => std::thread::available_parallelism().map_or(1, std::num::NonZero::get),
            some => some as usize,
        };
        let salt: [u8; 16] = ids.random();
        let dummy = argon::unknown(&params, &salt, ids.random()).ok_or(Busy)?;
        Ok(Self {
            params,
            ids,
            admitted: Arc::new(Semaphore::new(parallel + config.hash_queue as usize)),
            running: Arc::new(Semaphore::new(parallel)),
            dummy: dummy.into(),
            work: Arc::default(),
        })
    }

    /// How many hashes were computed: two answers that must not be told apart add the same.
    #[must_use]
    pub fn work(&self) -> u64 {
        self.work.load(Ordering::Relaxed)
    }

    /// The PHC string of a new password.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn hash(&self, password: &Plain) -> Result<String, Busy> {
        let (params, salt) = (self.params.clone(), self.ids.random::<16>());
        let password = password.clone();
        self.run(move || argon::hash(&params, password.bytes(), &salt))
            .await?
            // Lengths are fixed and valid, and so are the parameters: memory is short.
            .ok_or(Busy)
    }

    /// Is this the account's password? For asking that a new one be another.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn is(&self, account: &Account, password: &Plain) -> Result<bool, Busy> {
        let (stored, plain) = (account.password.clone(), password.clone());
        self.run(move || super::fits(&stored, plain.bytes())).await
    }

    /// Checks a password against an account. `None` when there is no such account, the password is
    /// another, or the account is disabled: the same work in each case.
    ///
    /// # Errors
    /// [`Busy`].
    pub async fn prove(
        &self,
        account: Option<&Account>,
        password: &Plain,
    ) -> Result<Option<Proven>, Busy> {
        // An account without a password costs as much as one with another.
        let with = account.filter(|account| !account.password.is_empty());
        let stored = with.map_or_else(|| self.dummy.to_string(), |a| a.password.clone());
        let (phc, plain) = (stored.clone(), password.clone());
        let fits = self.run(move || super::fits(&phc, plain.bytes())).await?;
        let Some(account) = with.filter(|account| fits && !account.disabled) else {
            return Ok(None);
        };
        let rehashed = if argon::is_current(&self.params, &stored) {
            None
        } else {
            Some(self.hash(password).await?)
        };
        Ok(Some(Proven::by_password(account.id, &stored, rehashed)))
    }

    /// Runs one hash on a blocking thread. The permits travel with it, so that a client who hangs up
    /// does not make room for more than there is.
    async fn run<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> T + Send + 'static,
    ) -> Result<T, Busy> {
        let admitted = Arc::clone(&self.admitted).try_acquire_owned().map_err(|_| Busy)?;
        let running = Arc::clone(&self.running).acquire_owned().await.map_err(|_| Busy)?;
        self.work.fetch_add(1, Ordering::Relaxed);
        tokio::task::spawn_blocking(move || {
            let result = work();
            drop((admitted, running));
            result
        })
        .await
        .map_err(|_| Busy)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::account::tests::account;
    use hanse_store::Clock;

    fn passwords(config: &IdentityConfig) -> Passwords {
        Passwords::new(config, Ids::system(Clock::system())).unwrap()
    }

    /// AUTN-01: unknown, wrong and disabled cost the same work.
    #[tokio::test]
    async fn failures_cost_one_hash_each() {
        let pool = passwords(&IdentityConfig::for_tests());
        let right = Plain::new("correct horse battery");
        let mut anna = account();
        anna.password = pool.hash(&right).await.unwrap();
        let mut disabled = anna.clone();
        disabled.disabled = true;
        let wrong = Plain::new("another horse battery");
        for (who, typed) in [(None, &right), (Some(&anna), &wrong), (Some(&disabled), &right)] {
            let before = pool.work();
            assert!(pool.prove(who, typed).await.unwrap().is_none());
            assert_eq!(pool.work() - before, 1);
        }
        assert!(pool.prove(Some(&anna), &right).await.unwrap().is_some());
    }

    /// AUTN-05: argon2id with the configured parameters, and a rehash when they change.
    #[tokio::test]
    async fn hashes_say_their_parameters_and_are_renewed() {
        let old = passwords(&IdentityConfig::for_tests());
        let new = passwords(&IdentityConfig::default());
        let typed = Plain::new("correct horse battery");
        let mut anna = account();
        anna.password = old.hash(&typed).await.unwrap();
        let proven = new.prove(Some(&anna), &typed).await.unwrap().unwrap();
        let rehashed = proven.rehashed().unwrap().to_owned();
        assert!(rehashed.starts_with("$argon2id$v=19$m=19456,t=2,p=1$"), "{rehashed}");
        anna.password = rehashed;
        assert!(new.prove(Some(&anna), &typed).await.unwrap().unwrap().rehashed().is_none());
    }

    /// The queue is bounded: what does not fit is told so at once.
    #[tokio::test]
    async fn a_full_queue_refuses() {
        let config =
            IdentityConfig { hash_parallel: 1, hash_queue: 1, ..IdentityConfig::for_tests() };
        let pool = passwords(&config);
        let typed = Plain::new("correct horse battery");
        let (a, b, c) = tokio::join!(pool.hash(&typed), pool.hash(&typed), pool.hash(&typed));
        assert_eq!([a.is_ok(), b.is_ok(), c.is_ok()], [true, true, false]);
    }

    /// The memory of forty hashes is not kept: one heap per thread would keep hundreds of MiB.
    #[tokio::test(flavor = "multi_thread")]
    async fn memory_goes_back_to_the_system() {
        let pool = passwords(&IdentityConfig::default());
        let mut hashing = tokio::task::JoinSet::new();
        for _ in 0..40 {
            let pool = pool.clone();
            hashing.spawn(async move { pool.hash(&Plain::new("correct horse")).await });
        }
        assert!(hashing.join_all().await.iter().all(Result::is_ok));
        let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
        let resident = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
        let kib = resident.and_then(|text| text.trim().trim_end_matches(" kB").parse().ok());
        assert!(kib.is_none_or(|kib: u64| kib < 150 * 1024), "{kib:?} KiB");
    }
}
