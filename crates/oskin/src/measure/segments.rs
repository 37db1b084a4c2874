//! Reduces path sets to weighted classes: the paths that lie in exactly the same sets.
//!
//! The overlaps of all pairs depend only on which sets a path lies in, so paths with the same
//! answer (a *colour class*) need to be looked at once, with their number as the weight. The
//! classes are found from runs, never from single ids, and exactly, without hashing:
//!
//! 1. **Cut.** The ends of all runs cut the ids into segments that lie in the same sets throughout.
//!    Three bits for each id (in one set, in two or more, a run begins or ends here) are filled
//!    word by word; a segment in fewer than two sets cannot be shared and is dropped.
//! 2. **Renumber.** The segments left get consecutive numbers, and each set becomes runs of those.
//! 3. **Refine.** All segments start in one class; each set splits every class that it cuts
//!    (partition refinement: Paige and Tarjan 1987, "Three partition refinement algorithms").
//! 4. **Renumber again.** Classes are numbered by their first segment, so that a run of segments
//!    holds the first segments of consecutive classes, and a set becomes runs of classes.
//!
//! Cost: O(runs + ids / 64 + sum over sets of shared segments). Memory: a [`Window`] bounds all of
//! it, so that neither the span of the ids nor the number of runs can exhaust it.

use crate::path_set::{PathSet, Run};

/// The widest stretch of ids looked at together: 0.4 MB of bits, up to 40 MB where each id is a
/// segment of its own.
const MAX_WINDOW_IDS: u64 = 1 << 20;

/// The most runs looked at together (8 MB of renumbered ones), unless 64 ids hold even more.
const MAX_WINDOW_RUNS: usize = 1 << 20;

/// A stretch of the id space that is worked on by itself; the overlaps of the windows add up.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first id.
    start: u64,
    /// The first id behind the window.
    end: u64,
}

impl Window {
    /// The next window that holds any id at or behind `from`; `None` if there is none.
    ///
    /// It spans at most `max_ids` ids, and fewer if it would hold more than `max_runs` runs.
    fn next(sets: &[&PathSet], from: u64, max_ids: u64, max_runs: usize) -> Option<Self> {
        let first = |set: &&PathSet| {
            let run = *set.runs().get(runs_before(set.runs(), from))?;
            Some(u64::from(run.first).max(from))
        };
        let start = sets.iter().filter_map(first).min()?;
        let last = sets.iter().filter_map(|set| set.runs().last()).map(|run| run.end()).max()?;
        let mut window = Self { start, end: last.min(start + max_ids.max(1)) };
        while window.end - window.start > 64 && window.run_count(sets) > max_runs {
            window.end = window.start + (window.end - window.start) / 2;
        }
        Some(window)
    }

    /// All windows that `sets` need, in order of their ids.
    pub(super) fn all<'a>(sets: &'a [&'a PathSet]) -> impl Iterator<Item = Self> + 'a {
        Self::bounded(sets, MAX_WINDOW_IDS, MAX_WINDOW_RUNS)
    }

    /// Like [`all`](Self::all) with other bounds than the usual ones.
    pub(super) fn bounded<'a>(
        sets: &'a [&'a PathSet],
        max_ids: u64,
        max_runs: usize,
    ) -> impl Iterator<Item = Self> + 'a {
        let next = move |from| Self::next(sets, from, max_ids, max_runs);
        std::iter::successors(next(0), move |window| next(window.end))
    }

    /// The number of ids that it spans.
    fn width(self) -> usize {
        // A window never spans more than a few million ids, so that this cannot be cut short.
        usize::try_from(self.end - self.start).unwrap_or(usize::MAX)
    }

    /// The runs of a set that reach into the window.
    fn runs(self, set: &PathSet) -> &[Run] {
        let runs = &set.runs()[runs_before(set.runs(), self.start)..];
        &runs[..runs.partition_point(|run| u64::from(run.first) < self.end)]
    }

    /// How many runs of all sets reach into it.
    fn run_count(self, sets: &[&PathSet]) -> usize {
        sets.iter().map(|set| self.runs(set).len()).sum()
    }

    /// The runs of a set inside the window as half-open ranges, counted from its first id.
    fn ranges(self, set: &PathSet) -> impl Iterator<Item = (usize, usize)> + '_ {
        let inside = move |id: u64| {
            // In range: ids are first clamped into the window, which spans a few million.
            usize::try_from(id.clamp(self.start, self.end) - self.start).unwrap_or(usize::MAX)
        };
        self.runs(set).iter().map(move |run| (inside(u64::from(run.first)), inside(run.end())))
    }
}

