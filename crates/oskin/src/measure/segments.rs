//! Reduces path sets to weighted classes: the paths that lie in exactly the same sets.
//!
//! The overlaps of all pairs depend only on which sets a path lies in, so paths with the same
//! answer (a *colour class*) need to be looked at once, with their number as the weight. The
//! classes are found from runs, never from single ids, and exactly:
//!
//! 1. **Cut.** The ends of all runs, the [`Edges`], cut the ids into segments that lie in the same
//!    sets throughout.
//! 2. **Mark.** For a group of 128 sets there is a mask for each edge, where each set flips its bit
//!    at the edges of its runs. The exclusive or of all masks up to a segment tells in which sets of
//!    the group the segment lies: the prefix sums of a difference array, in bits.
//! 3. **Refine.** All segments start in one class. Group by group, those of the same class and the
//!    same mask go on into the same class (partition refinement: Paige and Tarjan 1987, "Three
//!    partition refinement algorithms", by 128 sets at once). A class remembers its mask and the
//!    class that it was before, so the sets of a class are read off the way to the first one.
//!
//! Cost: O(runs + groups · segments). Memory: bounds on runs and classes cut the ids into windows,
//! whose overlaps add up, so that no input can exhaust it.

use super::edges::{Edges, Window};
use super::weights::Weights;
use crate::path_set::PathSet;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;
use std::hash::{BuildHasher as _, RandomState};

/// The words of a [`Mask`].
pub(super) const MASK_WORDS: usize = 2;

/// A bit for each set of a group.
pub(super) type Mask = [u64; MASK_WORDS];

/// How many sets a group has.
pub(super) const GROUP: usize = MASK_WORDS * 64;

/// How much is worked on at once; the sums over all windows do not depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// The most runs of a window, unless 64 ids hold even more; a run takes up to 60 bytes.
    pub(super) runs: usize,
    /// The most classes of a window, those on the way counted, 40 bytes each.
    pub(super) classes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { runs: 1 << 20, classes: 1 << 21 }
    }
}

/// The shared part of sets inside one window, as weighted classes.
#[derive(Debug)]
pub(super) struct Classes {
    /// How many sets there are.
    pub(super) sets: usize,
    /// How many paths each class stands for, or what they weigh, at least 1. Every class lies in two sets
    /// or more, if those of one set are not asked for.
    pub(super) weights: Vec<u64>,
    /// The number of sets of each class.
    pub(super) holders: Vec<u32>,
    /// The node of each class.
    last: Vec<u32>,
    nodes: Vec<Node>,
}

/// A class as it was after one of the groups.
#[derive(Clone, Copy, Debug)]
struct Node {
    /// In which sets of the group it lies, not none.
    mask: Mask,
    group: u32,
    /// What it was before that group; 0 is where all start.
    before: u32,
    /// In how many sets of this group and those before it lies.
    holders: u32,
    /// How many paths of it lie in no set of a later group, or what those weigh.
    weight: u64,
}

