//! The layout of the still picture, as a list of marks that SVG and PNG both draw.
//!
//! Units are pixels of the SVG; the PNG may draw them at twice the size. Cells get labels as long
//! as names can be read ([`MOST_LABELS`]), and printed values as long as a number fits into them.

use super::color::{Rgb, ink_on, level, palette};
use super::{Heatmap, stroke_font};
use crate::measure::{Dendrogram, Measure};
use crate::path_set::Selection;
use crate::report::page::shown;

/// With more images than this, names would be a gray smear and are left out.
const MOST_LABELS: usize = 80;
/// With more images than this, a cell is the mean of several pairs, so that no picture outgrows the
/// memory of its viewer.
const MOST_CELLS: usize = 4000;
/// The longest label, in characters; longer ones are elided in the middle.
const LABEL_CHARS: usize = 32;
/// Free space around the picture.
const MARGIN: f64 = 24.0;
/// The height of the trees.
const TREE: f64 = 84.0;
/// Between a tree or a label and the cells.
const GAP: f64 = 5.0;
/// The height of title, subtitle and legend together.
const HEADER: f64 = 62.0;
/// The narrowest picture: title and legend side by side.
const LEAST_WIDTH: f64 = 700.0;
/// The width of the legend.
const LEGEND: f64 = 192.0;

pub(super) const PAPER: Rgb = [0xff, 0xff, 0xff];
const INK: Rgb = [0x1c, 0x23, 0x29];
const MUTED: Rgb = [0x5c, 0x66, 0x6d];
const HAIRLINE: Rgb = [0xdd, 0xe1, 0xe4];
const BRANCH: Rgb = [0x52, 0x5d, 0x66];

/// Which point of a text lies at its position.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Anchor {
    Start,
    Middle,
    End,
}

/// A line of text; `upright` text runs from bottom to top.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the plain word is the best name")]
pub(super) struct Text {
    pub(super) at: [f64; 2],
    pub(super) size: f64,
    pub(super) color: Rgb,
    pub(super) anchor: Anchor,
    pub(super) upright: bool,
    pub(super) text: String,
}

/// A grid of levels of the color scale, row by row from the top left, stretched over a rectangle.
#[derive(Clone, Debug)]
pub(super) struct Cells {
    pub(super) at: [f64; 2],
    pub(super) size: [f64; 2],
    pub(super) columns: usize,
    pub(super) levels: Vec<u8>,
}

/// Lines along the axes, from point to point, of one width and color.
#[derive(Clone, Debug)]
#[expect(clippy::struct_field_names, reason = "the plain word is the best name")]
pub(super) struct Lines {
    pub(super) width: f64,
    pub(super) color: Rgb,
    pub(super) lines: Vec<Vec<[f64; 2]>>,
}

/// Something to draw.
#[derive(Clone, Debug)]
pub(super) enum Mark {
    Cells(Cells),
    Lines(Lines),
    Text(Text),
}

/// A whole picture; marks are drawn in order.
#[derive(Clone, Debug)]
pub(super) struct Picture {
    pub(super) width: f64,
    pub(super) height: f64,
    pub(super) title: String,
    pub(super) subtitle: String,
    pub(super) marks: Vec<Mark>,
}

/// Lays the picture out. O(n²) in the number of images.
pub(super) fn picture(heatmap: &Heatmap<'_>) -> Picture {
    let n = heatmap.checked_len();
    let plan = Plan::new(heatmap, n);
    let mut marks = Vec::new();
    if n > 0 {
        marks.extend(axis_marks(&plan, heatmap.tree()));
        marks.extend(tree_marks(&plan, heatmap.tree()));
        marks.extend(cell_marks(&plan, heatmap));
        marks.extend(label_marks(&plan, heatmap.tree()));
        marks.extend(legend_marks(&plan));
    }
    let subtitle = subtitle(heatmap);
    marks.push(text([MARGIN, MARGIN + 15.0], 18.0, Anchor::Start, &heatmap.title()));
    marks.push(muted(text([MARGIN, MARGIN + 34.0], 11.5, Anchor::Start, &subtitle)));
    Picture { width: plan.width, height: plan.height, title: heatmap.title(), subtitle, marks }
}

