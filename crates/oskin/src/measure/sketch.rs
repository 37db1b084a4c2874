//! Bottom-k sketches: how alike two sets are, estimated from a few hashes of each, for sets that
//! cannot be had whole.
//!
//! A sketch is the exact size of a set and the `k` smallest hashes of its paths (Broder, *On the
//! resemblance and containment of documents*, SEQUENCES 1997; Bar-Yossef et al., *Counting distinct
//! elements in a data stream*, RANDOM 2002; Beyer et al., *On synopses for distinct-value estimation
//! under multiset operations*, SIGMOD 2007). A set of at most `k` paths is its own sketch, whole.
//!
//! Of two sketches all hashes up to the smaller of their largest ones are known on both sides, so
//! that each path of the union is in the sample with the same chance `p`, that threshold as a share
//! of all hashes. With the sizes `a` and `b` exact, only the number `c` of common paths is unknown,
//! and what the sample shows (`x` common, `l` only left, `r` only right) has the likelihood
//!
//! ```text
//! C(c, x) C(a-c, l) C(b-c, r) p^(x+l+r) (1-p)^(a+b-c-x-l-r)
//! ```
//!
//! which is log-concave in `c`. Its maximum is the estimate. It uses more than the resemblance of
//! the union's sketch, `J / (1+J) * (a+b)`, does: that a small set lies wholly in a large one is
//! seen from the small one, however little of the large one is in the sample. The interval holds
//! every `c` that is less than 2.5 standard errors away, by the ratio of the likelihoods.

use super::set::Measure;
use crate::path_set::Overlap;
use sha2::{Digest as _, Sha256};

/// How many hashes a sketch keeps unless told otherwise. docs/performance.md has the errors that
/// this and other sizes come with.
pub const DEFAULT_HASHES: usize = 1024;

/// The most hashes that a sketch may keep.
pub const MAX_HASHES: usize = 65_536;

/// The share of pairs, at least, whose true count lies within the bounds of an estimate.
///
/// For few differing paths in the sample (Poisson) 2.5 standard errors hold 95.1 % in the worst
/// case, for many (normal) 98.8 %; 1.96 would hold 84 % where siblings are told apart.
pub const CONFIDENCE: f64 = 0.95;

/// Half of 2.5 squared: how much less the logarithm of the likelihood may be within the bounds.
const LIKELIHOOD_DROP: f64 = 3.125;

/// The hash of a path: the first 8 bytes of the sha256 of its normal form, big endian.
///
/// It is the same on every machine and in every version; sketches of different catalogs compare
/// because of that. `path` must be in normal form (see [`crate::path`]).
///
/// ```
/// assert_eq!(oskin::measure::path_hash(b"etc/passwd"), 0xaf89_6a5f_354b_5297);
/// ```
pub fn path_hash(path: &[u8]) -> u64 {
    let digest: [u8; 32] = Sha256::digest(path).into();
    let mut first = [0; 8];
    first.copy_from_slice(&digest[..8]);
    u64::from_be_bytes(first)
}

/// What is kept of a set: its size and the smallest hashes of its paths.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sketch {
    paths: u64,
    // Invariant: ascending, not more than `paths`, `paths` fits 32 bits. Paths whose hashes collide
    // keep one each, so that a sketch with as many hashes as paths is whole.
    hashes: Vec<u64>,
}

impl Sketch {
    /// The sketch of a set, given the hash of each of its paths; keeps the `k` smallest of them, at
    /// least one.
    ///
    /// A `k` of `usize::MAX` keeps the set whole. O(n + k log k).
    ///
    /// ```
    /// use oskin::measure::{Sketch, path_hash};
    ///
    /// let paths: [&[u8]; 3] = [b"etc", b"etc/passwd", b"usr"];
    /// let sketch = Sketch::new(paths.map(path_hash).to_vec(), 2);
    /// assert_eq!((sketch.paths(), sketch.hashes().len(), sketch.is_whole()), (3, 2, false));
    /// ```
    pub fn new(mut hashes: Vec<u64>, k: usize) -> Self {
        let paths = hashes.len() as u64;
        // With none kept of some, nothing would tell such a sketch from a whole one.
        let k = k.max(1);
        if k < hashes.len() {
            hashes.select_nth_unstable(k);
            hashes.truncate(k);
        }
        hashes.sort_unstable();
        Self { paths, hashes }
    }

