//! All pairs of sets as a stream of whole rows, in the order in which the sets were given.
//!
//! Which way the rows are made is chosen by the number of sets, as [`OverlapMatrix`] does:
//!
//! * Below 4,000 sets the matrix is counted by dense panels and held, at most 32 MB, and its rows
//!   are read off.
//! * From there on the sets are told as a [`Family`], and blocks of rows (32 MiB, or 512 rows where
//!   those are more) are made from it (see [`whole_rows`](super::whole_rows)): memory grows with the sets and what they do not share
//!   with their relatives, never with the pairs. Where no set has a near relative the family's own
//!   panel counts what it can hold (128 MiB), and the rest is counted event by event.
//!
//! Sums of weights go the same ways, dense below 1,500 sets.
//!
//! The results do not depend on the way, nor on the number of threads.

use super::family::Family;
use super::gram;
use super::history::Sum;
use super::matrix::{FAMILY_SETS, OverlapMatrix};
use super::near::{Near, nearest};
use super::relatives::find_relatives;
use super::segments::{self, Classes};
use super::set::Measure;
use super::weights::Weights;
use super::whole_rows::{WholeRows, block_rows};
use crate::path_set::{Overlap, PathSet};
use std::ops::ControlFlow;

/// From how many sets on relatives are searched before weights are summed (at 1,000 made images the search still costs
/// 1.3 times as much).
const WEIGHED_SETS: usize = 1_500;

/// All pairs of `n` path sets, ready to be streamed row by row.
#[derive(Debug)]
pub struct AllPairs<S = u32> {
    /// The size of each set.
    sizes: Vec<S>,
    way: Way<S>,
}

#[derive(Debug)]
enum Way<S> {
    /// What sets `i < j` share, in the order of [`OverlapMatrix::common`].
    Held(Vec<S>),
    /// Sets told as a family, and what ids weigh, if not each 1.
    Told(Family, Option<Weights>),
}

/// What one set shares with every set.
#[derive(Clone, Copy, Debug)]
pub struct PairRow<'a, S = u32> {
    /// The number of the set, by the order in which the sets were given: the left of each pair.
    pub set: usize,
    /// The size of every set, or what it weighs.
    pub sizes: &'a [S],
    /// What it shares with each; with itself its size.
    pub common: &'a [S],
}

impl AllPairs {
    /// Prepares all pairs of sets; what is kept does not borrow them.
    ///
    /// Counts are those of sets of fewer than 2³² ids. Cost: of fewer than 4,000 sets all pairs are
    /// counted here, of more a relative is searched for each.
    pub fn from_sets(sets: &[&PathSet]) -> Self {
        if sets.len() >= FAMILY_SETS {
            return Self::from_family(Family::from_sets(sets, &find_relatives(sets)));
        }
        let OverlapMatrix { sizes, common } = OverlapMatrix::from_sets(sets);
        Self { sizes, way: Way::Held(common) }
    }

    /// Prepares all pairs of a family, however small; the numbers of its sets are those of the rows.
    pub fn from_family(family: Family) -> Self {
        let mut by_position: Vec<u64> = Vec::with_capacity(family.len());
        let mut sizes = vec![0; family.len()];
        for (position, delta) in family.deltas.iter().enumerate() {
            let relative = by_position.get(family.relatives[position] as usize);
            // Nothing is taken from a set that it does not have.
            let size = relative.copied().unwrap_or_default() + delta.added.len();
            let size = size.saturating_sub(delta.removed.len());
            by_position.push(size);
            sizes[family.order[position] as usize] = u32::try_from(size).unwrap_or(u32::MAX);
        }
        Self { sizes, way: Way::Told(family, None) }
    }
}

impl AllPairs<u64> {
    /// Prepares the weighted sums of all pairs of sets; what is kept does not borrow them.
    ///
    /// Cost: of fewer than 1,500 sets all pairs are summed here, of more a relative is searched for each.
    pub fn weighted(sets: &[&PathSet], weights: &Weights) -> Self {
        if sets.len() >= WEIGHED_SETS {
            let family = Family::from_sets(sets, &find_relatives(sets));
            return Self::weighted_family(family, weights.clone());
        }
        let mut sizes = vec![0; sets.len()];
        let mut sums = vec![0; sets.len() * sets.len().saturating_sub(1) / 2];
        for classes in Classes::weighing(sets, weights, segments::Limits::default()) {
            gram::add_sizes(&classes, &mut sizes);
            gram::add_common(&classes, &mut sums, gram::Limits::default());
        }
        Self { sizes, way: Way::Held(sums) }
    }

