//! The common counts of all pairs of sets, from their weighted classes.
//!
//! A class that few sets share is *scattered*: its weight is added to each pair of its sets. A class
//! that many share goes into a dense [`Panel`], one column of weight `1 << b` for each bit `b` of
//! its own weight, so that a class of 1,000 paths costs six columns. Scattering a class of `d` sets
//! takes `d(d-1)/2` additions; a column takes `n(n-1)/2` steps of which 64 are done at once; the
//! cheaper way is taken, class by class, by [`SCATTER_COST`].
//!
//! Rows are worked on in bands. A band writes only its own rows and all sums are integers, so the
//! result does not depend on the bands or on how many threads share them; threads are used only
//! where the work outweighs starting them.

use super::history::Sum;
use super::panel::{Level, Panel};
use super::segments::{Classes, Holders, MASK_WORDS};
use rayon::prelude::*;
use std::ops::Range;

/// How much one scattered addition costs, in AND-and-count steps on 64 columns (measured: 3 to 8).
const SCATTER_COST: u64 = 5;

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
            panel_words: MAX_PANEL_WORDS,
            band_rows: BAND_ROWS,
            parallel_steps: PARALLEL_STEPS,
        }
    }
}

/// Adds what each pair of sets shares to `common`, the strict upper triangle, row by row.
pub(super) fn add_common<S: Sum>(classes: &Classes, common: &mut [S], limits: Limits) {
    let rows = classes.sets;
    let plan = Plan::of(classes, limits);
    plan.scatter(classes, common);
    let lines_at_once = (limits.panel_words / rows.max(1)).max(1);
    for (columns, shifts) in
        plan.columns.chunks(lines_at_once).zip(plan.shifts.chunks(lines_at_once))
    {
        let panel = panel(classes, columns, shifts);
        let level = Level::best();
        let work = |(rows, sums): (Range<usize>, &mut [S])| panel.add_common(rows, sums, level);
        let bands = bands(rows, limits.band_rows, common);
        if plan.steps >= limits.parallel_steps {
            bands.into_par_iter().for_each(work);
        } else {
            bands.into_iter().for_each(work);
        }
    }
}

/// Adds what the classes of each set weigh to its size; all of them if those of one set are among them.
pub(super) fn add_sizes(classes: &Classes, sizes: &mut [u64]) {
    let mut holders = Holders::default();
    for (class, &weight) in classes.weights.iter().enumerate() {
        for &set in holders.of(classes, class) {
            sizes[set] = sizes[set].saturating_add(weight);
        }
    }
}

