//! Whole rows of a family in any order, and never more than a block of them at once.
//!
//! [`Rows`] tells each pair once, in the order of positions: half of a row, and not in an order that
//! a reader would know. Here a row is what a set shares with *all* sets of the family. The
//! recurrence is that of [`rows`](super::rows), for all positions instead of the later ones:
//!
//! ```text
//! common(i, j) = common(i, up(j)) + pull(i, j)
//! pull(i, ·)   = pull(up(i), ·) + sum over the events of i of
//!                ± the events that follow them, ± the weight of each at those that it continues
//! ```
//!
//! What an event continues is a way up the trie, and its paths are among those of each event on the
//! way. There are as many such pairs as there are events that follow events, so a whole row costs
//! about two halves.
//!
//! Rows are made a block at a time: a pass over the positions that stops only at the sets of the
//! block and at what they stand on. In the worst case each block goes over all that stands above
//! its sets anew: the steps of a triangle, twice, times the blocks or times the depth of the family,
//! whichever is less. Memory: the block, 20 bytes for an event beside those of [`Rows`], and for each
//! thread `4 n log2(n)` bytes at the most.

use super::family::Family;
use super::history::Sum;
use super::panel::Level;
use super::popular;
use super::rows::{Link, Rows};
use rayon::prelude::*;

/// The rows that a panel is asked for together.
const BAND_ROWS: usize = 16;

/// The counts of a block of rows (32 MiB). Measured: of 10,000 made images blocks of 16 MiB cost 2.5 s
/// of CPU, of 32 MiB 2.1 s, of 64 MiB 1.7 s, and one of all rows 1.2 s.
const BLOCK_COUNTS: usize = 1 << 23;

/// The rows that a block has at the least, or very many sets would be gone over too often.
const LEAST_ROWS: usize = 512;

/// How many rows a block of `count` sets has, if there are as many.
pub(super) fn block_rows(count: usize) -> usize {
    (BLOCK_COUNTS / count.max(1)).max(LEAST_ROWS)
}

/// The whole rows of a family, ready to be made.
#[derive(Debug)]
pub(super) struct WholeRows<'f, S = u32> {
    rows: Rows<'f, S>,
    ways: Ways,
    /// The events of each position.
    own: Vec<u32>,
    /// Where those of each position begin in `own`, and one end.
    own_starts: Vec<usize>,
    /// The position of each set.
    positions: Vec<usize>,
}

impl<'f, S: Sum> WholeRows<'f, S> {
    /// Prepares to sum up weights, as [`Rows::weighing`] does.
    pub(super) fn weighing(family: &'f Family, weigh: &dyn Fn(u64, u64) -> u64) -> Self {
        Self::cut(family, weigh, popular::EVENT_COST)
    }

    /// The sum of each set, in the order in which the sets were given.
    pub(super) fn sizes(&self) -> Vec<S> {
        self.positions.iter().map(|position| self.rows.sizes()[*position]).collect()
    }

    fn cut(family: &'f Family, weigh: &dyn Fn(u64, u64) -> u64, event_cost: f64) -> Self {
        let (rows, links) = Rows::cut_linked(family, weigh, event_cost);
        let mut own: Vec<u32> = (1..super::family::index(rows.events.len())).collect();
        own.sort_by_key(|event| rows.events[*event as usize].position);
        let before = |position: usize| {
            own.partition_point(|event| (rows.events[*event as usize].position as usize) < position)
        };
        let own_starts = (0..=family.len()).map(before).collect();
        let mut positions = vec![0; family.len()];
        for (position, &set) in family.order.iter().enumerate() {
            positions[set as usize] = position;
        }
        Self { ways: Ways::of(&rows, &links), rows, own, own_starts, positions }
    }

    /// Counts what each of the sets `first`, `first + 1`, … shares with all, itself among them; as
    /// many as there are whole rows in `block`.
    ///
    /// The threads of the global pool of `rayon` share the block.
    pub(super) fn fill(&self, first: usize, block: &mut [S]) {
        self.fill_cut(first, block, rayon::current_num_threads(), BAND_ROWS);
    }