impl Classes {
    /// The classes of all windows that `sets` need, in order of their ids, as numbers of paths.
    pub(super) fn all<'a>(
        sets: &'a [&'a PathSet],
        limits: Limits,
    ) -> impl Iterator<Item = Self> + 'a {
        Self::all_of(sets, None, limits)
    }

    /// The same by what paths weigh, with the classes of one set, so that all classes of a set
    /// together weigh what the set does.
    pub(super) fn weighing<'a>(
        sets: &'a [&'a PathSet],
        weights: &'a Weights,
        limits: Limits,
    ) -> impl Iterator<Item = Self> + 'a {
        Self::all_of(sets, Some(weights), limits)
    }

    fn all_of<'a>(
        sets: &'a [&'a PathSet],
        weights: Option<&'a Weights>,
        limits: Limits,
    ) -> impl Iterator<Item = Self> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let mut window = Window::next(sets, from, limits.runs)?;
            loop {
                let last_try = window;
                let limit = if window.halve() { limits.classes } else { usize::MAX };
                if let Some(classes) = Self::of(sets, weights, last_try, limit) {
                    from = last_try.end;
                    return Some(classes);
                }
            }
        })
    }

    /// Finds the classes of the sets inside a window; `None` if there were more than `limit`.
    fn of(
        sets: &[&PathSet],
        weights: Option<&Weights>,
        window: Window,
        limit: usize,
    ) -> Option<Self> {
        let edges = Edges::of(sets, window);
        let mut trie = Trie::new(edges.lengths.len());
        let mut masks = vec![[0; MASK_WORDS]; edges.len()];
        let group_count = sets.len().div_ceil(GROUP);
        // The class of each segment so far; a single group can do without.
        let mut labels = vec![0; if group_count > 1 { edges.lengths.len() } else { 0 }];
        for (group, sets) in (0..).zip(sets.chunks(GROUP)) {
            if group > 0 {
                masks.fill([0; MASK_WORDS]);
            }
            for (bit, set) in sets.iter().enumerate() {
                edges.for_each(set, |position| masks[position][bit / 64] ^= 1 << (bit % 64));
            }
            if group as usize + 1 < group_count {
                trie.refine(group, &masks, &mut labels);
            } else if let Some(weights) = weights {
                trie.weigh(group, &masks, &labels, weights.of_ascending(edges.segments()));
            } else {
                trie.weigh(group, &masks, &labels, edges.lengths.iter().copied().map(u64::from));
            }
            if trie.nodes.len() > limit {
                return None;
            }
        }
        Some(trie.classes(sets.len(), if weights.is_some() { 1 } else { 2 }))
    }

    /// The sets of a class, as masks of groups, the last group first; groups without any are left out.
    pub(super) fn masks(&self, class: usize) -> impl Iterator<Item = (usize, Mask)> + '_ {
        let mut node = self.last[class];
        std::iter::from_fn(move || {
            let at = self.nodes.get(node as usize).filter(|_| node > 0)?;
            node = at.before;
            Some((at.group as usize, at.mask))
        })
    }
}

/// Tells the sets of classes one by one; what it needs for that is kept from class to class.
#[derive(Debug, Default)]
pub(super) struct Holders {
    words: Vec<u64>,
    sets: Vec<usize>,
}

impl Holders {
    /// The sets of a class, ascending.
    pub(super) fn of(&mut self, classes: &Classes, class: usize) -> &[usize] {
        self.words.clear();
        self.words.resize(classes.sets.div_ceil(64).next_multiple_of(MASK_WORDS), 0);
        for (group, mask) in classes.masks(class) {
            self.words[group * MASK_WORDS..][..MASK_WORDS].copy_from_slice(&mask);
        }
        self.sets.clear();
        for (&word, first) in self.words.iter().zip((0..).step_by(64)) {
            let mut bits = word;
            while bits != 0 {
                self.sets.push(first + bits.trailing_zeros() as usize);
                bits &= bits - 1;
            }
        }
        &self.sets
    }
}

/// The classes that there were after each group.
struct Trie {
    nodes: Vec<Node>,
    /// All nodes but the first, by all that tells them apart.
    places: HashTable<u32>,
    seeds: Seeds,
}

/// What hashes begin with. It differs from run to run, so that no sets can be made to collide; the
/// order of nodes does not depend on it.
type Seeds = [u64; 4];

impl Trie {
    /// The class that all segments start in.
    fn new(segments: usize) -> Self {
        let start =
            Node { mask: [0; MASK_WORDS], group: u32::MAX, before: 0, holders: 0, weight: 0 };
        // Room for the most that one group makes; what is not used takes no memory.
        let mut nodes = Vec::with_capacity(segments + 1);
        nodes.push(start);
        let random = RandomState::new();
        Self { nodes, places: HashTable::new(), seeds: [0, 1, 2, 3].map(|n| random.hash_one(n)) }
    }

