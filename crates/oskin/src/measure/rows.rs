//! Exact overlaps of all pairs of a family, row by row, without ever holding them all.
//!
//! With `A(i)` the paths of set `i` and `up(j)` the relative of `j`, what `j` shares with `i` is
//! what its relative shares with `i`, and what the events of `j` add to or take from that:
//!
//! ```text
//! common(i, j) = common(i, up(j)) + pull(i, j)
//! pull(i, j)   = sum over the events of j of  ± the weight of its paths that i has
//! pull(i, ·)   = pull(up(i), ·) + sum over the events of i of  ± the events that follow them
//! ```
//!
//! "The events that follow" an event are those of the same paths in later sets: the branch of the
//! [trie of histories](super::history) below it, stored as one contiguous list in which a beginning
//! that paths share stands once. So a row costs a copy, the events that follow its own, and a pass
//! over the later positions; paths that come and go seldom cost next to nothing, whatever their
//! number, and those that come and go very often are left to a [dense panel](super::popular).
//!
//! The idea that similar rows make a product cheap is that of Björklund and Lingas 2001 ("Fast
//! Boolean matrix multiplication for highly clustered data") and Jansson, Kowaluk, Lingas and
//! Persson 2025 (arXiv 2503.19631); sharing the beginnings of histories is ours as far as we know.
//!
//! Exact for any family: sums are integers and wrap, so their order is free. Cost for `n` sets:
//! O(n² + events that follow events), about a nanosecond each. Memory: 8 bytes for an event, and
//! for each thread `8 n log2(n)` bytes at the most.

use super::family::{Family, index};
use super::history::{Histories, Sum};
use super::panel::{Level, Panel};
use super::popular;
use rayon::prelude::*;
use std::ops::Range;

/// The rows that a panel is asked for together.
const BAND_ROWS: usize = 16;

/// From how many positions on rows are shared among threads; below, starting them costs more.
const PARALLEL_ROWS: usize = 512;

/// Blocks of rows for each thread, so that all are busy to the end.
const BLOCKS_PER_THREAD: usize = 3;

/// The overlaps of all pairs of a family, ready to be streamed.
#[derive(Debug)]
pub struct Rows<'f, S = u32> {
    pub(super) family: &'f Family,
    /// Of each set, at its position.
    pub(super) sizes: Vec<S>,
    /// Of each set without the paths in the panel.
    pub(super) sparse_sizes: Vec<S>,
    /// The events of all histories, the first of which is none; those that follow one another stand
    /// side by side.
    pub(super) events: Vec<Event<S>>,
    /// The events that follow those of each position.
    follow: Vec<Follow>,
    /// Where the entries of each position begin in `follow`, and one end.
    follow_starts: Vec<usize>,
    pub(super) panel: Option<Panel>,
}

/// That paths come or go at a position.
#[derive(Clone, Copy, Debug)]
pub(super) struct Event<S> {
    pub(super) position: u32,
    /// What the paths weigh, negative if they go.
    pub(super) weight: S,
}

/// The events that follow an event.
#[derive(Clone, Copy, Debug)]
struct Follow {
    start: u32,
    end: u32,
    gone: bool,
}

/// What an event continues.
#[derive(Clone, Copy, Debug)]
pub(super) struct Link {
    /// The event before it in the same histories; 0 for none.
    pub(super) before: u32,
    /// Whether paths go at the event itself.
    pub(super) gone: bool,
}

/// What one set shares with all that stand behind it.
#[derive(Clone, Copy, Debug)]
pub struct Row<'a, S = u32> {
    /// The position of the set.
    pub position: usize,
    /// The number of the set.
    pub set: u32,
    /// The numbers of the sets behind it.
    pub others: &'a [u32],
    /// What it shares with each of those.
    pub common: &'a [S],
}

impl<'f> Rows<'f> {
    /// Prepares to count the paths that pairs of a family share.
    ///
    /// Counts are those of sets of fewer than 2³² ids.
    pub fn counting(family: &'f Family) -> Self {
        Self::weighing(family, &|start, end| end - start)
    }
}

impl<'f, S: Sum> Rows<'f, S> {
    /// Prepares to sum up the weights of the paths that pairs of a family share; `weigh` tells what
    /// the ids `start..end` weigh together.
    ///
    /// The weight of each set must fit into `S`, or its sums are cut.
    pub fn weighing(family: &'f Family, weigh: &dyn Fn(u64, u64) -> u64) -> Self {
        Self::cut(family, weigh, popular::EVENT_COST)
    }

