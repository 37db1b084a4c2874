//! What a set of runs is less another: the half of a delta that the library has no use for.

use oskin::path_set::{PathSet, Run};

/// The ids of `left` that `right` has not. O(runs of both).
#[must_use]
pub fn difference(left: &PathSet, right: &PathSet) -> PathSet {
    let mut kept = Vec::with_capacity(left.runs().len() + right.runs().len());
    let holes = right.runs();
    let mut hole = 0;
    for run in left.runs() {
        let mut start = u64::from(run.first);
        while hole < holes.len() && holes[hole].end() <= start {
            hole += 1;
        }
        // A hole may reach into the next run, so the last one is looked at again.
        let mut at = hole;
        while at < holes.len() && u64::from(holes[at].first) < run.end() {
            push(&mut kept, start, u64::from(holes[at].first));
            start = start.max(holes[at].end());
            at += 1;
        }
        push(&mut kept, start, run.end());
    }
    // What is left of maximal runs is apart, so this never falls back.
    PathSet::from_runs(kept).unwrap_or_default()
}

fn push(kept: &mut Vec<Run>, start: u64, end: u64) {
    if start < end {
        // Both lie within a run, whose ids have 32 bits.
        let first = u32::try_from(start).unwrap_or(u32::MAX);
        kept.push(Run { first, len: u32::try_from(end - start).unwrap_or(u32::MAX) });
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use oskin::path_set::PathId;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    fn set(ids: &BTreeSet<u32>) -> PathSet {
        PathSet::from_ascending(ids.iter().copied().map(PathId))
    }

    proptest! {
        #[test]
        fn difference_agrees_with_plain_sets(
            a in proptest::collection::btree_set(0_u32..120, 0..90),
            b in proptest::collection::btree_set(0_u32..120, 0..90),
        ) {
            let expected: BTreeSet<u32> = a.difference(&b).copied().collect();
            prop_assert_eq!(difference(&set(&a), &set(&b)), set(&expected));
        }
    }

    #[test]
    fn the_last_id_is_an_id() {
        let end = PathSet::from_runs(vec![Run { first: u32::MAX - 3, len: 4 }]).unwrap();
        let last = PathSet::from_unsorted(vec![u32::MAX]);
        let others = difference(&end, &last);
        assert_eq!(others.runs(), [Run { first: u32::MAX - 3, len: 3 }]);
        assert_eq!(difference(&end, &others), last);
    }
}
