//! The ends of the runs of many sets, as consecutive numbers: *positions* where sets may change.
//!
//! Where the ids lie close together, a byte for each of them finds its position; where they lie far
//! apart, the ends are sorted. So neither time nor memory grows with how far apart ids are.

use crate::path_set::{PathSet, Run};

/// Up to how many ids for each run have a byte each: sorting costs more below (measured).
const NEAR_IDS_PER_RUN: u64 = 64;

/// The most ids that have a byte each (32 MB).
const MAX_NEAR_IDS: u64 = 1 << 25;

/// How many ids share one base count; what comes on top of it fits a byte.
const BLOCK: usize = 256;

/// A stretch of the id space that is worked on by itself.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Window {
    /// The first id.
    pub(super) start: u64,
    /// The first id behind the window.
    pub(super) end: u64,
}

impl Window {
    /// The next window that holds any id at or behind `from`; `None` if there is none.
    ///
    /// It holds at most `max_runs` runs, unless even a window of 64 ids holds more.
    pub(super) fn next(sets: &[&PathSet], from: u64, max_runs: usize) -> Option<Self> {
        let first = |set: &&PathSet| {
            let run = *set.runs().get(runs_before(set.runs(), from))?;
            Some(u64::from(run.first).max(from))
        };
        let start = sets.iter().filter_map(first).min()?;
        let end = sets.iter().filter_map(|set| set.runs().last()).map(|run| run.end()).max()?;
        let mut window = Self { start, end };
        while window.run_count(sets) > max_runs && window.halve() {}
        Some(window)
    }

    /// Drops the second half; `false` if the window has at most 64 ids, and stays as it is.
    pub(super) fn halve(&mut self) -> bool {
        let width = self.end - self.start;
        if width > 64 {
            self.end = self.start + width / 2;
        }
        width > 64
    }

    /// The runs of a set that reach into the window.
    fn runs(self, set: &PathSet) -> &[Run] {
        let runs = &set.runs()[runs_before(set.runs(), self.start)..];
        match runs.last() {
            Some(last) if u64::from(last.first) >= self.end => {
                &runs[..runs.partition_point(|run| u64::from(run.first) < self.end)]
            }
            _ => runs,
        }
    }

    /// How many runs of all sets reach into it.
    fn run_count(self, sets: &[&PathSet]) -> usize {
        sets.iter().map(|set| self.runs(set).len()).sum()
    }

    /// Calls `at` with the ends of the runs of a set inside the window, ascending, counted from its
    /// first id: where each begins, and the id behind it.
    fn for_each_end(self, set: &PathSet, mut at: impl FnMut(u64)) {
        let Self { start, end } = self;
        let runs = self.runs(set);
        let (Some(first), Some(last)) = (runs.first(), runs.last()) else { return };
        // Sets are seldom cut, and then the hot loop can do without looking.
        if u64::from(first.first) >= start && last.end() <= end {
            for run in runs {
                at(u64::from(run.first) - start);
                at(run.end() - start);
            }
        } else {
            for run in runs {
                at(u64::from(run.first).max(start) - start);
                at(run.end().min(end) - start);
            }
        }
    }
}

/// How many runs end at or before the id `from`.
fn runs_before(runs: &[Run], from: u64) -> usize {
    match runs.first() {
        Some(first) if first.end() <= from => runs.partition_point(|run| run.end() <= from),
        _ => 0,
    }
}

/// All ends of the runs inside a window: first ids, and the ids behind last ones.
pub(super) struct Edges {
    window: Window,
    /// How many ids lie from each edge to the next one.
    pub(super) lengths: Vec<u32>,
    index: Index,
}

/// Finds the position of an edge.
enum Index {
    /// For each id the edges before it in its block, and for each block all before it.
    Near { in_block: Vec<u8>, before: Vec<u32> },
    /// The edges themselves, ascending.
    Far(Vec<u64>),
}

impl Edges {
    /// Finds the edges of the sets inside a window.
    pub(super) fn of(sets: &[&PathSet], window: Window) -> Self {
        let runs = window.run_count(sets) as u64;
        let most = MAX_NEAR_IDS.min(NEAR_IDS_PER_RUN * runs);
        Self::with_near_ids(sets, window, most)
    }