    /// Takes a size and ascending hashes; `None` if they do not ascend, are more than the paths, are
    /// none of some, or if the paths do not fit 32 bits.
    pub fn from_parts(paths: u64, hashes: Vec<u64>) -> Option<Self> {
        let fits = u32::try_from(paths).is_ok() && hashes.len() as u64 <= paths;
        let tells = paths == 0 || !hashes.is_empty();
        (fits && tells && hashes.is_sorted()).then_some(Self { paths, hashes })
    }

    /// How many paths the set holds; exact.
    pub const fn paths(&self) -> u64 {
        self.paths
    }

    /// The kept hashes, ascending.
    pub fn hashes(&self) -> &[u64] {
        &self.hashes
    }

    /// Whether the hashes of all paths are kept.
    pub const fn is_whole(&self) -> bool {
        self.hashes.len() as u64 == self.paths
    }

    /// The largest hash up to which all are known; `None` if all are, whatever their size.
    fn threshold(&self) -> Option<u64> {
        if self.is_whole() { None } else { self.hashes.last().copied() }
    }

    /// Estimates what two sets share; exact if both sketches are whole. The sketches may keep
    /// different numbers of hashes. O(k of both).
    pub fn estimate(&self, other: &Self) -> Estimate {
        let (threshold, left, right) = self.sampled(other);
        Estimate::of(self, other, (threshold, left, right), common(left, right))
    }

    /// The threshold of two sketches, and the hashes of both up to it.
    fn sampled<'a>(&'a self, other: &'a Self) -> (Option<u64>, &'a [u64], &'a [u64]) {
        let both = [self.threshold(), other.threshold()];
        let threshold = both.into_iter().flatten().min();
        (threshold, up_to(&self.hashes, threshold), up_to(&other.hashes, threshold))
    }
}

/// The hashes that are not above a threshold.
fn up_to(hashes: &[u64], threshold: Option<u64>) -> &[u64] {
    let end = threshold
        .map_or(hashes.len(), |threshold| hashes.partition_point(|hash| *hash <= threshold));
    &hashes[..end]
}

/// How many hashes two ascending lists share.
fn common(left: &[u64], right: &[u64]) -> u64 {
    let (mut i, mut j, mut common) = (0, 0, 0);
    while let (Some(a), Some(b)) = (left.get(i), right.get(j)) {
        // Hashes are random, so a branch on them would be guessed wrong every other time.
        common += u64::from(a == b);
        i += usize::from(a <= b);
        j += usize::from(b <= a);
    }
    common
}

/// A sketch made ready to be held against very many others.
#[derive(Clone, Debug)]
pub struct Probe {
    sketch: Sketch,
    // Where the hashes with the same leading bits begin; about one hash for each.
    starts: Vec<u32>,
    shift: u32,
}

impl Probe {
    /// Prepares a sketch; best a whole one, which makes the estimates better. Takes 4 to 8 bytes of
    /// memory for each hash beside the hash. O(hashes).
    pub fn new(sketch: Sketch) -> Self {
        let bits = (sketch.hashes.len() as u64 + 1).next_power_of_two().trailing_zeros().max(1);
        let shift = u64::BITS - bits;
        let mut starts = vec![0_u32; (1_usize << bits) + 1];
        for hash in &sketch.hashes {
            starts[bucket_of(*hash, shift) + 1] += 1;
        }
        for at in 1..starts.len() {
            starts[at] += starts[at - 1];
        }
        Self { sketch, starts, shift }
    }

    /// The sketch.
    pub const fn sketch(&self) -> &Sketch {
        &self.sketch
    }

