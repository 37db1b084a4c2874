//! Questions to all of an index at once: how many sets have each id, and what all ids of each set
//! weigh.
//!
//! Ids whose histories end at the same node are in the same sets, so a node stands for all of them.
//! Nodes and stations come after what they continue, so one pass over them, in one direction or the
//! other, answers for all: no history is followed twice.

use super::query::note;
use super::trie::{MARK, NO_STATION, NOWHERE, Step};
use super::{OverlapIndex, Scratch, Station};
use crate::measure::{Sum, family};
use crate::path_set::PathSet;

/// Nodes of an index that matter: those at which ids end, and those on their ways up to the first
/// station each. A bit for each node, since they are few of all.
#[derive(Clone, Debug, Default)]
pub struct Ways {
    words: Vec<u64>,
}

impl Ways {
    fn mark(&mut self, node: u32) -> bool {
        let (word, bit) = (&mut self.words[node as usize / 64], 1 << (node % 64));
        let is_new = *word & bit == 0;
        *word |= bit;
        is_new
    }

    /// Calls with the nodes, those after what they continue first.
    fn for_each_down(&self, mut call: impl FnMut(u32)) {
        for (at, word) in self.words.iter().enumerate().rev() {
            let mut word = *word;
            while word != 0 {
                let bit = word.ilog2();
                word ^= 1 << bit;
                call(family::index(at * 64) + bit);
            }
        }
    }

    /// The same the other way round.
    fn for_each_up(&self, mut call: impl FnMut(u32)) {
        for (at, word) in self.words.iter().enumerate() {
            let mut word = *word;
            while word != 0 {
                call(family::index(at * 64) + word.trailing_zeros());
                word &= word - 1;
            }
        }
    }
}

impl OverlapIndex {
    /// The ways of the nodes at which `ids` tells that any end. O(nodes).
    pub fn ways(&self, ids: &[u32]) -> Ways {
        let mut ways = Ways { words: vec![0; self.trie.nodes().len().div_ceil(64)] };
        for node in NOWHERE + 1..family::index(self.trie.nodes().len()) {
            let mut at = node;
            if ids.get(node as usize).is_none_or(|count| *count == 0) {
                continue;
            }
            while at != NOWHERE && ways.mark(at) {
                match self.trie.step(at) {
                    Step::Node(_, before) => at = before,
                    Step::Station(_) => break,
                }
            }
        }
        ways
    }

    /// For each node of these ways, how many of the sets for which `counted` is set have the ids that
    /// end at it; 0 for others.
    ///
    /// O(sets + stations + nodes of the ways). Sets beyond the end of `counted` are not counted.
    pub fn holders(&self, ways: &Ways, counted: &[bool]) -> Vec<u32> {
        // How many counted sets have an id that comes with an event and never goes again.
        let mut below: Vec<u32> = vec![0; self.slots.len()];
        for at in (0..below.len()).rev() {
            below[at] += u32::from(counted.get(at).copied().unwrap_or_default());
            if let Some(relative) = self.slots[at].relative {
                below[relative as usize] += below[at];
            }
        }
        let add = |sum: u32, event: u32| {
            let change = below[(event & !MARK) as usize];
            if event & MARK == 0 { sum.wrapping_add(change) } else { sum.wrapping_sub(change) }
        };
        let mut at_stations: Vec<u32> = Vec::with_capacity(self.trie.stations().len());
        for Station { before, events } in self.trie.stations() {
            let start = if *before == NO_STATION { 0 } else { at_stations[*before as usize] };
            at_stations.push(events.iter().fold(start, |sum, event| add(sum, *event)));
        }
        let mut holders: Vec<u32> = vec![0; self.trie.nodes().len()];
        ways.for_each_up(|node| {
            holders[node as usize] = match self.trie.step(node) {
                Step::Node(event, before) => add(holders[before as usize], event),
                Step::Station(station) => at_stations[station as usize],
            };
        });
        holders
    }

    /// For each node, how many ids end at it, those of `without` aside. All blocks must be there.
    ///
    /// O(pieces + nodes + runs of `without`).
    pub fn ids_at_nodes(&self, without: &PathSet) -> Vec<u32> {
        let mut ids = vec![0_u32; self.trie.nodes().len()];
        for block in self.blocks.values() {
            block.count(0, super::blocks::BLOCK_END, |node, count| {
                if let Some(ids) = ids.get_mut(node as usize) {
                    *ids += count;
                }
            });
        }
        self.for_each_count(without, |node, count| {
            if let Some(ids) = ids.get_mut(node as usize) {
                *ids -= count;
            }
        });
        ids
    }

    /// For each set, what its ids weigh together, if those that end at a node weigh together what
    /// `weight` tells of it; nothing where no way begins. Sums wrap. O(sets + stations + nodes of the
    /// ways).
    pub fn whole_sums<T: Sum>(&self, ways: &Ways, weight: impl Fn(u32) -> T) -> Vec<T> {
        let mut sums = vec![T::default(); self.slots.len()];
        self.each_event(ways, weight, |event, weight| note(&mut sums, event, weight));
        self.inherit(&mut sums);
        sums
    }

