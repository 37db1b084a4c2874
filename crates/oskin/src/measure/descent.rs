//! The nearest sets by walking down a forest from its roots: few sets are looked at, and a bound tells
//! whether that was enough.
//!
//! Each set of the forest is told by its parent: it has so many ids more, and lacks others. Of a set
//! that was looked at the overlap with the asked one is known; a set below it shares at most that
//! and all that is added on the way down. So no set need be looked at whose bound is below what is
//! found, and if that holds for all the others the answer is *proven*. This is the search that a
//! reader of few sets can do (a site that fetches them one by one, say); [`OverlapIndex`] gets the
//! same answer of all sets at once, and faster.
//!
//! [`OverlapIndex`]: super::OverlapIndex

use super::near::{Near, nearest};
use super::set::Measure;
use crate::path_set::Overlap;

/// A set of the forest.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Branch {
    /// The set by which it is told, before it in the forest; `None` for a root.
    pub parent: Option<u32>,
    /// How many ids it has.
    pub size: u64,
    /// How many of them its parent has not; all for a root.
    pub added: u64,
    /// Whether it may be an answer; others are only passed.
    pub counts: bool,
}

/// What a walk down found.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Descent {
    /// The nearest sets that were looked at, the most alike first, of equals the one that shares more.
    pub nearest: Vec<Near>,
    /// How many sets were looked at.
    pub looked_at: usize,
    /// Whether no other set can be nearer than the last of those.
    pub is_proven: bool,
}

/// A forest that can be searched.
#[derive(Clone, Debug, Default)]
pub struct Forest {
    branches: Vec<Branch>,
    // The children of each set, and, at the end, the roots.
    children: Vec<Vec<u32>>,
}

impl Forest {
    /// A forest of sets, each of which comes after its parent; `None` if one does not.
    pub fn new(branches: Vec<Branch>) -> Option<Self> {
        let mut children = vec![Vec::new(); branches.len() + 1];
        for (number, branch) in (0..).zip(&branches) {
            match branch.parent {
                Some(parent) if parent < number => children[parent as usize].push(number),
                Some(_) => return None,
                None => children[branches.len()].push(number),
            }
        }
        Some(Self { branches, children })
    }

    /// The sets, parents first.
    pub fn branches(&self) -> &[Branch] {
        &self.branches
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.branches.len()
    }

    /// Whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.branches.is_empty()
    }

    /// Walks down from the roots: of the sets that were looked at in a round the `beam` most alike
    /// are followed to those of their children that may still be among the `most` nearest. `look`
    /// tells how many ids the asked set of `size` ids shares with a set.
    ///
    /// The asked set is the left one of the measure. O(sets), and what the looks cost.
    pub fn walk_down(
        &self,
        (size, measure): (u64, Measure),
        most: usize,
        beam: usize,
        mut look: impl FnMut(u32) -> u64,
    ) -> Descent {
        let mut search = Search::new(self, (size, measure), most);
        let mut round: Vec<u32> = self.children[self.branches.len()].clone();
        while !round.is_empty() {
            let mut seen: Vec<(f64, u32)> = Vec::with_capacity(round.len());
            for set in round.drain(..) {
                seen.push((search.look(set, look(set)), set));
            }
            seen.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            seen.truncate(beam);
            let below = seen.iter().flat_map(|(_, set)| &self.children[*set as usize]).copied();
            // What lies below a child may be nearer than the child, so its own bound does not count.
            round.extend(below);
        }
        search.finish()
    }

    /// Looks at the sets with the highest bounds, `step` at a time after the roots, until the answer
    /// is proven or `limit` sets were looked at.
    ///
    /// As [`walk_down`](Self::walk_down), but each round costs O(sets).
    pub fn search(
        &self,
        (size, measure): (u64, Measure),
        most: usize,
        (step, limit): (usize, usize),
        mut look: impl FnMut(u32) -> u64,
    ) -> Descent {
        let mut search = Search::new(self, (size, measure), most);
        let mut round: Vec<u32> = self.children[self.branches.len()].clone();
        while !round.is_empty() && search.looked_at < limit {
            for set in round.drain(..) {
                search.look(set, look(set));
            }
            let floor = search.floor();
            let mut open: Vec<(f64, u32)> =
                search.bounds().into_iter().filter(|(bound, _)| *bound > floor).collect();
            open.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(&b.1)));
            round.extend(open.into_iter().take(step).map(|(_, set)| set));
        }
        search.finish()
    }
}

/// A search under way.
struct Search<'f> {
    forest: &'f Forest,
    size: u64,
    measure: Measure,
    most: usize,
    // What is shared with the sets that were looked at.
    common: Vec<Option<u64>>,
    looked_at: usize,
    // The values of the best sets that count, ascending, at most `most`.
    best: Vec<f64>,
}

impl<'f> Search<'f> {
    fn new(forest: &'f Forest, (size, measure): (u64, Measure), most: usize) -> Self {
        let common = vec![None; forest.len()];
        Self { forest, size, measure, most, common, looked_at: 0, best: Vec::new() }
    }

