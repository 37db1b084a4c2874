//! The common counts of all pairs of sets, from their weighted classes.
//!
//! A class that few sets share is *scattered*: its weight is added to each pair of its sets. A class
//! that many share goes into a dense [`Panel`], one column of weight `1 << b` for each bit `b` of
//! its own weight, so that a class of 1,000 paths costs six columns. Scattering a class of `d` sets
//! takes `d(d-1)/2` additions; a column takes `n(n-1)/2` steps of which 64 are done at once; the
//! cheaper way is taken, class by class, by [`SCATTER_COST`]; but nothing is scattered where all that
//! it saves is less than listing the sets of the classes costs.
//!
//! Rows are worked on in bands. A band writes only its own rows and all sums are integers, so the
//! result does not depend on the bands or on how many threads share them; threads are used only
//! where the work outweighs starting them.

use super::panel::{Level, Panel};
use super::segments::Classes;
use rayon::prelude::*;
use std::ops::Range;

/// How much one scattered addition costs, in AND-and-count steps on 64 columns (measured: 3 to 8).
const SCATTER_COST: u64 = 5;

/// The most sets listed for scattered classes, 16 bytes each; classes beyond go into the panel.
const MAX_LISTED: usize = 1 << 19;

/// The most words of a panel at once (16 MiB); a larger one is done in parts.
const MAX_PANEL_WORDS: usize = 1 << 21;

/// The rows of a band where there are enough of them.
const BAND_ROWS: usize = 64;

/// From how many steps on the bands are shared among threads (about 50 ms of one thread).
const PARALLEL_STEPS: u64 = 200_000_000;

/// How the work is cut; the result does not depend on it.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// See [`SCATTER_COST`].
    scatter_cost: u64,
    /// See [`MAX_LISTED`].
    listed: usize,
    /// See [`MAX_PANEL_WORDS`].
    panel_words: usize,
    /// See [`BAND_ROWS`].
    band_rows: usize,
    /// See [`PARALLEL_STEPS`].
    parallel_steps: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            scatter_cost: SCATTER_COST,
            listed: MAX_LISTED,
            panel_words: MAX_PANEL_WORDS,
            band_rows: BAND_ROWS,
            parallel_steps: PARALLEL_STEPS,
        }
    }
}

/// Adds what each pair of sets shares to `common`, the strict upper triangle, row by row.
pub(super) fn add_common(classes: &Classes, common: &mut [u32], limits: Limits) {
    let rows = classes.runs.len();
    let plan = Plan::of(classes, limits);
    let lists = Lists::of(classes, &plan);
    let lines_at_once = (limits.panel_words / rows.max(1)).max(1);
    let mut first_line = 0;
    loop {
        let lines = first_line..plan.shifts.len().min(first_line + lines_at_once);
        let panel = plan.panel(classes, lines.clone());
        let level = Level::best();
        let work = |(rows, sums): (Range<usize>, &mut [u32])| {
            if first_line == 0 {
                lists.add_common(rows.clone(), classes.runs.len(), sums);
            }
            panel.add_common(rows, sums, level);
        };
        let bands = bands(rows, limits.band_rows, common);
        if plan.steps >= limits.parallel_steps {
            bands.into_par_iter().for_each(work);
        } else {
            bands.into_iter().for_each(work);
        }
        first_line = lines.end;
        if first_line == plan.shifts.len() {
            return;
        }
    }
}

/// Cuts the strict upper triangle of `rows` rows into bands of at most `band_rows` rows.
fn bands(rows: usize, band_rows: usize, mut common: &mut [u32]) -> Vec<(Range<usize>, &mut [u32])> {
    let mut bands = Vec::with_capacity(rows / band_rows + 1);
    for start in (0..rows).step_by(band_rows) {
        let end = rows.min(start + band_rows);
        let pairs = (start..end).map(|row| rows - row - 1).sum();
        let (band, rest) = std::mem::take(&mut common).split_at_mut(pairs);
        bands.push((start..end, band));
        common = rest;
    }
    bands
}

/// Which classes are scattered, and the columns of the others.
struct Plan {
    /// In how many sets each class lies.
    set_counts: Vec<u32>,
    /// The panel columns of all classes, class after class; a line has 64.
    columns: Vec<u32>,
    /// Where the columns of each class begin in `columns`, and one end; a scattered class has none.
    column_starts: Vec<u32>,
    /// For each line of the panel the power of two that its columns weigh.
    shifts: Vec<u8>,
    /// Roughly how many steps all pairs take.
    steps: u64,
}

