//! Questions to the index: overlaps with all sets, and the nearest of them.

use super::blocks::for_each_part;
use super::trie::{MARK, NO_STATION, NOWHERE, Step};
use super::{DEEPEST, OverlapIndex, Slot, Station};
use crate::measure::near::{Near, nearest};
use crate::measure::{Measure, Sum};
use crate::path_set::{Overlap, PathSet};

/// Memory that questions use again, 4 bytes for a node; it is clean between questions.
#[derive(Clone, Debug, Default)]
pub struct Scratch<T = u32> {
    // How many ids end at each node.
    counts: Vec<u32>,
    // Nodes on the ways up, and how many ids go there, or what they weigh.
    ways: Vec<(u32, T)>,
    // What passes each station, and a bit for each station that any pass.
    passing: Vec<T>,
    marks: Vec<u64>,
}

impl OverlapIndex {
    /// How many ids a set shares with each set of the index, removed ones included, by number.
    ///
    /// All blocks that the set touches must be there. Ids that no set has had count for none.
    pub fn overlaps(&self, set: &PathSet, scratch: &mut Scratch) -> Vec<u32> {
        self.sums(set, |_| 1, scratch)
    }

    /// What the ids weigh together that a set shares with each set of the index, removed ones
    /// included, by number; an id weighs what `weight` tells of the node at which its history ends.
    ///
    /// As [`overlaps`](Self::overlaps), which is this with a weight of 1. Sums wrap.
    pub fn sums<T: Sum>(
        &self,
        set: &PathSet,
        weight: impl Fn(u32) -> u64,
        scratch: &mut Scratch<T>,
    ) -> Vec<T> {
        self.count(set, scratch);
        let mut sums = vec![T::default(); self.slots.len()];
        self.note(&weight, scratch, &mut sums);
        self.inherit(&mut sums);
        sums
    }

    /// Adds to each set what was noted for its relatives.
    pub(super) fn inherit<T: Sum>(&self, noted: &mut [T]) {
        for at in 0..noted.len() {
            if let Some(relative) = self.slots[at].relative {
                noted[at] = noted[at].plus(noted[relative as usize]);
            }
        }
    }

    /// Counts the ids of a set by the nodes at which their histories end.
    fn count<T: Sum>(&self, set: &PathSet, Scratch { counts, ways, .. }: &mut Scratch<T>) {
        counts.resize(self.trie.nodes().len(), 0);
        self.for_each_count(set, |node, ids| {
            // Nodes of blocks that were kept elsewhere may be out of range.
            if let Some(count) = counts.get_mut(node as usize) {
                if *count == 0 {
                    ways.push((node, T::default()));
                }
                *count += ids;
            }
        });
    }

    /// Calls with the nodes at which ids of a set end, and how many do; with a node more than once.
    #[inline]
    pub(crate) fn for_each_count(&self, set: &PathSet, mut call: impl FnMut(u32, u32)) {
        let mut last = None;
        for run in set.runs() {
            for_each_part(*run, |number, start, end| {
                let block = match last {
                    Some((other, block)) if other == number => block,
                    _ => self.blocks.get(&number),
                };
                last = Some((number, block));
                if let Some(block) = block {
                    block.count(start, end, &mut call);
                }
            });
        }
    }

    /// Notes what the ids of each node weigh for the sets of the events of its history.
    fn note<T: Sum>(&self, weight: &impl Fn(u32) -> u64, scratch: &mut Scratch<T>, sums: &mut [T]) {
        let Scratch { counts, ways, passing, marks } = scratch;
        let stations = self.trie.stations();
        passing.resize(stations.len(), T::default());
        marks.resize(stations.len().div_ceil(64), 0);
        ways.retain_mut(|(node, sum)| {
            let count = std::mem::take(&mut counts[*node as usize]);
            *sum = T::from_weight(weight(*node).wrapping_mul(count.into()));
            *node != NOWHERE
        });
        // All ways go up a node at a time, so that the memory for many is fetched at once.
        while !ways.is_empty() {
            ways.retain_mut(|(node, sum)| match self.trie.step(*node) {
                Step::Node(event, before) => {
                    note(sums, event, *sum);
                    *node = before;
                    before != NOWHERE
                }
                Step::Station(station) => {
                    passing[station as usize] = passing[station as usize].plus(*sum);
                    marks[station as usize / 64] |= 1 << (station % 64);
                    false
                }
            });
        }
        for word in (0..marks.len()).rev() {
            // A station leads only to lower ones: to lower bits of this word, or lower words.
            while marks[word] != 0 {
                let bit = marks[word].ilog2();
                marks[word] ^= 1 << bit;
                let station = word * 64 + bit as usize;
                let sum = std::mem::take(&mut passing[station]);
                let Station { before, events } = stations[station];
                for event in events {
                    note(sums, event, sum);
                }
                if before != NO_STATION {
                    passing[before as usize] = passing[before as usize].plus(sum);
                    marks[before as usize / 64] |= 1 << (before % 64);
                }
            }
        }
    }

    /// The set that differs in the fewest ids from another one, by which that one is best told;
    /// `None` if the empty set differs in as few. Of equals the oldest; none that is itself told
    /// by a hundred others. O(sets).
    pub fn closest(&self, (common, size): (&[u32], u64)) -> Option<u32> {
        let differs = |(slot, common): (&Slot, &u32)| {
            (u64::from(slot.size) + size).saturating_sub(2 * u64::from(*common))
        };
        let all = self.slots.iter().zip(common).map(differs).zip(0..);
        let shallow = all.zip(&self.depths).filter(|(_, depth)| **depth < DEEPEST);
        let ((differs, number), _) = shallow.min()?;
        (differs < size).then_some(number)
    }