/// How many runs end at or before the id `from`.
fn runs_before(runs: &[Run], from: u64) -> usize {
    if from == 0 { 0 } else { runs.partition_point(|run| run.end() <= from) }
}

/// The shared part of sets inside one window, as runs of weighted classes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Classes {
    /// How many paths each class stands for, at least 1. Every class lies in two sets or more.
    pub(super) weights: Vec<u32>,
    /// The classes of each set, as ascending half-open ranges that do not touch.
    pub(super) runs: RunLists,
}

/// For each set a list of half-open ranges, kept in one allocation.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct RunLists {
    ranges: Vec<(u32, u32)>,
    /// Where the list of each set ends in `ranges`.
    ends: Vec<usize>,
}

impl RunLists {
    /// The list of one set.
    pub(super) fn of(&self, set: usize) -> &[(u32, u32)] {
        let start = if set == 0 { 0 } else { self.ends[set - 1] };
        &self.ranges[start..self.ends[set]]
    }

    /// How many sets have a list.
    pub(super) fn len(&self) -> usize {
        self.ends.len()
    }

    /// Adds the list of the next set: ascending ranges, at most `count`, of which empty ones are
    /// left out and touching ones are joined.
    ///
    /// Whether a range is empty or touches the last one is as good as random, so the loop asks
    /// without branching: it always writes where the list ends now, and the end moves or not.
    fn push_list(&mut self, ranges: impl Iterator<Item = (u32, u32)>, count: usize) {
        let list_start = self.ranges.len();
        // One more in front, for what is written before there is any range.
        self.ranges.resize(list_start + 1 + count, (0, 0));
        let list = &mut self.ranges[list_start..];
        let mut len = 0;
        let mut joined = (0, u32::MAX);
        for (start, end) in ranges {
            let is_empty = start == end;
            let is_new = u8::from(!is_empty) & u8::from(start != joined.1) == 1;
            len += usize::from(is_new);
            joined.0 = if is_new { start } else { joined.0 };
            joined.1 = if is_empty { joined.1 } else { end };
            list[len] = joined;
        }
        list.copy_within(1..=len, 0);
        self.ranges.truncate(list_start + len);
        self.ends.push(self.ranges.len());
    }
}

impl Classes {
    /// Finds the classes of the sets inside a window.
    pub(super) fn of(sets: &[&PathSet], window: Window) -> Self {
        let segments = Segments::of(sets, window);
        let labels = refine(segments.lengths.len(), &segments.runs);
        segments.merge(&labels)
    }
}

/// What is known about 64 neighbouring ids, a bit for each.
#[derive(Clone, Copy, Default)]
struct Cell {
    /// The id lies in a set.
    once: u64,
    /// The id lies in two sets or more.
    twice: u64,
    /// A run of some set begins at the id, or ended just before it.
    edge: u64,
}

impl Cell {
    /// Notes that one more set holds the ids of `mask`.
    fn add(&mut self, mask: u64) {
        self.twice |= self.once & mask;
        self.once |= mask;
    }
}

/// Where the shared segments begin among 64 neighbouring ids.
#[derive(Clone, Copy)]
struct Rank {
    starts: u64,
    /// How many shared segments begin before the first of these ids.
    before: u32,
}

/// The segments in two sets or more, and the sets as runs of them.
struct Segments {
    /// How many ids each segment has.
    lengths: Vec<u32>,
    runs: RunLists,
}

