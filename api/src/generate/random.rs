//! The generator's own source of chance: SplitMix64, integers only, so that a seed gives the same
//! county on every machine and in every version.

/// A seeded stream of numbers.
pub(super) struct Random(u64);

impl Random {
    /// The stream of a seed.
    pub(super) fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
        mixed ^ (mixed >> 31)
    }

    /// A number from 0 to `bound - 1`; 0 when `bound` is 0.
    pub(super) fn below(&mut self, bound: u32) -> u32 {
        (((self.next() >> 32) * u64::from(bound)) >> 32) as u32
    }

    /// A number from `low` to `high`, both included; `low` when the two are the wrong way round.
    pub(super) fn between(&mut self, low: i32, high: i32) -> i32 {
        low + self.below((high - low + 1).max(1) as u32) as i32
    }

    /// True `share` times in ten thousand.
    pub(super) fn chance(&mut self, share_per_10k: u32) -> bool {
        self.below(10_000) < share_per_10k
    }

    /// One of several, each as often as the others.
    pub(super) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len() as u32) as usize]
    }

    /// One of several, each as often as its weight says.
    pub(super) fn weighted<T: Copy>(&mut self, from: &[(u32, T)]) -> T {
        let mut left = self.below(from.iter().map(|(weight, _)| weight).sum());
        for (weight, value) in from {
            match left.checked_sub(*weight) {
                Some(rest) => left = rest,
                None => return *value,
            }
        }
        from[from.len() - 1].1
    }

    /// How many of something happen today that happens `rate_per_1000` times a year to a thousand.
    pub(super) fn today(&mut self, rate_per_1000: f64, people: u32) -> u32 {
        let millionths = (rate_per_1000 * f64::from(people) * 1000.0 / 365.0) as u64;
        let rest = u32::try_from(millionths % 1_000_000).unwrap_or_default();
        (millionths / 1_000_000) as u32 + u32::from(self.below(1_000_000) < rest)
    }
}
