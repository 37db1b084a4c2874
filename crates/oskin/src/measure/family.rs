//! A family: path sets told as differences from relatives, in an order where relatives lie close.
//!
//! Images are mostly another image and a little more, so a family costs what its sets do not share
//! with their relatives. The relative may be any set of the family, a true parent or merely a
//! similar one: a bad choice costs time, never correctness.

use crate::path_set::{Delta, PathSet};

/// Path sets, each told by how it differs from a relative.
///
/// Sets have a *number* (the place at which they were given) and a *position* in preorder: a
/// relative stands before all that are told by it, and these stand side by side behind it. Of the
/// sets told by one relative, the one that most others stand behind comes last. So the way from a
/// root down to any position passes at most `log2(n)` sets of which another branch follows later
/// (each time the branch left for later is at least as large), which is all that a pass over the
/// positions has to remember.
#[derive(Clone, Debug, Default)]
pub struct Family {
    /// The number of the set at each position.
    pub(super) order: Vec<u32>,
    /// The position of each relative, smaller than that of the set; the number of sets for a root.
    pub(super) relatives: Vec<u32>,
    /// The first position behind the set and all that stand on it.
    pub(super) ends: Vec<u32>,
    /// How the set at each position differs from its relative, or from the empty set.
    pub(super) deltas: Vec<Delta>,
}

impl Family {
    /// Tells `sets` by their relatives, given by number; `None` for a set that is told whole.
    ///
    /// Relatives that lead in a circle are dropped where the circle is first met. O(runs of all
    /// sets and their relatives).
    ///
    /// # Panics
    ///
    /// If there are not as many relatives as sets, or one is no number of a set.
    pub fn from_sets(sets: &[&PathSet], relatives: &[Option<u32>]) -> Self {
        assert_eq!(sets.len(), relatives.len(), "a relative, or none, for each set");
        let mut family = Self::arrange(relatives);
        let none = PathSet::default();
        let delta = |(&number, &relative): (&u32, &u32)| {
            let relative = family.order.get(relative as usize);
            let relative = relative.map_or(&none, |&number| sets[number as usize]);
            Delta::between(relative, sets[number as usize])
        };
        family.deltas = family.order.iter().zip(&family.relatives).map(delta).collect();
        family
    }

    /// Takes sets that are told by relatives already: for each its relative's number, smaller than
    /// its own, and the difference. Costs next to nothing.
    ///
    /// # Panics
    ///
    /// If a relative's number is not smaller.
    pub fn from_deltas(told: Vec<(Option<u32>, Delta)>) -> Self {
        let (relatives, mut deltas): (Vec<Option<u32>>, Vec<Delta>) = told.into_iter().unzip();
        for (number, relative) in (0..).zip(&relatives) {
            assert!(relative.is_none_or(|relative| relative < number), "relative of {number}");
        }
        let mut family = Self::arrange(&relatives);
        let take = |&number: &u32| std::mem::take(&mut deltas[number as usize]);
        family.deltas = family.order.iter().map(take).collect();
        family
    }

    /// How many sets there are.
    pub fn len(&self) -> usize {
        self.order.len()
    }

    /// Whether there is no set.
    pub fn is_empty(&self) -> bool {
        self.order.is_empty()
    }

    /// The number of the set at each position: relatives lie close to each other.
    pub fn order(&self) -> &[u32] {
        &self.order
    }

    /// How many ids the differences hold, and in how many runs.
    pub fn delta_len(&self) -> (u64, usize) {
        let runs = |delta: &Delta| delta.added.runs().len() + delta.removed.runs().len();
        (self.deltas.iter().map(Delta::len).sum(), self.deltas.iter().map(runs).sum())
    }

    /// Puts sets into preorder; differences are still missing.
    fn arrange(relatives: &[Option<u32>]) -> Self {
        let count = relatives.len();
        let root = index(count);
        let mut above: Vec<u32> = relatives.iter().map(|above| above.unwrap_or(root)).collect();
        let by_depth = break_circles(&mut above);
        let mut sizes = vec![1_u32; count + 1];
        for &set in by_depth.iter().rev() {
            sizes[above[set as usize] as usize] += sizes[set as usize];
        }
        // Within one relative the smallest branch first, the largest last.
        let mut by_size: Vec<u32> = (0..root).collect();
        by_size.sort_by_key(|&set| (sizes[set as usize], set));
        let mut below = vec![Vec::new(); count + 1];
        for set in by_size {
            below[above[set as usize] as usize].push(set);
        }
        below[count].sort_unstable();
        let mut family = Self::default();
        let mut positions = vec![root; count + 1];
        let mut stack: Vec<u32> = below[count].iter().rev().copied().collect();
        while let Some(set) = stack.pop() {
            let position = index(family.order.len());
            positions[set as usize] = position;
            family.order.push(set);
            family.relatives.push(positions[above[set as usize] as usize]);
            family.ends.push(position + sizes[set as usize]);
            stack.extend(below[set as usize].iter().rev());
        }
        family
    }
}