    fn cut(family: &'f Family, weigh: &dyn Fn(u64, u64) -> u64, event_cost: f64) -> Self {
        Self::cut_linked(family, weigh, event_cost).0
    }

    /// The rows, and how the events hang together; which a triangle does not ask.
    pub(super) fn cut_linked(
        family: &'f Family,
        weigh: &dyn Fn(u64, u64) -> u64,
        event_cost: f64,
    ) -> (Self, Vec<Link>) {
        let histories = Histories::of(family, weigh);
        // A panel counts in 32 bits: where sums are wider, events cost nothing to its mind.
        let event_cost = if S::as_counts(&mut []).is_some() { event_cost } else { 0.0 };
        let chosen = popular::choose(&histories, family.len(), event_cost);
        let is_sparse: Vec<bool> = chosen.iter().map(|chosen| !chosen).collect();
        let (firsts, counts) = histories.number(&is_sparse);
        let weight = |node: usize| S::from_weight(histories.weights[node]);
        let none = S::default();
        let sparse = |node| if is_sparse[node] { weight(node) } else { none };
        let sparse_weights = histories.sums_below(sparse);
        let positions = histories.positions();
        let mut events = vec![Event { position: 0, weight: none }; counts[0] as usize];
        for node in (1..is_sparse.len()).filter(|node| is_sparse[*node]) {
            let weight = sparse_weights[node];
            let weight = if histories.gone[node] { none.minus(weight) } else { weight };
            events[firsts[node] as usize] = Event { position: positions[node], weight };
        }
        let mut follow = Vec::new();
        let mut follow_starts = vec![0];
        for nodes in histories.starts.windows(2) {
            for node in nodes[0] as usize..nodes[1] as usize {
                if is_sparse[node] && counts[node] > 1 {
                    let (start, end) = (firsts[node] + 1, firsts[node] + counts[node]);
                    follow.push(Follow { start, end, gone: histories.gone[node] });
                }
            }
            follow_starts.push(follow.len());
        }
        let panel =
            chosen.contains(&true).then(|| popular::panel(&histories, &chosen, &family.relatives));
        let mut links = vec![Link { before: 0, gone: false }; events.len()];
        for node in (1..is_sparse.len()).filter(|node| is_sparse[*node]) {
            // What a sparse node continues is sparse too.
            let before = firsts[histories.before[node] as usize];
            links[firsts[node] as usize] = Link { before, gone: histories.gone[node] };
        }
        let rows = Self {
            family,
            sizes: sizes(family, &histories, &histories.sums_below(weight)),
            sparse_sizes: sizes(family, &histories, &sparse_weights),
            events,
            follow,
            follow_starts,
            panel,
        };
        (rows, links)
    }

    /// The size of each set, at its position.
    pub fn sizes(&self) -> &[S] {
        &self.sizes
    }

    /// How many steps the rows take beside the pairs themselves: events that follow events, and
    /// words of the panel for each pair.
    pub fn steps(&self) -> (u64, usize) {
        let steps = self.follow.iter().map(|follow| u64::from(follow.end - follow.start)).sum();
        (steps, self.panel.as_ref().map_or(0, Panel::lines))
    }

    /// Adds the events that follow those of a position to the pull of its relative.
    pub(super) fn add_following(&self, row: usize, pull: &mut [S]) {
        for follow in &self.follow[self.follow_starts[row]..self.follow_starts[row + 1]] {
            let events = &self.events[follow.start as usize..follow.end as usize];
            if follow.gone {
                for event in events {
                    let sum = &mut pull[event.position as usize];
                    *sum = sum.minus(event.weight);
                }
            } else {
                for event in events {
                    let sum = &mut pull[event.position as usize];
                    *sum = sum.plus(event.weight);
                }
            }
        }
    }