    fn fill_cut(&self, first: usize, block: &mut [S], parts: usize, band_rows: usize) {
        let count = self.positions.len().max(1);
        let lines = block.chunks_exact_mut(count);
        let mut lines: Vec<(usize, &mut [S])> =
            self.positions[first..].iter().copied().zip(lines).collect();
        lines.sort_unstable_by_key(|(position, _)| *position);
        // Neighbours stand on the same sets, so that each thread takes a stretch of positions.
        let share = lines.len().div_ceil(parts.max(1)).max(1);
        lines.par_chunks_mut(share).for_each(|lines| self.fill_lines(lines, band_rows));
    }

    /// Fills lines, given with the positions of their sets in ascending order.
    fn fill_lines(&self, lines: &mut [(usize, &mut [S])], band_rows: usize) {
        let family = self.rows.family;
        let count = family.len();
        let is_needed = needed(family, lines.iter().map(|(position, _)| *position));
        let mut walk = Walk { whole: self, lines: Vec::new(), spare: Vec::new() };
        let mut steps = (0..count).filter(|position| is_needed[*position]);
        let mut band = vec![S::default(); (count + 1) * band_rows.min(lines.len())];
        let mut positions = Vec::with_capacity(band_rows);
        for lines in lines.chunks_mut(band_rows) {
            positions.clear();
            positions.extend(lines.iter().map(|(position, _)| *position));
            for (index, &row) in positions.iter().enumerate() {
                // The sum of none stands behind each row, and in front of the next.
                let common = &mut band[index * count..=(index + 1) * count];
                for position in steps.by_ref() {
                    walk.step(position);
                    if position == row {
                        walk.common(common);
                        break;
                    }
                }
            }
            let band = &mut band[..lines.len() * count];
            if let (Some(panel), Some(counts)) = (&self.rows.panel, S::as_counts(band)) {
                panel.add_whole_rows(&positions, counts, Level::best());
            }
            for ((_, line), common) in lines.iter_mut().zip(band.chunks_exact(count)) {
                for (&set, &common) in family.order.iter().zip(common) {
                    line[set as usize] = common;
                }
            }
        }
    }
}

/// The ways from all events up the trie. An event mostly stands right behind the one that it
/// continues, so a way is a few stretches of neighbours.
#[derive(Debug)]
struct Ways {
    /// The position of each event.
    positions: Vec<u32>,
    /// For each event 0 if paths come, all bits if they go: with `x ^ sign - sign` the weight that
    /// its position gets.
    signs: Vec<u32>,
    /// The first event of the stretch that each event is in.
    starts: Vec<u32>,
    /// The event that each event continues; 0 for none.
    before: Vec<u32>,
}

impl Ways {
    fn of<S: Sum>(rows: &Rows<'_, S>, links: &[Link]) -> Self {
        let mut starts: Vec<u32> = Vec::with_capacity(links.len());
        for (event, link) in (0..).zip(links) {
            // The first event is none, so that nothing continues it in a stretch.
            let neighbor = link.before != 0 && link.before + 1 == event;
            let start = starts.last().copied().filter(|_| neighbor);
            starts.push(start.unwrap_or(event));
        }
        Self {
            positions: rows.events.iter().map(|event| event.position).collect(),
            signs: links.iter().map(|link| if link.gone { u32::MAX } else { 0 }).collect(),
            starts,
            before: links.iter().map(|link| link.before).collect(),
        }
    }

    /// Adds the weight of an event to the pull on its own position and on those of all events that
    /// it continues.
    fn add<S: Sum>(&self, event: usize, weight: S, pull: &mut [S]) {
        let mut end = event;
        while end != 0 {
            let start = self.starts[end] as usize;
            let stretch = self.positions[start..=end].iter().zip(&self.signs[start..=end]);
            for (&position, &sign) in stretch {
                let sum = &mut pull[position as usize];
                *sum = sum.plus(weight.signed(sign));
            }
            end = self.before[start] as usize;
        }
    }
}