/// Makes roots of sets so that every set stands on a root; returns the sets, relatives first.
fn break_circles(above: &mut [u32]) -> Vec<u32> {
    let root = index(above.len());
    let mut by_depth = Vec::with_capacity(above.len());
    // 0 not met, 1 on the way up from the current set, 2 has its place.
    let mut state = vec![0_u8; above.len()];
    let mut way = Vec::new();
    for start in 0..root {
        let mut set = start;
        while set != root && state[set as usize] == 0 {
            state[set as usize] = 1;
            way.push(set);
            set = above[set as usize];
        }
        if set != root && state[set as usize] == 1 {
            above[set as usize] = root;
            // The set that became a root goes first, then those that lead to it.
            let met = way.iter().position(|&other| other == set).unwrap_or_default();
            let circle = way.split_off(met);
            by_depth.push(set);
            by_depth.extend(circle[1..].iter().rev());
            for set in circle {
                state[set as usize] = 2;
            }
        }
        for set in way.drain(..).rev() {
            state[set as usize] = 2;
            by_depth.push(set);
        }
    }
    by_depth
}

/// A count as the type of numbers of sets, segments or nodes, which are fewer than 2³².
pub(super) fn index(count: usize) -> u32 {
    u32::try_from(count).unwrap_or(u32::MAX)
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
pub(super) mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    /// Sets as real ones are: most are another one, less some ids and with some more; some are
    /// empty, some hold one id, some are copies, and ids come and go more than once.
    pub(in crate::measure) fn related_sets(
        max: usize,
    ) -> impl Strategy<Value = Vec<(BTreeSet<u32>, Option<u32>)>> {
        let step = (
            any::<prop::sample::Index>(),
            0..8_u8,
            btree_set(0_u32..400, 0..60),
            btree_set(0_u32..400, 0..40),
            any::<prop::sample::Index>(),
        );
        vec(step, 0..max).prop_map(|steps| {
            let mut sets: Vec<(BTreeSet<u32>, Option<u32>)> = Vec::new();
            let total = steps.len();
            for (parent, kind, added, removed, relative) in steps {
                let parent = parent.index(sets.len().max(1));
                let base = sets.get(parent).map(|(set, _)| set.clone()).unwrap_or_default();
                let set = match kind {
                    0 => BTreeSet::new(),
                    1 => added.iter().take(1).copied().collect(),
                    2 => base,
                    3 => added,
                    // An id of its own, which a child may remove.
                    4 => base.into_iter().chain([1000 + sets.len() as u32]).collect(),
                    5 => base.into_iter().filter(|id| *id < 1000).collect(),
                    _ => base.difference(&removed).chain(&added).copied().collect(),
                };
                // Mostly the parent, sometimes none, sometimes any set at all, even itself.
                let relative = match kind {
                    3 => None,
                    7 => Some(relative.index(total) as u32),
                    _ => (!sets.is_empty()).then_some(parent as u32),
                };
                sets.push((set, relative));
            }
            sets
        })
    }

    /// The sets without their relatives.
    pub(in crate::measure) fn path_sets(sets: &[(BTreeSet<u32>, Option<u32>)]) -> Vec<PathSet> {
        let ids = sets.iter().map(|(ids, _)| ids.iter().copied().collect());
        ids.map(PathSet::from_unsorted).collect()
    }

    proptest! {
        #[test]
        fn relatives_come_first_and_branches_stay_together(sets in related_sets(40)) {
            let relatives: Vec<Option<u32>> = sets.iter().map(|(_, relative)| *relative).collect();
            let own = path_sets(&sets);
            let family = Family::from_sets(&own.iter().collect::<Vec<_>>(), &relatives);
            let mut numbers = family.order.clone();
            numbers.sort_unstable();
            prop_assert!(numbers.into_iter().eq(0..sets.len() as u32));
            let mut seen: Vec<PathSet> = Vec::new();
            for position in 0..family.len() {
                let number = family.order[position] as usize;
                let above = family.relatives[position] as usize;
                prop_assert!(above < position || above == family.len());
                if above < family.len() {
                    prop_assert_eq!(relatives[number], Some(family.order[above]));
                    prop_assert!(family.ends[position] <= family.ends[above]);
                }
                let base = seen.get(above).cloned().unwrap_or_default();
                seen.push(family.deltas[position].apply(&base));
                prop_assert_eq!(&seen[position], &own[number]);
            }
        }
    }

    #[test]
    fn circles_are_broken_and_the_largest_branch_comes_last() {
        // 0 and 1 tell each other; 2, 3 and 5 stand on 1; 4 on 2; 6 on itself.
        let relatives = [Some(1), Some(0), Some(1), Some(1), Some(2), Some(1), Some(6)];
        let sets = vec![PathSet::default(); 7];
        let family = Family::from_sets(&sets.iter().collect::<Vec<_>>(), &relatives);
        assert_eq!(family.order, [0, 1, 3, 5, 2, 4, 6]);
        assert_eq!(family.relatives, [7, 0, 1, 1, 1, 4, 7]);
        assert_eq!(family.ends, [6, 6, 3, 4, 6, 6, 7]);
    }
}