    /// As [`Sketch::estimate`], this one left. O(k of the other), whatever the size of this one.
    pub fn estimate(&self, other: &Sketch) -> Estimate {
        let (threshold, left, right) = self.sketch.sampled(other);
        Estimate::of(&self.sketch, other, (threshold, left, right), self.common(right))
    }

    fn common(&self, others: &[u64]) -> u64 {
        let mut common = 0;
        let mut before = None;
        let mut repeated = 0;
        for hash in others {
            repeated = if before == Some(*hash) { repeated + 1 } else { 0 };
            before = Some(*hash);
            let bucket = bucket_of(*hash, self.shift);
            let range = self.starts[bucket] as usize..self.starts[bucket + 1] as usize;
            let same = self.sketch.hashes[range].iter().filter(|own| *own == hash).count();
            common += u64::from(same > repeated);
        }
        common
    }
}

/// The leading bits of a hash; no more than there are hashes in memory, so they fit.
fn bucket_of(hash: u64, shift: u32) -> usize {
    usize::try_from(hash >> shift).unwrap_or_default()
}

/// What two sets share, as far as their sketches tell.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Estimate {
    left: u64,
    right: u64,
    common: u64,
    sample: Option<Sample>,
}

/// The paths of a union whose hashes are below a threshold: each is one with the same chance.
#[derive(Clone, Copy, Debug, PartialEq)]
struct Sample {
    common: u64,
    left_only: u64,
    right_only: u64,
    // The chance of a path not to be in the sample, above 0.
    missed: f64,
}

impl Estimate {
    fn of(
        left: &Sketch,
        right: &Sketch,
        (threshold, left_sample, right_sample): (Option<u64>, &[u64], &[u64]),
        common: u64,
    ) -> Self {
        let (left, right) = (left.paths, right.paths);
        let Some(threshold) = threshold else {
            return Self { left, right, common, sample: None };
        };
        let sample = Sample {
            common,
            left_only: left_sample.len() as u64 - common,
            right_only: right_sample.len() as u64 - common,
            missed: ((u64::MAX - threshold) as f64 + 0.5) / 2_f64.powi(64),
        };
        Self { left, right, common: sample.likeliest(left, right), sample: Some(sample) }
    }

    /// Whether both sketches were whole, so that the counts are exact.
    pub const fn is_exact(&self) -> bool {
        self.sample.is_none()
    }

    /// The counts: the sizes exact, the common paths the likeliest number, or exact too.
    pub const fn overlap(&self) -> Overlap {
        self.overlap_of(self.common)
    }

    /// The least and the largest overlap that what was seen speaks for: with a probability of at
    /// least [`CONFIDENCE`] over the hashes of the paths, the true one is neither below the first
    /// nor above the second. Both are the overlap itself if it is exact. O(log size).
    pub fn bounds(&self) -> (Overlap, Overlap) {
        let (low, high) = self.sample.map_or((self.common, self.common), |sample| {
            sample.interval(self.left, self.right, self.common)
        });
        (self.overlap_of(low), self.overlap_of(high))
    }

    /// The largest value that a measure can take, given the sizes alone.
    pub fn most(measure: Measure, left: u64, right: u64) -> f64 {
        let common = left.min(right);
        measure.of(Overlap::of_sizes(common, left, right))
    }

    const fn overlap_of(&self, common: u64) -> Overlap {
        Overlap::of_sizes(common, self.left, self.right)
    }
}

impl Sample {
    /// The numbers of common paths that can be, given what was seen.
    fn possible(&self, left: u64, right: u64) -> (u64, u64) {
        (self.common, (left - self.left_only).min(right - self.right_only))
    }

    /// The number of common paths that makes what was seen likeliest.
    fn likeliest(&self, left: u64, right: u64) -> u64 {
        let (low, high) = self.possible(left, right);
        // The likelihood of c + 1 over that of c falls with c; where it is no more than 1, c is at
        // or behind the maximum.
        let falls = |c: u64| {
            let (left_rest, right_rest) = ((left - c) as f64, (right - c) as f64);
            let next = (c + 1) as f64
                * (left_rest - self.left_only as f64)
                * (right_rest - self.right_only as f64);
            let here = (c + 1 - self.common) as f64 * left_rest * right_rest * self.missed;
            next <= here
        };
        first(low, high, falls)
    }

