//! The histories that are counted by a dense product instead of event by event.
//!
//! What a pass over the events costs grows with the square of a history's length: software that
//! many images install each on their own account has thousands of events. There it is cheaper to
//! write down which sets have it, a bit for each, and to let AND and population count go over all
//! pairs, 64 classes of paths at a time. The cut lies where both cost the same, beginning by
//! beginning: a branch of the trie is taken as a whole, or left as a whole, or cut further up.

use super::history::Histories;
use super::panel::Panel;
use std::ops::Range;

/// What a step of one event costs, in steps of AND and count on 64 columns of one pair. Measured: at
/// 10,000 made images 2 and 12 cost a little more.
pub(super) const EVENT_COST: f64 = 6.0;

/// The most words of a panel (128 MiB): the price of a column rises until it fits.
const MAX_PANEL_WORDS: u64 = 1 << 24;

/// Which nodes of `histories` are counted by a panel, for `rows` sets; an event costs `event_cost`.
pub(super) fn choose(histories: &Histories, rows: usize, event_cost: f64) -> Vec<bool> {
    let columns = histories.sums_below(|node| u64::from(histories.weights[node].count_ones()));
    let mut depths = vec![0_u32; histories.before.len()];
    for node in 1..depths.len() {
        depths[node] = depths[histories.before[node] as usize] + 1;
    }
    // A column is a step for each pair of rows, shared by 64.
    let mut column_cost = (rows as f64).powi(2) / 128.0;
    loop {
        let chosen = cut(histories, (&columns, column_cost), (&depths, event_cost));
        let is_taken = |node: &usize| chosen[*node] && !chosen[histories.before[*node] as usize];
        let taken: u64 = (1..chosen.len()).filter(is_taken).map(|node| columns[node]).sum();
        if taken * rows as u64 / 64 <= MAX_PANEL_WORDS {
            return chosen;
        }
        column_cost *= 2.0;
    }
}

/// Takes the branches whose columns cost less than their events.
fn cut(
    histories: &Histories,
    (columns, column_cost): (&[u64], f64),
    (depths, event_cost): (&[u32], f64),
) -> Vec<bool> {
    let mut chosen = vec![false; columns.len()];
    // For each node what all below it cost at the best.
    let mut below = vec![0.0; columns.len()];
    for node in (1..columns.len()).rev() {
        // Each node is met once from every node that it continues.
        let events = f64::from(depths[node] - 1) * event_cost + below[node];
        let dense = columns[node] as f64 * column_cost;
        chosen[node] = dense < events;
        below[histories.before[node] as usize] += events.min(dense);
    }
    for node in 1..columns.len() {
        chosen[node] |= chosen[histories.before[node] as usize];
    }
    chosen
}

/// The chosen paths of each set as a panel; `relatives` are those of the family.
pub(super) fn panel(histories: &Histories, chosen: &[bool], relatives: &[u32]) -> Panel {
    let is_class: Vec<bool> = chosen
        .iter()
        .zip(&histories.weights)
        .map(|(chosen, weight)| *chosen && *weight > 0)
        .collect();
    let (firsts, sizes) = histories.number(&is_class);
    let mut weights = vec![0; sizes[0] as usize];
    for node in (0..is_class.len()).filter(|node| is_class[*node]) {
        weights[firsts[node] as usize] = histories.weights[node];
    }
    let columns = Columns::of(&weights);
    let mut panel = Panel::new(relatives.len(), columns.shifts.clone());
    for (row, &relative) in relatives.iter().enumerate() {
        if (relative as usize) < row {
            panel.copy_row(relative as usize, row);
        }
        for node in histories.starts[row] as usize..histories.starts[row + 1] as usize {
            let classes = firsts[node] as usize..(firsts[node] + sizes[node]) as usize;
            if !classes.is_empty() {
                for range in columns.of_classes(classes) {
                    panel.put(row, range, !histories.gone[node]);
                }
            }
        }
    }
    panel
}

/// The columns of classes: one of weight `1 << b` for each bit `b` of a class's weight, those of
/// one bit side by side in the order of the classes.
struct Columns {
    /// For each line of 64 columns the bit.
    shifts: Vec<u8>,
    /// For each bit in use the column of each class, or where it would be, and one end.
    planes: Vec<Vec<u32>>,
}

impl Columns {
    fn of(weights: &[u64]) -> Self {
        let mut columns = Self { shifts: Vec::new(), planes: Vec::new() };
        for shift in 0..64_u8 {
            let mut next = super::family::index(columns.shifts.len() * 64);
            let first = next;
            let mut plane = Vec::with_capacity(weights.len() + 1);
            for weight in weights {
                plane.push(next);
                next += u32::from(weight >> shift & 1 == 1);
            }
            plane.push(next);
            if next > first {
                let lines = (next - first).div_ceil(64) as usize;
                columns.shifts.resize(columns.shifts.len() + lines, shift);
                columns.planes.push(plane);
            }
        }
        columns
    }

    /// The columns of neighbouring classes.
    fn of_classes(&self, classes: Range<usize>) -> impl Iterator<Item = Range<usize>> {
        let range =
            move |plane: &Vec<u32>| plane[classes.start] as usize..plane[classes.end] as usize;
        self.planes.iter().map(range)
    }
}
