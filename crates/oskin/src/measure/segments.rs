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
use crate::path_set::PathSet;
use hashbrown::HashTable;
use hashbrown::hash_table::Entry;

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
    /// The most classes of a window, those on the way counted, 32 bytes each.
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
    /// How many paths each class stands for, at least 1. Every class lies in two sets or more.
    pub(super) weights: Vec<u32>,
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
}

impl Classes {
    /// The classes of all windows that `sets` need, in order of their ids.
    pub(super) fn all<'a>(
        sets: &'a [&'a PathSet],
        limits: Limits,
    ) -> impl Iterator<Item = Self> + 'a {
        let mut from = 0;
        std::iter::from_fn(move || {
            let mut window = Window::next(sets, from, limits.runs)?;
            loop {
                let last_try = window;
                let limit = if window.halve() { limits.classes } else { usize::MAX };
                if let Some(classes) = Self::of(sets, last_try, limit) {
                    from = last_try.end;
                    return Some(classes);
                }
            }
        })
    }

    /// Finds the classes of the sets inside a window; `None` if there were more than `limit`.
    fn of(sets: &[&PathSet], window: Window, limit: usize) -> Option<Self> {
        let edges = Edges::of(sets, window);
        let start = Node { mask: [0; MASK_WORDS], group: u32::MAX, before: 0, holders: 0 };
        let mut trie = Trie { nodes: vec![start], places: HashTable::new() };
        let mut labels = vec![0; edges.lengths.len()];
        let mut masks = vec![[0; MASK_WORDS]; edges.len()];
        for (group, sets) in (0..).zip(sets.chunks(GROUP)) {
            if group > 0 {
                masks.fill([0; MASK_WORDS]);
            }
            for (bit, set) in sets.iter().enumerate() {
                edges.for_each(set, |position| masks[position][bit / 64] ^= 1 << (bit % 64));
            }
            trie.refine(group, &masks, &mut labels);
            if trie.nodes.len() > limit {
                return None;
            }
        }
        Some(trie.classes(sets.len(), &labels, &edges.lengths))
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

/// The classes that there were after each group.
struct Trie {
    nodes: Vec<Node>,
    /// All nodes but the first, by all that tells them apart.
    places: HashTable<u32>,
}

impl Trie {
    /// Moves each segment from its class to the one that its mask of a group leads to.
    fn refine(&mut self, group: u32, masks: &[Mask], labels: &mut [u32]) {
        let mut mask = [0; MASK_WORDS];
        for (label, change) in labels.iter_mut().zip(masks) {
            for (word, change) in mask.iter_mut().zip(change) {
                *word ^= change;
            }
            if mask != [0; MASK_WORDS] {
                *label = self.child(*label, group, mask);
            }
        }
    }

    fn child(&mut self, before: u32, group: u32, mask: Mask) -> u32 {
        let nodes = &mut self.nodes;
        let is_it = |place: &u32| {
            let node = &nodes[*place as usize];
            node.mask == mask && node.before == before && node.group == group
        };
        let place = self.places.entry(hash(before, mask), is_it, |place| {
            let node = &nodes[*place as usize];
            hash(node.before, node.mask)
        });
        match place {
            Entry::Occupied(place) => *place.get(),
            Entry::Vacant(place) => {
                // Fits: a window has some million segments, and a new node for each in a group at most.
                let label = u32::try_from(nodes.len()).unwrap_or(u32::MAX);
                place.insert(label);
                let more: u32 = mask.iter().map(|word| word.count_ones()).sum();
                let holders = nodes[before as usize].holders + more;
                nodes.push(Node { mask, group, before, holders });
                label
            }
        }
    }

    /// The classes of the segments in two sets or more.
    fn classes(self, sets: usize, labels: &[u32], lengths: &[u32]) -> Classes {
        let mut sums = vec![0_u32; self.nodes.len()];
        for (&label, length) in labels.iter().zip(lengths) {
            // The ids in no set at all may be too many, and are left out.
            sums[label as usize] = sums[label as usize].saturating_add(*length);
        }
        let mut classes =
            Classes { sets, weights: vec![], holders: vec![], last: vec![], nodes: self.nodes };
        for ((weight, node), label) in sums.into_iter().zip(&classes.nodes).zip(0..) {
            if weight > 0 && node.holders > 1 {
                classes.weights.push(weight);
                classes.holders.push(node.holders);
                classes.last.push(label);
            }
        }
        classes
    }
}

/// Mixes what tells nodes of one group apart.
fn hash(before: u32, mask: Mask) -> u64 {
    const FACTORS: [u64; 2] = [0x9E37_79B9_7F4A_7C15, 0xD6E8_FEB8_6659_FD93];
    let mut mixed = u64::from(before);
    for (word, factor) in mask.into_iter().zip(FACTORS.into_iter().cycle()) {
        mixed = (mixed ^ word).wrapping_mul(factor);
        mixed ^= mixed >> 32;
    }
    mixed.wrapping_mul(FACTORS[0])
}
