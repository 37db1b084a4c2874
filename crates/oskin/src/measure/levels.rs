//! Multisets told as sets, so that the one engine sums what two of them share.
//!
//! If an image has a key `x` times and another one `y` times, they share it `min(x, y)` times. Let the
//! key occur 2, 3 and 7 times in the images there are: three ids stand for it, of the weights 2, 1 and 4, and an
//! image that has it 3 times has the first two. Then what two images share weighs exactly the
//! minimum, and what an image weighs is how often it has the key. The same holds for bytes: what two images share of a
//! file is the smaller of both sizes.

use super::all_pairs::AllPairs;
use super::relatives::scatter;
use super::similarities::Similarities;
use super::weights::{Weighting, Weights};
use crate::path_set::{Overlap, PathSet};
use std::borrow::Cow;

/// The multiset of one image: each key once, ascending, with how often it occurs, at least once.
pub type Multiset = Vec<(u32, u64)>;

/// Sets with the weights of their ids, ready for the engine.
#[derive(Clone, Debug, Default)]
pub struct Levels {
    /// The set of each image.
    pub sets: Vec<PathSet>,
    /// By how much each id is more than the one before it of the same key.
    weights: Weights,
    /// Whether every id weighs 1.
    is_plain: bool,
}

impl Levels {
    /// Tells multisets as sets. What occurs 0 times is no member. O(n log n) for `n` members in all.
    pub fn of(multisets: &[Multiset]) -> Self {
        let mut all: Vec<(u32, u64)> = multisets.iter().flatten().copied().collect();
        all.retain(|(_, count)| *count > 0);
        all.sort_unstable();
        all.dedup();
        let levels = |(key, count): (u32, u64)| {
            let first = all.partition_point(|it| it.0 < key);
            first..first + all[first..].partition_point(|it| *it <= (key, count))
        };
        let mut owners = vec![0_u64; all.len()];
        for (multiset, image) in multisets.iter().zip(1_u64..) {
            let mark = scatter(image);
            for level in multiset.iter().flat_map(|member| levels(*member)) {
                owners[level] ^= mark;
            }
        }
        let (ids, each) = number(&all, &owners);
        let is_plain = each.iter().all(|each| *each == 1);
        let set = |multiset: &Multiset| {
            let own = multiset.iter().flat_map(|member| &ids[levels(*member)]);
            PathSet::from_unsorted(own.copied().collect())
        };
        Self { sets: multisets.iter().map(set).collect(), weights: Weights::of_ids(each), is_plain }
    }

    /// Whether every id weighs 1, so that counting does.
    #[cfg(test)]
    pub(super) fn is_plain(&self) -> bool {
        self.is_plain
    }

    /// All pairs.
    pub fn pairs(&self, weighting: Weighting) -> Similarities {
        let sets: Vec<&PathSet> = self.sets.iter().collect();
        // Where every id weighs 1, counting does.
        match self.is_plain && weighting.unit() == 1 {
            true => Similarities::Counted(AllPairs::from_sets(&sets)),
            false => Similarities::Weighted(AllPairs::weighted(&sets, &self.weights(weighting))),
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
    pub fn weights(&self, weighting: Weighting) -> Cow<'_, Weights> {
        match weighting {
            Weighting::None | Weighting::Bytes => Cow::Borrowed(&self.weights),
            Weighting::Rarity | Weighting::Idf => {
                let sets: Vec<&PathSet> = self.sets.iter().collect();
                let rarity = Weights::by_rarity(&sets, weighting);
                Cow::Owned(if self.is_plain { rarity } else { rarity.times(&self.weights) })
            }
        }
    }
}

/// Numbers levels, given by key and count, ascending: the id of each, and what each id weighs.
///
/// Those that the same images have, told by the `owners` (an exclusive or of numbers as good as random), follow one another, so that sets are few long runs
/// however often keys occur, and the engine has as little to do as there are differences.
fn number(all: &[(u32, u64)], owners: &[u64]) -> (Vec<u32>, Vec<u64>) {
    let mut order: Vec<(u64, usize)> = owners.iter().copied().zip(0..).collect();
    order.sort_unstable();
    let mut ids = vec![0; all.len()];
    let mut each = Vec::with_capacity(all.len());
    for (&(_, at), id) in order.iter().zip(0_u32..) {
        ids[at] = id;
        let (key, count) = all[at];
        let less = at.checked_sub(1).map(|before| all[before]).filter(|before| before.0 == key);
        each.push(count - less.map_or(0, |before| before.1));
    }
    (ids, each)
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
        assert!(levels.is_plain);
        assert_eq!(levels.sets.iter().map(PathSet::len).collect::<Vec<_>>(), [2, 1]);
        assert!(!Levels::of(&[vec![(1, 2)]]).is_plain);
    }
}