    /// Calls with each event, and what the ids weigh together whose histories have it there.
    fn each_event<T: Sum>(
        &self,
        ways: &Ways,
        weight: impl Fn(u32) -> T,
        mut call: impl FnMut(u32, T),
    ) {
        let stations = self.trie.stations();
        let mut passing = vec![T::default(); self.trie.nodes().len()];
        let mut at_stations = vec![T::default(); stations.len()];
        ways.for_each_down(|node| {
            let sum = passing[node as usize].plus(weight(node));
            match self.trie.step(node) {
                Step::Node(event, before) => {
                    call(event, sum);
                    passing[before as usize] = passing[before as usize].plus(sum);
                }
                Step::Station(station) => {
                    at_stations[station as usize] = at_stations[station as usize].plus(sum);
                }
            }
        });
        for at in (0..stations.len()).rev() {
            let Station { before, events } = stations[at];
            let sum = at_stations[at];
            if sum == T::default() {
                continue;
            }
            for event in events {
                call(event, sum);
            }
            if before != NO_STATION {
                at_stations[before as usize] = at_stations[before as usize].plus(sum);
            }
        }
    }

    /// For each set, how many ids it adds to the set by which it is told. All blocks must be there.
    /// O(sets + nodes + pieces).
    pub fn added(&self) -> Vec<u64> {
        let mut added = vec![0_u64; self.slots.len()];
        let ids = self.ids_at_nodes(&PathSet::default());
        self.each_event(
            &self.ways(&ids),
            |node| u64::from(ids[node as usize]),
            |event, ids| {
                if event & MARK == 0 {
                    added[event as usize] += ids;
                }
            },
        );
        added
    }

    /// For each set, removed ones included, whether it has an id. O(sets + events of its history).
    pub fn holders_of(&self, id: u32, scratch: &mut Scratch) -> Vec<bool> {
        let sums = self.overlaps(&PathSet::from_unsorted(vec![id]), scratch);
        sums.into_iter().map(|count| count > 0).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use crate::path_set::Delta;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn holders_and_weights_are_those_of_plain_sets(
            sets in related_sets(30),
            uncounted in proptest::collection::btree_set(0_usize..30, 0..4),
            without in proptest::collection::btree_set(0_u32..1100, 0..100),
            asked in proptest::collection::btree_set(0_u32..1100, 0..200),
        ) {
            let relatives: Vec<Option<u32>> = sets.iter().map(|(_, relative)| *relative).collect();
            let own = path_sets(&sets);
            let mut index = OverlapIndex::default();
            let mut added = Vec::new();
            for (at, (set, relative)) in own.iter().zip(relatives).enumerate() {
                let relative = relative.filter(|relative| (*relative as usize) < at);
                let base = relative.map(|it| own[it as usize].clone()).unwrap_or_default();
                let delta = Delta::between(&base, set);
                added.push(delta.added.len());
                index.add(relative, &delta);
            }
            prop_assert_eq!(index.added(), added);
            let counted: Vec<bool> = (0..own.len()).map(|at| !uncounted.contains(&at)).collect();
            let everywhere = index.ids_at_nodes(&PathSet::default());
            let holders = index.holders(&index.ways(&everywhere), &counted);
            let plain: Vec<BTreeSet<u32>> = own.iter().map(|set| set.ids().collect()).collect();
            let of_id = |id: u32| {
                let has = |at: &usize| counted[*at] && plain[*at].contains(&id);
                u32::try_from((0..plain.len()).filter(has).count()).unwrap()
            };
            // The weight of an id: something that differs from node to node.
            let weight = |node: u32| u64::from(holders[node as usize]) * 1000 + 7;
            let expected = |set: &BTreeSet<u32>| -> u64 {
                set.iter().map(|id| u64::from(of_id(*id)) * 1000 + 7).sum()
            };
            let mask = PathSet::from_unsorted(without.iter().copied().collect());
            let ids = index.ids_at_nodes(&mask);
            let ways = index.ways(&ids);
            let whole: Vec<u64> =
                index.whole_sums(&ways, |node| weight(node) * u64::from(ids[node as usize]));
            let asked_set = PathSet::from_unsorted(asked.iter().copied().collect());
            let shared: Vec<u64> = index.sums(&asked_set, weight, &mut Scratch::default());
            for (at, set) in plain.iter().enumerate() {
                prop_assert_eq!(whole[at], expected(&set.difference(&without).copied().collect()));
                prop_assert_eq!(shared[at], expected(&set.intersection(&asked).copied().collect()));
            }
            for id in asked.iter().take(3) {
                let has: Vec<bool> = plain.iter().map(|set| set.contains(id)).collect();
                prop_assert_eq!(index.holders_of(*id, &mut Scratch::default()), has);
            }
        }
    }
}