    /// Moves each segment from its class to the one that its mask of a group leads to.
    fn refine(&mut self, group: u32, changes: &[Mask], labels: &mut [u32]) {
        for (label, mask) in labels.iter_mut().zip(masks(changes)) {
            *label = self.child(*label, group, mask);
        }
    }

    /// Like [`refine`](Self::refine) for the last group: adds up what the segments weigh.
    fn weigh(
        &mut self,
        group: u32,
        changes: &[Mask],
        labels: &[u32],
        weights: impl Iterator<Item = u64>,
    ) {
        let labels = labels.iter().copied().chain(std::iter::repeat(0));
        for ((label, mask), more) in labels.zip(masks(changes)).zip(weights) {
            let label = self.child(label, group, mask);
            let weight = &mut self.nodes[label as usize].weight;
            *weight = weight.saturating_add(more);
        }
    }

    /// The class that a mask leads to.
    fn child(&mut self, before: u32, group: u32, mask: Mask) -> u32 {
        if mask == [0; MASK_WORDS] {
            return before;
        }
        let (nodes, seeds) = (&mut self.nodes, self.seeds);
        let is_it = |place: &u32| {
            let node = &nodes[*place as usize];
            node.mask == mask && node.before == before && node.group == group
        };
        let place = self.places.entry(hash(before, mask, seeds), is_it, |place| {
            let node = &nodes[*place as usize];
            hash(node.before, node.mask, seeds)
        });
        match place {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                // Fits: a window has some million segments, and a new node for each in a group at most.
                let label = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                place.insert(label);
                let more: u32 = mask.iter().map(|word| word.count_ones()).sum();
                let holders = nodes[before as usize].holders + more;
                nodes.push(Node { mask, group, before, holders, weight: 0 });
                label
            }
        }
    }

    /// The classes in so many sets or more.
    fn classes(self, sets: usize, least: u32) -> Classes {
        let mut classes =
            Classes { sets, weights: vec![], holders: vec![], last: vec![], nodes: self.nodes };
        for (node, label) in classes.nodes.iter().zip(0..) {
            if node.weight > 0 && node.holders >= least {
                classes.weights.push(node.weight);
                classes.holders.push(node.holders);
                classes.last.push(label);
            }
        }
        classes
    }
}

/// The masks of the segments, from the changes at the edges.
fn masks(changes: &[Mask]) -> impl Iterator<Item = Mask> + '_ {
    let mut mask = [0; MASK_WORDS];
    changes.iter().map(move |change| {
        for (word, change) in mask.iter_mut().zip(change) {
            *word ^= change;
        }
        mask
    })
}

