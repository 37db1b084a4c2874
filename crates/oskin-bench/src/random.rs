//! Draws that depend on the seed and nothing else, not even on the libraries of the machine.

use xxhash_rust::xxh3::xxh3_64_with_seed;

/// The generator `SplitMix64` (Steele, Lea, Flood 2014): small, and good enough for modelling.
#[derive(Clone, Debug)]
pub struct Random(u64);

impl Random {
    /// Starts from a seed.
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub const fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }

    /// A number below `bound`; 0 if that is 0.
    pub fn below(&mut self, bound: usize) -> usize {
        let product = u128::from(self.number()) * bound as u128;
        usize::try_from(product >> 64).unwrap_or_default()
    }

    /// A number of `from..=to`.
    pub fn between(&mut self, from: usize, to: usize) -> usize {
        from + self.below(to.saturating_sub(from) + 1)
    }

    /// A number of `[0, 1)`.
    pub fn unit(&mut self) -> f64 {
        (self.number() >> 11) as f64 / (1_u64 << 53) as f64
    }

    /// Whether something happens that has this many chances of a hundred.
    pub fn percent(&mut self, chances: usize) -> bool {
        self.below(100) < chances
    }

    /// One of the items, `None` if there are none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        items.get(self.below(items.len()))
    }

    /// A rank below `count` by Zipf's law: rank r is drawn with a weight of 1 / (r + 1).
    pub fn zipf(&mut self, count: usize) -> usize {
        let total: f64 = (1..=count).map(|rank| 1.0 / rank as f64).sum();
        let mut left = self.unit() * total;
        for rank in 0..count {
            left -= 1.0 / (rank + 1) as f64;
            if left < 0.0 {
                return rank;
            }
        }
        count.saturating_sub(1)
    }

    /// A size that is nearly log-normal, with the given median.
    ///
    /// `spread` is the standard deviation of the logarithm to base 2, in hundredths. Integers
    /// alone, because `exp` and `ln` differ in the last bit between systems.
    pub fn log_normal(&mut self, median: u64, spread: i64, most: usize) -> usize {
        // The sum of twelve uniform numbers has variance 1 (Irwin and Hall); 16 bits are a one.
        let sum: u64 = (0..12).map(|_| self.number() >> 48).sum();
        let normal = i64::try_from(sum).unwrap_or_default() - (6 << 16);
        let exponent = normal * spread / 100;
        let (whole, part) = (exponent >> 16, exponent.rem_euclid(1 << 16));
        let scaled = median * ((1 << 16) + part.unsigned_abs());
        let shift = 16 - whole.clamp(-40, 16);
        usize::try_from(scaled >> shift).map_or(most, |size| size.min(most))
    }
}

/// A fixed number of a text, for choices that must be the same for all images.
pub fn hash(text: &[u8], salt: u64) -> u64 {
    xxh3_64_with_seed(text, salt)
}

/// Draws indexes with given weights.
#[derive(Clone, Debug, Default)]
pub struct Weighted {
    sums: Vec<f64>,
}

impl Weighted {
    /// Takes the weights of the indexes, none of them negative.
    pub fn new(weights: impl IntoIterator<Item = f64>) -> Self {
        let mut sum = 0.0;
        let add = |weight: f64| {
            sum += weight;
            sum
        };
        Self { sums: weights.into_iter().map(add).collect() }
    }

    /// An index; 0 if there are none.
    pub fn draw(&self, random: &mut Random) -> usize {
        let at = random.unit() * self.sums.last().copied().unwrap_or_default();
        self.sums.partition_point(|sum| *sum <= at).min(self.sums.len().saturating_sub(1))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn draws_have_the_distribution_they_claim() {
        let mut random = Random::new(1);
        let mut sizes: Vec<usize> =
            (0..9_999).map(|_| random.log_normal(150, 170, 5_000)).collect();
        sizes.sort_unstable();
        assert!((140..160).contains(&sizes[4_999]), "{}", sizes[4_999]);
        // One standard deviation is a factor of 2 to the power of 1.7.
        assert!((440..530).contains(&sizes[8_413]), "{}", sizes[8_413]);
        assert!((40..52).contains(&sizes[1_586]), "{}", sizes[1_586]);
        assert_eq!(sizes[9_998], 5_000);
        let weighted = Weighted::new([1.0, 0.0, 3.0]);
        let mut counts = [0; 3];
        (0..10_000).for_each(|_| counts[weighted.draw(&mut random)] += 1);
        assert_eq!(counts[1], 0);
        assert!((7_200..7_800).contains(&counts[2]), "{counts:?}");
        let firsts = (0..10_000).filter(|_| random.zipf(4) == 0).count();
        assert!((4_500..5_100).contains(&firsts), "{firsts} of 4800");
        assert!((0..1_000).all(|_| (3..=5).contains(&random.between(3, 5))));
    }
}