    /// Calls for each position with what its set shares with all sets behind it.
    ///
    /// Large families are shared among the threads of the global pool of `rayon`: then the rows
    /// come in no particular order. Each row is the same however the work is shared.
    pub fn for_each(&self, call: impl Fn(Row<'_, S>) + Sync) {
        let threads = rayon::current_num_threads();
        let shared = threads > 1 && self.family.len() >= PARALLEL_ROWS;
        let blocks = if shared { threads * BLOCKS_PER_THREAD } else { 1 };
        self.for_each_cut(blocks, BAND_ROWS, call);
    }

    fn for_each_cut(&self, blocks: usize, band_rows: usize, call: impl Fn(Row<'_, S>) + Sync) {
        let block = |rows: Range<usize>| self.block(rows, band_rows, &call);
        let mut blocks = equal_areas(self.family.len(), blocks);
        match blocks.len() {
            0 => {}
            1 => blocks.drain(..).for_each(block),
            _ => blocks.into_par_iter().with_max_len(1).for_each(block),
        }
    }

    /// Streams a block of rows, a band at a time.
    fn block(&self, rows: Range<usize>, band_rows: usize, call: &(impl Fn(Row<'_, S>) + Sync)) {
        let count = self.family.len();
        let mut walk = Walk::to(self, rows.start);
        let mut band = Vec::new();
        for start in rows.clone().step_by(band_rows) {
            let end = rows.end.min(start + band_rows);
            band.clear();
            for row in start..end {
                walk.step(row, true);
                band.extend_from_slice(&walk.current.common[row + 1..count]);
            }
            if let (Some(panel), Some(counts)) = (&self.panel, S::as_counts(&mut band)) {
                panel.add_common(start..end, counts, Level::best());
            }
            let mut rest: &[S] = &band;
            for position in start..end {
                let (common, later) = rest.split_at(count - position - 1);
                rest = later;
                let others = &self.family.order[position + 1..];
                call(Row { position, set: self.family.order[position], others, common });
            }
        }
    }
}

/// The size of the set at each position, by its events; `weights` are those below each node.
fn sizes<S: Sum>(family: &Family, histories: &Histories, weights: &[S]) -> Vec<S> {
    let mut sizes: Vec<S> = Vec::with_capacity(family.len());
    for (position, &relative) in family.relatives.iter().enumerate() {
        let mut size = sizes.get(relative as usize).copied().unwrap_or_default();
        let nodes = histories.starts[position] as usize..histories.starts[position + 1] as usize;
        for (&gone, &weight) in histories.gone[nodes.clone()].iter().zip(&weights[nodes]) {
            size = if gone { size.minus(weight) } else { size.plus(weight) };
        }
        sizes.push(size);
    }
    sizes
}

/// Cuts the rows of a strict upper triangle into blocks of about the same area.
fn equal_areas(rows: usize, blocks: usize) -> Vec<Range<usize>> {
    let cut = |block: usize| {
        let share = 1.0 - (1.0 - block as f64 / blocks as f64).max(0.0).sqrt();
        #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "in 0..=1")]
        let row = (share * rows as f64) as usize;
        row.min(rows)
    };
    let ranges = (0..blocks).map(|block| cut(block)..cut(block + 1));
    ranges.filter(|range| !range.is_empty()).collect()
}

/// What a pass over the positions remembers.
struct Walk<'r, 'f, S> {
    rows: &'r Rows<'f, S>,
    /// The set of the last step.
    current: Line<S>,
    /// Those above it on which a later branch stands, from the root down.
    kept: Vec<Line<S>>,
    /// Lines that are no longer needed.
    spare: Vec<Line<S>>,
}

/// What is known of one set with regard to all positions behind it; see the module.
#[derive(Clone, Default)]
struct Line<S> {
    position: usize,
    pull: Vec<S>,
    common: Vec<S>,
}

impl<'r, 'f, S: Sum> Walk<'r, 'f, S> {
    /// A pass that is about to step on `row`: it has been at all that row stands on.
    fn to(rows: &'r Rows<'f, S>, row: usize) -> Self {
        let mut walk = Self { rows, current: Line::default(), kept: Vec::new(), spare: Vec::new() };
        let relatives = &rows.family.relatives;
        let mut above = Vec::new();
        let mut next = row;
        while let Some(relative) = relatives.get(next).filter(|relative| **relative < index(next)) {
            // What a set shares with others is asked again only if a later branch stands on it.
            let has_later = rows.family.ends[next] < rows.family.ends[*relative as usize];
            next = *relative as usize;
            above.push((next, has_later));
        }
        for (position, has_later) in above.into_iter().rev() {
            walk.step(position, has_later);
        }
        walk
    }

    /// Steps on the next position of which `to` or `step` has been at all that it stands on.
    ///
    /// What it shares with others is found only if that is asked for.
    fn step(&mut self, row: usize, with_common: bool) {
        self.take_line(row);
        let Self { rows, current, kept, .. } = self;
        let count = rows.family.len();
        let pull = &mut current.pull[..];
        rows.add_following(row, pull);
        if !with_common {
            return;
        }
        // Later sets stand on this one, on others behind it, on kept ones, or on none.
        let common = &mut current.common[..];
        for line in kept.iter() {
            common[line.position] = line.common[row];
        }
        common[row] = rows.sparse_sizes[row];
        common[count] = S::default();
        for position in row + 1..count {
            let relative = rows.family.relatives[position] as usize;
            common[position] = common[relative].plus(pull[position]);
        }
    }

    /// Makes `current` the line of `row`, with the pull of its relative.
    fn take_line(&mut self, row: usize) {
        let Self { rows, current, kept, spare } = self;
        let (relatives, ends) = (&rows.family.relatives, &rows.family.ends);
        let count = relatives.len();
        let relative = relatives[row] as usize;
        // The last set is kept if anything stands on it: if so, it comes next.
        if current.position + 1 < ends[current.position] as usize && !current.pull.is_empty() {
            kept.push(std::mem::take(current));
        } else {
            spare.push(std::mem::take(current));
        }
        while kept.last().is_some_and(|line| line.position != relative) {
            spare.extend(kept.pop());
        }
        *current = match kept.last() {
            // The last branch of a set takes its line over.
            Some(line) if ends[line.position] == ends[row] => kept.pop().unwrap_or_default(),
            above => {
                let mut line = spare.pop().unwrap_or_default();
                line.pull.resize(count, S::default());
                line.common.resize(count + 1, S::default());
                match above {
                    Some(above) => line.pull[row..].copy_from_slice(&above.pull[row..]),
                    None => line.pull[row..].fill(S::default()),
                }
                line
            }
        };
        current.position = row;
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use crate::path_set::PathSet;
    use proptest::prelude::*;
    use std::collections::BTreeSet;
    use std::sync::Mutex;

    /// The common weights of all pairs, by number, as a full square without its diagonal.
    fn all<S: Sum>(rows: &Rows<'_, S>, blocks: usize, band_rows: usize) -> Vec<Vec<Option<u64>>> {
        let count = rows.family.len();
        let square = Mutex::new(vec![vec![None; count]; count]);
        rows.for_each_cut(blocks, band_rows, |row| {
            let mut square = square.lock().unwrap();
            assert_eq!(row.others.len(), row.common.len());
            for (&other, common) in row.others.iter().zip(row.common) {
                for (i, j) in [(row.set, other), (other, row.set)] {
                    assert_eq!(square[i as usize][j as usize].replace(common.value()), None);
                }
            }
        });
        square.into_inner().unwrap()
    }

    fn naive(
        sets: &[(BTreeSet<u32>, Option<u32>)],
        weigh: impl Fn(u32) -> u64,
    ) -> Vec<Vec<Option<u64>>> {
        let common = |i: usize, j: usize| {
            let ids = sets[i].0.intersection(&sets[j].0);
            (i != j).then(|| ids.map(|id| weigh(*id)).sum())
        };
        (0..sets.len()).map(|i| (0..sets.len()).map(|j| common(i, j)).collect()).collect()
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(1000))]

        #[test]
        fn counts_are_those_of_plain_sets_however_the_work_is_cut(
            sets in related_sets(40),
            event_cost in prop_oneof![Just(0.0), Just(0.5), Just(3.0), Just(50.0), Just(1e9)],
            blocks in 1_usize..9,
            band_rows in 1_usize..20,
        ) {
            let relatives: Vec<Option<u32>> = sets.iter().map(|(_, relative)| *relative).collect();
            let own = path_sets(&sets);
            let family = Family::from_sets(&own.iter().collect::<Vec<_>>(), &relatives);
            let rows = Rows::<u32>::cut(&family, &|start, end| end - start, event_cost);
            prop_assert_eq!(all(&rows, blocks, band_rows), naive(&sets, |_| 1));
            let sizes = family.order.iter().map(|set| sets[*set as usize].0.len() as u32);
            prop_assert!(rows.sizes().iter().copied().eq(sizes));

            let weigh = |id: u32| u64::from(id) << 33 | 7;
            let sum = |start, end| (start..end).map(|id| weigh(id as u32)).sum();
            let rows = Rows::<u64>::weighing(&family, &sum);
            prop_assert_eq!(all(&rows, blocks, band_rows), naive(&sets, weigh));
        }
    }

    #[test]
    fn no_set_and_one_set_have_no_pairs() {
        for count in 0..2 {
            let sets = vec![PathSet::default(); count];
            let sets: Vec<&PathSet> = sets.iter().collect();
            let family = Family::from_sets(&sets, &vec![None; count]);
            let rows = Rows::counting(&family);
            rows.for_each(|row| assert!(row.common.is_empty()));
            assert_eq!(rows.sizes().len(), count);
        }
    }
}