/// Which positions a pass must step on: the wanted ones and all that they stand on.
fn needed(family: &Family, wanted: impl Iterator<Item = usize>) -> Vec<bool> {
    let mut is_needed = vec![false; family.len()];
    for mut position in wanted {
        while let Some(needed) = is_needed.get_mut(position).filter(|needed| !**needed) {
            *needed = true;
            position = family.relatives[position] as usize;
        }
    }
    is_needed
}

/// What a pass over the positions remembers.
struct Walk<'r, 'f, S> {
    whole: &'r WholeRows<'f, S>,
    /// The pull of the last set, and of those above it on which a later branch stands, from the root
    /// down; each with its position.
    lines: Vec<(usize, Vec<S>)>,
    /// Lines that are no longer needed.
    spare: Vec<Vec<S>>,
}

impl<S: Sum> Walk<'_, '_, S> {
    /// Steps on a position behind all that were stepped on, after those that it stands on.
    fn step(&mut self, row: usize) {
        let Self { whole, lines, spare } = self;
        let family = whole.rows.family;
        let relative = family.relatives[row] as usize;
        while let Some((_, line)) = lines.pop_if(|(position, _)| *position != relative) {
            spare.push(line);
        }
        let mut pull = match lines.last() {
            // The last branch of a set takes its line over.
            Some((above, _)) if family.ends[*above] == family.ends[row] => {
                lines.pop().unwrap_or_default().1
            }
            above => {
                let mut line = spare.pop().unwrap_or_default();
                line.clear();
                match above {
                    Some((_, above)) => line.extend_from_slice(above),
                    None => line.resize(family.len(), S::default()),
                }
                line
            }
        };
        whole.rows.add_following(row, &mut pull);
        for &event in &whole.own[whole.own_starts[row]..whole.own_starts[row + 1]] {
            whole.ways.add(event as usize, whole.rows.events[event as usize].weight, &mut pull);
        }
        lines.push((row, pull));
    }

    /// What the set of the last step shares with that of each position but for the panel, and one
    /// more sum that means nothing.
    fn common(&self, common: &mut [S]) {
        let (Some((row, pull)), family) = (self.lines.last(), self.whole.rows.family) else {
            return;
        };
        let count = family.len();
        common[count] = S::default();
        for (position, (&relative, &pull)) in family.relatives.iter().zip(pull).enumerate() {
            common[position] = common[relative as usize].plus(pull);
        }
        debug_assert_eq!(common[*row], self.whole.rows.sparse_sizes[*row], "a set shares all");
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use crate::measure::family::tests::{path_sets, related_sets};
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(500))]

        #[test]
        fn whole_rows_are_those_of_plain_sets_however_they_are_cut(
            sets in related_sets(40),
            event_cost in prop_oneof![Just(0.0), Just(0.5), Just(3.0), Just(50.0), Just(1e9)],
            block_rows in 1_usize..50,
            parts in 1_usize..5,
            band_rows in 1_usize..20,
        ) {
            let relatives: Vec<Option<u32>> = sets.iter().map(|(_, relative)| *relative).collect();
            let own = path_sets(&sets);
            let family = Family::from_sets(&own.iter().collect::<Vec<_>>(), &relatives);
            let whole: WholeRows<'_> = WholeRows::cut(&family, &|start, end| end - start, event_cost);
            let count = sets.len();
            for first in (0..count).step_by(block_rows) {
                let end = count.min(first + block_rows);
                let mut block = vec![7; (end - first) * count];
                whole.fill_cut(first, &mut block, parts, band_rows);
                let expected: Vec<u32> = (first..end)
                    .flat_map(|i| (0..count).map(move |j| (i, j)))
                    .map(|(i, j)| sets[i].0.intersection(&sets[j].0).count() as u32)
                    .collect();
                prop_assert_eq!(block, expected);
            }
        }
    }
}