    /// Like [`of`](Self::of), with a byte for each id if the window has at most `most_near` ids.
    fn with_near_ids(sets: &[&PathSet], window: Window, most_near: u64) -> Self {
        match usize::try_from(window.end - window.start) {
            Ok(width) if width as u64 <= most_near => Self::near(sets, window, width),
            _ => Self::far(sets, window),
        }
    }

    fn near(sets: &[&PathSet], window: Window, width: usize) -> Self {
        // The edge behind the last id needs a place as well.
        let mut is_edge = vec![0_u8; (width / BLOCK + 1) * BLOCK];
        for set in sets {
            window.for_each_end(set, |id| is_edge[place(id)] = 1);
        }
        let (before, lengths) = number(&mut is_edge);
        Self { window, lengths, index: Index::Near { in_block: is_edge, before } }
    }

    fn far(sets: &[&PathSet], window: Window) -> Self {
        let mut ids: Vec<u64> = Vec::with_capacity(2 * window.run_count(sets));
        for set in sets {
            window.for_each_end(set, |id| ids.push(id));
        }
        ids.sort_unstable();
        ids.dedup();
        // Only a gap in all sets could be too long, and gaps are not counted.
        let length = |pair: &[u64]| u32::try_from(pair[1] - pair[0]).unwrap_or(u32::MAX);
        let lengths = ids.windows(2).map(length).collect();
        Self { window, lengths, index: Index::Far(ids) }
    }

    /// How many edges there are.
    pub(super) fn len(&self) -> usize {
        // No window without a run, no run without two edges.
        self.lengths.len() + 1
    }

    /// The stretches between the edges, ascending: the first id of each and the id behind it.
    pub(super) fn segments(&self) -> impl Iterator<Item = (u64, u64)> + '_ {
        let mut start = self.window.start;
        self.lengths.iter().map(move |length| {
            let segment = (start, start + u64::from(*length));
            start = segment.1;
            segment
        })
    }

    /// Calls `at` with the position of each edge of a set: where a run begins, where it ends, where the next begins.
    pub(super) fn for_each(&self, set: &PathSet, mut at: impl FnMut(usize)) {
        match &self.index {
            Index::Near { in_block, before } => {
                self.window.for_each_end(set, |id| {
                    let id = place(id);
                    at(before[id / BLOCK] as usize + usize::from(in_block[id]));
                });
            }
            Index::Far(ids) => {
                let mut position = 0;
                self.window.for_each_end(set, |id| {
                    position += distance(&ids[position..], id);
                    at(position);
                });
            }
        }
    }
}

/// Where an id has its byte.
fn place(id: u64) -> usize {
    // No id is cut: it lies in a window that has a byte for each.
    usize::try_from(id).unwrap_or(usize::MAX)
}

/// How many of the ascending `ids` lie before `id`, looked up in steps that double.
fn distance(ids: &[u64], id: u64) -> usize {
    let mut step = 1;
    while ids.get(step).is_some_and(|other| *other < id) {
        step *= 2;
    }
    let start = step / 2;
    start + ids[start..ids.len().min(step + 1)].partition_point(|other| *other < id)
}