    /// Prepares the weighted sums of all pairs of a family.
    pub fn weighted_family(family: Family, weights: Weights) -> Self {
        let weigh = |start, end| weights.between(start, end);
        let sizes = WholeRows::weighing(&family, &weigh).sizes();
        Self { sizes, way: Way::Told(family, Some(weights)) }
    }
}

impl<S: Sum> AllPairs<S> {
    /// The number of sets.
    pub fn len(&self) -> usize {
        self.sizes.len()
    }

    /// Whether there is no set at all.
    pub fn is_empty(&self) -> bool {
        self.sizes.is_empty()
    }

    /// Of how many sets nothing counts: they are empty, or nothing in them weighs anything.
    pub fn nothing_of(&self) -> usize {
        self.sizes.iter().filter(|size| size.value() == 0).count()
    }

    /// Calls for each set, in order, with what it shares with every set, until a call breaks.
    ///
    /// All calls come from this thread; the threads of the global pool of `rayon` share what lies
    /// between them. Each time all rows are counted anew if they are not held.
    pub fn for_each_row<B>(
        &self,
        call: impl FnMut(PairRow<'_, S>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        self.for_each_row_cut(block_rows(self.len()), call)
    }

    fn for_each_row_cut<B>(
        &self,
        block_rows: usize,
        mut call: impl FnMut(PairRow<'_, S>) -> ControlFlow<B>,
    ) -> ControlFlow<B> {
        let (sizes, count) = (&self.sizes[..], self.len());
        match &self.way {
            Way::Held(pairs) => {
                let mut common = vec![S::default(); count];
                for set in 0..count {
                    copy_row(pairs, sizes, set, &mut common);
                    call(PairRow { set, sizes, common: &common })?;
                }
            }
            Way::Told(family, weights) => {
                let weigh = |start, end| match weights {
                    Some(weights) => weights.between(start, end),
                    None => end - start,
                };
                let rows = WholeRows::weighing(family, &weigh);
                let block_rows = block_rows.clamp(1, count.max(1));
                let mut block = vec![S::default(); block_rows * count];
                for first in (0..count).step_by(block_rows) {
                    let end = count.min(first + block_rows);
                    let block = &mut block[..(end - first) * count];
                    rows.fill(first, block);
                    for (set, common) in (first..end).zip(block.chunks_exact(count)) {
                        call(PairRow { set, sizes, common })?;
                    }
                }
            }
        }
        ControlFlow::Continue(())
    }
}

/// Copies what set `i` shares with every set, with itself its size, out of the strict upper triangle.
fn copy_row<S: Copy>(pairs: &[S], sizes: &[S], i: usize, row: &mut [S]) {
    let count = sizes.len();
    let (earlier, rest) = row.split_at_mut(i);
    for (j, common) in earlier.iter_mut().enumerate() {
        *common = pairs[j * (2 * count - j - 1) / 2 + (i - j - 1)];
    }
    if let [own, later @ ..] = rest {
        *own = sizes[i];
        later.copy_from_slice(&pairs[i * (2 * count - i - 1) / 2..][..later.len()]);
    }
}

impl<S: Sum> PairRow<'_, S> {
    /// The overlap of the set (left) and another (right).
    ///
    /// # Panics
    ///
    /// If `other` is no number of a set.
    pub fn overlap(&self, other: usize) -> Overlap {
        let [left, right] = [self.set, other].map(|set| self.sizes[set].value());
        Overlap::of_sizes(self.common[other].value(), left, right)
    }

    /// The pairs of this set that are at least so much alike, in the order of the others; the set
    /// itself is none of them.
    pub fn at_least(&self, measure: Measure, min: f64) -> impl Iterator<Item = Near> + '_ {
        let others = (0..self.common.len()).filter(|other| *other != self.set);
        let pairs = others.map(move |other| {
            let overlap = self.overlap(other);
            Near { other, overlap, value: measure.of(overlap) }
        });
        pairs.filter(move |near| near.value >= min)
    }

