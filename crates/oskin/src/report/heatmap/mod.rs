//! The clustered heatmap of all pairs, as an interactive page and as still pictures.
//!
//! All three show the same thing: a square of cells in the order of the tree, the tree itself at
//! the top and on the left, a legend and, where there is room, names. Values are computed from the
//! exact counts by the one place that knows the measures; the page repeats that arithmetic in the
//! browser so that it can switch measures without a server.

mod color;
mod html;
mod picture;
mod png;
mod stroke_font;
mod svg;

pub use self::html::html;
pub use self::png::png;
pub use self::svg::svg;

use super::grouped;
use crate::measure::{Dendrogram, Measure, OverlapMatrix};
use crate::path_set::Selection;

/// What a heatmap shows.
///
/// # Panics
///
/// [`html()`], [`svg()`] and [`png()`] panic if `names`, the matrices and the trees are not about
/// the same number of images, or if a tree names a cluster that does not exist yet.
#[derive(Clone, Copy, Debug)]
pub struct Heatmap<'a> {
    /// The names of the images. Not trusted: any text may come, none of it is read as markup.
    pub names: &'a [String],
    /// The overlaps of their files; the same images in the same order.
    pub files: &'a OverlapMatrix,
    /// The overlaps of their directories; the same images in the same order.
    pub directories: &'a OverlapMatrix,
    /// The overlaps of both together, by path: a path that is a directory here and a file there is
    /// common to both images, so this is not the sum of the two.
    pub both: &'a OverlapMatrix,
    /// One tree for each selection, in the order of [`Selection::ALL`].
    pub trees: [&'a Dendrogram; 3],
    /// The selection that is drawn, or shown first.
    pub selection: Selection,
    /// The measure that is drawn, or shown first.
    pub measure: Measure,
    /// How paths were looked at, if not as they are: `view masked`, `by edges`.
    pub how: Option<&'a str>,
}

impl<'a> Heatmap<'a> {
    /// The number of images, after a check that all parts agree on it.
    fn checked_len(&self) -> usize {
        let n = self.names.len();
        let pairs = n * n.saturating_sub(1) / 2;
        for matrix in [self.files, self.directories, self.both] {
            assert_eq!(matrix.len(), n, "a matrix of the heatmap has another number of images");
            assert_eq!(matrix.common.len(), pairs, "a matrix of the heatmap is not complete");
        }
        for tree in self.trees {
            let mut order = tree.order.clone();
            order.sort_unstable();
            let all = order.iter().zip(0_u32..).all(|(image, expected)| *image == expected);
            assert!(all && order.len() == n, "an order of the heatmap is no permutation");
            assert_eq!(tree.merges.len(), n.saturating_sub(1), "a tree of the heatmap is cut");
        }
        n
    }

    /// The tree of the selection.
    fn tree(&self) -> &'a Dendrogram {
        self.trees[Selection::ALL.iter().position(|it| *it == self.selection).unwrap_or(0)]
    }

    /// The counts of the selection.
    fn counts(&self) -> &'a OverlapMatrix {
        match self.selection {
            Selection::Files => self.files,
            Selection::Directories => self.directories,
            Selection::Both => self.both,
        }
    }

    /// The question that the picture answers, as its title.
    fn title(&self) -> String {
        match self.names.len() {
            0 => "No images to compare".to_owned(),
            1 => "One image, nothing to compare".to_owned(),
            n => format!("How similar are these {} images?", grouped(n as u64)),
        }
    }
}