impl Segments {
    fn of(sets: &[&PathSet], window: Window) -> Self {
        let mut cells = vec![Cell::default(); window.width() / 64 + 1];
        for set in sets {
            for (start, end) in window.ranges(set) {
                mark(&mut cells, start, end);
            }
        }
        let (lengths, ranks) = number(&cells);
        drop(cells);
        // At an edge the rank is the number of segments before it, and every run ends at edges.
        let rank = |id: usize| {
            let Rank { starts, before } = ranks[id / 64];
            before + (starts & ((1 << (id % 64)) - 1)).count_ones()
        };
        let mut runs = RunLists::default();
        for set in sets {
            let ranks = window.ranges(set).map(|(start, end)| (rank(start), rank(end)));
            runs.push_list(ranks, window.runs(set).len());
        }
        Self { lengths, runs }
    }

    /// Joins the segments that bear the same label into classes, numbered by first segment.
    fn merge(self, labels: &[u32]) -> Classes {
        const NONE: u32 = u32::MAX;
        let label_count = labels.iter().max().map_or(0, |&label| label as usize + 1);
        let mut class_of_label = vec![NONE; label_count];
        let mut weights: Vec<u32> = Vec::new();
        let mut count = 0;
        // How many classes begin before each segment.
        let mut classes_before = Vec::with_capacity(labels.len() + 1);
        for (&label, length) in labels.iter().zip(self.lengths) {
            classes_before.push(count);
            let class = &mut class_of_label[label as usize];
            if *class == NONE {
                *class = count;
                count += 1;
                weights.push(0);
            }
            weights[*class as usize] += length;
        }
        classes_before.push(count);
        let mut runs = RunLists::default();
        for set in 0..self.runs.len() {
            let segments = self.runs.of(set);
            let classes = segments.iter().map(|&(start, end)| {
                (classes_before[start as usize], classes_before[end as usize])
            });
            runs.push_list(classes, segments.len());
        }
        Classes { weights, runs }
    }
}

/// Notes that one more set holds the ids `start..end`, which are not none.
fn mark(cells: &mut [Cell], start: usize, end: usize) {
    cells[start / 64].edge |= 1 << (start % 64);
    cells[end / 64].edge |= 1 << (end % 64);
    let (first, last) = (start / 64, (end - 1) / 64);
    let first_mask = u64::MAX << (start % 64);
    let last_mask = u64::MAX >> (63 - (end - 1) % 64);
    // Most runs lie in one cell or two, which of both is as good as random: so both cells are
    // always written, with an empty mask for the second if it is the first again.
    let is_one = first == last;
    cells[first].add(if is_one { first_mask & last_mask } else { first_mask });
    cells[last].add(if is_one { 0 } else { last_mask });
    for cell in cells.get_mut(first + 1..last).unwrap_or_default() {
        cell.add(u64::MAX);
    }
}

/// Numbers the segments in two sets or more: their lengths, and a rank index of their first ids.
fn number(cells: &[Cell]) -> (Vec<u32>, Vec<Rank>) {
    let mut ranks = Vec::with_capacity(cells.len());
    let mut before = 0;
    for cell in cells {
        let starts = cell.edge & cell.twice;
        ranks.push(Rank { starts, before });
        before += starts.count_ones();
    }
    // A segment ends at the next edge of any kind. Each length is written where the next one of a
    // shared segment goes, and that place moves on only if the segment was one.
    let mut lengths = vec![0; before as usize + 1];
    let (mut count, mut last_edge, mut was_start) = (0, 0, 0);
    for ((cell, rank), first_id) in cells.iter().zip(&ranks).zip((0_u32..).step_by(64)) {
        let mut edges = cell.edge;
        while edges != 0 {
            let bit = edges.trailing_zeros();
            edges &= edges - 1;
            lengths[count] = first_id + bit - last_edge;
            count += was_start;
            last_edge = first_id + bit;
            was_start = usize::from(rank.starts >> bit & 1 == 1);
        }
    }
    lengths.pop();
    (lengths, ranks)
}

/// Labels `count` segments so that two have the same label exactly if they lie in the same sets.
fn refine(count: usize, runs: &RunLists) -> Vec<u32> {
    // More labels than this are renumbered: the unused ones would only cost cache.
    let label_limit = (2 * count).max(1 << 14);
    let mut labels = vec![0_u32; count];
    // For each label the one that its segments get when the current set holds them. It counts
    // only if it is at least `fresh`, the first label made for that set; so nothing is reset.
    // A set makes one label for each segment at most.
    let mut moved = vec![0_u32; label_limit + count + 1];
    let mut next = 1;
    for set in 0..runs.len() {
        if next as usize > label_limit {
            next = renumber(&mut labels, next);
            moved.fill(0);
        }
        let fresh = next;
        for &(start, end) in runs.of(set) {
            for label in &mut labels[start as usize..end as usize] {
                let target = &mut moved[*label as usize];
                // Without a branch, which would be taken as good as at random.
                let is_new = *target < fresh;
                *target = if is_new { next } else { *target };
                next += u32::from(is_new);
                *label = *target;
            }
        }
    }
    labels
}

