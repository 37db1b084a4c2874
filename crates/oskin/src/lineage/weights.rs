//! What paths weigh by their rarity: exact sums over any stretch of ids.
//!
//! With `df` in how many sets a path lies, a path that a child shares weighs `1 / (df - 1)` and one
//! that it lacks `1 / df`: in both cases one over the number of *other* sets that have it. So the
//! child is left out although the weights are the same for all children, and one pass serves all
//! pairs. Weights are in fixed point, so sums are exact and their order is free.

use super::parent::LAMBDA;
use crate::path_set::{PathSet, Run};
use std::ops::Range;

/// The weight of a path that one other set has. A set of all 2³² ids then weighs less than 2⁶³, with
/// [`LAMBDA`] and all.
pub(super) const ONE: u64 = 1 << 24;

/// The weights of all ids, as sums up to the ends of the stretches of ids that lie in equally many
/// sets.
#[derive(Debug, Default)]
pub(super) struct Weights {
    stretches: Vec<Stretch>,
}

#[derive(Clone, Copy, Debug, Default)]
struct Stretch {
    start: u64,
    /// In how many sets its paths lie.
    count: u64,
    /// Of one path: if it is shared (or added), and if it is missing.
    each: Sums,
    /// Of all paths before the stretch.
    before: Sums,
}

/// Two sums of weights: of paths as shared ones and as missing ones.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Sums {
    pub(super) shared: u64,
    pub(super) missing: u64,
}

impl Sums {
    /// What a pair scores for paths that it shares, on top of having lacked all of the candidate.
    pub(super) const fn gain(self) -> u64 {
        self.shared + LAMBDA * self.missing
    }

    const fn times(self, count: u64) -> Self {
        Self { shared: self.shared * count, missing: self.missing * count }
    }

    pub(super) const fn plus(self, other: Self) -> Self {
        Self { shared: self.shared + other.shared, missing: self.missing + other.missing }
    }

    pub(super) const fn minus(self, other: Self) -> Self {
        Self { shared: self.shared - other.shared, missing: self.missing - other.missing }
    }
}

/// What all ids before a run weigh, and all up to its end.
#[derive(Clone, Copy, Debug)]
pub(super) struct RunWeights {
    pub(super) before: Sums,
    pub(super) behind: Sums,
}

impl RunWeights {
    pub(super) const fn own(self) -> Sums {
        self.behind.minus(self.before)
    }
}

impl Weights {
    /// Counts in how many of the sets each path lies. O(runs log runs).
    pub(super) fn of<'a>(sets: impl Iterator<Item = &'a PathSet>) -> Self {
        let mut ends: Vec<(u64, i64)> = Vec::new();
        for run in sets.flat_map(PathSet::runs) {
            ends.extend([(u64::from(run.first), 1), (run.end(), -1)]);
        }
        ends.sort_unstable();
        let mut weights = Self::default();
        let (mut count, mut before) = (0_i64, Stretch::default());
        for here in ends.chunk_by(|a, b| a.0 == b.0) {
            let start = here[0].0;
            let change: i64 = here.iter().map(|(_, change)| change).sum();
            if change == 0 {
                continue;
            }
            count += change;
            let sum = before.before.plus(before.each.times(start - before.start));
            let count = count.unsigned_abs();
            before = Stretch { start, count, each: each(count), before: sum };
            weights.stretches.push(before);
        }
        weights
    }

    /// What the ids `start..end` weigh together. O(log stretches).
    pub(super) fn between(&self, start: u64, end: u64) -> Sums {
        self.before(end).minus(self.before(start))
    }

    /// What a set weighs. O(runs log (stretches / runs)).
    pub(super) fn of_set(&self, set: &PathSet) -> Sums {
        self.at_ends(set).into_iter().map(RunWeights::own).fold(Sums::default(), Sums::plus)
    }

    /// The ids `start..end` in pieces that lie in equally many sets, with that number; ascending.
    pub(super) fn pieces(
        &self,
        start: u64,
        end: u64,
    ) -> impl Iterator<Item = (Range<u64>, u64)> + '_ {
        let mut behind = self.stretches.partition_point(|stretch| stretch.start <= start);
        let mut at = start;
        std::iter::from_fn(move || {
            if at >= end {
                return None;
            }
            let next = self.stretches.get(behind).map_or(u64::MAX, |stretch| stretch.start);
            let count = behind.checked_sub(1).map_or(0, |last| self.stretches[last].count);
            let piece = at..next.min(end);
            behind += 1;
            at = piece.end;
            Some((piece, count))
        })
    }

    /// The weights at both ends of each run. O(runs log (stretches / runs)).
    pub(super) fn at_ends(&self, set: &PathSet) -> Vec<RunWeights> {
        let mut behind = 0;
        let mut next = |id: u64| {
            behind = self.first_behind(id, behind);
            self.sum(behind, id)
        };
        let run =
            |run: &Run| RunWeights { before: next(u64::from(run.first)), behind: next(run.end()) };
        set.runs().iter().map(run).collect()
    }

    /// What all ids before this one weigh. O(log stretches).
    pub(super) fn before(&self, id: u64) -> Sums {
        self.sum(self.stretches.partition_point(|stretch| stretch.start <= id), id)
    }

    /// The first stretch that begins behind an id, from one on that does not lie behind it: in steps
    /// that double, since the next one is mostly near.
    fn first_behind(&self, id: u64, from: usize) -> usize {
        let mut step = 1;
        let mut from = from;
        while self.stretches.get(from + step).is_some_and(|stretch| stretch.start <= id) {
            from += step;
            step *= 2;
        }
        let end = self.stretches.len().min(from + step);
        from + self.stretches[from..end].partition_point(|stretch| stretch.start <= id)
    }

    /// What all ids before this one weigh, if `behind` is the first stretch behind it.
    fn sum(&self, behind: usize, id: u64) -> Sums {
        behind.checked_sub(1).map_or_else(Sums::default, |at| {
            let stretch = self.stretches[at];
            stretch.before.plus(stretch.each.times(id - stretch.start))
        })
    }
}