    /// The nearest sets by a measure: `most` at the most, no value below `min`, the most alike first,
    /// of equals the one that shares more, then the one added first; `common` is what [`overlaps`](Self::overlaps) gave for a set
    /// of `size` ids.
    ///
    /// The asked set is the left one of the measure. O(sets + `most` log `most`).
    pub fn nearest(
        &self,
        (common, size): (&[u32], u64),
        measure: Measure,
        min: f64,
        most: usize,
    ) -> Vec<Near> {
        let alive = self.slots.iter().zip(common).enumerate().filter(|(_, (slot, _))| slot.alive);
        let pairs = alive.map(|(other, (slot, &common))| {
            let overlap = Overlap::of_sizes(u64::from(common), size, u64::from(slot.size));
            Near { other, overlap, value: measure.of(overlap) }
        });
        nearest(pairs.filter(|near| near.value >= min), most)
    }
}

/// Notes for the set of an event that ids of such a weight came, or went.
#[inline]
pub(super) fn note<T: Sum>(sums: &mut [T], event: u32, weight: T) {
    let noted = &mut sums[(event & !MARK) as usize];
    // Sums wrap: what is taken away here was added to a relative.
    *noted = if event & MARK == 0 { noted.plus(weight) } else { noted.minus(weight) };
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::super::{BLOCK_IDS, Block, Parts};
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use crate::path_set::Delta;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Spreads small ids over several blocks and to the last id.
    fn spread(ids: &BTreeSet<u32>) -> PathSet {
        let far = |id: &u32| match id % 3 {
            0 => *id,
            1 => id + BLOCK_IDS - 20,
            _ => u32::MAX - 1 - id,
        };
        PathSet::from_unsorted(ids.iter().map(far).collect())
    }

    fn index_of(sets: &[PathSet], relatives: &[Option<u32>]) -> OverlapIndex {
        let mut index = OverlapIndex::default();
        for (at, (set, relative)) in sets.iter().zip(relatives).enumerate() {
            let relative = relative.filter(|relative| (*relative as usize) < at);
            let base = relative.map(|it| sets[it as usize].clone()).unwrap_or_default();
            assert_eq!(index.add(relative, &Delta::between(&base, set)) as usize, at);
        }
        index
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]
        #[test]
        fn overlaps_are_those_of_plain_sets(
            sets in related_sets(30),
            asked in proptest::collection::btree_set(0_u32..1100, 0..200),
            removed in any::<prop::sample::Index>(),
            far in any::<bool>(),
            measure in 0..4_usize,
            count in 0..6_usize,
            least in 0.0..1.0_f64,
        ) {
            let relatives: Vec<Option<u32>> = sets.iter().map(|(_, relative)| *relative).collect();
            let own = if far {
                sets.iter().map(|(ids, _)| spread(ids)).collect()
            } else {
                path_sets(&sets)
            };
            let mut index = index_of(&own, &relatives);
            prop_assert_eq!(index.changes.slots.is_empty(), own.is_empty());
            // Kept and brought back, it is the same.
            let blocks: Vec<(u32, Block)> =
                index.blocks.iter().map(|(at, block)| (*at, block.clone())).collect();
            let mut kept = OverlapIndex::from_parts(Parts {
                slots: index.slots().to_vec(),
                nodes: index.nodes().to_vec(),
                stations: index.stations().to_vec(),
            })
            .unwrap();
            for (at, block) in blocks {
                let pieces: Vec<_> = block.pieces().collect();
                kept.put_block(at, Block::from_pieces(pieces).unwrap());
            }
            let asked = if far {
                spread(&asked)
            } else {
                PathSet::from_unsorted(asked.into_iter().collect())
            };
            let expected: Vec<u32> =
                own.iter().map(|set| asked.overlap(set).common as u32).collect();
            let mut scratch = Scratch::default();
            for index in [&index, &kept] {
                prop_assert_eq!(&index.overlaps(&asked, &mut scratch), &expected);
                // Again, with the memory that was used.
                prop_assert_eq!(&index.overlaps(&asked, &mut scratch), &expected);
            }
            let differs = |set: &PathSet| Delta::len_between(set, &asked);
            let closest = (0..own.len()).min_by_key(|at| differs(&own[*at]));
            let closest = closest.filter(|at| differs(&own[*at]) < asked.len());
            let told = index.closest((&expected, asked.len()));
            prop_assert_eq!(told.map(|number| number as usize), closest);
            let mut ranked: Vec<(usize, Overlap)> =
                own.iter().map(|set| asked.overlap(set)).enumerate().collect();
            if !own.is_empty() {
                let removed = removed.index(own.len());
                index.remove(removed as u32);
                ranked.retain(|(number, _)| *number != removed);
            }
            let measure = Measure::ALL[measure];
            ranked.retain(|(_, overlap)| measure.of(*overlap) >= least);
            let rank = |overlap: Overlap| (measure.of(overlap), overlap.common);
            ranked.sort_by(|a, b| rank(b.1).partial_cmp(&rank(a.1)).unwrap());
            ranked.truncate(count);
            let near = index.nearest((&expected, asked.len()), measure, least, count);
            let found: Vec<(usize, Overlap)> =
                near.iter().map(|near| (near.other, near.overlap)).collect();
            prop_assert_eq!(found, ranked);
        }
    }
}