/// What the colors stand for, in words.
fn subtitle(heatmap: &Heatmap<'_>) -> String {
    let measure = match heatmap.measure {
        Measure::Dice => "Dice similarity 2c / (a + b)",
        Measure::Jaccard => "Jaccard similarity c / (a + b - c)",
        Measure::ContainmentLeft => "share of the row's paths found in the column, c / a",
        Measure::ContainmentRight => "share of the column's paths found in the row, c / b",
        Measure::OverlapCoefficient => "overlap coefficient c / min(a, b)",
        Measure::Cosine => "cosine c / sqrt(a b)",
    };
    let selection = match heatmap.selection {
        Selection::Files => "files",
        Selection::Directories => "directories",
        Selection::Both => "files and directories",
    };
    match heatmap.how {
        Some(how) => format!("{measure}, {selection}, {how}"),
        None => format!("{measure}, {selection}"),
    }
}

/// Where everything lies.
struct Plan {
    n: usize,
    /// Cells along one side: `n` unless there are more than [`MOST_CELLS`].
    columns: usize,
    cell: f64,
    /// The top left corner of the cells.
    left: f64,
    top: f64,
    /// The side of all cells together.
    side: f64,
    label_size: f64,
    /// By image; empty where there are too many.
    labels: Vec<String>,
    width: f64,
    height: f64,
}

impl Plan {
    fn new(heatmap: &Heatmap<'_>, n: usize) -> Self {
        let columns = n.div_ceil(n.div_ceil(MOST_CELLS).max(1));
        let cell = if n <= MOST_LABELS {
            (640 / n.max(1)).clamp(12, 44) as f64
        } else {
            (960 / columns).max(1) as f64
        };
        let side = cell * columns as f64;
        let labels: Vec<String> = if n <= MOST_LABELS {
            heatmap.names.iter().map(|name| elide(&shown(name), LABEL_CHARS)).collect()
        } else {
            Vec::new()
        };
        let label_size = (cell - 2.5).min(12.0);
        let widest = labels.iter().map(|label| room_em(label)).fold(0.0, f64::max);
        let gutter = (widest * label_size).ceil() + GAP;
        let (left, top) = (MARGIN + TREE + GAP, MARGIN + HEADER + TREE + GAP);
        let width = (left + side + gutter.max(90.0) + MARGIN).max(LEAST_WIDTH);
        let height = if n == 0 { MARGIN + HEADER } else { top + side + gutter + MARGIN };
        Self { n, columns, cell, left, top, side, label_size, labels, width, height }
    }

    /// From a position along the leaves (0 to n) to pixels from the edge of the cells.
    fn along(&self, position: f64) -> f64 {
        position * self.side / self.n as f64
    }
}

/// One merge of a tree as it is drawn: two legs and the bar that joins them.
pub(super) struct Bracket {
    /// Position along the leaves and height of each child.
    legs: [[f64; 2]; 2],
    height: f64,
}

/// The brackets of a tree; a leaf stands in the middle of its cell.
fn brackets(tree: &Dendrogram) -> Vec<Bracket> {
    let n = tree.order.len();
    let mut nodes = vec![[0.0, 0.0]; n];
    for (position, image) in tree.order.iter().enumerate() {
        nodes[*image as usize] = [position as f64 + 0.5, 0.0];
    }
    let mut brackets = Vec::with_capacity(tree.merges.len());
    for merge in &tree.merges {
        let legs = [nodes[merge.left as usize], nodes[merge.right as usize]];
        let height = f64::from(merge.height).clamp(0.0, 1.0);
        nodes.push([f64::midpoint(legs[0][0], legs[1][0]), height]);
        brackets.push(Bracket { legs, height });
    }
    brackets
}

/// The height of the root.
fn tallest(tree: &Dendrogram) -> f64 {
    tree.merges.iter().map(|merge| f64::from(merge.height).clamp(0.0, 1.0)).fold(0.0, f64::max)
}

/// Pixels from the cells for a height of the tree.
fn rise(height: f64, tallest: f64) -> f64 {
    if tallest > 0.0 { height / tallest * (TREE - 4.0) } else { 0.0 }
}

/// Hairlines behind the upper tree and their distances beside it.
fn axis_marks(plan: &Plan, tree: &Dendrogram) -> Vec<Mark> {
    let tallest = tallest(tree);
    let steps = [0.01, 0.02, 0.05, 0.1, 0.2, 0.5];
    let Some(step) = steps.into_iter().find(|step| tallest / step < 4.0 && tallest >= *step) else {
        return Vec::new();
    };
    let digits = if step < 0.1 { 2 } else { 1 };
    let right = plan.left + plan.side;
    let ticks = (0..=4).map(|index| f64::from(index) * step).filter(|tick| *tick <= tallest);
    let ticks: Vec<f64> = ticks.collect();
    let mut marks = Vec::new();
    let mut lines = Vec::new();
    for (index, tick) in ticks.iter().enumerate() {
        let y = plan.top - GAP - rise(*tick, tallest);
        lines.push(vec![[plan.left, y], [right + 3.0, y]]);
        let last = if index + 1 == ticks.len() { " distance" } else { "" };
        let number = if index == 0 { "0".to_owned() } else { format!("{tick:.digits$}") };
        let words = format!("{number}{last}");
        marks.push(muted(text([right + 6.0, y + 3.5], 10.0, Anchor::Start, &words)));
    }
    marks.push(Mark::Lines(Lines { width: 1.0, color: HAIRLINE, lines }));
    marks
}