impl Plan {
    fn of(classes: &Classes, limits: Limits) -> Self {
        let set_counts = set_counts(classes);
        let rows = classes.runs.len() as u64;
        let all_pairs = rows * rows.saturating_sub(1) / 2;
        let (mut is_scattered, saved_steps) = choose(classes, &set_counts, limits);
        let listing_steps = set_counts.iter().map(|sets| u64::from(*sets)).sum::<u64>();
        if saved_steps <= limits.scatter_cost * listing_steps {
            is_scattered.fill(false);
        }
        let mut steps = 0;
        let mut plane_columns = [0_u32; 32];
        for ((&weight, &sets), &scattered) in
            classes.weights.iter().zip(&set_counts).zip(&is_scattered)
        {
            if scattered {
                steps += pairs(sets) * limits.scatter_cost;
            } else {
                planes(weight).for_each(|plane| plane_columns[plane] += 1);
            }
        }
        let mut shifts = Vec::new();
        let mut next_column = [0_u32; 32];
        for (plane, shift) in (0_u8..32).enumerate() {
            // Fits: a window has fewer columns than ids, and a plane wastes less than 64.
            next_column[plane] = u32::try_from(shifts.len() * 64).unwrap_or(u32::MAX);
            let lines = plane_columns[plane].div_ceil(64) as usize;
            shifts.resize(shifts.len() + lines, shift);
        }
        steps += all_pairs * shifts.len() as u64;
        let mut columns = Vec::new();
        let mut column_starts = vec![0];
        for (&weight, scattered) in classes.weights.iter().zip(is_scattered) {
            if !scattered {
                for plane in planes(weight) {
                    columns.push(next_column[plane]);
                    next_column[plane] += 1;
                }
            }
            column_starts.push(u32::try_from(columns.len()).unwrap_or(u32::MAX));
        }
        Self { set_counts, columns, column_starts, shifts, steps }
    }

    fn is_scattered(&self, class: usize) -> bool {
        self.column_starts[class] == self.column_starts[class + 1]
    }

    /// The panel of some of the lines.
    fn panel(&self, classes: &Classes, lines: Range<usize>) -> Panel {
        let mut panel = Panel::new(classes.runs.len(), self.shifts[lines.clone()].to_vec());
        for set in 0..classes.runs.len() {
            for &(start, end) in classes.runs.of(set) {
                // The columns of consecutive classes lie side by side.
                let columns = self.column_starts[start as usize] as usize
                    ..self.column_starts[end as usize] as usize;
                for &column in &self.columns[columns] {
                    let line = (column / 64) as usize;
                    if lines.contains(&line) {
                        panel.set(set, line - lines.start, column % 64);
                    }
                }
            }
        }
        panel
    }
}

/// For each class whether scattering it is cheaper than its columns, and the steps that saves.
fn choose(classes: &Classes, set_counts: &[u32], limits: Limits) -> (Vec<bool>, u64) {
    let all_pairs = pairs(u32::try_from(classes.runs.len()).unwrap_or(u32::MAX));
    let (mut listed, mut saved_steps) = (0, 0);
    let scattered = classes.weights.iter().zip(set_counts).map(|(&weight, &sets)| {
        let scatter_steps = pairs(sets) * limits.scatter_cost;
        let dense_steps = all_pairs * u64::from(weight.count_ones()) / 64;
        let scattered = scatter_steps < dense_steps && listed + sets as usize <= limits.listed;
        if scattered {
            listed += sets as usize;
            saved_steps += dense_steps - scatter_steps;
        }
        scattered
    });
    (scattered.collect(), saved_steps)
}

/// How many pairs there are among `sets` sets.
fn pairs(sets: u32) -> u64 {
    u64::from(sets) * u64::from(sets.saturating_sub(1)) / 2
}

/// The positions of the one bits.
fn planes(mut weight: u32) -> impl Iterator<Item = usize> {
    std::iter::from_fn(move || {
        let plane = weight.checked_ilog2()?;
        weight ^= 1 << plane;
        Some(plane as usize)
    })
}

