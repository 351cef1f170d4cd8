//! How many retries there may be: a share of the requests, so that retries never multiply a load
//! that is too high already (NET-05).

use std::sync::atomic::{AtomicU64, Ordering::Relaxed};

/// One retry, in the unit of the balance.
const RETRY: u64 = 100;
/// Most that is saved up, in retries.
const SAVED: u64 = 50;

/// Each request pays in its share, each retry takes one out.
pub(crate) struct Budget {
    percent: u64,
    most: u64,
    balance: AtomicU64,
}

impl Budget {
    pub(crate) fn new(percent: u32, floor: u32) -> Self {
        let floor = u64::from(floor) * RETRY;
        Self {
            percent: percent.into(),
            most: floor.max(SAVED * RETRY),
            balance: AtomicU64::new(floor),
        }
    }

    /// A request is sent for the first time.
    pub(crate) fn pay_in(&self) {
        if self.balance.load(Relaxed) < self.most {
            self.balance.fetch_add(self.percent, Relaxed);
        }
    }

    /// May a request be sent again?
    pub(crate) fn take(&self) -> bool {
        self.balance.fetch_update(Relaxed, Relaxed, |left| left.checked_sub(RETRY)).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn retries_are_a_tenth_of_the_requests_and_the_floor() {
        let budget = Budget::new(10, 3);
        let retries = (0..1_000).filter(|_| {
            budget.pay_in();
            budget.take()
        });
        assert_eq!(retries.count(), 103);
    }

    #[test]
    fn what_is_saved_up_is_bounded() {
        let budget = Budget::new(10, 3);
        (0..100_000).for_each(|_| budget.pay_in());
        assert_eq!((0..1_000).filter(|_| budget.take()).count(), SAVED as usize);
    }
}
