//! Histories: in which sets of a family the paths come and go, each shared beginning kept once.
//!
//! An *event* is a set that has, or lacks, a path unlike its relative. The events of a path in the
//! order of positions are its *history*; paths with the same history lie in the same sets (a colour
//! class). Histories begin alike far more often than they are alike as a whole: all that came with
//! a base system begins with that base, though later sets removed some of it here and some there.
//! So histories are kept as a trie, a node for each distinct beginning, and a path costs nothing
//! but the node at which its history ends.
//!
//! Ids that lie in the same sets are mostly neighbours, so they are handled as *segments*, the
//! stretches between two ends of runs of any difference.
//!
//! Cost: O(runs of the differences + ids / 64 + events of segments), each a few nanoseconds.
//! Memory: 12 bytes for 64 ids, 4 for a segment, 17 for a node.

use super::family::{Family, index};
use crate::path_set::{PathSet, Run};

/// Numbers that paths weigh and overlaps are counted in. Sums wrap: what is added is later taken
/// away, and only the result has to fit.
pub trait Sum: Copy + Default + Eq + Send + Sync + std::fmt::Debug {
    /// The sum of two numbers.
    #[must_use]
    fn plus(self, other: Self) -> Self;

    /// The difference of two numbers.
    #[must_use]
    fn minus(self, other: Self) -> Self;

    /// The number itself where `sign` has no bit, what takes it away where it has all; without a
    /// branch.
    #[must_use]
    fn signed(self, sign: u32) -> Self;

    /// The sum of a number and a count, at most the greatest number that there is.
    #[must_use]
    fn plus_count(self, count: u64) -> Self;

    /// A weight, cut to the width of the numbers.
    fn from_weight(weight: u64) -> Self;

    /// The value of a result.
    fn value(self) -> u64;

    /// The numbers as plain counts, if they are wide enough for nothing else.
    fn as_counts(sums: &mut [Self]) -> Option<&mut [u32]>;
}

macro_rules! impl_sum {
    ($number:ty, $as_counts:expr) => {
        impl Sum for $number {
            fn plus(self, other: Self) -> Self {
                self.wrapping_add(other)
            }

            fn minus(self, other: Self) -> Self {
                self.wrapping_sub(other)
            }

            fn signed(self, sign: u32) -> Self {
                let sign = if sign == 0 { 0 } else { Self::MAX };
                (self ^ sign).wrapping_sub(sign)
            }

            #[expect(clippy::allow_attributes, reason = "only one of the widths is cut")]
            #[allow(clippy::cast_possible_truncation, reason = "sums wrap by contract")]
            #[allow(clippy::cast_lossless, reason = "the same for all widths")]
            fn from_weight(weight: u64) -> Self {
                weight as Self
            }

            #[expect(clippy::allow_attributes, reason = "only one of the widths is cut")]
            #[allow(clippy::cast_possible_truncation, reason = "the widest has two numbers")]
            #[allow(clippy::cast_lossless, reason = "the same for all widths")]
            #[allow(trivial_numeric_casts, reason = "the same for all widths")]
            fn value(self) -> u64 {
                self as u64
            }

            fn plus_count(self, count: u64) -> Self {
                self.saturating_add(Self::try_from(count).unwrap_or(Self::MAX))
            }

            fn as_counts(sums: &mut [Self]) -> Option<&mut [u32]> {
                $as_counts(sums)
            }
        }
    };
}

impl_sum!(u32, Some);
impl_sum!(u64, |_| None);
impl_sum!(u128, |_| None);

/// The node of the empty history: of paths that no set has had yet.
const NOWHERE: u32 = 0;

/// A trie of histories. Nodes are numbered as they were made: a node after the one it continues,
/// and in order of the positions of their events.
#[derive(Clone, Debug, Default)]
pub(super) struct Histories {
    /// The node that each node continues; [`NOWHERE`] continues itself.
    pub(super) before: Vec<u32>,
    /// Whether the last event of the history is that paths are gone.
    pub(super) gone: Vec<bool>,
    /// What the paths weigh whose history ends at the node.
    pub(super) weights: Vec<u64>,
    /// The first node whose event is at each position, and one end.
    pub(super) starts: Vec<u32>,
}

impl Histories {
    /// The histories of all paths of a family; `weigh` tells what the ids `start..end` weigh.
    pub(super) fn of(family: &Family, weigh: &dyn Fn(u64, u64) -> u64) -> Self {
        let edges = Edges::of(family);
        let mut histories =
            Self { before: vec![NOWHERE], gone: vec![true], weights: Vec::new(), starts: vec![] };
        // For each segment the node of its history so far.
        let mut nodes = vec![NOWHERE; edges.count()];
        // For each node the one that continues it at the current position, if it was made there.
        let mut next = vec![NOWHERE];
        for delta in &family.deltas {
            let first = histories.len();
            histories.starts.push(first);
            for (runs, gone) in [(delta.added.runs(), false), (delta.removed.runs(), true)] {
                for run in runs {
                    for node in &mut nodes[edges.segments(*run)] {
                        let target = &mut next[*node as usize];
                        if *target < first {
                            *target = index(histories.before.len());
                            histories.before.push(*node);
                            histories.gone.push(gone);
                        }
                        *node = *target;
                    }
                }
            }
            next.resize(histories.before.len(), NOWHERE);
        }
        histories.starts.push(histories.len());
        histories.weights = vec![0; histories.before.len()];
        edges.for_each_segment(|segment, start, end| {
            let node = nodes[segment];
            if node != NOWHERE {
                histories.weights[node as usize] += weigh(start, end);
            }
        });
        histories
    }