/// Mixes what tells nodes of one group apart, by products of 128 bits folded to 64, as wyhash does.
fn hash(before: u32, mask: Mask, seeds: Seeds) -> u64 {
    #[expect(clippy::cast_possible_truncation, reason = "both halves are used")]
    let fold = |a: u64, b: u64| {
        let product = u128::from(a) * u128::from(b);
        product as u64 ^ (product >> 64) as u64
    };
    let [low, high] = mask;
    fold(fold(low ^ seeds[0], high ^ seeds[1]) ^ u64::from(before) ^ seeds[2], seeds[3] | 1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::path_set::Run;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::{BTreeMap, BTreeSet};

    /// How many paths lie in exactly these sets, for each two sets or more that have such paths,
    /// found path by path.
    fn naive(sets: &[BTreeSet<u32>]) -> BTreeMap<Vec<usize>, u64> {
        let mut holders: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (set, ids) in sets.iter().enumerate() {
            for id in ids {
                holders.entry(*id).or_default().push(set);
            }
        }
        let mut weights = BTreeMap::new();
        for sets in holders.into_values().filter(|sets| sets.len() > 1) {
            *weights.entry(sets).or_default() += 1;
        }
        weights
    }

    fn holders(classes: &Classes, class: usize) -> Vec<usize> {
        let mut holders: Vec<usize> = classes
            .masks(class)
            .flat_map(|(group, mask)| (0..GROUP).map(move |bit| (group, mask, bit)))
            .filter(|(_, mask, bit)| mask[bit / 64] >> (bit % 64) & 1 == 1)
            .map(|(group, _, bit)| group * GROUP + bit)
            .collect();
        holders.sort_unstable();
        holders
    }

    /// The classes of all windows together.
    fn all(sets: &[PathSet], limits: Limits) -> BTreeMap<Vec<usize>, u64> {
        let sets: Vec<&PathSet> = sets.iter().collect();
        let mut all = BTreeMap::new();
        for classes in Classes::all(&sets, limits) {
            assert_eq!(classes.sets, sets.len());
            let mut seen = BTreeSet::new();
            for (class, &weight) in classes.weights.iter().enumerate() {
                let holders = holders(&classes, class);
                assert_eq!(holders.len(), classes.holders[class] as usize);
                assert!(weight > 0 && seen.insert(holders.clone()), "two classes of the same sets");
                *all.entry(holders).or_default() += weight;
            }
        }
        all
    }

    prop_compose! {
        fn any_limits()(
            runs in prop_oneof![1_usize..400, Just(usize::MAX)],
            classes in prop_oneof![0_usize..80, Just(usize::MAX)],
        ) -> Limits {
            Limits { runs, classes }
        }
    }

    proptest! {
        #[test]
        fn classes_are_the_groups_of_equal_paths(
            sets in prop_oneof![
                3 => vec(btree_set(0_u32..500, 0..200), 0..9),
                1 => vec(btree_set(0_u32..40, 0..20), 0..400),
            ],
            copies in vec((0_usize..400, 0_usize..400), 0..4),
            limits in any_limits(),
            spread in prop_oneof![Just(1_u32), Just(3), Just(8_000_000)],
            from_the_end in any::<bool>(),
        ) {
            let id = |id: u32| if from_the_end { u32::MAX - id * spread } else { id * spread };
            let mut sets: Vec<BTreeSet<u32>> =
                sets.iter().map(|ids| ids.iter().map(|&number| id(number)).collect()).collect();
            for (from, to) in copies {
                if let (true, Some(set)) = (to < sets.len(), sets.get(from).cloned()) {
                    sets[to] = set;
                }
            }
            let path_sets: Vec<PathSet> = sets
                .iter()
                .map(|ids| PathSet::from_unsorted(ids.iter().copied().collect()))
                .collect();
            prop_assert_eq!(all(&path_sets, limits), naive(&sets));
        }
    }

    #[test]
    fn classes_may_have_nearly_all_ids() {
        let runs = |runs: &[(u32, u32)]| {
            let runs = runs.iter().map(|&(first, len)| Run { first, len }).collect();
            PathSet::from_runs(runs).unwrap()
        };
        let sets = [runs(&[(0, u32::MAX)]), runs(&[(0, 5), (7, u32::MAX - 6)]), runs(&[(6, 1)])];
        let expected = [(vec![0, 1], u64::from(u32::MAX) - 2), (vec![0, 2], 1)];
        assert_eq!(all(&sets, Limits::default()), expected.into());
    }

    #[test]
    fn equal_masks_of_two_groups_are_two_classes() {
        let set = |id| PathSet::from_unsorted(vec![id]);
        let mut sets = vec![PathSet::default(); 2 * GROUP];
        (sets[3], sets[4]) = (set(1), set(1));
        (sets[GROUP + 3], sets[GROUP + 4]) = (set(2), set(2));
        let expected = [(vec![3, 4], 1), (vec![GROUP + 3, GROUP + 4], 1)];
        assert_eq!(all(&sets, Limits::default()), expected.into());
    }
}
