//! How often somebody may try: bad tokens by the address that they come from, requests by the
//! token that they carry. Both tables are bounded; an attacker who fills one makes it forget, and
//! is then as free as before the first try, never freer.

use std::hash::Hash;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use rustc_hash::FxHashMap;

/// Peers or tokens of which a table keeps count in one window.
const ENTRIES_MAX: usize = 10_000;
/// A token that was good so lately is let in from a peer that is locked out.
const LATELY_SECONDS: u64 = 900;

/// How often what may be done.
#[derive(Clone, Copy, Debug)]
pub struct Rates {
    /// Bad tokens from one address in a window before it is locked out; 0 = any number.
    pub bad_tokens_max: u32,
    /// The window.
    pub window: Duration,
    /// Requests of one token in a second, over ten seconds; 0 = any number.
    pub requests_per_second_max: u32,
}

impl Default for Rates {
    fn default() -> Self {
        let window = Duration::from_secs(60);
        Self { bad_tokens_max: 20, window, requests_per_second_max: 0 }
    }
}

/// Who tried what, lately.
pub struct Attempts {
    rates: Rates,
    bad: Mutex<Windows<IpAddr>>,
    requests: Mutex<Windows<String>>,
    good: Mutex<Windows<String>>,
}

/// Requests are counted over so long, so that a burst is no offence.
const REQUESTS_WINDOW: Duration = Duration::from_secs(10);

impl Attempts {
    /// Nobody has tried anything.
    pub fn new(rates: Rates) -> Self {
        Self {
            rates,
            bad: Mutex::new(Windows::new(rates.window)),
            requests: Mutex::new(Windows::new(REQUESTS_WINDOW)),
            good: Mutex::new(Windows::new(Duration::from_secs(LATELY_SECONDS))),
        }
    }

    /// Seconds for which a peer is locked out; none when it is not.
    pub fn locked_out(&self, peer: IpAddr) -> Option<u32> {
        let max = self.rates.bad_tokens_max;
        if max == 0 {
            return None;
        }
        lock(&self.bad).wait_for(&network(peer), max)
    }

    /// Counts a bad token.
    pub fn count_bad(&self, peer: IpAddr) {
        lock(&self.bad).add(network(peer));
    }

    /// Counts a request with a good token; seconds to wait when it was one too many.
    pub fn count_request(&self, grant: &str) -> Option<u32> {
        let max = self.rates.requests_per_second_max;
        if max == 0 {
            return None;
        }
        let max = max.saturating_mul(10);
        let mut requests = lock(&self.requests);
        let wait = requests.wait_for(grant, max);
        if wait.is_none() {
            requests.add(grant.to_owned());
        }
        wait
    }

    /// Remembers that a token was good.
    pub fn count_good(&self, grant: &str) {
        let mut good = lock(&self.good);
        if good.now(grant) == 0 {
            good.add(grant.to_owned());
        }
    }

    /// Whether a token was good lately.
    pub fn was_good(&self, grant: &str) -> bool {
        lock(&self.good).wait_for(grant, 1).is_some()
    }
}

/// Whoever has an IPv6 address has 2^64 of them.
fn network(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => {
            IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX)))
        }
        address => address,
    }
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Counts of this window and the one before. When the time is over, or the table full, the older
/// half is dropped: no entry is ever looked for to be thrown away.
struct Windows<K> {
    length: Duration,
    begun: Instant,
    current: FxHashMap<K, u32>,
    previous: FxHashMap<K, u32>,
}

impl<K: Hash + Eq> Windows<K> {
    fn new(length: Duration) -> Self {
        let (current, previous) = (FxHashMap::default(), FxHashMap::default());
        Self { length, begun: Instant::now(), current, previous }
    }

    fn turn(&mut self) {
        let age = self.begun.elapsed();
        if age < self.length && self.current.len() < ENTRIES_MAX {
            return;
        }
        self.begun = Instant::now();
        self.previous = std::mem::take(&mut self.current);
        if age >= self.length * 2 {
            self.previous = FxHashMap::default();
        }
    }

    fn add(&mut self, key: K) {
        self.turn();
        let count = self.current.entry(key).or_default();
        *count = count.saturating_add(1);
    }

    /// The count of this window.
    fn now<Q: Hash + Eq + ?Sized>(&mut self, key: &Q) -> u32
    where
        K: std::borrow::Borrow<Q>,
    {
        self.turn();
        self.current.get(key).copied().unwrap_or(0)
    }

    /// Seconds until fewer than `max` are counted; none when it is so now.
    fn wait_for<Q: Hash + Eq + ?Sized>(&mut self, key: &Q, max: u32) -> Option<u32>
    where
        K: std::borrow::Borrow<Q>,
    {
        let now = self.now(key);
        let before = self.previous.get(key).copied().unwrap_or(0);
        if now.saturating_add(before) < max {
            return None;
        }
        let left = self.length.saturating_sub(self.begun.elapsed());
        let wait = if now < max { left } else { left + self.length };
        Some(u32::try_from(wait.as_secs()).unwrap_or(u32::MAX).saturating_add(1))
    }
}