/// Numbers the labels in use from 0 in order of their first use; returns how many there are.
fn renumber(labels: &mut [u32], label_count: u32) -> u32 {
    const NONE: u32 = u32::MAX;
    let mut new_labels = vec![NONE; label_count as usize];
    let mut count = 0;
    for label in labels {
        let new_label = &mut new_labels[*label as usize];
        if *new_label == NONE {
            *new_label = count;
            count += 1;
        }
        *label = *new_label;
    }
    count.max(1)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeMap;

    /// The weight of each group of two or more sets that has paths of its own, and the paths of a
    /// window, found path by path.
    fn naive(sets: &[&PathSet], window: Window) -> BTreeMap<Vec<usize>, u32> {
        let mut holders: BTreeMap<u32, Vec<usize>> = BTreeMap::new();
        for (set, path_set) in sets.iter().enumerate() {
            for id in
                path_set.ids().filter(|id| (window.start..window.end).contains(&u64::from(*id)))
            {
                holders.entry(id).or_default().push(set);
            }
        }
        let mut weights = BTreeMap::new();
        for sets in holders.into_values().filter(|sets| sets.len() > 1) {
            *weights.entry(sets).or_default() += 1;
        }
        weights
    }

    fn holders(classes: &Classes) -> Vec<Vec<usize>> {
        let mut holders = vec![Vec::new(); classes.weights.len()];
        for set in 0..classes.runs.len() {
            for class in classes.runs.of(set).iter().flat_map(|&(start, end)| start..end) {
                holders[class as usize].push(set);
            }
        }
        holders
    }

    proptest! {
        #[test]
        fn classes_are_the_groups_of_equal_paths(
            ids in vec(btree_set(0_u32..500, 0..200), 0..9),
            max_ids in 1_u64..600,
            max_runs in 1_usize..400,
            offset in prop_oneof![Just(0_u32), Just(u32::MAX - 499)],
        ) {
            let sets: Vec<PathSet> = ids
                .iter()
                .map(|ids| PathSet::from_unsorted(ids.iter().map(|id| id + offset).collect()))
                .collect();
            let sets: Vec<&PathSet> = sets.iter().collect();
            let mut next = 0;
            for window in Window::bounded(&sets, max_ids, max_runs) {
                prop_assert!(window.start >= next && window.start < window.end);
                next = window.end;
                let classes = Classes::of(&sets, window);
                prop_assert_eq!(classes.runs.len(), sets.len());
                let found = holders(&classes).into_iter().zip(classes.weights.iter().copied());
                let found: Vec<_> = found.collect();
                let merged: BTreeMap<_, _> = found.iter().cloned().collect();
                prop_assert_eq!(merged.len(), found.len(), "two classes of the same sets");
                prop_assert_eq!(merged, naive(&sets, window));
            }
            let last = sets.iter().filter_map(|set| set.runs().last()).map(|run| run.end()).max();
            prop_assert!(last.is_none_or(|last| next >= last));
        }
    }

    #[test]
    fn far_apart_ids_need_one_small_window_each() {
        let set = PathSet::from_unsorted(vec![7, u32::MAX]);
        let windows: Vec<Window> = Window::all(&[&set, &set]).collect();
        assert_eq!(
            windows,
            [
                Window { start: 7, end: 7 + MAX_WINDOW_IDS },
                Window { start: u64::from(u32::MAX), end: 1 << 32 },
            ]
        );
    }

    #[test]
    fn unused_labels_are_given_out_again() {
        let mut labels = vec![9, 4, 9, 7];
        assert_eq!(renumber(&mut labels, 10), 3);
        assert_eq!(labels, [0, 1, 0, 2]);
    }
}