/// Cuts the strict upper triangle of `rows` rows into bands of at most `band_rows` rows.
fn bands<S>(rows: usize, band_rows: usize, mut common: &mut [S]) -> Vec<(Range<usize>, &mut [S])> {
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

/// Stands for a column that no class has.
const NO_CLASS: u32 = u32::MAX;

/// Which classes are scattered, and the columns of the others.
struct Plan {
    scattered: Vec<u32>,
    /// For each line of the panel the classes of its 64 columns.
    columns: Vec<[u32; 64]>,
    /// For each line of the panel the power of two that its columns weigh.
    shifts: Vec<u8>,
    /// Roughly how many steps all pairs take in the panel.
    steps: u64,
}

impl Plan {
    fn of(classes: &Classes, limits: Limits) -> Self {
        let all_pairs = pairs(u32::try_from(classes.sets).unwrap_or(u32::MAX));
        let mut plan = Self { scattered: vec![], columns: vec![], shifts: vec![], steps: 0 };
        // The classes of each bit of their weights.
        let mut planes = vec![Vec::new(); u64::BITS as usize];
        for ((&weight, &holders), class) in
            classes.weights.iter().zip(&classes.holders).zip(0_u32..)
        {
            let scatter_steps = pairs(holders).saturating_mul(limits.scatter_cost);
            if scatter_steps < all_pairs * u64::from(weight.count_ones()) / 64 {
                plan.scattered.push(class);
                continue;
            }
            let mut bits = weight;
            while bits != 0 {
                planes[bits.trailing_zeros() as usize].push(class);
                bits &= bits - 1;
            }
        }
        for (shift, plane) in (0..).zip(&planes) {
            for classes in plane.chunks(64) {
                let mut line = [NO_CLASS; 64];
                line[..classes.len()].copy_from_slice(classes);
                plan.columns.push(line);
                plan.shifts.push(shift);
            }
        }
        plan.steps = all_pairs * plan.shifts.len() as u64;
        plan
    }

    /// Adds the weights of the scattered classes to all pairs of their sets.
    fn scatter<S: Sum>(&self, classes: &Classes, common: &mut [S]) {
        let mut holders = Holders::default();
        for &class in &self.scattered {
            let weight = classes.weights[class as usize];
            let holders = holders.of(classes, class as usize);
            for (place, &set) in holders.iter().enumerate() {
                // Where the row of the set begins, less the number of its first pair.
                let row = row_start(set, classes.sets);
                for &later in &holders[place + 1..] {
                    let sum = &mut common[row + later - set - 1];
                    *sum = sum.plus_count(weight);
                }
            }
        }
    }
}

/// Where the row of a set begins in the strict upper triangle of so many sets.
fn row_start(set: usize, sets: usize) -> usize {
    set * (2 * sets - set - 1) / 2
}

/// How many pairs there are among `sets` sets.
fn pairs(sets: u32) -> u64 {
    u64::from(sets) * u64::from(sets.saturating_sub(1)) / 2
}

/// The panel of some lines: for each the classes of its columns, and their weight.
fn panel(classes: &Classes, columns: &[[u32; 64]], shifts: &[u8]) -> Panel {
    let mut panel = Panel::new(classes.sets, shifts.to_vec());
    // For each word of sets a square of bits, a row for each column of the line.
    let words = classes.sets.div_ceil(64).next_multiple_of(MASK_WORDS);
    let mut squares = vec![[0_u64; 64]; words];
    for (line, columns) in columns.iter().enumerate() {
        squares.fill([0; 64]);
        for (column, &class) in columns.iter().enumerate() {
            if class == NO_CLASS {
                break;
            }
            for (group, mask) in classes.masks(class as usize) {
                for (square, word) in squares[group * MASK_WORDS..].iter_mut().zip(mask) {
                    square[column] = word;
                }
            }
        }
        for (square, first_row) in squares.iter_mut().zip((0..).step_by(64)) {
            transpose(square);
            panel.put_words(line, first_row, square);
        }
    }
    panel
}

/// Mirrors a square of bits at its diagonal: bit `j` of word `i` becomes bit `i` of word `j`
/// (Warren, "Hacker's Delight", 2nd edition, section 7-3).
fn transpose(square: &mut [u64; 64]) {
    let mut width = 32;
    let mut mask = u64::MAX >> 32;
    while width != 0 {
        for pair in square.chunks_exact_mut(2 * width) {
            let (low, high) = pair.split_at_mut(width);
            for (low, high) in low.iter_mut().zip(high) {
                let swapped = ((*low >> width) ^ *high) & mask;
                *low ^= swapped << width;
                *high ^= swapped;
            }
        }
        width /= 2;
        mask ^= mask << width;
    }
}

#[cfg(test)]
#[expect(clippy::cast_possible_truncation, reason = "the numbers of the tests are small")]
mod tests {
    use super::*;
    use crate::measure::segments;
    use crate::path_set::PathSet;
    use proptest::collection::{btree_set, vec};
    use proptest::prelude::*;

    prop_compose! {
        fn any_limits()(
            scatter_cost in prop_oneof![Just(0_u64), Just(1), Just(5), Just(1 << 20)],
            panel_words in prop_oneof![Just(1_usize), 1_usize..200, Just(MAX_PANEL_WORDS)],
            band_rows in 1_usize..12,
            parallel_steps in prop_oneof![Just(0_u64), Just(u64::MAX)],
        ) -> Limits {
            Limits { scatter_cost, panel_words, band_rows, parallel_steps }
        }
    }

    proptest! {
        #[test]
        fn counts_are_those_of_plain_sets_however_the_work_is_cut(
            ids in prop_oneof![
                3 => vec(btree_set(0_u32..600, 0..250), 0..24),
                1 => vec(btree_set(0_u32..50, 0..25), 0..280),
            ],
            limits in any_limits(),
            runs in prop_oneof![1_usize..700, Just(usize::MAX)],
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
            let mut common = vec![0_u32; expected.len()];
            let classes = segments::Limits { runs, ..Default::default() };
            for classes in Classes::all(&sets, classes) {
                add_common(&classes, &mut common, limits);
            }
            prop_assert_eq!(common, expected);
        }
    }

    #[test]
    fn a_square_is_mirrored() {
        let mut square = [0_u64; 64];
        for (row, word) in (1_u32..).zip(&mut square) {
            *word = u64::from(row).wrapping_mul(0x9E37_79B9_7F4A_7C15).rotate_left(row);
        }
        let before = square;
        transpose(&mut square);
        for (row, word) in square.iter().enumerate() {
            for (column, was) in before.iter().enumerate() {
                assert_eq!(word >> column & 1, was >> row & 1);
            }
        }
    }
}
