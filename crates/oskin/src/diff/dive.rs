//! The figures of the program dive, for those who know them.
//!
//! Derived from what it prints for an archive whose layers are known: dive looks at each layer as a tree
//! of the names in it, and only at names below which the layer has none. A file counts with its size; a
//! whiteout of a directory with the sizes of all files that lower layers left below it; all else,
//! whiteouts of files and further names too, with nothing. Of each path the sizes in all layers add up to
//! what is discovered, the smallest of them to the minimum; a path that occurs twice or more is
//! inefficient, and wasted is *all* that was discovered there. So the first copy of a file counts as
//! waste, and a file that goes with its directory does not, but both as discovered and as minimum.

use super::waste::Seen;
use crate::inventory::{EntryKind, Layer};
use std::ops::Range;
use std::sync::Arc;

/// What dive would say of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Dive {
    /// The sum, over all paths, of the smallest size in any layer.
    pub minimum_bytes: u64,
    /// The sum, over all paths, of the sizes in all layers.
    pub discovered_bytes: u64,
    /// Bytes of the paths that occur in several layers.
    pub wasted_bytes: u64,
    /// Bytes of all files in all layers.
    pub size_bytes: u64,
    /// Bytes of all files in all layers but the first.
    pub user_bytes: u64,
    /// The paths that occur in several layers with bytes in any of them: most bytes first, then by path.
    pub paths: Vec<DivePath>,
}

/// A path that dive calls inefficient.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct DivePath {
    /// The path.
    pub path: Vec<u8>,
    /// How often it occurs, whiteouts included.
    pub count: u64,
    /// The sum of its sizes.
    pub bytes: u64,
}

impl Dive {
    /// `minimum_bytes / discovered_bytes`, in `0..=1`; `None` if there are no bytes.
    pub fn efficiency(&self) -> Option<f64> {
        ratio(self.minimum_bytes, self.discovered_bytes)
    }

    /// `wasted_bytes / user_bytes`, may be above 1; `None` if the layers above the first have no bytes.
    pub fn wasted_share(&self) -> Option<f64> {
        ratio(self.wasted_bytes, self.user_bytes)
    }
}

fn ratio(part: u64, whole: u64) -> Option<f64> {
    (whole > 0).then(|| part as f64 / whole as f64)
}

/// A path of the tree of one layer and its size there.
type Leaf<'a> = (&'a [u8], u64);

/// Counts as dive does, with what lower layers left below a directory as the image spec has it: dive's
/// own stack of layers leaves out opaque whiteouts, and does not follow links. O(n log n).
pub(super) fn dive(layers: &[Arc<Layer>], seen: &Seen<'_>) -> Dive {
    let mut ended: Vec<usize> =
        (0..seen.lives.len()).filter(|life| seen.lives[*life].died.is_some()).collect();
    ended.sort_by_key(|life| (seen.lives[*life].died, seen.path(*life)));
    let mut figures = Dive::default();
    let mut leaves: Vec<Leaf<'_>> = Vec::new();
    for (number, layer) in (0..).zip(layers) {
        let from = ended.partition_point(|life| seen.lives[*life].died < Some(number));
        let to = ended.partition_point(|life| seen.lives[*life].died <= Some(number));
        let gone = Gone::new(seen, &ended[from..to], number);
        leaves.extend(leaves_of(layer, &gone));
        let sizes = layer.iter().filter(|entry| entry.kind == EntryKind::File);
        let bytes = sizes.fold(0_u64, |sum, entry| sum.saturating_add(entry.size_bytes));
        figures.size_bytes = figures.size_bytes.saturating_add(bytes);
        if number > 0 {
            figures.user_bytes = figures.user_bytes.saturating_add(bytes);
        }
    }
    leaves.sort_unstable();
    for same in leaves.chunk_by(|a, b| a.0 == b.0) {
        let bytes = same.iter().fold(0_u64, |sum, leaf| sum.saturating_add(leaf.1));
        figures.discovered_bytes = figures.discovered_bytes.saturating_add(bytes);
        // Sorted by size within a path.
        figures.minimum_bytes = figures.minimum_bytes.saturating_add(same[0].1);
        if same.len() > 1 && bytes > 0 {
            figures.wasted_bytes = figures.wasted_bytes.saturating_add(bytes);
            let (path, count) = (same[0].0.to_vec(), same.len() as u64);
            figures.paths.push(DivePath { path, count, bytes });
        }
    }
    // Stable: they are sorted by path.
    figures.paths.sort_by_key(|it| std::cmp::Reverse(it.bytes));
    figures
}

/// What a layer takes away of what lower layers left.
struct Gone<'a> {
    // Ascending.
    paths: Vec<&'a [u8]>,
    is_directory: Vec<bool>,
    // The bytes of all before, one more than paths.
    bytes_before: Vec<u64>,
}

impl<'a> Gone<'a> {
    /// Of lives that ended with a layer, by path: those that began before it.
    fn new(seen: &Seen<'a>, ended: &[usize], number: u32) -> Self {
        let mut gone = Self { paths: vec![], is_directory: vec![], bytes_before: vec![0] };
        let mut sum = 0_u64;
        for life in ended.iter().filter(|life| seen.lives[**life].born < number) {
            sum = sum.saturating_add(seen.own_bytes(*life));
            gone.paths.push(seen.path(*life));
            gone.is_directory.push(seen.is_directory(*life));
            gone.bytes_before.push(sum);
        }
        gone
    }

    /// The bytes of the files below a directory; none if it is no directory that is gone.
    fn bytes_below(&self, directory: &[u8]) -> u64 {
        let found = self.paths.binary_search(&directory);
        if !found.is_ok_and(|at| self.is_directory[at]) {
            return 0;
        }
        let Range { start, end } = below(&self.paths, directory);
        self.bytes_before[end].saturating_sub(self.bytes_before[start])
    }
}

/// Where, in ascending paths, those below a directory lie.
fn below(paths: &[&[u8]], directory: &[u8]) -> Range<usize> {
    // `0` is the byte after `/`: between them lies all that begins with `directory/`.
    let place = |byte: u8| {
        paths.partition_point(|path| {
            let (head, tail) = path.split_at(path.len().min(directory.len()));
            head.cmp(directory).then_with(|| tail.cmp(&[byte])).is_lt()
        })
    };
    place(b'/')..place(b'0')
}

/// The names of a layer below which it has none, each once for what is there and once for a whiteout.
fn leaves_of<'a>(layer: &'a Layer, gone: &Gone<'_>) -> Vec<Leaf<'a>> {
    let mut names: Vec<(&[u8], bool, usize)> = (0..layer.len())
        .map(|at| (layer.path(at), layer.kind(at) == EntryKind::Whiteout, at))
        .filter(|(path, _, _)| !path.is_empty())
        .collect();
    names.sort_unstable();
    let paths: Vec<&[u8]> = names.iter().map(|(path, _, _)| *path).collect();
    let same = names.chunk_by(|a, b| (a.0, a.1) == (b.0, b.1));
    // Of entries for one name the last counts.
    let last = same.filter_map(|same| same.last());
    let leaf = last.filter_map(|&(path, is_whiteout, at)| {
        if is_whiteout {
            return Some((path, gone.bytes_below(path)));
        }
        let entry = layer.get(at);
        let bytes = if entry.kind == EntryKind::File { entry.size_bytes } else { 0 };
        below(&paths, path).is_empty().then_some((path, bytes))
    });
    leaf.collect()
}