/// In how many sets each class lies.
fn set_counts(classes: &Classes) -> Vec<u32> {
    // Differences first: a run adds one set from its start on and takes it away at its end.
    let mut counts = vec![0_u32; classes.weights.len() + 1];
    for set in 0..classes.runs.len() {
        for &(start, end) in classes.runs.of(set) {
            counts[start as usize] = counts[start as usize].wrapping_add(1);
            counts[end as usize] = counts[end as usize].wrapping_sub(1);
        }
    }
    let mut count = 0_u32;
    for difference in &mut counts {
        count = count.wrapping_add(*difference);
        *difference = count;
    }
    counts.pop();
    counts
}

/// The sets of each scattered class.
struct Lists {
    /// The sets of the scattered classes, class after class, each ascending.
    sets: Vec<u32>,
    /// For each set, its place in the list of each scattered class that it lies in.
    places: Vec<Place>,
    /// Where the places of each set begin, and one end.
    place_starts: Vec<usize>,
}

/// Where the sets after a given one stand in the list of a class.
#[derive(Clone, Copy)]
struct Place {
    later_start: u32,
    later_end: u32,
    weight: u32,
}

impl Lists {
    fn of(classes: &Classes, plan: &Plan) -> Self {
        // Where the next set of each class goes, and where its list ends.
        let mut bounds: Vec<(u32, u32)> = Vec::with_capacity(classes.weights.len());
        let mut total = 0;
        for (class, &sets) in plan.set_counts.iter().enumerate() {
            let end = if plan.is_scattered(class) { total + sets } else { total };
            bounds.push((total, end));
            total = end;
        }
        let mut lists = Self {
            sets: vec![0; total as usize],
            places: Vec::with_capacity(total as usize),
            place_starts: vec![0],
        };
        for (set, set_number) in (0..classes.runs.len()).zip(0_u32..) {
            for class in classes.runs.of(set).iter().flat_map(|&(start, end)| start..end) {
                let (next, later_end) = &mut bounds[class as usize];
                if *next < *later_end {
                    lists.sets[*next as usize] = set_number;
                    *next += 1;
                    let weight = classes.weights[class as usize];
                    lists.places.push(Place { later_start: *next, later_end: *later_end, weight });
                }
            }
            lists.place_starts.push(lists.places.len());
        }
        lists
    }

    /// Adds the weights of the scattered classes to the pairs of `rows` with every later row.
    fn add_common(&self, rows: Range<usize>, row_count: usize, mut sums: &mut [u32]) {
        for row in rows {
            let (later, rest) = std::mem::take(&mut sums).split_at_mut(row_count - row - 1);
            for place in &self.places[self.place_starts[row]..self.place_starts[row + 1]] {
                for &set in &self.sets[place.later_start as usize..place.later_end as usize] {
                    let sum = &mut later[set as usize - row - 1];
                    *sum = sum.saturating_add(place.weight);
                }
            }
            sums = rest;
        }
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use crate::measure::segments::Window;
    use crate::path_set::PathSet;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    prop_compose! {
        fn any_limits()(
            scatter_cost in prop_oneof![Just(0_u64), Just(1), Just(5), Just(1 << 20)],
            listed in prop_oneof![Just(0_usize), 1_usize..100, Just(MAX_LISTED)],
            panel_words in prop_oneof![Just(1_usize), 1_usize..200, Just(MAX_PANEL_WORDS)],
            band_rows in 1_usize..12,
            parallel_steps in prop_oneof![Just(0_u64), Just(u64::MAX)],
        ) -> Limits {
            Limits { scatter_cost, listed, panel_words, band_rows, parallel_steps }
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_plain_sets_however_the_work_is_cut(
            ids in vec(btree_set(0_u32..600, 0..250), 0..24),
            limits in any_limits(),
            max_ids in prop_oneof![1_u64..700, Just(1 << 21)],
        ) {
            let sets: Vec<PathSet> =
                ids.iter().map(|ids| PathSet::from_unsorted(ids.iter().copied().collect())).collect();
            let sets: Vec<&PathSet> = sets.iter().collect();
            let mut expected = Vec::new();
            for (i, left) in ids.iter().enumerate() {
                for right in &ids[i + 1..] {
                    expected.push(left.intersection(right).count() as u32);
                }
            }
            let mut common = vec![0; expected.len()];
            for window in Window::bounded(&sets, max_ids, usize::MAX) {
                add_common(&Classes::of(&sets, window), &mut common, limits);
            }
            prop_assert_eq!(common, expected);
        }
    }
}
