//! Slowing down whoever guesses passwords.
//!
//! Failures are counted for each account together with the address they come from, and for each address alone. An
//! account is never locked for everybody: its owner signs in from another address while somebody guesses. An attempt
//! counts as failed from its beginning and is forgiven when it succeeds, so that attempts at the same moment cannot slip
//! through between check and count. Everything is bounded; what is forgotten first is what was not used for longest.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use moka::sync::Cache;
use parking_lot::Mutex;
use tokio::time::Instant;

/// Failures of one account from one address that are free.
const FREE_PER_ACCOUNT: u32 = 5;
/// Failures from one address that are free, whatever the account: several people may share one.
const FREE_PER_ADDRESS: u32 = 20;
/// The first lock; each further failure doubles it.
const LOCK_MIN: Duration = Duration::from_secs(30);
/// The longest lock.
const LOCK_MAX: Duration = Duration::from_mins(15);
/// After this long without an attempt, failures are forgotten.
const FORGET_AFTER: Duration = Duration::from_hours(1);
/// Counters that are kept.
const COUNTERS_MAX: u64 = 50_000;

/// Counts failed attempts to sign in.
#[derive(Clone, Debug)]
pub struct LoginThrottle {
    by_account: Cache<(String, IpAddr), Counter>,
    by_address: Cache<IpAddr, Counter>,
}

type Counter = Arc<Mutex<Failures>>;

#[derive(Clone, Copy, Debug)]
struct Failures {
    count: u32,
    last: Instant,
    locked_until: Option<Instant>,
}

impl Failures {
    fn none() -> Counter {
        Arc::new(Mutex::new(Self { count: 0, last: Instant::now(), locked_until: None }))
    }

    fn wait(&mut self, now: Instant) -> Option<Duration> {
        if now.saturating_duration_since(self.last) >= FORGET_AFTER {
            (self.count, self.locked_until) = (0, None);
        }
        self.locked_until.map(|until| until.saturating_duration_since(now)).filter(|wait| !wait.is_zero())
    }

    fn add(&mut self, now: Instant, free: u32) {
        self.count = self.count.saturating_add(1);
        self.last = now;
        if let Some(doublings) = self.count.checked_sub(free) {
            let lock = LOCK_MIN.saturating_mul(2_u32.saturating_pow(doublings.min(16)));
            self.locked_until = Some(now + lock.min(LOCK_MAX));
        }
    }

    fn take_back(&mut self) {
        self.count = self.count.saturating_sub(1);
        self.locked_until = None;
    }
}

impl Default for LoginThrottle {
    fn default() -> Self {
        Self::new()
    }
}

impl LoginThrottle {
    /// A throttle that has seen nothing.
    pub fn new() -> Self {
        Self { by_account: bounded_cache(), by_address: bounded_cache() }
    }

    /// Begins an attempt, which counts as failed until [`Self::succeeded`] or [`Self::undecided`].
    ///
    /// # Errors
    ///
    /// How long to wait before the next attempt is looked at. Refused attempts do not count.
    pub fn begin(&self, account: &str, address: IpAddr) -> Result<(), Duration> {
        let (pair, alone) = self.counters(account, address);
        let now = Instant::now();
        // Always in this order, so that two attempts cannot wait for each other.
        let (mut pair, mut alone) = (pair.lock(), alone.lock());
        if let Some(wait) = pair.wait(now).max(alone.wait(now)) {
            return Err(wait);
        }
        pair.add(now, FREE_PER_ACCOUNT);
        alone.add(now, FREE_PER_ADDRESS);
        Ok(())
    }

    /// The attempt had the right password: the account's failures from this address are forgotten.
    pub fn succeeded(&self, account: &str, address: IpAddr) {
        let (_, alone) = self.counters(account, address);
        alone.lock().take_back();
        self.by_account.invalidate(&key(account, address));
    }

    /// The attempt could not be decided, because of a fault that is not the caller's.
    pub fn undecided(&self, account: &str, address: IpAddr) {
        let (pair, alone) = self.counters(account, address);
        pair.lock().take_back();
        alone.lock().take_back();
    }

    fn counters(&self, account: &str, address: IpAddr) -> (Counter, Counter) {
        let pair = self.by_account.get_with(key(account, address), Failures::none);
        (pair, self.by_address.get_with(address, Failures::none))
    }
}

/// Names that are not even names share one counter per address, so that they do not fill the cache.
fn key(account: &str, address: IpAddr) -> (String, IpAddr) {
    (super::check_username(account).map(str::to_ascii_lowercase).unwrap_or_default(), address)
}

fn bounded_cache<Key>() -> Cache<Key, Counter>
where
    Key: std::hash::Hash + Eq + Send + Sync + 'static,
{
    Cache::builder().max_capacity(COUNTERS_MAX).time_to_idle(FORGET_AFTER).build()
}

#[cfg(test)]
mod tests {
    use std::net::Ipv4Addr;

    use tokio::time::advance;

    use super::*;

    const HERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 1));
    const THERE: IpAddr = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 2));

    fn fail(throttle: &LoginThrottle, times: u32) {
        for _ in 0..times {
            assert_eq!(throttle.begin("ada", HERE), Ok(()));
        }
    }

    #[tokio::test(start_paused = true)]
    async fn locks_after_five_failures_and_doubles() {
        let throttle = LoginThrottle::new();
        fail(&throttle, 5);
        assert_eq!(throttle.begin("ada", HERE), Err(Duration::from_secs(30)));
        assert_eq!(throttle.begin("ADA ", HERE), Err(Duration::from_secs(30)));
        advance(Duration::from_secs(30)).await;
        fail(&throttle, 1);
        assert_eq!(throttle.begin("ada", HERE), Err(Duration::from_mins(1)));
    }

    #[tokio::test(start_paused = true)]
    async fn never_locks_for_longer_than_a_quarter_of_an_hour() {
        let throttle = LoginThrottle::new();
        for _ in 0..40 {
            let wait = throttle.begin("ada", HERE).err().unwrap_or_default();
            assert!(wait <= LOCK_MAX);
            advance(wait).await;
        }
        fail(&throttle, 1);
        assert_eq!(throttle.begin("ada", HERE), Err(LOCK_MAX));
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_lock_the_owner_at_another_address() {
        let throttle = LoginThrottle::new();
        fail(&throttle, 5);
        assert_eq!(throttle.begin("ada", THERE), Ok(()));
    }

    #[tokio::test(start_paused = true)]
    async fn locks_an_address_that_tries_many_accounts() {
        let throttle = LoginThrottle::new();
        for number in 0..20 {
            assert_eq!(throttle.begin(&format!("user{number}"), HERE), Ok(()));
        }
        assert_eq!(throttle.begin("another", HERE), Err(Duration::from_secs(30)));
    }

    #[tokio::test(start_paused = true)]
    async fn forgets_failures_after_success() {
        let throttle = LoginThrottle::new();
        fail(&throttle, 4);
        throttle.succeeded("ada", HERE);
        fail(&throttle, 5);
        assert!(throttle.begin("ada", HERE).is_err());
    }

    #[tokio::test(start_paused = true)]
    async fn does_not_count_what_could_not_be_decided() {
        let throttle = LoginThrottle::new();
        for _ in 0..50 {
            assert_eq!(throttle.begin("ada", HERE), Ok(()));
            throttle.undecided("ada", HERE);
        }
    }
}
