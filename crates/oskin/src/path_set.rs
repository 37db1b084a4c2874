//! Sets of interned paths and what two of them share.

use std::fmt;
use std::str::FromStr;

/// The number that stands for one path within one catalog.
///
/// Ids are given in first-seen order, so the paths that a layer brought lie side by side and a set
/// is a few long runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct PathId(pub u32);

/// Which entries of an inventory count: the three ways of the founding text.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Selection {
    /// Everything that is not a directory: files, symlinks, devices, fifos, sockets.
    Files,
    /// Directories only; the root itself is never counted.
    Directories,
    /// Files and directories.
    #[default]
    Both,
}

impl Selection {
    /// All selections, in the order in which reports list them.
    pub const ALL: [Self; 3] = [Self::Files, Self::Directories, Self::Both];

    /// The name used in reports and on the command line.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Files => "files",
            Self::Directories => "directories",
            Self::Both => "both",
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

impl FromStr for Selection {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, String> {
        Self::ALL.into_iter().find(|selection| selection.name() == text).ok_or_else(|| {
            format!("unknown selection {text:?}, expected files, directories or both")
        })
    }
}

/// A run of consecutive ids: `first`, `first + 1`, … `first + len - 1`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Run {
    /// The first id of the run.
    pub first: u32,
    /// How many ids it holds, at least 1.
    pub len: u32,
}

impl Run {
    /// The first id behind the run; 64 bits wide because a run may end at the last id.
    pub const fn end(self) -> u64 {
        self.first as u64 + self.len as u64
    }
}

/// A set of path ids, kept as maximal runs.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct PathSet {
    // Invariant: ascending, not touching (`runs[i].end() < runs[i + 1].first`), no run empty.
    runs: Vec<Run>,
}

impl PathSet {
    /// Builds a set from ids in strictly ascending order; later ids that do not ascend are ignored.
    pub fn from_ascending(ids: impl IntoIterator<Item = PathId>) -> Self {
        let mut runs: Vec<Run> = Vec::new();
        for PathId(id) in ids {
            match runs.last_mut() {
                Some(last) if last.end() == u64::from(id) => last.len += 1,
                Some(last) if last.end() > u64::from(id) => {}
                _ => runs.push(Run { first: id, len: 1 }),
            }
        }
        Self { runs }
    }

    /// Builds a set from ids in any order, with or without repetitions. O(n log n).
    pub fn from_unsorted(mut ids: Vec<u32>) -> Self {
        ids.sort_unstable();
        ids.dedup();
        Self::from_ascending(ids.into_iter().map(PathId))
    }

    /// Takes runs that are ascending and do not touch; returns `None` if they are not.
    pub fn from_runs(runs: Vec<Run>) -> Option<Self> {
        let mut previous_end = None;
        for run in &runs {
            let apart = previous_end.is_none_or(|end| end < u64::from(run.first));
            if !apart || run.len == 0 || run.end() > 1 << 32 {
                return None;
            }
            previous_end = Some(run.end());
        }
        Some(Self { runs })
    }

    /// The maximal runs, ascending.
    pub fn runs(&self) -> &[Run] {
        &self.runs
    }

    /// The ids, ascending.
    pub fn ids(&self) -> impl Iterator<Item = u32> + '_ {
        self.runs.iter().flat_map(|run| (0..run.len).map(|i| run.first + i))
    }

    /// How many ids the set holds. O(runs).
    pub fn len(&self) -> u64 {
        self.runs.iter().map(|run| u64::from(run.len)).sum()
    }

    /// Whether the set holds no id.
    pub fn is_empty(&self) -> bool {
        self.runs.is_empty()
    }

    /// Counts what two sets share. O(runs of both).
    pub fn overlap(&self, other: &Self) -> Overlap {
        let (mut left, mut right, mut common) = (0, 0, 0);
        while let (Some(a), Some(b)) = (self.runs.get(left), other.runs.get(right)) {
            let start = u64::from(a.first.max(b.first));
            common += a.end().min(b.end()).saturating_sub(start);
            if a.end() <= b.end() {
                left += 1;
            } else {
                right += 1;
            }
        }
        Overlap::of_sizes(common, self.len(), other.len())
    }

    /// What this set has and `other` has not. O(runs of both).
    #[must_use]
    pub fn difference(&self, other: &Self) -> Self {
        let mut runs = Vec::new();
        let mut right = 0;
        for run in &self.runs {
            let mut start = u64::from(run.first);
            while let Some(cut) = other.runs.get(right).filter(|cut| cut.end() <= run.end()) {
                push_range(&mut runs, start, u64::from(cut.first));
                start = start.max(cut.end());
                right += 1;
            }
            let cut = other.runs.get(right).map_or(u64::MAX, |cut| u64::from(cut.first));
            push_range(&mut runs, start, run.end().min(cut));
        }
        Self { runs }
    }

    /// Whether the set holds an id. O(log runs).
    pub fn contains(&self, id: u32) -> bool {
        let behind = self.runs.partition_point(|run| run.first <= id);
        behind.checked_sub(1).is_some_and(|at| self.runs[at].end() > u64::from(id))
    }

    /// The union of two sets. O(runs of both).
    #[must_use]
    pub fn union(&self, other: &Self) -> Self {
        Self::union_of([self, other])
    }

    /// The union of sets. O(runs log runs).
    pub fn union_of<'a>(sets: impl IntoIterator<Item = &'a Self>) -> Self {
        let mut all: Vec<Run> = sets.into_iter().flat_map(|set| &set.runs).copied().collect();
        all.sort_unstable_by_key(|run| run.first);
        let mut runs: Vec<Run> = Vec::with_capacity(all.len());
        for run in all {
            match runs.last_mut() {
                Some(last) if last.end() >= u64::from(run.first) => {
                    let end = last.end().max(run.end());
                    last.len = u32::try_from(end - u64::from(last.first)).unwrap_or(u32::MAX);
                }
                _ => runs.push(run),
            }
        }
        Self { runs }
    }
}