    fn overlap(&self, set: u32, common: u64) -> Overlap {
        let other = self.forest.branches[set as usize].size;
        Overlap::of_sizes(common.min(self.size).min(other), self.size, other)
    }

    fn look(&mut self, set: u32, common: u64) -> f64 {
        let value = self.measure.of(self.overlap(set, common));
        self.common[set as usize] = Some(common);
        self.looked_at += 1;
        if self.forest.branches[set as usize].counts {
            let at = self.best.partition_point(|other| *other < value);
            self.best.insert(at, value);
            if self.best.len() > self.most {
                self.best.remove(0);
            }
        }
        value
    }

    /// What a set must have to be among the nearest: less than nothing as long as there are too few.
    fn floor(&self) -> f64 {
        if self.best.len() < self.most { -1.0 } else { self.best.first().copied().unwrap_or(1.0) }
    }

    /// The most that each set can have that counts and was not looked at.
    fn bounds(&self) -> Vec<(f64, u32)> {
        let mut most: Vec<u64> = Vec::with_capacity(self.forest.len());
        let mut bounds = Vec::new();
        for ((number, branch), common) in (0..).zip(&self.forest.branches).zip(&self.common) {
            let above = branch.parent.map_or(0, |parent| most[parent as usize]);
            let here = common.unwrap_or_else(|| above.saturating_add(branch.added));
            most.push(here.min(branch.size));
            if common.is_none() && branch.counts {
                bounds.push((self.measure.of(self.overlap(number, here)), number));
            }
        }
        bounds
    }

    fn finish(self) -> Descent {
        let floor = self.floor();
        let is_proven = self.bounds().iter().all(|(bound, _)| *bound <= floor);
        let pairs = (0..).zip(&self.common).filter_map(|(set, common): (u32, &Option<u64>)| {
            let branch = &self.forest.branches[set as usize];
            let overlap = self.overlap(set, (*common)?);
            let near = Near { other: set as usize, overlap, value: self.measure.of(overlap) };
            branch.counts.then_some(near)
        });
        Descent { nearest: nearest(pairs, self.most), looked_at: self.looked_at, is_proven }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use crate::path_set::{Delta, PathSet};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]
        #[test]
        fn what_is_proven_is_nearest(
            sets in related_sets(30),
            asked in proptest::collection::btree_set(0_u32..1100, 0..200),
            hidden in proptest::collection::btree_set(0_usize..30, 0..3),
            (most, beam, measure) in (1..5_usize, 1..5_usize, 0..4_usize),
        ) {
            let own = path_sets(&sets);
            let asked = PathSet::from_unsorted(asked.into_iter().collect());
            let branches = own.iter().zip(&sets).enumerate().map(|(at, (set, (_, relative)))| {
                let parent = relative.filter(|relative| (*relative as usize) < at);
                let base = parent.map(|it| own[it as usize].clone()).unwrap_or_default();
                let added = Delta::between(&base, set).added.len();
                Branch { parent, size: set.len(), added, counts: !hidden.contains(&at) }
            });
            let forest = Forest::new(branches.collect()).unwrap();
            let measure = Measure::ALL[measure];
            let mut all: Vec<f64> = own
                .iter()
                .enumerate()
                .filter(|(at, _)| !hidden.contains(at))
                .map(|(_, set)| measure.of(asked.overlap(set)))
                .collect();
            all.sort_by(|a, b| b.total_cmp(a));
            all.truncate(most);
            let values = |descent: &Descent| -> Vec<f64> {
                descent.nearest.iter().map(|near| near.value).collect()
            };
            let look = |set: u32| asked.overlap(&own[set as usize]).common;
            let query = (asked.len(), measure);
            let walk = forest.walk_down(query, most, beam, look);
            prop_assert!(walk.looked_at <= own.len());
            if walk.is_proven {
                prop_assert_eq!(values(&walk), all.clone());
            }
            let search = forest.search(query, most, (beam, usize::MAX), look);
            prop_assert!(search.is_proven);
            prop_assert_eq!(values(&search), all);
            for near in &search.nearest {
                prop_assert_eq!(near.overlap, asked.overlap(&own[near.other]));
            }
        }
    }

    #[test]
    fn a_bound_spares_looks() {
        // Two families; of the one that shares nothing only the root is looked at.
        let root = |size| Branch { parent: None, size, added: size, counts: true };
        let child = |parent, size| Branch { parent: Some(parent), size, added: 10, counts: true };
        let mut branches = vec![root(100), root(100)];
        branches.extend((0..20).map(|_| child(0, 110)));
        branches.extend((0..20).map(|_| child(1, 110)));
        let forest = Forest::new(branches).unwrap();
        let look = |set: u32| if set == 0 || (2..22).contains(&set) { 100 } else { 0 };
        let found = forest.search((100, Measure::Dice), 1, (4, usize::MAX), look);
        assert!(found.is_proven);
        assert_eq!((found.nearest[0].other, found.nearest[0].value), (0, 1.0));
        assert_eq!(found.looked_at, 2);
        assert!(Forest::new(vec![child(0, 110)]).is_none());
    }
}