/// The tree at the top and on the left.
fn tree_marks(plan: &Plan, tree: &Dendrogram) -> Vec<Mark> {
    let tallest = tallest(tree);
    let width = if plan.n <= MOST_LABELS { 1.0 } else { 0.5 };
    let mut lines = Vec::new();
    for Bracket { legs: [from, to], height } in brackets(tree) {
        // Around the bracket, as positions along the leaves and pixels above them.
        let bar = rise(height, tallest);
        let around = [
            [from[0], rise(from[1], tallest)],
            [from[0], bar],
            [to[0], bar],
            [to[0], rise(to[1], tallest)],
        ];
        let around = around.map(|[position, up]| [plan.along(position), up]);
        lines.push(around.map(|[x, up]| [plan.left + x, plan.top - GAP - up]).to_vec());
        lines.push(around.map(|[y, up]| [plan.left - GAP - up, plan.top + y]).to_vec());
    }
    vec![Mark::Lines(Lines { width, color: BRANCH, lines })]
}

/// The cells, the lines between large ones, and the values in those where they fit.
fn cell_marks(plan: &Plan, heatmap: &Heatmap<'_>) -> Vec<Mark> {
    let values = Values::new(heatmap);
    let mut marks = vec![Mark::Cells(Cells {
        at: [plan.left, plan.top],
        size: [plan.side, plan.side],
        columns: plan.columns,
        levels: values.levels(plan.columns),
    })];
    let (left, top, side) = (plan.left, plan.top, plan.side);
    if plan.n <= MOST_LABELS {
        let lines = (1..plan.n).map(|index| plan.cell * index as f64).flat_map(|at| {
            [
                vec![[left + at, top], [left + at, top + side]],
                vec![[left, top + at], [left + side, top + at]],
            ]
        });
        marks.push(Mark::Lines(Lines { width: 1.0, color: PAPER, lines: lines.collect() }));
    }
    if plan.cell >= 30.0 {
        marks.extend(value_marks(plan, &values));
    }
    marks
}

/// The printed values of large cells.
fn value_marks(plan: &Plan, values: &Values<'_>) -> Vec<Mark> {
    let palette = palette();
    let mut marks = Vec::new();
    for row in 0..plan.n {
        for column in 0..plan.n {
            let value = values.at(row, column);
            let x = plan.left + (column as f64 + 0.5) * plan.cell;
            let y = plan.top + (row as f64 + 0.5) * plan.cell + 3.8;
            let mut mark = text([x, y], 10.5, Anchor::Middle, &two_digits(value));
            if let Mark::Text(text) = &mut mark {
                text.color = ink_on(palette[usize::from(level(value))]);
            }
            marks.push(mark);
        }
    }
    marks
}

/// The similarities in drawn order.
struct Values<'a> {
    counts: &'a crate::measure::OverlapMatrix,
    measure: Measure,
    order: &'a [u32],
}

impl<'a> Values<'a> {
    fn new(heatmap: &Heatmap<'a>) -> Self {
        let order = &heatmap.tree().order;
        Self { counts: heatmap.counts(), measure: heatmap.measure, order }
    }

    /// The similarity of the images drawn at a row and a column.
    fn at(&self, row: usize, column: usize) -> f64 {
        let (left, right) = (self.order[row] as usize, self.order[column] as usize);
        self.measure.of(self.counts.overlap(left, right))
    }

    /// The levels of a square of `columns` by `columns` cells, each the mean of the pairs under it.
    fn levels(&self, columns: usize) -> Vec<u8> {
        let n = self.order.len();
        if columns == n {
            let row = |row| (0..n).map(move |column| level(self.at(row, column)));
            return (0..n).flat_map(row).collect();
        }
        let step = n.div_ceil(columns.max(1));
        let mut levels = Vec::with_capacity(columns * columns);
        for rows in (0..n).step_by(step).map(|start| start..(start + step).min(n)) {
            for start in (0..n).step_by(step) {
                let block = start..(start + step).min(n);
                let pairs = (rows.len() * block.len()) as f64;
                let cells = rows.clone().flat_map(|row| block.clone().map(move |it| (row, it)));
                levels.push(level(cells.map(|(r, c)| self.at(r, c)).sum::<f64>() / pairs));
            }
        }
        levels
    }
}

