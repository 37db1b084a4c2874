//! Exact overlaps of all pairs of images.

use super::family::Family;
use super::gram;
use super::relatives::find_relatives;
use super::rows::Rows;
use super::segments::{self, Classes};
use super::set::Measure;
use crate::path_set::{Overlap, PathSet};
use std::sync::atomic::{AtomicU32, Ordering};

/// From how many sets on relatives are searched: below, the search costs more than it saves
/// (measured on the first of 10,000 and of 50,000 made images: 2.3 times as much in all at 2,000 and
/// 1.5 at 3,000, the same at 4,000, 0.9 at 6,000, 0.65 at 8,000).
pub const FAMILY_SETS: usize = 4_000;

/// The overlaps of all pairs of `n` path sets, as exact counts.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct OverlapMatrix {
    /// The size of each set.
    pub sizes: Vec<u32>,
    /// What sets `i < j` share, in the order (0,1), (0,2), … (0,n-1), (1,2), …: `n(n-1)/2` counts.
    pub common: Vec<u32>,
}

impl OverlapMatrix {
    /// Counts what each pair of sets shares, exactly.
    ///
    /// Few sets go through weighted classes of paths (same sets, same class) and dense panels of
    /// bits: about `runs + n · segments / 128 + n² · classes / 128` simple steps for `n` sets, where
    /// segments are what the ends of all runs cut the ids into; how far apart the ids lie does not
    /// matter. From some thousands on relatives are searched and the sets told as a [`Family`]: see [`Rows`]. The counts do not
    /// depend on the way, nor on the number of threads of the global pool of `rayon` that share it.
    ///
    /// Counts saturate at [`u32::MAX`], which only sets of all 2³² ids exceed.
    pub fn from_sets(sets: &[&PathSet]) -> Self {
        if sets.len() >= FAMILY_SETS {
            return Self::from_family(&Family::from_sets(sets, &find_relatives(sets)));
        }
        let mut common = vec![0; sets.len() * sets.len().saturating_sub(1) / 2];
        for classes in Classes::all(sets, segments::Limits::default()) {
            gram::add_common(&classes, &mut common, gram::Limits::default());
        }
        Self { sizes: sets.iter().map(|set| count_of(set.len())).collect(), common }
    }

    /// Counts what each pair of a family shares, exactly; see [`Rows`], which does not hold them all.
    pub fn from_family(family: &Family) -> Self {
        let rows = Rows::counting(family);
        let mut sizes = vec![0; family.len()];
        for (&set, &size) in family.order().iter().zip(rows.sizes()) {
            sizes[set as usize] = size;
        }
        let mut matrix = Self { sizes, common: Vec::new() };
        let pairs = matrix.len() * matrix.len().saturating_sub(1) / 2;
        // Each pair is written once, by whichever thread has its row.
        let common: Vec<AtomicU32> =
            std::iter::repeat_with(AtomicU32::default).take(pairs).collect();
        rows.for_each(|row| {
            for (&other, &count) in row.others.iter().zip(row.common) {
                let (low, high) = (row.set.min(other) as usize, row.set.max(other) as usize);
                common[matrix.position(low, high)].store(count, Ordering::Relaxed);
            }
        });
        matrix.common = common.into_iter().map(AtomicU32::into_inner).collect();
        matrix
    }

    /// The number of sets.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is no set at all.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// The overlap of sets `i` (left) and `j` (right).
    ///
    /// # Panics
    ///
    /// If `i` or `j` is not below [`len`](Self::len).
    pub fn overlap(&self, i: usize, j: usize) -> Overlap {
        let (left, right) = (u64::from(self.sizes[i]), u64::from(self.sizes[j]));
        let common = match i.cmp(&j) {
            std::cmp::Ordering::Equal => left,
            std::cmp::Ordering::Less => u64::from(self.common[self.position(i, j)]),
            std::cmp::Ordering::Greater => u64::from(self.common[self.position(j, i)]),
        };
        Overlap::of_sizes(common, left, right)
    }

    /// Where the pair `i < j` lies in `common`.
    fn position(&self, i: usize, j: usize) -> usize {
        i * (2 * self.len() - i - 1) / 2 + (j - i - 1)
    }

    /// The distances of all pairs, `1 - similarity`, in `0..=1` and in the order of
    /// [`common`](Self::common).
    ///
    /// A distance has no direction. For the two containments it is taken from the direction that
    /// is more alike (the smaller set in the larger one), so both give the same distances.
    pub fn distances(&self, measure: Measure) -> Vec<f32> {
        let mut distances = Vec::with_capacity(self.common.len());
        for i in 0..self.len() {
            for j in i + 1..self.len() {
                let overlap = self.overlap(i, j);
                let similarity = measure.of(overlap).max(measure.of(overlap.swapped()));
                #[expect(clippy::cast_possible_truncation, reason = "7 digits do for a picture")]
                distances.push((1.0 - similarity) as f32);
            }
        }
        distances
    }
}

