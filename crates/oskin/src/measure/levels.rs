//! Multisets told as sets, so that the one engine sums what two of them share.
//!
//! If an image has a key `x` times and another one `y` times, they share it `min(x, y)` times. Let the
//! key occur 2, 3 and 7 times in the images there are: three ids stand for it, of the weights 2, 1 and 4, and an
//! image that has it 3 times has the first two. Then what two images share weighs exactly the
//! minimum, and what an image weighs is how often it has the key. The same holds for bytes: what two images share of a
//! file is the smaller of both sizes.

use super::all_pairs::AllPairs;
use super::similarities::Similarities;
use super::weights::{Weighting, Weights};
use crate::path_set::{Overlap, PathSet, Run};

/// The multiset of one image: each key once, ascending, with how often it occurs, at least once.
pub type Multiset = Vec<(u32, u64)>;

/// Sets with the weights of their ids, ready for the engine.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// The set of each image.
    pub sets: Vec<PathSet>,
    /// By how much each id is more than the one before it of the same key.
    each: Vec<u64>,
}

impl Levels {
    /// Tells multisets as sets. What occurs 0 times is no member. O(n log n) for `n` members in all.
    pub fn of(multisets: &[Multiset]) -> Self {
        let mut all: Vec<(u32, u64)> = multisets.iter().flatten().copied().collect();
        all.retain(|(_, count)| *count > 0);
        all.sort_unstable();
        all.dedup();
        let before = |at: usize| at.checked_sub(1).map_or((u32::MAX, 0), |at| all[at]);
        let step = |(at, &(key, count)): (usize, &(u32, u64))| match before(at) {
            (same, less) if same == key => count - less,
            _ => count,
        };
        let each = all.iter().enumerate().map(step).collect();
        let set = |multiset: &Multiset| {
            let mut runs: Vec<Run> = Vec::new();
            for level in multiset {
                let first = all.partition_point(|it| it.0 < level.0);
                let end = first + all[first..].partition_point(|it| it <= level);
                push(&mut runs, first, end);
            }
            // Keys ascend, and so do the ids of their levels.
            PathSet::from_runs(runs).unwrap_or_default()
        };
        Self { sets: multisets.iter().map(set).collect(), each }
    }

    /// Whether every id weighs 1, so that counting does.
    pub fn are_plain(&self) -> bool {
        self.each.iter().all(|each| *each == 1)
    }

    /// All pairs.
    pub fn pairs(&self, weighting: Weighting) -> Similarities {
        let sets: Vec<&PathSet> = self.sets.iter().collect();
        match self.are_plain() && weighting.unit() == 1 {
            true => Similarities::Counted(AllPairs::from_sets(&sets)),
            false => Similarities::Weighted(AllPairs::weighted(&sets, self.weights(weighting))),
        }
    }

    /// What two images share, by number, the first the left one: the sum of minima. O(runs of both).
    ///
    /// # Panics
    ///
    /// If one is no number of an image.
    pub fn overlap(&self, left: usize, right: usize, weights: &Weights) -> Overlap {
        let [left, right] = [left, right].map(|image| &self.sets[image]);
        let left_only = weights.of_set(&left.difference(right));
        let [left, right] = [left, right].map(|set| weights.of_set(set));
        Overlap::of_sizes(left.saturating_sub(left_only), left, right)
    }

    /// What the ids weigh, by rarity too if that is asked for.
    pub fn weights(&self, weighting: Weighting) -> Weights {
        match weighting {
            Weighting::None | Weighting::Bytes => Weights::of_ids(self.each.iter().copied()),
            Weighting::Rarity | Weighting::Idf => {
                let rarity = Weights::by_rarity(&self.sets, weighting);
                let weight = |(id, each): (u64, &u64)| rarity.between(id, id + 1) * each;
                Weights::of_ids((0..).zip(&self.each).map(weight))
            }
        }
    }
}

/// Appends the ids `first..end`, none of which is below those that are there.
fn push(runs: &mut Vec<Run>, first: usize, end: usize) {
    let [first, end] = [first, end].map(|id| u32::try_from(id).unwrap_or(u32::MAX));
    match runs.last_mut() {
        Some(last) if last.end() == u64::from(first) => last.len += end - first,
        _ if end > first => runs.push(Run { first, len: end - first }),
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_map, vec};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    proptest! {
        #[test]
        fn what_two_share_is_the_sum_of_minima(
            bags in vec(btree_map(0_u32..12, 0_u64..5, 0..10), 0..6),
        ) {
            let multisets: Vec<Multiset> =
                bags.iter().map(|bag| bag.iter().map(|(key, count)| (*key, *count)).collect()).collect();
            let levels = Levels::of(&multisets);
            let weights = levels.weights(Weighting::None);
            let sum = |bag: &BTreeMap<u32, u64>| bag.values().sum::<u64>();
            for (i, left) in bags.iter().enumerate() {
                for (j, right) in bags.iter().enumerate() {
                    let least = |(key, count): (&u32, &u64)| right.get(key).map_or(0, |it| *it.min(count));
                    let common = left.iter().map(least).sum::<u64>();
                    let expected = Overlap::of_sizes(common, sum(left), sum(right));
                    prop_assert_eq!(levels.overlap(i, j, &weights), expected);
                }
            }
        }
    }

    #[test]
    fn counts_of_one_weigh_one_each() {
        let levels = Levels::of(&[vec![(1, 1), (4, 1)], vec![(4, 1)]]);
        assert!(levels.are_plain());
        assert_eq!(levels.sets[1].ids().collect::<Vec<_>>(), [1]);
        assert!(!Levels::of(&[vec![(1, 2)]]).are_plain());
    }
}