    /// The numbers of common paths around the likeliest one that are not much less likely.
    fn interval(&self, left: u64, right: u64, likeliest: u64) -> (u64, u64) {
        let (low, high) = self.possible(left, right);
        let least = self.log_likelihood(left, right, likeliest) - LIKELIHOOD_DROP;
        let fits = |c: u64| self.log_likelihood(left, right, c) >= least;
        let lowest = first(low, likeliest, fits);
        // The first that does not fit any more lies behind the last that does.
        let beyond = first(likeliest, high + 1, |c| c > high || (c > likeliest && !fits(c)));
        (lowest, beyond.saturating_sub(1).max(likeliest))
    }

    /// The logarithm of the likelihood of so many common paths, without what does not depend on it.
    fn log_likelihood(&self, left: u64, right: u64, common: u64) -> f64 {
        let choose = |n: u64, seen: u64| log_factorial(n) - log_factorial(n - seen);
        choose(common, self.common)
            + choose(left - common, self.left_only)
            + choose(right - common, self.right_only)
            - common as f64 * self.missed.ln()
    }
}

/// The first number of `low..=high` for which `holds`, which holds for all behind it; `high` if none.
fn first(mut low: u64, mut high: u64, holds: impl Fn(u64) -> bool) -> u64 {
    while low < high {
        let middle = low + (high - low) / 2;
        if holds(middle) {
            high = middle;
        } else {
            low = middle + 1;
        }
    }
    low
}