    /// The nearest of the other sets that are at least so much alike, `most` at the most: the most
    /// alike first, of equals the one that shares more, then the one that was given first. O(n + most log(most)) time for values in no
    /// particular order; memory for twice as many as are wanted.
    pub fn nearest(&self, measure: Measure, min: f64, most: usize) -> Vec<Near> {
        nearest(self.at_least(measure, min), most)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use crate::measure::matrix::tests::plain_overlap;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// All rows of both ways.
    fn both_ways(sets: &[PathSet], block_rows: usize, mut check: impl FnMut(PairRow<'_>)) {
        let sets: Vec<&PathSet> = sets.iter().collect();
        let held = AllPairs::from_sets(&sets);
        let told = AllPairs::from_family(Family::from_sets(&sets, &find_relatives(&sets)));
        for pairs in [held, told] {
            assert_eq!(pairs.len(), sets.len());
            assert_eq!(pairs.is_empty(), sets.is_empty());
            let mut next = 0;
            let flow = pairs.for_each_row_cut::<()>(block_rows, |row| {
                assert_eq!(row.set, next);
                next += 1;
                check(row);
                ControlFlow::Continue(())
            });
            assert_eq!((flow, next), (ControlFlow::Continue(()), sets.len()));
        }
    }

    proptest! {
        #[test]
        fn rows_nearest_and_thresholds_are_those_of_plain_sets(
            sets in related_sets(30),
            block_rows in 1_usize..40,
            most in 0_usize..8,
            min in prop_oneof![Just(0.0), Just(1.0), Just(0.5), 0.0..1.0],
        ) {
            let own = path_sets(&sets);
            let plain: Vec<&BTreeSet<u32>> = sets.iter().map(|(set, _)| set).collect();
            both_ways(&own, block_rows, |row| {
                let left = plain[row.set];
                for (other, right) in plain.iter().enumerate() {
                    assert_eq!(row.overlap(other), plain_overlap(left, right));
                }
                for measure in Measure::ALL {
                    let mut expected = Vec::new();
                    for (other, right) in plain.iter().enumerate() {
                        let overlap = plain_overlap(left, right);
                        let value = measure.of(overlap);
                        if other != row.set && value >= min {
                            expected.push(Near { other, overlap, value });
                        }
                    }
                    assert!(row.at_least(measure, min).eq(expected.iter().copied()));
                    // A stable sort keeps the order of equals.
                    let rank = |near: &Near| (near.value, near.overlap.common);
                    expected.sort_by(|a, b| rank(b).partial_cmp(&rank(a)).unwrap());
                    expected.truncate(most);
                    assert_eq!(row.nearest(measure, min, most), expected);
                }
            });
        }
    }

    proptest! {
        #[test]
        fn sums_of_both_ways_are_those_of_single_ids(
            sets in related_sets(30),
            each in proptest::collection::vec(prop_oneof![Just(0), 1..9_u64, Just(1 << 40)], 400),
        ) {
            let own = path_sets(&sets);
            let own: Vec<&PathSet> = own.iter().collect();
            let weigh = |ids: &mut dyn Iterator<Item = &u32>| -> u64 {
                ids.map(|id| each.get(*id as usize).copied().unwrap_or(0)).sum()
            };
            let weights = Weights::of_ids(each.iter().copied());
            let family = Family::from_sets(&own, &find_relatives(&own));
            let told = AllPairs::weighted_family(family, weights.clone());
            for pairs in [AllPairs::weighted(&own, &weights), told] {
                let flow = pairs.for_each_row::<()>(|row| {
                    let left = &sets[row.set].0;
                    assert_eq!(row.sizes[row.set], weigh(&mut left.iter()));
                    for (other, (right, _)) in sets.iter().enumerate() {
                        assert_eq!(row.common[other], weigh(&mut left.intersection(right)));
                    }
                    ControlFlow::Continue(())
                });
                assert_eq!(flow, ControlFlow::Continue(()));
                let empty = sets.iter().filter(|(set, _)| weigh(&mut set.iter()) == 0).count();
                assert_eq!(pairs.nothing_of(), empty);
            }
        }
    }

    #[test]
    fn a_call_that_breaks_is_the_last() {
        let sets = vec![PathSet::from_unsorted(vec![1, 2]); 5];
        let sets: Vec<&PathSet> = sets.iter().collect();
        let told = Family::from_sets(&sets, &[None; 5]);
        for pairs in [AllPairs::from_sets(&sets), AllPairs::from_family(told)] {
            let mut calls = 0;
            let flow = pairs.for_each_row(|row| {
                calls += 1;
                if row.set == 2 {
                    ControlFlow::Break(row.common.to_vec())
                } else {
                    ControlFlow::Continue(())
                }
            });
            assert_eq!((flow, calls), (ControlFlow::Break(vec![2; 5]), 3));
        }
    }
}