/// A similarity with two digits. Only 1 and 0 themselves are written without a point, and what is
/// not quite 1 is never rounded up to it.
fn two_digits(value: f64) -> String {
    if value >= 1.0 {
        "1".to_owned()
    } else if value <= 0.0 {
        "0".to_owned()
    } else {
        format!("{:.2}", value.min(0.99))
    }
}

/// The names on the right of the rows and below the columns.
fn label_marks(plan: &Plan, tree: &Dendrogram) -> Vec<Mark> {
    let mut marks = Vec::new();
    for (position, image) in tree.order.iter().enumerate() {
        let Some(label) = plan.labels.get(*image as usize) else { continue };
        let middle = (position as f64 + 0.5) * plan.cell + plan.label_size * 0.35;
        let right = [plan.left + plan.side + GAP, plan.top + middle];
        marks.push(text(right, plan.label_size, Anchor::Start, label));
        let below = [plan.left + middle, plan.top + plan.side + GAP];
        let mut mark = text(below, plan.label_size, Anchor::End, label);
        if let Mark::Text(text) = &mut mark {
            text.upright = true;
        }
        marks.push(mark);
    }
    marks
}

/// The color scale with its ticks, at the top right.
fn legend_marks(plan: &Plan) -> Vec<Mark> {
    let (left, top) = (plan.width - MARGIN - LEGEND, MARGIN + 2.0);
    let mut marks = vec![Mark::Cells(Cells {
        at: [left, top],
        size: [LEGEND, 10.0],
        columns: 64,
        levels: (0..64).map(|index| level(f64::from(index) / 63.0)).collect(),
    })];
    for (fraction, words) in [(0.0, "0"), (0.25, "0.25"), (0.5, "0.5"), (0.75, "0.75"), (1.0, "1")]
    {
        let x = left + fraction * LEGEND;
        let lines = vec![vec![[x, top + 10.0], [x, top + 14.0]]];
        marks.push(Mark::Lines(Lines { width: 1.0, color: MUTED, lines }));
        marks.push(muted(text([x, top + 25.0], 10.0, Anchor::Middle, words)));
    }
    marks
}

fn text(at: [f64; 2], size: f64, anchor: Anchor, words: &str) -> Mark {
    Mark::Text(Text { at, size, color: INK, anchor, upright: false, text: words.to_owned() })
}

fn muted(mut mark: Mark) -> Mark {
    if let Mark::Text(text) = &mut mark {
        text.color = MUTED;
    }
    mark
}

/// The most room that a text takes in the PNG and in the SVG, in em.
///
/// SVG viewers choose the font themselves, so this is what the widest of the usual sans-serif fonts
/// take; scripts of which we know nothing count as full-width.
fn room_em(text: &str) -> f64 {
    let em = |character: char| match character {
        'f' | 'i' | 'j' | 'l' | 'r' | 't' | '.' | ',' | ':' | '-' | '/' | ' ' => 0.42,
        'm' | 'w' | 'M' | 'W' | '@' | '%' | '…' => 1.0,
        'A'..='Z' | '\u{80}'..='\u{10ff}' => 0.8,
        '!'..='~' => 0.64,
        _ => 1.05,
    };
    text.chars().map(em).sum::<f64>().max(stroke_font::width(text))
}

/// A text of at most `most` characters: the middle of a longer one becomes an ellipsis, because
/// names of images differ at both ends.
fn elide(text: &str, most: usize) -> String {
    let characters: Vec<char> = text.chars().collect();
    if characters.len() <= most {
        return text.to_owned();
    }
    let (head, tail) = (most / 2, most - 1 - most / 2);
    let head = characters[..head].iter();
    head.chain(&['…']).chain(&characters[characters.len() - tail..]).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn long_names_lose_their_middle() {
        assert_eq!(elide("debian:12", 9), "debian:12");
        assert_eq!(elide("registry/debian:12-slim", 10), "regis…slim");
        assert_eq!(elide("äöüßäöüß", 4), "äö…ß");
    }

    #[test]
    fn printed_values_do_not_round_to_the_ends() {
        let words = [0.0, 0.001, 0.5, 0.999, 1.0].map(two_digits);
        assert_eq!(words, ["0", "0.00", "0.50", "0.99", "1"]);
    }
}