/// Turns bytes that are 1 where an edge is into the number of edges before it in its block;
/// returns the number before each block, and from each edge to the next one the number of ids.
fn number(is_edge: &mut [u8]) -> (Vec<u32>, Vec<u32>) {
    const ONES: u64 = 0x0101_0101_0101_0101;
    /// Gathers the lowest bit of each byte in the highest byte, the first byte's lowest.
    const GATHER: u64 = 0x0102_0408_1020_4080;
    let mut all_before = Vec::with_capacity(is_edge.len() / BLOCK);
    let mut lengths = Vec::new();
    let (mut count, mut last_edge) = (0, 0);
    for (block, block_id) in is_edge.chunks_exact_mut(BLOCK).zip((0_u32..).step_by(BLOCK)) {
        all_before.push(count);
        let mut in_block = 0;
        for (bytes, first_id) in block.chunks_exact_mut(64).zip((block_id..).step_by(64)) {
            let mut edges = 0_u64;
            for bytes in bytes.as_chunks_mut::<8>().0 {
                let ones = u64::from_le_bytes(*bytes);
                edges = edges >> 8 | ones.wrapping_mul(GATHER) >> 56 << 56;
                // Byte by byte the sum of itself and all before it; eight times 1 fit a byte.
                let sums = ones.wrapping_mul(ONES);
                *bytes = (sums << 8).wrapping_add(ONES.wrapping_mul(in_block)).to_le_bytes();
                in_block += sums >> 56;
            }
            while edges != 0 {
                let id = first_id + edges.trailing_zeros();
                edges &= edges - 1;
                lengths.push(id - last_edge);
                last_edge = id;
            }
        }
        count += u32::try_from(in_block).unwrap_or(u32::MAX);
    }
    // The first edge ends no segment.
    lengths.remove(0);
    (all_before, lengths)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;
    use std::collections::BTreeSet;

    proptest! {
        #[test]
        fn both_indexes_number_the_ends_of_all_runs(
            ids in vec(btree_set(0_u32..1500, 0..200), 1..6),
            spread in 1_u32..20,
            max_runs in 1_usize..500,
        ) {
            let sets: Vec<PathSet> = ids
                .iter()
                .map(|ids| PathSet::from_unsorted(ids.iter().map(|id| id / spread).collect()))
                .collect();
            let sets: Vec<&PathSet> = sets.iter().collect();
            let mut from = 0;
            while let Some(window) = Window::next(&sets, from, max_runs) {
                prop_assert!(window.start >= from && window.start < window.end);
                from = window.end;
                let ends = |set: &PathSet| -> Vec<u64> {
                    let inside = |id: u64| id.clamp(window.start, window.end) - window.start;
                    let runs = set.runs().iter().map(|run| (u64::from(run.first), run.end()));
                    runs.filter(|&(start, end)| start < window.end && end > window.start)
                        .flat_map(|(start, end)| [inside(start), inside(end)])
                        .collect()
                };
                let all: BTreeSet<u64> = sets.iter().flat_map(|set| ends(set)).collect();
                let all: Vec<u64> = all.into_iter().collect();
                let lengths: Vec<u32> =
                    all.windows(2).map(|pair| u32::try_from(pair[1] - pair[0]).unwrap()).collect();
                for edges in [
                    Edges::with_near_ids(&sets, window, u64::MAX),
                    Edges::with_near_ids(&sets, window, 0),
                ] {
                    prop_assert_eq!(edges.len(), all.len());
                    prop_assert_eq!(&edges.lengths, &lengths);
                    for set in &sets {
                        let mut found = Vec::new();
                        edges.for_each(set, |position| found.push(all[position]));
                        prop_assert_eq!(found, ends(set));
                    }
                }
            }
            let last = sets.iter().filter_map(|set| set.runs().last()).map(|run| run.end()).max();
            prop_assert!(last.is_none_or(|last| from >= last));
        }
    }

    #[test]
    fn far_apart_ids_need_one_window_and_no_byte_each() {
        let set = PathSet::from_unsorted(vec![7, u32::MAX]);
        let window = Window::next(&[&set, &set], 0, usize::MAX).unwrap();
        assert_eq!(window, Window { start: 7, end: 1 << 32 });
        assert_eq!(Window::next(&[&set, &set], window.end, usize::MAX), None);
        let edges = Edges::of(&[&set, &set], window);
        assert!(matches!(&edges.index, Index::Far(ids) if ids.len() == 4));
    }

    #[test]
    fn a_window_holds_few_runs_or_few_ids() {
        let set = PathSet::from_unsorted((0..1000).map(|number| number * 2).collect());
        let window = Window::next(&[&set, &set], 0, 100).unwrap();
        assert!(window.run_count(&[&set, &set]) <= 100);
        let window = Window::next(&[&set, &set], 0, 1).unwrap();
        assert!((33..=64).contains(&(window.end - window.start)));
    }

    #[test]
    fn distances_are_found_at_any_place() {
        let ids: Vec<u64> = (0..70).map(|number| number * 10).collect();
        for start in 0..ids.len() {
            for place in start..ids.len() {
                assert_eq!(distance(&ids[start..], ids[place]), place - start);
            }
        }
    }
}