    /// How many nodes there are, the empty history included.
    pub(super) fn len(&self) -> u32 {
        index(self.before.len())
    }

    /// Numbers the counted nodes so that those that continue a node stand side by side behind it:
    /// for each node the number of the first that is counted at or below it, and how many are.
    pub(super) fn number(&self, counted: &[bool]) -> (Vec<u32>, Vec<u32>) {
        let mut sizes: Vec<u32> = counted.iter().map(|counted| u32::from(*counted)).collect();
        for node in (1..sizes.len()).rev() {
            sizes[self.before[node] as usize] += sizes[node];
        }
        let mut firsts = vec![0; sizes.len()];
        // Where the next continuation of each node begins.
        let mut next = vec![0; sizes.len()];
        next[0] = u32::from(counted[0]);
        for node in 1..sizes.len() {
            let place = &mut next[self.before[node] as usize];
            firsts[node] = *place;
            *place += sizes[node];
            next[node] = firsts[node] + u32::from(counted[node]);
        }
        (firsts, sizes)
    }

    /// For each node the sum over itself and all that continue it.
    pub(super) fn sums_below<S: Sum>(&self, own: impl Fn(usize) -> S) -> Vec<S> {
        let mut sums: Vec<S> = (0..self.before.len()).map(own).collect();
        for node in (1..sums.len()).rev() {
            let above = self.before[node] as usize;
            sums[above] = sums[above].plus(sums[node]);
        }
        sums
    }

    /// The position at which each node's event is; that of the empty history is not one.
    pub(super) fn positions(&self) -> Vec<u32> {
        let mut positions = vec![0; self.before.len()];
        for (position, bounds) in (0..).zip(self.starts.windows(2)) {
            positions[bounds[0] as usize..bounds[1] as usize].fill(position);
        }
        positions
    }
}

/// Where runs of the differences begin and end: they cut the ids into segments.
struct Edges {
    /// A bit for each id.
    words: Vec<u64>,
    /// How many edges lie before each word.
    before: Vec<u32>,
}

impl Edges {
    fn of(family: &Family) -> Self {
        let sets = || family.deltas.iter().flat_map(|delta| [&delta.added, &delta.removed]);
        let end = sets().filter_map(|set| set.runs().last()).map(|run| run.end()).max();
        let mut words = vec![0_u64; end.map_or(0, |end| word(end) + 1)];
        for run in sets().flat_map(PathSet::runs) {
            for id in [u64::from(run.first), run.end()] {
                words[word(id)] |= 1 << (id % 64);
            }
        }
        let mut count = 0;
        let mut before = Vec::with_capacity(words.len());
        for word in &words {
            before.push(count);
            count += word.count_ones();
        }
        Self { words, before }
    }

    /// How many edges there are; a segment begins at each, the last of them is behind all runs.
    fn count(&self) -> usize {
        let last = self.words.last().map_or(0, |word| word.count_ones());
        self.before.last().map_or(0, |before| (before + last) as usize)
    }

    /// The segments that a run of a difference is made of.
    fn segments(&self, run: Run) -> std::ops::Range<usize> {
        let rank = |id: u64| {
            let below = self.words[word(id)] & ((1 << (id % 64)) - 1);
            (self.before[word(id)] + below.count_ones()) as usize
        };
        rank(u64::from(run.first))..rank(run.end())
    }

    /// Calls for each segment with its number, its first id and the first id behind it.
    fn for_each_segment(&self, mut call: impl FnMut(usize, u64, u64)) {
        let mut last = None;
        for (at, word) in (0_u64..).zip(&self.words) {
            let mut bits = *word;
            while bits != 0 {
                let id = at * 64 + u64::from(bits.trailing_zeros());
                bits &= bits - 1;
                let segment = last.map_or(0, |(segment, start)| {
                    call(segment, start, id);
                    segment + 1
                });
                last = Some((segment, id));
            }
        }
    }
}

/// The word that holds the bit of an id.
fn word(id: u64) -> usize {
    // In range: ids end at 2³².
    usize::try_from(id / 64).unwrap_or(usize::MAX)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn histories_are_those_of_single_paths(sets in related_sets(40)) {
            let relatives: Vec<Option<u32>> = sets.iter().map(|(_, relative)| *relative).collect();
            let own = path_sets(&sets);
            let family = Family::from_sets(&own.iter().collect::<Vec<_>>(), &relatives);
            let mut expected: BTreeMap<Vec<(u32, bool)>, u64> = BTreeMap::new();
            for id in 0..1100 {
                let mut history = Vec::new();
                for (position, delta) in (0..).zip(&family.deltas) {
                    for (set, gone) in [(&delta.added, false), (&delta.removed, true)] {
                        if set.ids().any(|other| other == id) {
                            history.push((position, gone));
                        }
                    }
                }
                if !history.is_empty() {
                    *expected.entry(history).or_default() += u64::from(id) + 1;
                }
            }
            let weigh = |start: u64, end: u64| (start..end).map(|id| id + 1).sum();
            let histories = Histories::of(&family, &weigh);
            let positions = histories.positions();
            let mut found = BTreeMap::new();
            for end in 1..histories.before.len() {
                let mut history = Vec::new();
                let mut node = end;
                while node != 0 {
                    prop_assert!((histories.before[node] as usize) < node);
                    history.push((positions[node], histories.gone[node]));
                    node = histories.before[node] as usize;
                }
                history.reverse();
                prop_assert!(found.insert(history, histories.weights[end]).is_none());
            }
            found.retain(|_, weight| *weight > 0);
            prop_assert_eq!(found, expected);
        }
    }
}