/// The logarithm of `n!`, by Stirling's series beyond the smallest.
fn log_factorial(n: u64) -> f64 {
    if n < 16 {
        return (2..=n).map(|factor| factor as f64).product::<f64>().ln();
    }
    let x = n as f64;
    let series = (1.0 / 12.0 - (1.0 / 360.0 - 1.0 / (1260.0 * x * x)) / (x * x)) / x;
    x * x.ln() - x + 0.5 * (std::f64::consts::TAU * x).ln() + series
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Random numbers of a fixed seed (splitmix64).
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9E37_79B9_7F4A_7C15);
            let mut z = self.0;
            z = (z ^ (z >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
            z = (z ^ (z >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
            z ^ (z >> 31)
        }

        /// The sketches of two sets with so many paths in common, only left and only right.
        fn sketches(&mut self, overlap: Overlap, k: [usize; 2]) -> [Sketch; 2] {
            let mut draw = |count: u64| (0..count).map(|_| self.next()).collect::<Vec<_>>();
            let common = draw(overlap.common);
            let [left, right] = [draw(overlap.left_only), draw(overlap.right_only)];
            [
                Sketch::new([common.clone(), left].concat(), k[0]),
                Sketch::new([common, right].concat(), k[1]),
            ]
        }
    }

    const fn overlap(common: u64, left_only: u64, right_only: u64) -> Overlap {
        Overlap { common, left_only, right_only }
    }

    /// Twins, siblings, children, strangers, small ones, and ones hardly above the sketch.
    const PAIRS: [Overlap; 13] = [
        overlap(1000, 0, 0),
        overlap(1000, 1, 0),
        overlap(990, 10, 10),
        overlap(995, 0, 40),
        overlap(930, 70, 50),
        overlap(500, 500, 500),
        overlap(400, 0, 900),
        overlap(100, 40, 1000),
        overlap(20, 700, 900),
        overlap(0, 600, 700),
        overlap(60, 5, 6),
        overlap(50, 10, 900),
        // About three differing paths in the sample: the worst case of the interval.
        overlap(975, 25, 25),
    ];

    #[test]
    fn the_stated_share_of_intervals_holds_the_true_count() {
        const ROUNDS: u32 = 400;
        let mut random = Random(1);
        for truth in PAIRS {
            // Both sampled, and one of them whole, as the image that is asked for is.
            for k in [[64, 64], [usize::MAX, 64]] {
                let (mut held, mut sum) = (0, 0.0);
                for _ in 0..ROUNDS {
                    let [left, right] = random.sketches(truth, k);
                    let estimate = left.estimate(&right);
                    let (low, high) = estimate.bounds();
                    let found = estimate.overlap().common;
                    assert!(low.common <= found && found <= high.common);
                    held += u32::from(low.common <= truth.common && truth.common <= high.common);
                    sum += found as f64;
                }
                let share = f64::from(held) / f64::from(ROUNDS);
                assert!(share >= CONFIDENCE, "{truth:?}, {k:?}: {share}");
                // The estimate is nearly free of bias: within a few paths of a hundred.
                let bias = sum / f64::from(ROUNDS) - truth.common as f64;
                let allowed = 0.03 * truth.left().max(truth.right()) as f64;
                assert!(bias.abs() <= allowed, "{truth:?}, {k:?}: bias {bias}");
            }
        }
    }

    #[test]
    fn intervals_are_not_wider_than_they_must_be() {
        let mut random = Random(2);
        let [left, right] = random.sketches(overlap(50_000, 50_000, 50_000), [1024, 1024]);
        let (low, high) = left.estimate(&right).bounds();
        let width = Measure::Dice.of(high) - Measure::Dice.of(low);
        // A third of about 1,500 paths in the sample are common; for Dice of one half that is a standard
        // error of about 0.014, and five of them are 0.07.
        assert!(width > 0.05 && width < 0.12, "{width}");
        // A child wholly in a large parent is told from what the small one has in the sample.
        let [left, right] = random.sketches(overlap(5_000, 0, 50_000), [1024, 1024]);
        let (low, _) = left.estimate(&right).bounds();
        assert!(Measure::ContainmentLeft.of(low) > 0.95, "{low:?}");
    }

    #[test]
    fn whole_sketches_are_exact_and_say_so() {
        let sketch = |paths: &[&str]| {
            Sketch::new(paths.iter().map(|path| path_hash(path.as_bytes())).collect(), 4)
        };
        let (left, right) = (sketch(&["a", "b", "c"]), sketch(&["b", "c", "d", "e"]));
        let estimate = left.estimate(&right);
        assert!(estimate.is_exact());
        assert_eq!(estimate.overlap(), overlap(2, 1, 2));
        assert_eq!(estimate.bounds(), (estimate.overlap(), estimate.overlap()));
        let larger = sketch(&["a", "b", "c", "d", "e"]);
        assert!(!larger.is_whole() && !larger.estimate(&left).is_exact());
        let none = Sketch::new(Vec::new(), 4);
        assert_eq!(none.estimate(&none).overlap(), Overlap::default());
        assert_eq!(none.estimate(&larger).overlap(), overlap(0, 0, 5));
    }

    #[test]
    fn sketches_that_cannot_be_are_refused() {
        assert_eq!(Sketch::from_parts(1, vec![1, 2]), None);
        assert_eq!(Sketch::from_parts(2, vec![2, 1]), None);
        assert_eq!(Sketch::from_parts(2, vec![]), None);
        assert_eq!(Sketch::from_parts(1 << 32, vec![1]), None);
        assert!(Sketch::from_parts(2, vec![1, 1]).is_some());
        assert!(Sketch::from_parts(0, vec![]).is_some());
    }

    #[test]
    fn logarithms_of_factorials_are_close() {
        let mut sum = 0.0;
        for n in 1..1000_u32 {
            sum += f64::from(n).ln();
            assert!((log_factorial(n.into()) - sum).abs() < 1e-9 * sum.max(1.0), "{n}");
        }
    }

    /// Sets of small hashes and of any, so that some are shared and some are repeated.
    fn some_hashes() -> impl Strategy<Value = Vec<u64>> {
        let hash = prop_oneof![0_u64..40, (0_u64..40).prop_map(|at| at << 58), any::<u64>()];
        proptest::collection::vec(hash, 0..60)
    }

    proptest! {
        #[test]
        fn a_sketch_is_the_smallest_hashes(hashes in some_hashes(), k in 0_usize..80) {
            let mut sorted = hashes.clone();
            sorted.sort_unstable();
            sorted.truncate(k.max(1));
            let sketch = Sketch::new(hashes.clone(), k);
            prop_assert_eq!(sketch.hashes(), sorted);
            prop_assert_eq!(sketch.paths(), hashes.len() as u64);
        }

        #[test]
        fn estimates_are_possible_and_a_probe_gives_the_same(
            left in some_hashes(),
            right in some_hashes(),
            k in (1_usize..80, 1_usize..80),
        ) {
            let (whole, other) = (Sketch::new(left.clone(), usize::MAX), Sketch::new(right, k.1));
            for sketch in [whole, Sketch::new(left, k.0)] {
                let estimate = sketch.estimate(&other);
                prop_assert_eq!(Probe::new(sketch.clone()).estimate(&other), estimate);
                let mirrored = other.estimate(&sketch);
                prop_assert_eq!(mirrored.overlap(), estimate.overlap().swapped());
                let (low, high) = estimate.bounds();
                let (low, high) = (low.common, high.common);
                let found = estimate.overlap().common;
                prop_assert!(low <= found && found <= high);
                prop_assert!(high <= sketch.paths().min(other.paths()));
                for measure in Measure::ALL {
                    let most = Estimate::most(measure, sketch.paths(), other.paths());
                    prop_assert!(measure.of(estimate.overlap()) <= most);
                }
            }
        }

        #[test]
        fn whole_sketches_count_as_sets_do(
            left in proptest::collection::btree_set(0_u64..90, 0..60),
            right in proptest::collection::btree_set(0_u64..90, 0..60),
        ) {
            let of = |set: &BTreeSet<u64>| Sketch::new(set.iter().copied().collect(), usize::MAX);
            let estimate = of(&left).estimate(&of(&right));
            let common = left.intersection(&right).count() as u64;
            prop_assert!(estimate.is_exact());
            prop_assert_eq!(estimate.overlap().common, common);
        }

        #[test]
        fn the_likeliest_count_is_that_of_a_naive_search(
            common in 0_u64..5, left_only in 0_u64..5, right_only in 0_u64..5,
            more in (0_u64..30, 0_u64..30), missed in 0.05_f64..0.95,
        ) {
            let sample = Sample { common, left_only, right_only, missed };
            let (left, right) = (common + left_only + more.0, common + right_only + more.1);
            let (low, high) = sample.possible(left, right);
            let of = |c| sample.log_likelihood(left, right, c);
            let best = (low..=high).map(of).fold(f64::NEG_INFINITY, f64::max);
            let found = sample.likeliest(left, right);
            prop_assert!(of(found) >= best - 1e-9);
            let (first, last) = sample.interval(left, right, found);
            for c in low..=high {
                // At the very edge rounding decides.
                let distance = of(c) - (best - LIKELIHOOD_DROP);
                if distance.abs() > 1e-6 {
                    prop_assert_eq!((first..=last).contains(&c), distance > 0.0, "{}", c);
                }
            }
        }

        #[test]
        fn sizes_that_lie_do_no_harm(
            sizes in (any::<u32>(), any::<u32>()), left in some_hashes(), right in some_hashes(),
        ) {
            let sketch = |size: u32, mut hashes: Vec<u64>| {
                hashes.sort_unstable();
                Sketch::from_parts(size.into(), hashes)
            };
            if let (Some(left), Some(right)) = (sketch(sizes.0, left), sketch(sizes.1, right)) {
                let (low, high) = left.estimate(&right).bounds();
                prop_assert!(low.common <= high.common);
                for measure in Measure::ALL {
                    prop_assert!((0.0..=1.0).contains(&measure.of(low)));
                    prop_assert!((0.0..=1.0).contains(&measure.of(high)));
                }
            }
        }
    }
}