/// The size of a set, cut to 32 bits.
fn count_of(size: u64) -> u32 {
    u32::try_from(size).unwrap_or(u32::MAX)
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn of(sets: &[BTreeSet<u32>]) -> OverlapMatrix {
        let sets: Vec<PathSet> =
            sets.iter().map(|ids| PathSet::from_unsorted(ids.iter().copied().collect())).collect();
        OverlapMatrix::from_sets(&sets.iter().collect::<Vec<_>>())
    }

    /// By plain sets.
    pub(in crate::measure) fn plain_overlap(
        left: &BTreeSet<u32>,
        right: &BTreeSet<u32>,
    ) -> Overlap {
        let common = left.intersection(right).count() as u64;
        Overlap::of_sizes(common, left.len() as u64, right.len() as u64)
    }

    proptest! {
        #[test]
        fn every_pair_agrees_with_plain_sets(
            sets in vec(btree_set(0_u32..300, 0..120), 0..40),
            spread in prop_oneof![7 => Just(1_u32), 7 => Just(9), 1 => Just(14_000_000)],
        ) {
            let sets: Vec<BTreeSet<u32>> =
                sets.iter().map(|set| set.iter().map(|id| id * spread).collect()).collect();
            let matrix = of(&sets);
            prop_assert_eq!(matrix.len(), sets.len());
            prop_assert_eq!(matrix.is_empty(), sets.is_empty());
            for (i, left) in sets.iter().enumerate() {
                for (j, right) in sets.iter().enumerate() {
                    prop_assert_eq!(matrix.overlap(i, j), plain_overlap(left, right));
                }
            }
        }

        #[test]
        fn both_ways_count_the_same(sets in vec(btree_set(0_u32..300, 0..120), 0..40)) {
            let sets: Vec<PathSet> = sets
                .iter()
                .map(|ids| PathSet::from_unsorted(ids.iter().copied().collect()))
                .collect();
            let sets: Vec<&PathSet> = sets.iter().collect();
            let family = Family::from_sets(&sets, &find_relatives(&sets));
            prop_assert_eq!(OverlapMatrix::from_family(&family), OverlapMatrix::from_sets(&sets));
        }

        #[test]
        fn distances_are_those_of_each_pair(sets in vec(btree_set(0_u32..30, 0..20), 0..8)) {
            let matrix = of(&sets);
            for measure in Measure::ALL {
                let distances = matrix.distances(measure);
                prop_assert_eq!(distances.len(), matrix.common.len());
                let mut distances = distances.into_iter();
                for (i, left) in sets.iter().enumerate() {
                    for right in &sets[i + 1..] {
                        let overlap = plain_overlap(left, right);
                        let alike = measure.of(overlap).max(measure.of(overlap.swapped()));
                        let distance = f64::from(distances.next().unwrap());
                        prop_assert!((distance - (1.0 - alike)).abs() < 1e-7);
                        prop_assert!((0.0..=1.0).contains(&distance));
                    }
                }
            }
        }
    }

    #[test]
    fn pairs_lie_in_row_major_order_and_either_direction_finds_them() {
        let matrix = OverlapMatrix { sizes: vec![10, 20, 30, 40], common: vec![1, 2, 3, 4, 5, 6] };
        let common = |i, j| matrix.overlap(i, j).common;
        assert_eq!(
            [common(0, 1), common(0, 2), common(0, 3), common(1, 2), common(1, 3), common(2, 3)],
            [1, 2, 3, 4, 5, 6],
        );
        let overlap = matrix.overlap(1, 3);
        assert_eq!(overlap, Overlap { common: 5, left_only: 15, right_only: 35 });
        assert_eq!(matrix.overlap(3, 1), overlap.swapped());
        assert_eq!(matrix.overlap(2, 2), Overlap { common: 30, left_only: 0, right_only: 0 });
    }

    #[test]
    fn no_set_one_set_and_empty_sets_are_fine() {
        assert!(of(&[]).is_empty());
        assert_eq!(of(&[BTreeSet::from([4])]), OverlapMatrix { sizes: vec![1], common: vec![] });
        let empty = of(&[BTreeSet::new(), BTreeSet::new()]);
        assert_eq!(empty, OverlapMatrix { sizes: vec![0, 0], common: vec![0] });
        assert_eq!(empty.distances(Measure::Dice), [0.0]);
    }

    #[test]
    fn the_whole_id_space_is_one_run_that_needs_no_memory() {
        let all = PathSet::from_runs(vec![crate::path_set::Run { first: 0, len: u32::MAX }]);
        let all = all.unwrap();
        let matrix = OverlapMatrix::from_sets(&[&all, &all, &PathSet::default()]);
        assert_eq!(matrix.sizes, [u32::MAX, u32::MAX, 0]);
        assert_eq!(matrix.common, [u32::MAX, 0, 0]);
    }
}