/// What a path that lies in so many sets weighs.
pub(super) const fn each(count: u64) -> Sums {
    match count {
        0 => Sums { shared: 0, missing: 0 },
        // No other set has it, so that no pair shares it; as an added one it is as rare as can be.
        1 => Sums { shared: ONE, missing: ONE },
        count => Sums { shared: ONE / (count - 1), missing: ONE / count },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn stretches_weigh_what_their_paths_weigh() {
        let set = |ids: &[u32]| PathSet::from_unsorted(ids.to_vec());
        let sets = [set(&[1, 2, 3, 9]), set(&[2, 3, 4, 5]), set(&[3, u32::MAX])];
        let weights = Weights::of(sets.iter());
        let missing = |start, end| weights.between(start, end).missing;
        assert_eq!(missing(0, 1), 0);
        assert_eq!(missing(1, 2), ONE);
        assert_eq!(missing(0, 10), ONE + ONE / 2 + ONE / 3 + ONE + ONE + ONE);
        assert_eq!(missing(5, 9), ONE);
        assert_eq!(weights.between(0, 10).shared, ONE + ONE + ONE / 2 + ONE + ONE + ONE);
        assert_eq!(missing(10, 1 << 32), ONE);
        assert_eq!(weights.of_set(&sets[2]).missing, ONE / 3 + ONE);
    }

    #[test]
    fn pieces_tell_how_many_sets_have_their_paths() {
        let set = |ids: &[u32]| PathSet::from_unsorted(ids.to_vec());
        let sets = [set(&[1, 2, 3]), set(&[2, 3, 4]), set(&[9])];
        let weights = Weights::of(sets.iter());
        let pieces = |start, end| weights.pieces(start, end).collect::<Vec<_>>();
        assert_eq!(pieces(0, 4), [(0..1, 0), (1..2, 1), (2..4, 2)]);
        assert_eq!(pieces(3, 12), [(3..4, 2), (4..5, 1), (5..9, 0), (9..10, 1), (10..12, 0)]);
        assert_eq!(pieces(7, 7), []);
        assert_eq!(Weights::default().pieces(3, 5).collect::<Vec<_>>(), [(3..5, 0)]);
    }

    #[test]
    fn the_heaviest_set_fits() {
        let all = PathSet::from_runs(vec![
            Run { first: 0, len: u32::MAX },
            Run { first: u32::MAX, len: 1 },
        ]);
        assert_eq!(all, None, "runs must not touch");
        let all = PathSet::from_runs(vec![Run { first: 0, len: u32::MAX }]).unwrap();
        let weights = Weights::of([&all, &all].into_iter());
        assert!(i64::try_from(weights.of_set(&all).gain()).is_ok());
    }
}