/// Appends the ids `start..end`, if that are any.
fn push_range(runs: &mut Vec<Run>, start: u64, end: u64) {
    if let (Ok(first), Some(len)) = (u32::try_from(start), end.checked_sub(start))
        && len > 0
    {
        runs.push(Run { first, len: u32::try_from(len).unwrap_or(u32::MAX) });
    }
}

/// How one set differs from another, its relative.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Delta {
    /// What it has and the relative has not.
    pub added: PathSet,
    /// What the relative has and it has not.
    pub removed: PathSet,
}

impl Delta {
    /// How `set` differs from `relative`. O(runs of both).
    pub fn between(relative: &PathSet, set: &PathSet) -> Self {
        Self { added: set.difference(relative), removed: relative.difference(set) }
    }

    /// In how many ids two sets differ, without listing them. O(runs of both).
    pub fn len_between(relative: &PathSet, set: &PathSet) -> u64 {
        let overlap = relative.overlap(set);
        overlap.left_only + overlap.right_only
    }

    /// The set that differs from `relative` in this way. O(runs of all three).
    pub fn apply(&self, relative: &PathSet) -> PathSet {
        relative.difference(&self.removed).union(&self.added)
    }

    /// In how many ids the two sets differ. O(runs).
    pub fn len(&self) -> u64 {
        self.added.len() + self.removed.len()
    }

    /// Whether the two sets are the same.
    pub fn is_empty(&self) -> bool {
        self.added.is_empty() && self.removed.is_empty()
    }
}

/// The three exact counts that every set measure is made from.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Overlap {
    /// Paths in both sets.
    pub common: u64,
    /// Paths only in the left set.
    pub left_only: u64,
    /// Paths only in the right set.
    pub right_only: u64,
}

impl Overlap {
    /// Whether both sets are the same, and not empty.
    pub const fn is_same(self) -> bool {
        self.common > 0 && self.left_only == 0 && self.right_only == 0
    }

    /// The counts of two sets of known sizes; a size below `common` counts as `common`.
    pub const fn of_sizes(common: u64, left: u64, right: u64) -> Self {
        let (left_only, right_only) = (left.saturating_sub(common), right.saturating_sub(common));
        Self { common, left_only, right_only }
    }

    /// The size of the left set.
    pub const fn left(self) -> u64 {
        self.common + self.left_only
    }

    /// The size of the right set.
    pub const fn right(self) -> u64 {
        self.common + self.right_only
    }

    /// The same counts seen from the other side.
    #[must_use]
    pub const fn swapped(self) -> Self {
        Self { common: self.common, left_only: self.right_only, right_only: self.left_only }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn overlap_and_union_agree_with_plain_sets(
            a in proptest::collection::btree_set(0_u32..200, 0..120),
            b in proptest::collection::btree_set(0_u32..200, 0..120),
        ) {
            let (left, right) = (of(&a), of(&b));
            let common = a.intersection(&b).count() as u64;
            prop_assert_eq!(left.overlap(&right), Overlap {
                common,
                left_only: a.len() as u64 - common,
                right_only: b.len() as u64 - common,
            });
            let union: Vec<u32> = a.union(&b).copied().collect();
            prop_assert_eq!(left.union(&right).ids().collect::<Vec<_>>(), union);
            prop_assert!((0..201).all(|id| left.contains(id) == a.contains(&id)));
            let left_only: BTreeSet<u32> = a.difference(&b).copied().collect();
            prop_assert_eq!(left.difference(&right), of(&left_only));
            let delta = Delta::between(&left, &right);
            prop_assert_eq!(delta.len(), a.symmetric_difference(&b).count() as u64);
            prop_assert_eq!(delta.apply(&left), of(&b));
            prop_assert_eq!(PathSet::from_runs(left.runs().to_vec()), Some(left));
        }
    }

    fn of(ids: &BTreeSet<u32>) -> PathSet {
        PathSet::from_ascending(ids.iter().copied().map(PathId))
    }

    #[test]
    fn differences_reach_to_the_last_id() {
        let set = |first, len| PathSet::from_runs(vec![Run { first, len }]).unwrap();
        let (all, last) = (set(0, u32::MAX), set(u32::MAX - 1, 2));
        assert_eq!(all.difference(&last), set(0, u32::MAX - 1));
        assert_eq!(last.difference(&all), set(u32::MAX, 1));
    }

    #[test]
    fn runs_that_touch_or_overflow_are_refused() {
        let run = |first, len| Run { first, len };
        assert_eq!(PathSet::from_runs(vec![run(0, 2), run(2, 1)]), None);
        assert_eq!(PathSet::from_runs(vec![run(5, 0)]), None);
        assert_eq!(PathSet::from_runs(vec![run(u32::MAX, 2)]), None);
        assert!(PathSet::from_runs(vec![run(u32::MAX, 1)]).is_some());
    }
}
